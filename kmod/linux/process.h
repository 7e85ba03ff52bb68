/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Members and processes outside of their jail.
 *
 * Attacks answered: listing, reading, tracing, signalling, rescheduling or moving the memory of a process of the host or
 * of another jail; taking its descriptors, namespaces or futex lists; making the host's process one's tracer; having the
 * host deliver a signal that one may not send oneself (F_SETOWN on a pipe the host writes to); loading code into the
 * kernel, setting its clock, reading its log, gaining capabilities.
 */

/* linux/ptrace.h, linux/security.h, kernel side. NOAUDIT: asked on a hunch, a refusal is no event. */
enum { PTRACE_MODE_READ = 0x01, PTRACE_MODE_NOAUDIT = 0x04 };
enum { CAP_OPT_NOAUDIT = 1 << 1 };

static __always_inline int judge_act_on(struct task_struct *target, __u32 fence, int error)
{
	struct identity *who = acting_member();
	if (!who || may_act_on(who, target))
		return 0;
	return refuse(who, fence, JAIL_ABOUT(PROCESS, target->tgid), error);
}

#define ON_PROCESS(hook, fence, error)                                   \
	SEC("lsm/" #hook)                                                \
	int BPF_PROG(on_##hook, struct task_struct *target)              \
	{                                                                \
		return judge_act_on(target, fence, error);               \
	}

ON_PROCESS(task_getpgid, JP_PROCESS_SEE, ESRCH)
ON_PROCESS(task_getsid, JP_PROCESS_SEE, ESRCH)
ON_PROCESS(task_getioprio, JP_PROCESS_SEE, ESRCH)
ON_PROCESS(task_getscheduler, JP_PROCESS_SEE, ESRCH)
ON_PROCESS(capget, JP_PROCESS_SEE, ESRCH)
ON_PROCESS(task_setpgid, JP_PROCESS_SCHEDULE, ESRCH)
ON_PROCESS(task_setnice, JP_PROCESS_SCHEDULE, ESRCH)
ON_PROCESS(task_setioprio, JP_PROCESS_SCHEDULE, ESRCH)
ON_PROCESS(task_setscheduler, JP_PROCESS_SCHEDULE, ESRCH)
ON_PROCESS(task_setrlimit, JP_PROCESS_SCHEDULE, ESRCH)
ON_PROCESS(task_movememory, JP_PROCESS_SCHEDULE, ESRCH)
/* Never ESRCH here: kill(2) would try again for ever (kernel/signal.c, kill_pid_info). */
ON_PROCESS(task_kill, JP_PROCESS_SIGNAL, EPERM)

SEC("lsm/ptrace_access_check")
int BPF_PROG(on_ptrace_access_check, struct task_struct *target, unsigned int mode)
{
	struct identity *who = acting_member();
	int reads = mode & PTRACE_MODE_READ;

	if (!who)
		return 0;
	if (may_act_on(who, target))
		return reads ? 0 : judge(who, JP_PTRACE, JAIL_ABOUT(PROCESS, target->tgid), EPERM);
	if (mode & PTRACE_MODE_NOAUDIT)
		return answer(-ESRCH);
	return refuse(who, reads ? JP_PROCESS_SEE : JP_PROCESS_TRACE, JAIL_ABOUT(PROCESS, target->tgid), ESRCH);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(on_ptrace_traceme, struct task_struct *parent)
{
	int outside = judge_act_on(parent, JP_PROCESS_TRACE, EPERM);
	return outside ? outside : judge_acting(JP_PTRACE, JAIL_ABOUT(PROCESS, parent->tgid), EPERM);
}

/* Swapping has no hook of its own: the call that the task is in tells it from the rest of CAP_SYS_ADMIN. A worker of a ring is
 * in none, whatever its registers say, and a 32-bit call has other numbers: these are judged like the rest. */
static __always_inline int is_swapping(void)
{
	enum { IO_WORKER = 0x10 }; /* PF_IO_WORKER, linux/sched.h */
	enum { X86_SWAPON = 167, X86_SWAPOFF = 168, GENERIC_SWAPON = 224, GENERIC_SWAPOFF = 225 }; /* asm/unistd.h */
	struct task_struct *task = bpf_get_current_task_btf();
	void *registers = (void *)bpf_task_pt_regs(task);
	struct pt_regs___x86 *x86 = registers;
	struct pt_regs___arm64 *arm64 = registers;

	if (task->flags & IO_WORKER)
		return 0;
	if (bpf_core_field_exists(x86->orig_ax)) {
		unsigned long number = BPF_CORE_READ(x86, orig_ax);
		return number == X86_SWAPON || number == X86_SWAPOFF;
	}
	if (bpf_core_field_exists(arm64->syscallno)) {
		int number = BPF_CORE_READ(arm64, syscallno);
		return number == GENERIC_SWAPON || number == GENERIC_SWAPOFF;
	}
	return 0;
}

static __always_inline __u32 right_of_capability(const struct identity *who, int cap)
{
	struct jail *jail = jail_of(who);

	if (cap == JP_CAP_SYS_ADMIN && is_swapping())
		return JP_SWAP;
	if (!jail)
		return jp_right_of_capability(cap);
	return is_learning(jail) ? jp_right_of_capability_with(0, ~0ULL, cap) :
				   jp_right_of_capability_with(jail->rights, jail->audited, cap);
}

SEC("lsm/capable")
int BPF_PROG(on_capable, const struct cred *cred, struct user_namespace *ns, int cap, unsigned int opts)
{
	struct identity *who = acting_member();
	__u32 right;

	if (!who)
		return 0;
	right = right_of_capability(who, cap);
	if (!(opts & CAP_OPT_NOAUDIT))
		return judge(who, right, JAIL_ABOUT(CAPABILITY, cap), EPERM);
	return verdict_on(who, right) == JP_REFUSE ? answer(-EPERM) : 0;
}

/* ---- running programs ---- */

/* After the capability module said what the program gives (security/commoncap.c, cap_bprm_creds_from_file). */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(on_bprm_creds_from_file, struct linux_binprm *program, struct file *file)
{
	struct identity *who = acting_member();
	const struct cred *before, *after;
	__u64 had = 0, gets = 0;
	__u32 user, right;

	if (!who)
		return 0;
	before = BPF_CORE_READ(bpf_get_current_task_btf(), cred);
	after = program->cred;
	user = BPF_CORE_READ(before, euid.val);
	bpf_core_read(&had, sizeof(had), &before->cap_permitted);
	bpf_core_read(&gets, sizeof(gets), &after->cap_permitted);
	right = jp_right_of_exec(user == 0, BPF_CORE_READ(after, euid.val) != user,
				 BPF_CORE_READ(after, egid.val) != BPF_CORE_READ(before, egid.val), gets & ~had);
	return judge(who, right, 0, EPERM);
}

/* ---- a member's whole kernel surface that one right decides ---- */

#define ON_RIGHT(hook, right, error)                                     \
	SEC("lsm/" #hook)                                                \
	int on_##hook(void *ctx)                                         \
	{                                                                \
		return judge_acting(right, 0, error);                    \
	}

ON_RIGHT(userns_create, JP_USERNS, EPERM)
ON_RIGHT(settime, JP_TIME, EPERM)
ON_RIGHT(syslog, JP_SYSLOG_READ, EPERM)
ON_RIGHT(quotactl, JP_QUOTA, EPERM)
ON_RIGHT(quota_on, JP_QUOTA, EPERM)
ON_RIGHT(kernel_load_data, JP_KERNEL_MODULE, EPERM)
ON_RIGHT(kernel_read_file, JP_KERNEL_MODULE, EPERM)
ON_RIGHT(kernel_module_request, JP_KERNEL_MODULE, EPERM)
ON_RIGHT(locked_down, JP_RAW_IO, EPERM)
ON_RIGHT(perf_event_open, JP_PERF, EACCES)
ON_RIGHT(key_permission, JP_KEYRING, EPERM)
ON_RIGHT(uring_sqpoll, JP_IO_URING_POLL, EPERM)
ON_RIGHT(uring_override_creds, JP_IO_URING_COMMAND, EPERM)
ON_RIGHT(uring_cmd, JP_IO_URING_COMMAND, EPERM)
ON_RIGHT(tun_dev_create, JP_NET_ADMIN, EPERM)

/* ---- signals by descriptor ---- */

enum { FCNTL_SETOWN = 8, FCNTL_SETOWN_EX = 15 }; /* asm-generic/fcntl.h */
enum { IOCTL_FIOSETOWN = 0x8901, IOCTL_SIOCSPGRP = 0x8902 }; /* asm-generic/sockios.h */
enum { IOCTL_FSSETXATTR = 0x401c5820, IOCTL_SETFLAGS = 0x40086602, IOCTL_SETFLAGS32 = 0x40046602 }; /* linux/fs.h */

/* Notes who will be asking for this file's signals, before that is possible; full: refused. */
static __always_inline int note_signal_owner(struct file *file)
{
	struct module_state *state = module();
	struct identity *who = acting_member();
	__u64 key = (__u64)file;
	__u32 jid;

	if (!who || !state)
		return 0;
	jid = who->jid;
	if (!bpf_map_update_elem(&signal_file_owners, &key, &jid, BPF_EXIST))
		return 0;
	__sync_fetch_and_add(&state->signal_files, 1);
	if (!bpf_map_update_elem(&signal_file_owners, &key, &jid, BPF_ANY))
		return 0;
	__sync_fetch_and_add(&state->signal_files, -1);
	return refuse(who, JP_PROCESS_SIGNAL, 0, EAGAIN);
}

static __always_inline void forget_signal_owner(struct file *file)
{
	struct module_state *state = module();
	__u64 key = (__u64)file;

	if (state && state->signal_files && !bpf_map_delete_elem(&signal_file_owners, &key))
		__sync_fetch_and_add(&state->signal_files, -1);
}

SEC("lsm/file_fcntl")
int BPF_PROG(on_file_fcntl, struct file *file, unsigned int cmd)
{
	return cmd == FCNTL_SETOWN || cmd == FCNTL_SETOWN_EX ? note_signal_owner(file) : 0;
}

/* A file's owner may move it to another project, and so out of a quota; by a directory's flags what is made in it, too. Which
 * flags are meant lies in memory that the caller can change meanwhile. */
static __always_inline int judge_ioctl(struct file *file, unsigned int cmd)
{
	if (cmd == IOCTL_FIOSETOWN || cmd == IOCTL_SIOCSPGRP)
		return note_signal_owner(file);
	if (cmd == IOCTL_FSSETXATTR)
		return judge_acting(JP_QUOTA, 0, EPERM);
	if (cmd == IOCTL_SETFLAGS || cmd == IOCTL_SETFLAGS32)
		return judge_acting(JP_IMMUTABLE, 0, EPERM);
	return 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(on_file_ioctl, struct file *file, unsigned int cmd)
{
	return judge_ioctl(file, cmd);
}

/* The same for 32-bit programs, in kernels that ask separately (6.8, and 6.1.75 of the long-term series). */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(on_file_ioctl_compat, struct file *file, unsigned int cmd)
{
	return judge_ioctl(file, cmd);
}

/* The same by file_setattr(2), since Linux 6.17; that of an ioctl is judged above as well. */
SEC("lsm/inode_file_setattr")
int BPF_PROG(on_inode_file_setattr, struct dentry *dentry, struct file_kattr *wanted)
{
	return judge_acting(BPF_CORE_READ_BITFIELD_PROBED(wanted, fsx_valid) ? JP_QUOTA : JP_IMMUTABLE, 0, EPERM);
}

/* The host takes a file over: from now on its signals are the host's. */
SEC("lsm/file_set_fowner")
int BPF_PROG(on_file_set_fowner, struct file *file)
{
	if (!acting_member())
		forget_signal_owner(file);
	return 0;
}

SEC("lsm/file_free_security")
int BPF_PROG(on_file_free_security, struct file *file)
{
	forget_signal_owner(file);
	uncount_file(file);
	return 0;
}

/* current is whoever happened to write, not the one who asked for the signal. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(on_file_send_sigiotask, struct task_struct *target, struct fown_struct *owner)
{
	__u64 key = bpf_core_field_exists(owner->file) ?
			    (__u64)BPF_CORE_READ(owner, file) :
			    (__u64)owner - bpf_core_field_offset(struct file___owner_inside, f_owner);
	__u32 *jid = bpf_map_lookup_elem(&signal_file_owners, &key);
	__u32 *slot = jid ? bpf_map_lookup_elem(&slot_of_jid, jid) : NULL;

	if (!jid || jp_may_act(*jid, jid_of(target)))
		return 0;
	if (slot)
		record_denial(*slot, *jid, JP_PROCESS_SIGNAL, JAIL_ABOUT(PROCESS, target->tgid));
	return answer(-EPERM);
}
