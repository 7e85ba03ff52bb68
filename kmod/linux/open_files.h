/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * How many files a jail has open: the kernel's own objects, counted once however many descriptors, mappings and messages
 * under way hold one, until the last of them is gone.
 *
 * Attacks answered: using up the host's table of files (fs.file-max) by many processes, which limits of a single process
 * do not see; hiding open files in a message that nobody receives.
 *
 * A jail without the limit is not counted, and costs nothing but a look at one number.
 */

static __always_inline void uncount_file(struct file *file)
{
	struct module_state *state = module();
	struct file_opener *opener;
	struct jail_bounds *bounds;
	struct jail *jail;
	__u64 key = (__u64)file;
	__u32 jid;

	if (!state || !state->counted_files)
		return;
	opener = bpf_map_lookup_elem(&file_openers, &key);
	/* Exchanged: two generations of programs may be at it. */
	jid = opener ? __sync_lock_test_and_set(&opener->jid, JP_HOST) : JP_HOST;
	if (jid == JP_HOST)
		return;
	__sync_fetch_and_add(&state->counted_files, -1);
	jail = jail_in_slot(opener->slot);
	bounds = bounds_in_slot(opener->slot);
	/* The jail may be gone, and the host still hold what it was sent. */
	if (jail && bounds && jail->jid == jid)
		__sync_fetch_and_add(&bounds->files, -1);
	/* Should it fail, see on_task_free. */
	bpf_map_delete_elem(&file_openers, &key);
}

enum { FILE_COUNTED, FILE_KNOWN, FILE_REFUSED };

static __always_inline int count_file(const struct identity *who, struct jail_bounds *bounds, struct file *file, __s64 most)
{
	struct module_state *state = module();
	struct file_opener opener = { who->jid, who->slot };
	struct file_opener *known;
	__u64 key = (__u64)file;

	if (!state)
		return FILE_REFUSED;
	known = bpf_map_lookup_elem(&file_openers, &key);
	if (known && known->jid != JP_HOST)
		return FILE_KNOWN;
	__sync_fetch_and_add(&state->counted_files, 1);
	if (__sync_fetch_and_add(&bounds->files, 1) < most && !bpf_map_update_elem(&file_openers, &key, &opener, BPF_ANY))
		return FILE_COUNTED;
	__sync_fetch_and_add(&bounds->files, -1);
	__sync_fetch_and_add(&state->counted_files, -1);
	return FILE_REFUSED;
}

/* The kernel frees a file that is refused, and asks on_file_free_security. */
SEC("lsm/file_alloc_security")
int BPF_PROG(on_file_alloc_security, struct file *file)
{
	struct module_state *state = module();
	struct jail_bounds *bounds;
	struct identity *who;

	if (!state || !state->files_promised)
		return 0;
	who = acting_member();
	bounds = who ? bounds_in_slot(who->slot) : NULL;
	if (!bounds || !bounds->most_files || count_file(who, bounds, file, bounds->most_files) != FILE_REFUSED)
		return 0;
	__sync_fetch_and_add(&bounds->files_refused, 1);
	return refuse(who, JP_PROCESS_TABLE, 0, ENFILE);
}

/* For a limit that comes to a jail that runs: what its members have open by then is counted as if they had opened it. The
 * iterator holds each file meanwhile. */
SEC("iter/task_file")
int count_open_files(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	struct jail_bounds *bounds;
	struct identity *who;

	if (!task || !file)
		return 0;
	who = identity_of(task);
	bounds = who ? bounds_in_slot(who->slot) : NULL;
	if (bounds && bounds->most_files)
		count_file(who, bounds, file, FILE_COUNT);
	return 0;
}
