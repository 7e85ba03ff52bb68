/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The calls of userland: pinned programs run with BPF_PROG_RUN, each over one structure of abi.h. They answer 0 or an
 * errno. And the iterator that lists the members.
 *
 * Attacks answered: creating, changing, entering or ending jails as anyone but host root; a structure of another version
 * taken for ours.
 */

/* Copies a field of a call. A plain copy may make the compiler move the call's address, which the verifier refuses. */
#define TAKE(to, from)                                                              \
	do {                                                                        \
		_Static_assert(sizeof(to) == sizeof(from), "fields of one size");   \
		bpf_probe_read_kernel(to, sizeof(to), from);                        \
	} while (0)

static __always_inline int refuse_caller(__u32 abi)
{
	struct task_struct *caller = bpf_get_current_task_btf();

	if (abi != JAIL_ABI)
		return EPROTONOSUPPORT;
	if (BPF_CORE_READ(caller, cred, euid.val) != 0)
		return EPERM;
	if (identity_of(caller)) {
		judge_acting(JP_JAIL_ENTER, 0, EPERM);
		return EPERM;
	}
	return 0;
}

static __always_inline struct jail *find_jail(__u32 jid, __u32 *slot_found)
{
	__u32 *slot = bpf_map_lookup_elem(&slot_of_jid, &jid);
	struct jail *jail;

	if (!slot || !jid)
		return NULL;
	*slot_found = *slot;
	jail = jail_in_slot(*slot);
	return jail && jail->jid == jid ? jail : NULL;
}

SEC("syscall")
int ctl_info(struct jail_info_call *call)
{
	struct module_state *state = module();

	call->abi = JAIL_ABI;
	if (!state)
		return ENOENT;
	call->jails = state->jails;
	call->events_lost = state->events_lost;
	call->sealed = state->sealed;
	call->home_device = state->home_device;
	return 0;
}

/* No process enters or forks any more; the jail can only be emptied and destroyed. */
SEC("syscall")
int ctl_close(struct jail_call *call)
{
	struct jail *jail;
	__u32 slot;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	jail = find_jail(call->jid, &slot);
	if (!jail)
		return ESRCH;
	__sync_lock_test_and_set(&jail->closing, 1);
	call->processes = jail->processes;
	return 0;
}

SEC("syscall")
int ctl_hold(struct jail_hold_call *call)
{
	struct jail *jail;
	__u32 slot;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	jail = find_jail(call->jid, &slot);
	if (!jail)
		return ESRCH;
	jail->held = call->held != 0;
	return 0;
}

SEC("syscall")
int ctl_learn(struct jail_learn_call *call)
{
	struct jail *jail;
	__u32 slot;
	__u64 lease = call->milliseconds;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	if (lease > JAIL_LEARN_MS)
		return EINVAL;
	jail = find_jail(call->jid, &slot);
	if (!jail)
		return ESRCH;
	jail->learning_until_ns = lease ? bpf_ktime_get_ns() + lease * NANOSECONDS_PER_MILLISECOND : 0;
	return 0;
}

/* The object may be freed and its place taken by another meanwhile: who is noted for it is looked at again afterwards. */
SEC("syscall")
int ctl_ipc(struct jail_ipc_call *call)
{
	struct jail_ipc_maker *maker;
	__u32 jid = call->jid;
	__u64 key = call->key;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	maker = bpf_map_lookup_elem(&ipc_makers, &key);
	if (!maker || !jid || maker->jid != jid)
		return ESRCH;
	call->id = BPF_CORE_READ((struct kern_ipc_perm *)key, id);
	maker = bpf_map_lookup_elem(&ipc_makers, &key);
	return maker && maker->jid == jid ? 0 : ESRCH;
}

SEC("syscall")
int ctl_sample(struct jail_sample_call *call)
{
	struct jail *jail;
	__u32 slot;
	__u64 total, before, place;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	jail = find_jail(call->jid, &slot);
	if (!jail)
		return ESRCH;
	total = call->total_usec;
	before = jail->sampled_total_usec;
	place = __sync_fetch_and_add(&jail->samples_taken, 1) % JAIL_SAMPLES;
	barrier_var(place); /* else the compiler knows what the verifier does not, and drops the check */
	if (place < JAIL_SAMPLES)
		jail->samples_usec[place] = total > before ? total - before : 0;
	jail->sampled_total_usec = total;
	return 0;
}

SEC("syscall")
int ctl_arm(struct jail_arm_call *call)
{
	struct module_state *state = module();
	int error = refuse_caller(call->abi);

	if (error || !state)
		return error ? error : ENOENT;
	state->home_namespace = BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, mnt_ns, ns.inum);
	state->next_home_device = call->next_home_device;
	state->home_device = call->home_device;
	__sync_lock_test_and_set(&state->sealed, 0);
	return 0;
}

SEC("syscall")
int ctl_seal(struct jail_call *call)
{
	struct module_state *state = module();
	int error = refuse_caller(call->abi);

	if (error || !state)
		return error ? error : ENOENT;
	__sync_lock_test_and_set(&state->sealed, 1);
	if (__sync_fetch_and_add(&state->jails, 0) == 0)
		return 0;
	__sync_lock_test_and_set(&state->sealed, 0);
	return EBUSY;
}

SEC("iter/task")
int list_tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct jail_task_record record = {};
	struct identity *identity;

	if (!task)
		return 0;
	identity = identity_of(task);
	if (!identity)
		return 0;
	record.jid = identity->jid;
	record.pid = task->pid;
	record.tgid = task->tgid;
	record.parent = BPF_CORE_READ(task, real_parent, tgid);
	record.exited = task->exit_state != 0;
	record.start_ns = task->start_time;
	record.cpu_ns = task->se.sum_exec_runtime - identity->cpu_before_ns;
	if (task->pid == task->tgid)
		record.vmem_pages = BPF_CORE_READ(task, mm, total_vm);
	bpf_probe_read_kernel(record.command, sizeof(record.command), task->comm);
	bpf_seq_write(context->meta->seq, &record, sizeof(record));
	return 0;
}
