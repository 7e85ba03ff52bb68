/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Which jails there are, and where they may connect to.
 *
 * Attacks answered: two jails of one name by creating both at once; a half-made jail after a refused one; a
 * member that survives its jail's end because it entered or forked meanwhile.
 */

/* ---- where to ---- */

/* Fills the set that is not in use. */
#define TAKE_CONNECT(jail, slot, call)                                                          \
	do {                                                                                    \
		__u32 place = 2 * (slot) + !(jail)->connect_in_use;                             \
		struct jail_connect *connect = bpf_map_lookup_elem(&connect_rules, &place);     \
		if (connect)                                                                    \
			bpf_probe_read_kernel(connect, sizeof(*connect), &(call)->connect);     \
	} while (0)

static __always_inline void use_taken_connect(struct jail *jail)
{
	__sync_lock_test_and_set(&jail->connect_in_use, !jail->connect_in_use);
}

/* ---- create, update, destroy ---- */

struct slot_search {
	__u32 jid;
	__u32 slot; /* JAIL_HOST_SLOT: none found */
};

static long claim_slot(__u64 number, struct slot_search *search)
{
	__u32 slot = number;
	struct jail *jail = jail_in_slot(slot);

	if (slot == JAIL_HOST_SLOT || !jail || __sync_val_compare_and_swap(&jail->jid, 0, search->jid) != 0)
		return 0;
	search->slot = slot;
	return 1;
}

static __always_inline void clear(struct jail *jail)
{
	jail->rights = 0;
	jail->parts = 0;
	jail->audited = 0;
	jail->learning_until_ns = 0;
	jail->held = 0;
	jail->exited_cpu_ns = 0;
	jail->sampled_total_usec = 0;
	jail->samples_taken = 0;
	jail->reporting_since_ns = 0;
	jail->reported = 0;
	jail->port_generation = 0;
	__builtin_memset(jail->samples_usec, 0, sizeof(jail->samples_usec));
	for (int i = 0; i < JAIL_RIGHTS; i++)
		jail->denials[i] = 0;
	barrier(); /* else both loops become one call of memset, which there is not */
	for (int i = 0; i < JAIL_RIGHTS; i++)
		jail->audits[i] = 0;
	jail->changing = 0;
	__sync_lock_test_and_set(&jail->closing, 0);
}

SEC("syscall")
int ctl_create(struct jail_create_call *call)
{
	struct module_state *state = module();
	struct slot_search search = {};
	struct port_change change = {};
	struct jail_name name;
	struct jail *jail;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	TAKE(name.text, call->name);
	if (!state || !name.text[0] || name.text[JAIL_NAME_SIZE - 1])
		return EINVAL;
	if (!take_turn_at_ports())
		return EAGAIN;
	search.jid = __sync_fetch_and_add(&state->last_jid, 1) + 1;
	/* Counted before it exists, so that no member is ever taken for the host and ctl_seal sees the newcomer. */
	__sync_fetch_and_add(&state->jails, 1);
	if (state->sealed) {
		error = ESHUTDOWN;
		goto uncount;
	}
	if (bpf_map_update_elem(&jid_of_name, &name, &search.jid, BPF_NOEXIST)) {
		error = EEXIST;
		goto uncount;
	}
	bpf_loop(JAIL_SLOTS, claim_slot, &search, 0);
	jail = jail_in_slot(search.slot);
	if (search.slot == JAIL_HOST_SLOT || !jail) {
		error = ENOSPC;
		goto unname;
	}
	clear(jail);
	clear_bounds(search.slot);
	jail->rights = call->rights;
	jail->parts = call->parts;
	jail->audited = call->audited;
	__builtin_memcpy(jail->name, name.text, sizeof(jail->name));
	TAKE(jail->root, call->root);
	TAKE(jail->profile, call->profile);
	TAKE_CONNECT(jail, search.slot, call);
	use_taken_connect(jail);
	change.slot = search.slot;
	change.jid = search.jid;
	take_no_ports(other_set(jail, search.slot) ^ 1);
	TAKE_PORTS(jail, search.slot, call);
	error = change_ports(jail, &change);
	if (!error && bpf_map_update_elem(&slot_of_jid, &search.jid, &search.slot, BPF_NOEXIST)) {
		take_no_ports(other_set(jail, search.slot));
		change_ports(jail, &change);
		error = ENOSPC;
	}
	if (error) {
		call->taken_port = change.taken_port;
		__sync_lock_test_and_set(&jail->jid, 0);
		goto unname;
	}
	end_turn_at_ports();
	call->jid = search.jid;
	return 0;
unname:
	bpf_map_delete_elem(&jid_of_name, &name);
uncount:
	__sync_fetch_and_add(&state->jails, -1);
	end_turn_at_ports();
	return error;
}

SEC("syscall")
int ctl_update(struct jail_update_call *call)
{
	struct port_change change = {};
	struct jail *jail;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	change.jid = call->jid;
	jail = find_jail(change.jid, &change.slot);
	if (!jail)
		return ESRCH;
	if (!take_turn_at_ports())
		return EAGAIN;
	if (__sync_val_compare_and_swap(&jail->changing, 0, 1) != 0) {
		end_turn_at_ports();
		return EAGAIN;
	}
	TAKE_PORTS(jail, change.slot, call);
	TAKE_CONNECT(jail, change.slot, call);
	error = jail->jid == change.jid ? change_ports(jail, &change) : ESRCH;
	if (error) {
		call->taken_port = change.taken_port;
	} else {
		use_taken_connect(jail);
		jail->rights = call->rights;
		jail->parts = call->parts;
		jail->audited = call->audited;
	}
	__sync_lock_test_and_set(&jail->changing, 0);
	end_turn_at_ports();
	return error;
}

SEC("syscall")
int ctl_destroy(struct jail_call *call)
{
	struct module_state *state = module();
	struct port_change change = {};
	struct jail_name name;
	struct jail *jail;
	__u32 was_closing;
	int error = refuse_caller(call->abi);

	if (error)
		return error;
	change.jid = call->jid;
	jail = find_jail(change.jid, &change.slot);
	if (!jail || !state)
		return ESRCH;
	if (!take_turn_at_ports())
		return EAGAIN;
	if (__sync_val_compare_and_swap(&jail->changing, 0, 1) != 0) {
		end_turn_at_ports();
		return EAGAIN;
	}
	was_closing = __sync_lock_test_and_set(&jail->closing, 1);
	if (jail->jid != change.jid)
		error = ESRCH;
	else if (__sync_fetch_and_add(&jail->tasks, 0) != 0)
		error = EBUSY;
	if (error) {
		call->processes = jail->processes;
		jail->closing = was_closing;
		__sync_lock_test_and_set(&jail->changing, 0);
		end_turn_at_ports();
		return error;
	}
	bpf_map_delete_elem(&slot_of_jid, &change.jid);
	take_back_promise(change.slot);
	take_no_ports(other_set(jail, change.slot));
	change_ports(jail, &change);
	end_turn_at_ports();
	__builtin_memcpy(name.text, jail->name, sizeof(name.text));
	bpf_map_delete_elem(&jid_of_name, &name);
	/* It stays closed and changing until the slot is used again: whoever still holds it finds another jid. */
	__sync_lock_test_and_set(&jail->jid, 0);
	__sync_fetch_and_add(&state->jails, -1);
	return 0;
}
