/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * How much of the kernel's tables a jail may take.
 *
 * Attacks answered: using up the table that counts files, in which other jails have places promised.
 */

static __always_inline void take_back_promise(__u32 slot)
{
	struct module_state *state = module();
	struct jail_bounds *bounds = bounds_in_slot(slot);

	if (state && bounds)
		__sync_fetch_and_add(&state->files_promised, -(__s64)__sync_lock_test_and_set(&bounds->most_files, 0));
}

static __always_inline void clear_bounds(__u32 slot)
{
	struct jail_bounds *bounds = bounds_in_slot(slot);

	if (!bounds)
		return;
	bounds->most_tasks = 0;
	bounds->files = 0;
	bounds->tasks_refused = 0;
	bounds->files_refused = 0;
}

SEC("syscall")
int ctl_bound(struct jail_bound_call *call)
{
	struct module_state *state = module();
	struct jail_bounds *bounds;
	struct jail *jail;
	__s64 promised, more;
	__u32 slot, most_files = call->most_files;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	jail = find_jail(call->jid, &slot);
	if (!jail || !state)
		return ESRCH;
	bounds = bounds_in_slot(slot);
	if (!bounds || __sync_val_compare_and_swap(&jail->changing, 0, 1) != 0)
		return EAGAIN;
	more = (__s64)most_files - bounds->most_files;
	promised = __sync_fetch_and_add(&state->files_promised, more);
	if (more > 0 && promised + more > FILES_PROMISED) {
		__sync_fetch_and_add(&state->files_promised, -more);
		call->left = promised < FILES_PROMISED ? FILES_PROMISED - promised : 0;
		error = ENOSPC;
	} else {
		bounds->most_files = most_files;
		bounds->most_tasks = call->most_tasks;
	}
	__sync_lock_test_and_set(&jail->changing, 0);
	return error;
}
