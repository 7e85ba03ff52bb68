/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Who a task is, and what it means for it to be refused.
 *
 * Attacks answered: leaving the jail by fork, clone, thread, vfork or io_uring worker; taking more processes than the jail
 * may have, by many forks at once; outliving the jail's end by forking faster than it is killed; wearing out the process count through forks that fail half way, through exec in a thread, or
 * by being counted twice while one generation of programs replaces another.
 */

enum { EVENTS_PER_SECOND = 200 };
enum { NANOSECONDS_PER_SECOND = 1000000000, NANOSECONDS_PER_MILLISECOND = 1000000 };

/* NULL: the task is the host's. */
static __always_inline struct identity *identity_of(const struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct identity *identity = bpf_map_lookup_elem(&identities, &key);
	return identity && identity->jid != JP_HOST ? identity : NULL;
}

static __always_inline __u32 jid_of(const struct task_struct *task)
{
	struct identity *identity = identity_of(task);
	return identity ? identity->jid : JP_HOST;
}

static __always_inline int may_act_on(const struct identity *who, const struct task_struct *target)
{
	struct identity *whom = identity_of(target);
	/* On oneself always. */
	return whom == who || jp_may_act_on(who->jid, whom ? whom->jid : JP_HOST, whom && whom->arriving);
}

/* The member that is running, or NULL for the host. With no jail there is no member, so the host pays one array read. */
static __always_inline struct identity *acting_member(void)
{
	struct module_state *state = module();
	if (state && !state->jails)
		return NULL;
	return identity_of(bpf_get_current_task_btf());
}

/* NULL only for a jail that is gone, which has no members: callers then refuse. */
static __always_inline struct jail *jail_of(const struct identity *who)
{
	struct jail *jail = jail_in_slot(who->slot);
	return jail && jail->jid == who->jid ? jail : NULL;
}

/* ---- denials ---- */

static __always_inline int may_report(struct jail *jail, __u64 now)
{
	if (now - jail->reporting_since_ns >= NANOSECONDS_PER_SECOND) {
		jail->reporting_since_ns = now;
		jail->reported = 0;
	}
	return __sync_fetch_and_add(&jail->reported, 1) < EVENTS_PER_SECOND;
}

/* Added to a right that is audited: its use is counted apart from denials. */
enum { LET_THROUGH = 0x100 };
_Static_assert(JAIL_RIGHTS <= LET_THROUGH, "a right's number leaves room for the flag");

/* Counts a denial, or a use that is let through, and within the jail's rate opens its report; NULL: none. */
static __always_inline struct jail_denial_event *open_report(__u32 slot, __u32 jid, __u32 what, __u64 object)
{
	struct module_state *state = module();
	struct jail *jail = jail_in_slot(slot);
	struct jail_denial_event *event = NULL;
	__u64 now = bpf_ktime_get_ns();
	__u32 right = what & ~LET_THROUGH;

	if (!state || !jail || jail->jid != jid || right >= JAIL_RIGHTS)
		return NULL;
	if (what & LET_THROUGH)
		__sync_fetch_and_add(&jail->audits[right], 1);
	else
		__sync_fetch_and_add(&jail->denials[right], 1);
	if (jid == JP_HOST)
		return NULL;
	if (may_report(jail, now))
		event = bpf_ringbuf_reserve(&denial_events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&state->events_lost, 1);
		return NULL;
	}
	event->jid = jid;
	event->right = right;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->audited = !!(what & LET_THROUGH);
	event->object = object;
	event->when_ns = now;
	event->subject[0] = 0;
	bpf_get_current_comm(event->command, sizeof(event->command));
	return event;
}

static __noinline int record_denial(__u32 slot, __u32 jid, __u32 what, __u64 object)
{
	struct jail_denial_event *event = open_report(slot, jid, what, object);
	if (event)
		bpf_ringbuf_submit(event, 0);
	return 0;
}

static __always_inline void name_subject(struct jail_denial_event *event, struct dentry *dentry)
{
	bpf_probe_read_kernel_str(event->subject, sizeof(event->subject), BPF_CORE_READ(dentry, d_name.name));
}

/* The same about a file: its name alone, for most hooks may not ask for its path. */
static __noinline int record_named_denial(__u32 slot, __u32 jid, __u32 what, __u64 object, struct dentry *dentry)
{
	struct jail_denial_event *event = open_report(slot, jid, what, object);

	if (!event)
		return 0;
	name_subject(event, dentry);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* The same with the path, for hooks that may ask for it (bpf_d_path_allowed in kernel/trace/bpf_trace.c). */
static __noinline int record_path_denial(__u32 slot, __u32 jid, __u32 what, __u64 object, struct path *path)
{
	struct jail_denial_event *event = open_report(slot, jid, what, object);

	if (!event)
		return 0;
	if (bpf_d_path(path, event->subject, sizeof(event->subject)) < 0)
		name_subject(event, BPF_CORE_READ(path, dentry));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* The same with where to, as 16 bytes of an IPv6 address. */
static __noinline int record_destination_denial(__u32 slot, __u32 jid, __u32 what, __u64 object, const struct jp_destination *to)
{
	struct jail_denial_event *event = open_report(slot, jid, what, object);

	if (!event)
		return 0;
	__builtin_memcpy(event->subject, to->address, sizeof(to->address));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Hides from the compiler that the answer is a constant: it would compute it, and the verifier (6.8 and later) wants to see
 * that a hook answers 0 or an errno. */
static __always_inline int answer(int value)
{
	barrier_var(value);
	return value;
}

static __always_inline int refuse(const struct identity *who, __u32 right, __u64 object, int error)
{
	record_denial(who->slot, who->jid, right, object);
	return answer(-error);
}

static __always_inline int is_learning(const struct jail *jail)
{
	return jail->learning_until_ns && jail->learning_until_ns > bpf_ktime_get_ns();
}

/* On a use for which that part of the right would do. */
static __always_inline __u32 verdict_on_part(const struct identity *who, __u32 right, __u32 part)
{
	struct jail *jail = jail_of(who);
	if (!jail)
		return jp_judge(0, 0, right);
	return is_learning(jail) ? jp_judge_learned(jail->rights, jail->parts, right, part) :
				   jp_judge_part(jail->rights, jail->audited, jail->parts, right, part);
}

static __always_inline __u32 verdict_on(const struct identity *who, __u32 right)
{
	return verdict_on_part(who, right, JP_NO_PART);
}

#define JUDGE(who, right, error, record, ...) RECORD(verdict_on(who, right), who, right, error, record, __VA_ARGS__)

/* May the member do what takes this right? What is not simply allowed is recorded by `record`, with what follows. */
#define RECORD(verdict, who, right, error, record, ...)                                          \
	({                                                                                       \
		__u32 the_verdict = verdict;                                                     \
		if (the_verdict != JP_ALLOW)                                                     \
			record((who)->slot, (who)->jid,                                          \
			       (right) | (the_verdict == JP_TELL ? LET_THROUGH : 0), __VA_ARGS__); \
		the_verdict == JP_REFUSE ? answer(-(error)) : 0;                                 \
	})

static __always_inline int judge(const struct identity *who, __u32 right, __u64 object, int error)
{
	return JUDGE(who, right, error, record_denial, object);
}

/* The same for whoever is running; the host may. */
static __always_inline int judge_acting(__u32 right, __u64 object, int error)
{
	struct identity *who = acting_member();
	return who ? judge(who, right, object, error) : 0;
}

/* ---- counting ---- */

static __always_inline void uncount(struct jail *jail, __u32 counted)
{
	__sync_fetch_and_add(&jail->tasks, -1);
	if (counted == COUNTED_PROCESS)
		__sync_fetch_and_add(&jail->processes, -1);
}

enum admission { SHUT = 0, ADMITTED = 1, FULL = 2 };

/* Counts first and looks afterwards, so that of ctl_destroy (which closes first and looks afterwards) and a newcomer at
 * least one sees the other, and of two that want the last place one gets it. `most` 0: without a limit. */
static __always_inline enum admission admit(struct jail *jail, __u32 jid, __u32 counted, __u32 most)
{
	__s64 others = __sync_fetch_and_add(&jail->tasks, 1);
	enum admission admission = most && others >= most ? FULL : ADMITTED;

	if (counted == COUNTED_PROCESS)
		__sync_fetch_and_add(&jail->processes, 1);
	if (jail->jid != jid || jail->closing)
		admission = SHUT;
	if (admission != ADMITTED)
		uncount(jail, counted);
	return admission;
}

/* exec in a thread that is no leader: the old leader goes, the thread becomes the process (fs/exec.c, de_thread). */
static __always_inline int passes_to_heir(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct identity *heir;

	if (leader == task)
		return 0;
	heir = identity_of(leader);
	return heir && __sync_val_compare_and_swap(&heir->counted, COUNTED_THREAD, COUNTED_PROCESS) == COUNTED_THREAD;
}

static __always_inline void give_back(struct identity *identity, struct task_struct *task)
{
	struct jail *jail = jail_of(identity);
	__u32 counted = __sync_lock_test_and_set(&identity->counted, COUNTED_NOT);

	if (!jail || counted == COUNTED_NOT)
		return;
	__sync_fetch_and_add(&jail->exited_cpu_ns, task->se.sum_exec_runtime - identity->cpu_before_ns);
	if (counted == COUNTED_PROCESS && passes_to_heir(task))
		counted = COUNTED_THREAD;
	uncount(jail, counted);
}

/* ---- hooks ---- */

/* current makes the child, also when the kernel makes an io_uring worker for it. */
SEC("lsm/task_alloc")
int BPF_PROG(on_task_alloc, struct task_struct *child, unsigned long flags)
{
	struct identity *parent = acting_member();
	struct identity born = {};
	struct jail *jail;
	struct jail_bounds *bounds;
	enum admission admission;
	__u64 key = (__u64)child;

	if (!parent || jid_of(child) == parent->jid) /* the latter: the other generation of programs did it */
		return 0;
	born.jid = parent->jid;
	born.slot = parent->slot;
	born.arriving = parent->arriving;
	born.counted = flags & CLONE_THREAD ? COUNTED_THREAD : COUNTED_PROCESS;
	jail = jail_of(parent);
	bounds = bounds_in_slot(parent->slot);
	if (!jail || !bounds)
		return refuse(parent, JP_PROCESS_TABLE, 0, EAGAIN);
	admission = admit(jail, born.jid, born.counted, bounds->most_tasks);
	if (admission == FULL)
		__sync_fetch_and_add(&bounds->tasks_refused, 1);
	if (admission != ADMITTED)
		return refuse(parent, JP_PROCESS_TABLE, 0, EAGAIN);
	if (bpf_map_update_elem(&identities, &key, &born, BPF_ANY)) {
		uncount(jail, born.counted);
		return refuse(parent, JP_PROCESS_TABLE, 0, EAGAIN);
	}
	return 0;
}

/* The program that brought it in is gone, with its memory and its file. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(on_bprm_committed_creds)
{
	struct identity *who = acting_member();
	if (who)
		who->arriving = 0;
	return 0;
}

/* Reaped: the process counts no more, though its memory lives until RCU lets it go. */
SEC("fentry/release_task")
int BPF_PROG(on_release_task, struct task_struct *task)
{
	struct identity *identity = identity_of(task);
	if (identity)
		give_back(identity, task);
	return 0;
}

/* Also the end of a fork that failed later. The deletion may fail (this runs in softirq and may have interrupted a
 * holder of the bucket's lock); the entry then belongs to nobody until the address is used again. */
SEC("lsm/task_free")
int BPF_PROG(on_task_free, struct task_struct *task)
{
	struct identity *identity = identity_of(task);
	__u64 key = (__u64)task;

	if (!identity)
		return 0;
	give_back(identity, task);
	identity->jid = JP_HOST;
	bpf_map_delete_elem(&identities, &key);
	return 0;
}
