/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Programs on control groups, for machines that do not take the module: who binds a reserved port, where members of a jail
 * connect and send to, and which device nodes they open. They gather; kmod/policy decides.
 *
 * Attacks answered: taking a port that a jail reserved, by TCP, UDP, any address family or SO_REUSEPORT, from another
 * jail or the host; connecting or sending to where a jail may not, by TCP, TCP Fast Open or UDP, also through a socket that
 * was made elsewhere; opening or making a device node that is no jail's business.
 * Not seen here, as the kernel asks no program: SCTP (its own bind), and ports picked for listen(2) or connect(2) without
 * bind(2), from which net.ipv4.ip_local_reserved_ports keeps the reserved ones away.
 */
#include <asm/errno.h>
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../policy/policy.h"
#define PORT_TABLE_FLAGS BPF_F_NO_PREALLOC
#include "port_table.h"

enum { REFUSED = 0, ALLOWED = 1 };

/* ---- ports: attached to the root group, so that the host is asked as well ---- */

/* A jail's group is `jailsh/NAME`, or where systemd gave groups away `jailsh.slice/jailsh-groups.service/NAME`; the root is
 * level 0. What is above or below a jail's group is no jail's, so at most one of the two is. */
enum { JAIL_LEVEL = 2, GIVEN_JAIL_LEVEL = 3 };

static __always_inline __u16 protocol_of(__u32 protocol, __u32 type)
{
	enum { TCP = 6, UDP = 17, UDPLITE = 136, MPTCP = 262 };

	if (type == JP_SOCK_RAW)
		return JP_OTHER;
	if (protocol == TCP || protocol == MPTCP)
		return JP_TCP;
	return protocol == UDP || protocol == UDPLITE ? JP_UDP : JP_OTHER;
}

static __always_inline void read_v4(struct bpf_sock_addr *address, struct jp_destination *at)
{
	at->address[2] = bpf_htonl(0xffff);
	at->address[3] = address->user_ip4;
	at->port = bpf_ntohs((__u16)address->user_port);
	at->protocol = protocol_of(address->protocol, address->type);
}

static __always_inline void read_v6(struct bpf_sock_addr *address, struct jp_destination *at)
{
	at->address[0] = address->user_ip6[0];
	at->address[1] = address->user_ip6[1];
	at->address[2] = address->user_ip6[2];
	at->address[3] = address->user_ip6[3];
	at->port = bpf_ntohs((__u16)address->user_port);
	at->protocol = protocol_of(address->protocol, address->type);
}

/* The group is that of the process that binds, not of the one that made the socket. */
static __always_inline int judge_binding(const struct jp_destination *at)
{
	__u64 group = bpf_get_current_ancestor_cgroup_id(JAIL_LEVEL);

	if (!at->port || jp_may_bind(group, other_owner_of(group, at)))
		return ALLOWED;
	group = bpf_get_current_ancestor_cgroup_id(GIVEN_JAIL_LEVEL);
	if (jp_may_bind(group, other_owner_of(group, at)))
		return ALLOWED;
	bpf_set_retval(-EADDRINUSE);
	return REFUSED;
}

SEC("cgroup/bind4")
int jail_bind4(struct bpf_sock_addr *address)
{
	struct jp_destination at = {};

	read_v4(address, &at);
	return judge_binding(&at);
}

SEC("cgroup/bind6")
int jail_bind6(struct bpf_sock_addr *address)
{
	struct jp_destination at = {};

	read_v6(address, &at);
	return judge_binding(&at);
}

/* Once more with the port that the socket really got: bind(2) of port 0 picks one. */
SEC("cgroup/post_bind4")
int jail_post_bind4(struct bpf_sock *socket)
{
	struct jp_destination at = {};

	at.address[2] = bpf_htonl(0xffff);
	at.address[3] = socket->src_ip4;
	at.port = socket->src_port;
	at.protocol = protocol_of(socket->protocol, socket->type);
	return judge_binding(&at);
}

SEC("cgroup/post_bind6")
int jail_post_bind6(struct bpf_sock *socket)
{
	struct jp_destination at = {};

	at.address[0] = socket->src_ip6[0];
	at.address[1] = socket->src_ip6[1];
	at.address[2] = socket->src_ip6[2];
	at.address[3] = socket->src_ip6[3];
	at.port = socket->src_port;
	at.protocol = protocol_of(socket->protocol, socket->type);
	return judge_binding(&at);
}

/* ---- destinations: attached to the root group, over the table of ports ---- */

/* An entry is made when it is needed: what is said here costs a pointer each. */
enum { GROUPS = 16384, OWN_ADDRESSES = 4096 };

/* What a group may reach whose jail lacks one of the rights about it. */
struct group_limits {
	__u64 rights;
	__u32 count;
	__u32 unused;
	struct jp_connect_rule rules[JP_CONNECT_RULES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct group_limits);
} group_limits SEC(".maps");

struct address {
	__u32 words[4];
};

/* Those of this machine's interfaces, in the form of struct jp_destination. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWN_ADDRESSES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, __u32);
} own_addresses SEC(".maps");

struct rule_search {
	struct jp_destination to;
	__u64 group;
	__u32 found;
};

static long look_at_rule(__u64 number, struct rule_search *search)
{
	struct group_limits *limits = bpf_map_lookup_elem(&group_limits, &search->group);

	if (!limits || number >= JP_CONNECT_RULES || number >= limits->count)
		return 1;
	if (!jp_rule_covers(&limits->rules[number], &search->to))
		return 0;
	search->found = 1;
	return 1;
}

static __always_inline int is_own_address(const struct jp_destination *to)
{
	struct address address;

	if (jp_is_here(to->address))
		return 1;
	__builtin_memcpy(address.words, to->address, sizeof(address.words));
	return bpf_map_lookup_elem(&own_addresses, &address) != NULL;
}

static __always_inline int refuse_destination(int error)
{
	bpf_set_retval(-error);
	return REFUSED;
}

/* The group is that of the process that connects or sends. */
static __always_inline int judge_destination(struct rule_search *search)
{
	struct group_limits *limits;

	search->group = bpf_get_current_ancestor_cgroup_id(JAIL_LEVEL);
	limits = bpf_map_lookup_elem(&group_limits, &search->group);
	if (!limits) {
		search->group = bpf_get_current_ancestor_cgroup_id(GIVEN_JAIL_LEVEL);
		limits = bpf_map_lookup_elem(&group_limits, &search->group);
	}
	if (!limits)
		return ALLOWED;
	if (!jp_holds(limits->rights, JP_CONNECT)) {
		bpf_loop(JP_CONNECT_RULES, look_at_rule, search, 0);
		if (!search->found)
			return refuse_destination(EPERM);
	}
	if (jp_holds(limits->rights, JP_LOOPBACK_FOREIGN))
		return ALLOWED;
	if (jp_right_of_reaching(search->group, other_owner_of(search->group, &search->to)) == JP_FREE ||
	    !is_own_address(&search->to))
		return ALLOWED;
	return refuse_destination(ECONNREFUSED);
}

static __always_inline int judge_v4(struct bpf_sock_addr *address)
{
	struct rule_search search = {};

	read_v4(address, &search.to);
	return judge_destination(&search);
}

static __always_inline int judge_v6(struct bpf_sock_addr *address)
{
	struct rule_search search = {};

	read_v6(address, &search.to);
	return judge_destination(&search);
}

SEC("cgroup/connect4")
int jail_connect4(struct bpf_sock_addr *address)
{
	return judge_v4(address);
}

SEC("cgroup/connect6")
int jail_connect6(struct bpf_sock_addr *address)
{
	return judge_v6(address);
}

SEC("cgroup/sendmsg4")
int jail_sendmsg4(struct bpf_sock_addr *address)
{
	return judge_v4(address);
}

SEC("cgroup/sendmsg6")
int jail_sendmsg6(struct bpf_sock_addr *address)
{
	return judge_v6(address);
}

/* ---- devices: attached to a jail's group ---- */

/* Terminals of devpts, Linux's admin-guide/devices.txt. A node of these numbers elsewhere opens nothing: the driver looks
 * for a file of devpts (drivers/tty/pty.c, pts_unix98_lookup). */
enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

/* What of the right to devices the jail was granted, kmod/policy/parts.def; one map for each jail's program. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} granted_parts SEC(".maps");

/* Overlay whiteouts (character device 0:0) never come here; they are no device. */
SEC("cgroup/dev")
int jail_device(struct bpf_cgroup_dev_ctx *device)
{
	int block = (device->access_type & 0xffff) == BPF_DEVCG_DEV_BLOCK;
	__u32 access = device->access_type >> 16, major = device->major;
	int is_pty = major >= PTY_MAJOR_FIRST && major <= PTY_MAJOR_LAST;
	__u32 only = 0;
	__u64 *parts = bpf_map_lookup_elem(&granted_parts, &only);

	if (access & BPF_DEVCG_ACC_MKNOD)
		return jp_right_of_mknod(block ? JP_S_IFBLK : JP_S_IFCHR) == JP_FREE ? ALLOWED : REFUSED;
	return jp_judge_part(0, 0, parts ? *parts : 0, jp_right_of_device(block, major, device->minor, is_pty),
			     jp_part_of_device(block, major, device->minor)) == JP_ALLOW ?
		       ALLOWED :
		       REFUSED;
}

char cgroup_license[] SEC("license") = "Dual BSD/GPL";
