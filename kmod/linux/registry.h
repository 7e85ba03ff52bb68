/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Which jails there are, which ports they own, and where they may connect to.
 *
 * Attacks answered: two jails of one name or one port by creating both at once; a half-made jail after a refused one; a
 * member that survives its jail's end because it entered or forked meanwhile.
 */

/* ---- ports ---- */

/* A change of one jail's ports: from ports to wanted_ports, all or nothing. Its loops are calls of bpf_loop, which the
 * verifier looks at once. */
struct port_change {
	__u32 slot;
	__u32 jid;
	__u32 generation;
	__u32 count; /* how many are wanted */
	__u32 taken_port; /* 0: none is taken */
	__u32 owner;
};

static long reserve_port(__u64 number, struct port_change *change)
{
	struct jail *jail = jail_in_slot(change->slot);
	struct port_owner mine = { change->jid, change->generation, change->generation };
	struct port_owner *owner;
	__u32 port;

	if (!jail || number >= JAIL_PORTS || number >= change->count)
		return 1;
	port = jail->wanted_ports[number];
	if (!bpf_map_update_elem(&port_owners, &port, &mine, BPF_NOEXIST))
		return 0;
	owner = bpf_map_lookup_elem(&port_owners, &port);
	if (owner && owner->jid == mine.jid) {
		owner->wanted_in = mine.wanted_in;
		return 0;
	}
	change->taken_port = port;
	change->owner = owner ? owner->jid : JP_HOST;
	return 1;
}

/* Takes back what this change added. */
static long unreserve_port(__u64 number, struct port_change *change)
{
	struct jail *jail = jail_in_slot(change->slot);
	struct port_owner *owner;
	__u32 port;

	if (!jail || number >= JAIL_PORTS || number >= change->count)
		return 1;
	port = jail->wanted_ports[number];
	owner = bpf_map_lookup_elem(&port_owners, &port);
	if (owner && owner->jid == change->jid && owner->added_in == change->generation)
		bpf_map_delete_elem(&port_owners, &port);
	return 0;
}

/* Lets go of a port that the jail had and wants no longer. */
static long release_port(__u64 number, struct port_change *change)
{
	struct jail *jail = jail_in_slot(change->slot);
	struct port_owner *owner;
	__u32 port;

	if (!jail || number >= JAIL_PORTS || number >= jail->port_count)
		return 1;
	port = jail->ports[number];
	owner = bpf_map_lookup_elem(&port_owners, &port);
	if (owner && owner->jid == change->jid && owner->wanted_in != change->generation)
		bpf_map_delete_elem(&port_owners, &port);
	return 0;
}

static __always_inline int change_ports(struct jail *jail, struct port_change *change)
{
	if (change->count > JAIL_PORTS)
		return EINVAL;
	change->generation = jail->port_generation + 1;
	bpf_loop(JAIL_PORTS, reserve_port, change, 0);
	if (change->taken_port) {
		bpf_loop(JAIL_PORTS, unreserve_port, change, 0);
		return EADDRINUSE;
	}
	bpf_loop(JAIL_PORTS, release_port, change, 0);
	__builtin_memcpy(jail->ports, jail->wanted_ports, sizeof(jail->ports));
	jail->port_count = change->count;
	jail->port_generation = change->generation;
	return 0;
}

/* Tells the caller whose port it wanted. */
#define REPORT_TAKEN(call, change)                                                                 \
	do {                                                                                       \
		__u32 owner_slot;                                                                  \
		struct jail *owner = find_jail((change).owner, &owner_slot);                       \
		if (owner)                                                                         \
			__builtin_memcpy((call)->owner_name, owner->name, sizeof((call)->owner_name)); \
		(call)->taken_port = (change).taken_port;                                          \
	} while (0)

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
	jail->port_count = 0;
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
	if (!state || !name.text[0] || name.text[JAIL_NAME_SIZE - 1] || call->port_count > JAIL_PORTS)
		return EINVAL;
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
	TAKE(jail->wanted_ports, call->ports);
	TAKE_CONNECT(jail, search.slot, call);
	use_taken_connect(jail);
	change.slot = search.slot;
	change.jid = search.jid;
	change.count = call->port_count;
	error = change_ports(jail, &change);
	if (!error && bpf_map_update_elem(&slot_of_jid, &search.jid, &search.slot, BPF_NOEXIST)) {
		change.count = 0;
		change_ports(jail, &change);
		error = ENOSPC;
	}
	if (error) {
		REPORT_TAKEN(call, change);
		__sync_lock_test_and_set(&jail->jid, 0);
		goto unname;
	}
	call->jid = search.jid;
	return 0;
unname:
	bpf_map_delete_elem(&jid_of_name, &name);
uncount:
	__sync_fetch_and_add(&state->jails, -1);
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
	change.count = call->port_count;
	jail = find_jail(change.jid, &change.slot);
	if (!jail)
		return ESRCH;
	if (__sync_val_compare_and_swap(&jail->changing, 0, 1) != 0)
		return EAGAIN;
	TAKE(jail->wanted_ports, call->ports);
	TAKE_CONNECT(jail, change.slot, call);
	error = jail->jid == change.jid ? change_ports(jail, &change) : ESRCH;
	if (error) {
		REPORT_TAKEN(call, change);
	} else {
		use_taken_connect(jail);
		jail->rights = call->rights;
		jail->parts = call->parts;
		jail->audited = call->audited;
	}
	__sync_lock_test_and_set(&jail->changing, 0);
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
	if (__sync_val_compare_and_swap(&jail->changing, 0, 1) != 0)
		return EAGAIN;
	was_closing = __sync_lock_test_and_set(&jail->closing, 1);
	if (jail->jid != change.jid)
		error = ESRCH;
	else if (__sync_fetch_and_add(&jail->tasks, 0) != 0)
		error = EBUSY;
	if (error) {
		call->processes = jail->processes;
		jail->closing = was_closing;
		__sync_lock_test_and_set(&jail->changing, 0);
		return error;
	}
	bpf_map_delete_elem(&slot_of_jid, &change.jid);
	take_back_promise(change.slot);
	change_ports(jail, &change);
	__builtin_memcpy(name.text, jail->name, sizeof(name.text));
	bpf_map_delete_elem(&jid_of_name, &name);
	/* It stays closed and changing until the slot is used again: whoever still holds it finds another jid. */
	__sync_lock_test_and_set(&jail->jid, 0);
	__sync_fetch_and_add(&state->jails, -1);
	return 0;
}
