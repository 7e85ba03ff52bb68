/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Programs on control groups, for machines that do not take the module: who binds a reserved port, and which device
 * nodes members of a jail open. They gather; kmod/policy decides.
 *
 * Attacks answered: taking a port that a jail reserved, by TCP, UDP, any address family or SO_REUSEPORT, from another
 * jail or the host; opening or making a device node that is no jail's business.
 * Not seen here, as the kernel asks no program: SCTP (its own bind), and ports picked for listen(2) or connect(2) without
 * bind(2), from which net.ipv4.ip_local_reserved_ports keeps the reserved ones away.
 */
#include <asm/errno.h>
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../policy/policy.h"

enum { REFUSED = 0, ALLOWED = 1 };

/* ---- ports: attached to the root group, so that the host is asked as well ---- */

/* A jail's group is `jailsh/NAME`; the root is level 0. */
enum { JAIL_LEVEL = 2 };

/* One jail looked at by itself: as good as any jid. */
enum { OWNER = 1 };

/* Port -> id of its owner's group. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} group_ports SEC(".maps");

/* The group is that of the process that binds, not of the one that made the socket. */
static __always_inline int judge_port(__u32 port)
{
	__u64 *owner = bpf_map_lookup_elem(&group_ports, &port);

	if (jp_may_bind(owner && bpf_get_current_ancestor_cgroup_id(JAIL_LEVEL) == *owner ? OWNER : JP_HOST,
			owner ? OWNER : JP_HOST))
		return ALLOWED;
	bpf_set_retval(-EADDRINUSE);
	return REFUSED;
}

SEC("cgroup/bind4")
int jail_bind4(struct bpf_sock_addr *address)
{
	return judge_port(bpf_ntohs((__u16)address->user_port));
}

SEC("cgroup/bind6")
int jail_bind6(struct bpf_sock_addr *address)
{
	return judge_port(bpf_ntohs((__u16)address->user_port));
}

/* Once more with the port that the socket really got: bind(2) of port 0 picks one. */
SEC("cgroup/post_bind4")
int jail_post_bind4(struct bpf_sock *socket)
{
	return judge_port(socket->src_port);
}

SEC("cgroup/post_bind6")
int jail_post_bind6(struct bpf_sock *socket)
{
	return judge_port(socket->src_port);
}

/* ---- devices: attached to a jail's group ---- */

/* Terminals of devpts, Linux's admin-guide/devices.txt. A node of these numbers elsewhere opens nothing: the driver looks
 * for a file of devpts (drivers/tty/pty.c, pts_unix98_lookup). */
enum { PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143 };

/* Overlay whiteouts (character device 0:0) never come here; they are no device. */
SEC("cgroup/dev")
int jail_device(struct bpf_cgroup_dev_ctx *device)
{
	int block = (device->access_type & 0xffff) == BPF_DEVCG_DEV_BLOCK;
	__u32 access = device->access_type >> 16, major = device->major;
	int is_pty = major >= PTY_MAJOR_FIRST && major <= PTY_MAJOR_LAST;

	if (access & BPF_DEVCG_ACC_MKNOD)
		return jp_right_of_mknod(block ? JP_S_IFBLK : JP_S_IFCHR) == JP_FREE ? ALLOWED : REFUSED;
	return jp_right_of_device(block, major, device->minor, is_pty) == JP_FREE ? ALLOWED : REFUSED;
}

char cgroup_license[] SEC("license") = "Dual BSD/GPL";
