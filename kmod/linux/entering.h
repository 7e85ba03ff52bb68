/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The way in.
 *
 * Attacks answered: entering with a thread, a shared memory or table of descriptors, an open directory, namespace or
 * io_uring, any of which would reach out of the jail; entering twice; entering a jail that is being ended.
 */

enum { MAX_DESCRIPTORS = 65536 };

struct descriptor_search {
	struct file **files;
	__u32 count;
	int found;
};

static long is_way_out(__u64 number, struct descriptor_search *search)
{
	struct file *file = NULL;

	if (number >= search->count)
		return 1;
	bpf_probe_read_kernel(&file, sizeof(file), search->files + number);
	if (!file || !leads_out(file))
		return 0;
	search->found = 1;
	return 1;
}

/* What a process would take along, or share with the host it leaves. */
static __always_inline int refuse_baggage(struct task_struct *task)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct descriptor_search search = { .files = BPF_CORE_READ(table, fd), .count = BPF_CORE_READ(table, max_fds) };

	if (BPF_CORE_READ(task, signal, nr_threads) != 1 || BPF_CORE_READ(task, files, count.counter) != 1 ||
	    BPF_CORE_READ(task, fs, users) != 1 || BPF_CORE_READ(task, mm, mm_users.counter) != 1)
		return EBUSY;
	if (search.count > MAX_DESCRIPTORS)
		return EMFILE;
	bpf_loop(MAX_DESCRIPTORS, is_way_out, &search, 0);
	return search.found ? ENOTDIR : 0;
}

SEC("syscall")
int ctl_enter(struct jail_call *call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct identity entered = {};
	struct jail *jail;
	__u64 key = (__u64)task;
	int error = refuse_caller(call->abi);

	if (!error)
		error = refuse_baggage(task);
	if (error)
		return error;
	entered.jid = call->jid;
	entered.counted = COUNTED_PROCESS;
	entered.arriving = 1;
	entered.cpu_before_ns = BPF_CORE_READ(task, se.sum_exec_runtime);
	jail = find_jail(entered.jid, &entered.slot);
	/* Whoever is to put a full jail in order has to get in; what it starts there is limited. */
	if (!jail || admit(jail, entered.jid, COUNTED_PROCESS, 0) != ADMITTED)
		return ESRCH;
	if (bpf_map_update_elem(&identities, &key, &entered, BPF_ANY)) {
		uncount(jail, COUNTED_PROCESS);
		return EAGAIN;
	}
	return 0;
}
