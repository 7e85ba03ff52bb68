/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Ports and addresses: whose a port is, and where a jail may connect and send to. A part of policy.h, which includes it.
 */
#ifndef JAIL_POLICY_PORTS_H
#define JAIL_POLICY_PORTS_H

/* What a port is of. OTHER: whatever is neither, with ports of its own (SCTP, DCCP) or without any (ICMP, raw IP). */
enum { JP_TCP = 1, JP_UDP = 2, JP_OTHER = 4 };
/* 0 stands for both. */
enum { JP_IPV4 = 4, JP_IPV6 = 6 };

/* Where something is sent, or what is bound. Addresses are in network order; one of IPv4 is written as IPv6 maps it (RFC 4291, 2.5.5.2), so that a socket of either
 * family is judged alike. */
struct jp_destination {
	jp_u32 address[4];
	jp_u16 port;
	jp_u16 protocol;
};

JP_FN int jp_is_mapped(const jp_u32 *address)
{
	const jp_u8 *bytes = (const jp_u8 *)address;
	return address[0] == 0 && address[1] == 0 && bytes[8] == 0 && bytes[9] == 0 && bytes[10] == 0xff && bytes[11] == 0xff;
}

/* ---- reserved ports ---- */

/* owner is who reserved the port, JP_HOST when nobody did. The host is not exempt: a reserved port is bound by its owner
 * alone. */
JP_FN int jp_may_bind(jp_u64 actor, jp_u64 owner)
{
	return owner == JP_HOST || owner == actor;
}

/* What a jail reserves. */
struct jp_reservation {
	jp_u32 address[4];
	jp_u16 first_port;
	jp_u16 last_port;
	jp_u16 protocols; /* a set of JP_TCP and JP_UDP */
	jp_u16 family;	  /* of the address; 0: every address */
};

/* How many of these a jail can have, and how many ports by all of them. */
enum { JP_RESERVATIONS = 32, JP_RESERVED_PORTS = 1024 };

/* Sets of families. */
enum { JP_ALL_OF_IPV4 = 1, JP_ALL_OF_IPV6 = 2 };

/* The families all of whose addresses this one stands for. That of IPv6 stands for both: whether a socket is for IPv6 alone can
 * change between the question and the bind (IPV6_V6ONLY of ipv6(7)). */
JP_FN jp_u32 jp_families_of(const jp_u32 *address)
{
	if (address[0] | address[1] | address[3])
		return 0;
	if (jp_is_mapped(address))
		return JP_ALL_OF_IPV4;
	return address[2] ? 0 : JP_ALL_OF_IPV4 | JP_ALL_OF_IPV6;
}

JP_FN jp_u32 jp_set_of_family(jp_u32 family)
{
	return family == JP_IPV4 ? JP_ALL_OF_IPV4 : JP_ALL_OF_IPV6;
}

JP_FN int jp_is_same_address(const jp_u32 *one, const jp_u32 *other)
{
	return one[0] == other[0] && one[1] == other[1] && one[2] == other[2] && one[3] == other[3];
}

/* Is the port of this reservation what a bind takes, or where something is sent? A protocol that is neither TCP nor UDP takes
 * every reservation of its number: ports of the two are reserved from it as well, and it may bind addresses in its own way. */
JP_FN int jp_reserves(const struct jp_reservation *reserved, const struct jp_destination *at)
{
	if (at->port < reserved->first_port || at->port > reserved->last_port)
		return 0;
	if (at->protocol & JP_OTHER)
		return 1;
	if (!(reserved->protocols & at->protocol))
		return 0;
	return !reserved->family || (jp_families_of(at->address) & jp_set_of_family(reserved->family)) ||
	       jp_is_same_address(reserved->address, at->address);
}

/* Do two reservations stand in each other's way? */
JP_FN int jp_reservations_overlap(const struct jp_reservation *one, const struct jp_reservation *other)
{
	return one->first_port <= other->last_port && other->first_port <= one->last_port &&
	       (one->protocols & other->protocols) &&
	       (!one->family || !other->family || jp_is_same_address(one->address, other->address));
}

/* One that no caller's mistake makes wider or narrower than it says. */
JP_FN int jp_is_reservation(const struct jp_reservation *reserved)
{
	jp_u32 family = jp_is_mapped(reserved->address) ? JP_IPV4 : JP_IPV6;

	if (!reserved->first_port || reserved->first_port > reserved->last_port)
		return 0;
	if (!reserved->protocols || (reserved->protocols & ~(JP_TCP | JP_UDP)))
		return 0;
	return !reserved->family || (reserved->family == family && !jp_families_of(reserved->address));
}

/* ---- where to ---- */

/* What a jail without the right CONNECT may reach. */
struct jp_connect_rule {
	jp_u32 address[4];
	jp_u32 mask[4];
	jp_u16 first_port;
	jp_u16 last_port;
	jp_u16 protocols; /* a set */
	jp_u16 family;
};

enum { JP_CONNECT_RULES = 32 };

JP_FN int jp_rule_covers(const struct jp_connect_rule *rule, const struct jp_destination *to)
{
	jp_u16 family = jp_is_mapped(to->address) ? JP_IPV4 : JP_IPV6;
	if (!(rule->protocols & to->protocol) || (rule->family && rule->family != family))
		return 0;
	if (to->port < rule->first_port || to->port > rule->last_port)
		return 0;
	return (to->address[0] & rule->mask[0]) == rule->address[0] && (to->address[1] & rule->mask[1]) == rule->address[1] &&
	       (to->address[2] & rule->mask[2]) == rule->address[2] && (to->address[3] & rule->mask[3]) == rule->address[3];
}

/* Is it this machine, whatever its interfaces are called: loopback, the unspecified address (which leads there), and what
 * is sent to many? */
JP_FN int jp_is_here(const jp_u32 *address)
{
	const jp_u8 *bytes = (const jp_u8 *)address;
	if (jp_is_mapped(address))
		return bytes[12] == 127 || bytes[12] == 0 || bytes[12] >= 224;
	if (bytes[0] == 0xff)
		return 1;
	return address[0] == 0 && address[1] == 0 && address[2] == 0 && bytes[12] == 0 && bytes[13] == 0 && bytes[14] == 0 &&
	       bytes[15] <= 1;
}

/* Connecting on this machine to a port that owner reserved. */
JP_FN jp_u32 jp_right_of_reaching(jp_u64 actor, jp_u64 owner)
{
	return jp_may_bind(actor, owner) ? JP_FREE : JP_LOOPBACK_FOREIGN;
}

#endif
