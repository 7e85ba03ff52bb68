/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Changing which ports a jail reserves: from one set to another, all or nothing.
 *
 * Attacks answered: two jails of one port by creating both at once; half of a change that was refused.
 *
 * Whoever binds meanwhile looks at the table without a lock. An address is counted among all before it is among the owner's
 * own, and the other way round when it is let go, so that a moment between can refuse a bind of all addresses but never let
 * one through.
 */

/* Its loops are calls of bpf_loop, which the verifier looks at once. */
struct port_change {
	__u32 slot;
	__u32 jid;
	__u32 generation;
	__u32 set;    /* of port_rules, the one that is walked */
	__u32 rule;   /* where the walk is */
	__u32 offset; /* likewise, in the rule's range */
	__u32 undoing; /* the walk lets go of what this change added, else of what it does not want */
	__u32 taken_port; /* 0: none is taken */
	__u32 total;
	__u32 error;
};

/* One port of a jail's reservations. */
struct port_step {
	struct jp_destination at; /* of no address: `::` */
	__u32 family_place;
	__u32 is_narrow;
};

static __always_inline int next_port(struct port_change *change, struct port_step *step)
{
	struct jail_ports *set = bpf_map_lookup_elem(&port_rules, &change->set);
	struct jp_reservation *rule;
	__u32 at = change->rule;

	if (!set || at >= JP_RESERVATIONS || at >= set->count)
		return 0;
	rule = &set->rules[at];
	__builtin_memset(step, 0, sizeof(*step));
	step->at.port = rule->first_port + change->offset;
	step->at.protocol = rule->protocols;
	step->is_narrow = rule->family != 0;
	step->family_place = rule->family == JP_IPV6 ? IPV6_PLACE : IPV4_PLACE;
	if (step->is_narrow)
		__builtin_memcpy(step->at.address, rule->address, sizeof(step->at.address));
	if (step->at.port >= rule->last_port) {
		change->rule++;
		change->offset = 0;
	} else {
		change->offset++;
	}
	return 1;
}

static long check_rule(__u64 number, struct port_change *change)
{
	struct jail_ports *set = bpf_map_lookup_elem(&port_rules, &change->set);

	if (!set || number >= JP_RESERVATIONS || number >= set->count)
		return 1;
	if (!jp_is_reservation(&set->rules[number])) {
		change->error = EINVAL;
		return 1;
	}
	change->total += set->rules[number].last_port - set->rules[number].first_port + 1;
	return 0;
}

static long check_port(__u64 number, struct port_change *change)
{
	struct port_step step;

	if (!next_port(change, &step))
		return 1;
	if (jp_may_bind(change->jid, other_owner_of(change->jid, &step.at)))
		return 0;
	change->taken_port = step.at.port;
	return 1;
}

static __always_inline struct port_owner *entry_of(const struct port_key *key)
{
	struct port_owner none = {};
	struct port_owner *entry = bpf_map_lookup_elem(&port_owners, key);

	if (entry)
		return entry;
	bpf_map_update_elem(&port_owners, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&port_owners, key);
}

static long claim_port(__u64 number, struct port_change *change)
{
	struct port_key key = {};
	struct port_owner *all, *own = NULL, *entry;
	struct port_step step;
	__u32 family;

	if (!next_port(change, &step))
		return 1;
	key.port = step.at.port;
	all = entry = entry_of(&key);
	if (step.is_narrow) {
		name_owner(&key, change->jid);
		own = entry_of(&key);
		name_address(&key, step.at.address);
		entry = entry_of(&key);
	}
	if (!all || !entry || (step.is_narrow && !own)) {
		change->error = ENOBUFS;
		return 1;
	}
	family = step.family_place & 1;
	for (int place = 0; place < PROTOCOL_PLACES; place++) {
		if (!(step.at.protocol & (1 << place)))
			continue;
		if (entry->owner[place] == JP_HOST) {
			if (own) {
				__sync_fetch_and_add(&all->narrow[place][family], 1);
				__sync_fetch_and_add(&own->narrow[place][family], 1);
			}
			entry->added_in[place] = change->generation;
			entry->owner[place] = change->jid;
		}
		entry->wanted_in[place] = change->generation;
	}
	return 0;
}

static __always_inline int is_empty(const struct port_owner *entry)
{
	return !(entry->owner[TCP_PLACE] | entry->owner[UDP_PLACE] | entry->narrow[TCP_PLACE][IPV4_PLACE] |
		 entry->narrow[TCP_PLACE][IPV6_PLACE] | entry->narrow[UDP_PLACE][IPV4_PLACE] |
		 entry->narrow[UDP_PLACE][IPV6_PLACE]);
}

static __always_inline void drop_if_empty(const struct port_key *key)
{
	struct port_owner *entry = bpf_map_lookup_elem(&port_owners, key);

	if (entry && is_empty(entry))
		bpf_map_delete_elem(&port_owners, key);
}

static long let_go_of_port(__u64 number, struct port_change *change)
{
	struct port_key key = {}, own_key = {}, all_key = {};
	struct port_owner *all, *own = NULL, *entry;
	struct port_step step;
	__u32 family;

	if (!next_port(change, &step))
		return 1;
	all_key.port = own_key.port = key.port = step.at.port;
	name_owner(&own_key, change->jid);
	if (step.is_narrow)
		name_address(&key, step.at.address);
	all = bpf_map_lookup_elem(&port_owners, &all_key);
	own = bpf_map_lookup_elem(&port_owners, &own_key);
	entry = bpf_map_lookup_elem(&port_owners, &key);
	family = step.family_place & 1;
	for (int place = 0; place < PROTOCOL_PLACES; place++) {
		if (!entry || !(step.at.protocol & (1 << place)) || entry->owner[place] != change->jid)
			continue;
		if (change->undoing ? entry->added_in[place] != change->generation : entry->wanted_in[place] == change->generation)
			continue;
		if (step.is_narrow && own && all) {
			__sync_fetch_and_add(&own->narrow[place][family], -1);
			__sync_fetch_and_add(&all->narrow[place][family], -1);
		}
		entry->owner[place] = JP_HOST;
	}
	if (step.is_narrow) {
		drop_if_empty(&key);
		drop_if_empty(&own_key);
	}
	drop_if_empty(&all_key);
	return 0;
}

#define WALK(change, a_set, function)                                  \
	do {                                                           \
		(change)->set = (a_set);                               \
		(change)->rule = (change)->offset = 0;                 \
		bpf_loop(JP_RESERVED_PORTS, function, (change), 0);    \
	} while (0)

/* Changes take turns. A program that began runs to its end, so the turn is always given back. */
static __always_inline int take_turn_at_ports(void)
{
	struct module_state *state = module();
	return state && __sync_val_compare_and_swap(&state->changing_ports, 0, 1) == 0;
}

static __always_inline void end_turn_at_ports(void)
{
	struct module_state *state = module();
	if (state)
		__sync_lock_test_and_set(&state->changing_ports, 0);
}

/* The set that is not in use. */
static __always_inline __u32 other_set(const struct jail *jail, __u32 slot)
{
	return 2 * slot + !(jail->ports_in_use & 1);
}

#define TAKE_PORTS(jail, slot, call)                                                         \
	do {                                                                                 \
		__u32 place = other_set(jail, slot);                                         \
		struct jail_ports *ports = bpf_map_lookup_elem(&port_rules, &place);         \
		if (ports)                                                                   \
			bpf_probe_read_kernel(ports, sizeof(*ports), &(call)->ports);        \
	} while (0)

static __always_inline void take_no_ports(__u32 set)
{
	struct jail_ports *ports = bpf_map_lookup_elem(&port_rules, &set);
	if (ports)
		ports->count = 0;
}

/* To the set that is not in use, by whoever has the turn. */
static __noinline int change_ports(struct jail *jail, struct port_change *change)
{
	__u32 before, wanted;

	if (!jail || !change)
		return EINVAL;
	wanted = other_set(jail, change->slot);
	before = wanted ^ 1;
	change->generation = jail->port_generation + 1;
	change->total = change->taken_port = change->error = 0;
	change->undoing = 1;
	change->set = wanted;
	bpf_loop(JP_RESERVATIONS, check_rule, change, 0);
	if (change->error || change->total > JP_RESERVED_PORTS)
		return EINVAL;
	WALK(change, wanted, check_port);
	if (change->taken_port)
		return EADDRINUSE;
	WALK(change, wanted, claim_port);
	if (change->error) {
		WALK(change, wanted, let_go_of_port);
		return change->error;
	}
	change->undoing = 0;
	WALK(change, before, let_go_of_port);
	jail->port_generation = change->generation;
	jail->ports_in_use = !(jail->ports_in_use & 1);
	return 0;
}
