/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Whose a port is: one table for the module and the programs on control groups, whose owners are jids and groups. A port
 * that nobody reserved takes one lookup, any other three at most, however many jails have an address of it.
 */

enum { PORTS_AT_MOST = 65536 };
enum { OF_EVERY_ADDRESS = 0, OF_AN_ADDRESS, OF_AN_OWNER };
enum { TCP_PLACE = 0, UDP_PLACE, PROTOCOL_PLACES };
enum { IPV4_PLACE = 0, IPV6_PLACE, FAMILY_PLACES };

struct port_key {
	__u32 port;
	__u32 kind;
	__u32 address[4]; /* OF_AN_OWNER: the owner, in the first two */
};

/* A port of which anything is reserved has an entry OF_EVERY_ADDRESS. */
struct port_owner {
	__u64 owner[PROTOCOL_PLACES]; /* JP_HOST: nobody */
	/* Reservations of single addresses: OF_EVERY_ADDRESS of all owners, OF_AN_OWNER of this one. */
	__u32 narrow[PROTOCOL_PLACES][FAMILY_PLACES];
	/* Generations of the owner's set of ports, which the module needs while it changes one. */
	__u32 added_in[PROTOCOL_PLACES];
	__u32 wanted_in[PROTOCOL_PLACES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTS_AT_MOST);
	__uint(map_flags, PORT_TABLE_FLAGS);
	__type(key, struct port_key);
	__type(value, struct port_owner);
} port_owners SEC(".maps");

/* An owner other than every actor: some other's, no matter whose. */
#define SOME_OTHER (~0ULL)

static __always_inline void name_owner(struct port_key *key, __u64 owner)
{
	key->kind = OF_AN_OWNER;
	key->address[0] = owner;
	key->address[1] = owner >> 32;
	key->address[2] = key->address[3] = 0;
}

static __always_inline void name_address(struct port_key *key, const __u32 *address)
{
	key->kind = OF_AN_ADDRESS;
	__builtin_memcpy(key->address, address, sizeof(key->address));
}

/* Who but the actor reserved what is bound, or where something is sent; JP_HOST: nobody did. As jp_reserves() says of each
 * reservation by itself. */
static __always_inline __u64 other_owner_of(__u64 actor, const struct jp_destination *at)
{
	struct port_key key = { .port = at->port, .kind = OF_EVERY_ADDRESS };
	struct port_owner *all = bpf_map_lookup_elem(&port_owners, &key), *one;
	int is_other = !!(at->protocol & JP_OTHER);
	int tcp = is_other || (at->protocol & JP_TCP), udp = is_other || (at->protocol & JP_UDP);
	__u32 families = is_other ? JP_ALL_OF_IPV4 | JP_ALL_OF_IPV6 : jp_families_of(at->address);
	int of_v4 = !!(families & JP_ALL_OF_IPV4), of_v6 = !!(families & JP_ALL_OF_IPV6);
	__u64 wanted = 0, own = 0;

	if (!all)
		return JP_HOST;
	if (tcp && !jp_may_bind(actor, all->owner[TCP_PLACE]))
		return all->owner[TCP_PLACE];
	if (udp && !jp_may_bind(actor, all->owner[UDP_PLACE]))
		return all->owner[UDP_PLACE];
	if (!families) {
		name_address(&key, at->address);
		one = bpf_map_lookup_elem(&port_owners, &key);
		if (one && tcp && !jp_may_bind(actor, one->owner[TCP_PLACE]))
			return one->owner[TCP_PLACE];
		return one && udp && !jp_may_bind(actor, one->owner[UDP_PLACE]) ? one->owner[UDP_PLACE] : JP_HOST;
	}
	wanted = (__u64)all->narrow[TCP_PLACE][IPV4_PLACE] * (tcp && of_v4) +
		 (__u64)all->narrow[TCP_PLACE][IPV6_PLACE] * (tcp && of_v6) +
		 (__u64)all->narrow[UDP_PLACE][IPV4_PLACE] * (udp && of_v4) +
		 (__u64)all->narrow[UDP_PLACE][IPV6_PLACE] * (udp && of_v6);
	if (!wanted)
		return JP_HOST;
	name_owner(&key, actor);
	one = actor == JP_HOST ? NULL : bpf_map_lookup_elem(&port_owners, &key);
	if (one)
		own = (__u64)one->narrow[TCP_PLACE][IPV4_PLACE] * (tcp && of_v4) +
		      (__u64)one->narrow[TCP_PLACE][IPV6_PLACE] * (tcp && of_v6) +
		      (__u64)one->narrow[UDP_PLACE][IPV4_PLACE] * (udp && of_v4) +
		      (__u64)one->narrow[UDP_PLACE][IPV6_PLACE] * (udp && of_v6);
	return wanted == own ? JP_HOST : SOME_OTHER;
}
