/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The decisions of secmodel_jail, in plain C without any kernel's headers. One source, three bodies: the BPF object,
 * the NetBSD module and the Rust program (which simulates and tests them) compile this file. No state, no I/O: the
 * callers bring who acts, on what, and the profile; this file says which right that takes and whether it is held.
 *
 * A question about an action returns the right it takes, or JP_FREE when every jail may do it.
 */
#ifndef JAIL_POLICY_H
#define JAIL_POLICY_H

#ifndef JP_FN
#define JP_FN static inline __attribute__((always_inline, unused))
#endif

typedef unsigned char jp_u8;
typedef unsigned short jp_u16;
typedef unsigned int jp_u32;
typedef unsigned long long jp_u64;

enum jp_right {
#define RIGHT(sym, name, levels, reason) JP_##sym,
#include "rights.def"
#undef RIGHT
	JP_RIGHT_COUNT,
	/* No right needed: every jail may. */
	JP_FREE = 255,
};
_Static_assert(JP_RIGHT_COUNT <= 64, "rights are kept in a 64-bit mask");

#define JP_BIT(right) (1ULL << (right))
#define JP_HOST 0u /* the host's jid */

/* ---- profiles ---- */

enum jp_level { JP_LOW = 0, JP_MEDIUM = 1, JP_HIGH = 2, JP_LEVEL_COUNT };

#define JP_IN_L 1
#define JP_IN_M 2
#define JP_IN_H 4
#define JP_IN_NONE 0
#define JP_IN_FENCE 8
#define JP_IN_GRAVE 16

/* The mask of rights that a built-in profile grants; 0 for an unknown level, so a corrupt value denies. */
JP_FN jp_u64 jp_level_mask(jp_u32 level)
{
	enum { L = JP_IN_L, M = JP_IN_M, H = JP_IN_H, NONE = JP_IN_NONE, FENCE = JP_IN_FENCE, GRAVE = JP_IN_GRAVE };
	jp_u64 mask = 0;
	if (level >= JP_LEVEL_COUNT)
		return 0;
	jp_u32 want = 1u << level;
#define RIGHT(sym, name, levels, reason) \
	if ((levels) & want)             \
		mask |= JP_BIT(JP_##sym);
#include "rights.def"
#undef RIGHT
	return mask;
}

/* The rights whose levels say this. */
JP_FN jp_u64 jp_marked(jp_u32 wanted)
{
	enum { L = JP_IN_L, M = JP_IN_M, H = JP_IN_H, NONE = JP_IN_NONE, FENCE = JP_IN_FENCE, GRAVE = JP_IN_GRAVE };
	jp_u64 mask = 0;
#define RIGHT(sym, name, levels, reason)  \
	if ((levels) & wanted)            \
		mask |= JP_BIT(JP_##sym);
#include "rights.def"
#undef RIGHT
	return mask;
}

/* The rights that no profile can grant. */
JP_FN jp_u64 jp_fences(void)
{
	return jp_marked(JP_IN_FENCE);
}

/* The rights that are never let through to be observed. */
JP_FN jp_u64 jp_grave(void)
{
	return jp_marked(JP_IN_GRAVE);
}

/* Does a profile's mask hold the right? A fence is never held, whatever the mask says. */
JP_FN int jp_holds(jp_u64 mask, jp_u32 right)
{
	if (right == JP_FREE)
		return 1;
	if (right >= JP_RIGHT_COUNT)
		return 0;
	return ((mask & ~jp_fences()) >> right) & 1;
}

/* ---- verdicts ---- */

/* TELL: let through like a right that is held, but told like a denial. */
enum jp_verdict { JP_REFUSE = 0, JP_ALLOW = 1, JP_TELL = 2 };

/* What becomes of a use of the right, by the masks of the rights that are held and of those that are audited. Neither
 * opens a fence, auditing opens no grave right, and what is held is no news. */
JP_FN jp_u32 jp_judge(jp_u64 held, jp_u64 audited, jp_u32 right)
{
	if (jp_holds(held, right))
		return JP_ALLOW;
	return jp_holds(audited & ~jp_grave(), right) ? JP_TELL : JP_REFUSE;
}

/* ---- parts of rights ---- */

/* What of a right can be granted by itself, a bit each: the netlink families by their protocols, devices above them. */
enum { JP_FIRST_DEVICE = 32, JP_PARTS = 64, JP_NO_PART = JP_PARTS };

JP_FN int jp_holds_part(jp_u64 parts, jp_u32 part)
{
	return part < JP_PARTS && ((parts >> part) & 1);
}

/* What becomes of a use of the right for which its part would do. */
JP_FN jp_u32 jp_judge_part(jp_u64 held, jp_u64 audited, jp_u64 parts, jp_u32 right, jp_u32 part)
{
	return jp_holds_part(parts, part) ? JP_ALLOW : jp_judge(held, audited, right);
}

/* The same while somebody learns what is used: all is told, what is held too, and a grave right goes no further than it does
 * otherwise. */
JP_FN jp_u32 jp_judge_learned(jp_u64 held, jp_u64 parts, jp_u32 right, jp_u32 part)
{
	jp_u32 verdict = jp_judge(0, ~0ULL, right);

	if (verdict != JP_REFUSE)
		return verdict;
	return jp_holds(held, right) || jp_holds_part(parts, part) ? JP_TELL : JP_REFUSE;
}

/* The part that making such a socket takes; family is Linux's AF_NETLINK. */
JP_FN jp_u32 jp_part_of_socket(jp_u32 family, jp_u32 protocol)
{
	enum { NETLINK_FAMILY = 16 };
	if (family != NETLINK_FAMILY)
		return JP_NO_PART;
	switch (protocol) {
#define NETLINK(number, name, about) \
	case number:                 \
		return number;
#define DEVICE(bit, name, major, minor, about)
#include "parts.def"
#undef NETLINK
#undef DEVICE
	default:
		return JP_NO_PART;
	}
}

/* The part that opening such a node takes. */
JP_FN jp_u32 jp_part_of_device(int block, jp_u32 major, jp_u32 minor)
{
	if (block)
		return JP_NO_PART;
#define NETLINK(number, name, about)
#define DEVICE(bit, name, its_major, its_minor, about)     \
	if (major == (its_major) && minor == (its_minor)) \
		return JP_FIRST_DEVICE + (bit);
#include "parts.def"
#undef NETLINK
#undef DEVICE
	return JP_NO_PART;
}

/* ---- who may act on whom ---- */

/* The host acts on everyone; a member acts on members of its own jail. */
JP_FN int jp_may_act(jp_u32 actor, jp_u32 target)
{
	return actor == JP_HOST || actor == target;
}

/* A newcomer still is the program that brought it in, with the host's memory and the host's binary behind /proc/PID/exe
 * (CVE-2019-5736): until its first exec it is the host's to act on, though it counts and is judged as a member. */
JP_FN int jp_may_act_on(jp_u32 actor, jp_u32 target, int arriving)
{
	return actor == JP_HOST || (actor == target && !arriving);
}

#include "ports.h"

/* ---- options of sockets ---- */

/* Numbers of linux/in.h, linux/in6.h and asm-generic/socket.h. Some send packets first elsewhere than to
 * the address they are judged by: source routes of IPv4 and routing headers of IPv6, by setsockopt(2) or as control data of a
 * message. Others the kernel gives to CAP_NET_RAW, which the right to ping opens too: headers written by hand and sending from
 * addresses of others forge packets; marks steer routes and filters of the host. */
JP_FN jp_u32 jp_right_of_socket_option(jp_u32 level, jp_u32 option)
{
	enum { LEVEL_IP = 0, LEVEL_SOCKET = 1, LEVEL_IPV6 = 41 };
	enum { OPTIONS = 4, RETOPTS = 7, OLD_RTHDR = 5, OLD_PKTOPTIONS = 6, RTHDR = 57 };
	enum { HDRINCL = 3, TRANSPARENT = 19, HDRINCL6 = 36, TRANSPARENT6 = 75, MARK = 36 };
	if (level == LEVEL_SOCKET && option == MARK)
		return JP_NET_ADMIN;
	if (level == LEVEL_IP && (option == HDRINCL || option == TRANSPARENT))
		return JP_RAW_SOCKET;
	if (level == LEVEL_IPV6 && (option == HDRINCL6 || option == TRANSPARENT6))
		return JP_RAW_SOCKET;
	if (level == LEVEL_IP && (option == OPTIONS || option == RETOPTS))
		return JP_CONNECT;
	if (level == LEVEL_IPV6 && (option == OLD_RTHDR || option == OLD_PKTOPTIONS || option == RTHDR))
		return JP_CONNECT;
	return JP_FREE;
}

/* ---- objects with an owner: IPC, unix sockets ---- */

/* IPC objects made by the host or another jail are closed to a member. */
JP_FN int jp_may_share_ipc(jp_u32 actor, jp_u32 owner)
{
	return jp_may_act(actor, owner);
}

/* A host's unix socket that has a path inside the jail's root was put there by the administrator; an abstract or
 * unnamed one was not. Members of another jail are never reached. */
JP_FN int jp_may_reach_unix(jp_u32 actor, jp_u32 owner, int has_path)
{
	if (jp_may_act(actor, owner))
		return 1;
	return owner == JP_HOST && has_path;
}

/* ---- running programs ---- */

/* What exec(2) is about to give: other identities than before, or capabilities to who is not root. Root has all that its jail
 * can have, whatever it runs. */
JP_FN jp_u32 jp_right_of_exec(int is_root, int changes_user, int changes_group, jp_u64 capabilities_gained)
{
	return changes_user || changes_group || (!is_root && capabilities_gained) ? JP_SETUID_EXEC : JP_FREE;
}

/* ---- capabilities (numbers of capabilities(7)) ---- */

enum jp_cap {
	JP_CAP_CHOWN = 0, JP_CAP_DAC_OVERRIDE = 1, JP_CAP_DAC_READ_SEARCH = 2, JP_CAP_FOWNER = 3, JP_CAP_FSETID = 4,
	JP_CAP_KILL = 5, JP_CAP_SETGID = 6, JP_CAP_SETUID = 7, JP_CAP_SETPCAP = 8, JP_CAP_LINUX_IMMUTABLE = 9,
	JP_CAP_NET_BIND_SERVICE = 10, JP_CAP_NET_BROADCAST = 11, JP_CAP_NET_ADMIN = 12, JP_CAP_NET_RAW = 13,
	JP_CAP_IPC_LOCK = 14, JP_CAP_IPC_OWNER = 15, JP_CAP_SYS_MODULE = 16, JP_CAP_SYS_RAWIO = 17,
	JP_CAP_SYS_CHROOT = 18, JP_CAP_SYS_PTRACE = 19, JP_CAP_SYS_PACCT = 20, JP_CAP_SYS_ADMIN = 21,
	JP_CAP_SYS_BOOT = 22, JP_CAP_SYS_NICE = 23, JP_CAP_SYS_RESOURCE = 24, JP_CAP_SYS_TIME = 25,
	JP_CAP_SYS_TTY_CONFIG = 26, JP_CAP_MKNOD = 27, JP_CAP_LEASE = 28, JP_CAP_AUDIT_WRITE = 29,
	JP_CAP_AUDIT_CONTROL = 30, JP_CAP_SETFCAP = 31, JP_CAP_MAC_OVERRIDE = 32, JP_CAP_MAC_ADMIN = 33,
	JP_CAP_SYSLOG = 34, JP_CAP_WAKE_ALARM = 35, JP_CAP_BLOCK_SUSPEND = 36, JP_CAP_AUDIT_READ = 37,
	JP_CAP_PERFMON = 38, JP_CAP_BPF = 39, JP_CAP_CHECKPOINT_RESTORE = 40,
};

/* The right that using a capability takes. A capability this table does not know (a newer kernel's) takes the
 * strictest one. */
JP_FN jp_u32 jp_right_of_capability(jp_u32 cap)
{
	switch (cap) {
	case JP_CAP_CHOWN:
	case JP_CAP_DAC_OVERRIDE:
	case JP_CAP_FOWNER:
	case JP_CAP_FSETID:
	case JP_CAP_KILL:
	case JP_CAP_SETGID:
	case JP_CAP_SETUID:
	case JP_CAP_SETPCAP:
	case JP_CAP_NET_BROADCAST:
	case JP_CAP_LEASE:
	case JP_CAP_MKNOD: /* FIFOs need none; nodes are decided by their kind in jp_right_of_mknod */
		return JP_FREE;
	case JP_CAP_DAC_READ_SEARCH:
		return JP_FILE_HANDLE;
	case JP_CAP_LINUX_IMMUTABLE:
		return JP_IMMUTABLE;
	case JP_CAP_NET_BIND_SERVICE:
		return JP_PRIVILEGED_PORT;
	case JP_CAP_NET_ADMIN:
		return JP_NET_ADMIN;
	case JP_CAP_NET_RAW:
		return JP_RAW_SOCKET;
	case JP_CAP_IPC_LOCK:
	case JP_CAP_IPC_OWNER:
		return JP_IPC_OVERRIDE;
	case JP_CAP_SYS_MODULE:
		return JP_KERNEL_MODULE;
	case JP_CAP_SYS_RAWIO:
		return JP_RAW_IO;
	case JP_CAP_SYS_CHROOT:
		return JP_CHROOT;
	case JP_CAP_SYS_PTRACE:
		return JP_PTRACE;
	case JP_CAP_SYS_PACCT:
		return JP_ACCOUNTING;
	case JP_CAP_SYS_BOOT:
		return JP_REBOOT;
	case JP_CAP_SYS_NICE:
		return JP_PRIORITY;
	case JP_CAP_SYS_RESOURCE:
		return JP_RESOURCE;
	case JP_CAP_SYS_TIME:
		return JP_TIME;
	case JP_CAP_SYS_TTY_CONFIG:
		return JP_TTY;
	case JP_CAP_AUDIT_WRITE:
		return JP_AUDIT_WRITE;
	case JP_CAP_AUDIT_CONTROL:
	case JP_CAP_AUDIT_READ:
	case JP_CAP_MAC_OVERRIDE:
	case JP_CAP_MAC_ADMIN:
		return JP_MAC_AUDIT;
	case JP_CAP_SETFCAP:
		return JP_FILE_CAPABILITY;
	case JP_CAP_SYSLOG:
		return JP_SYSLOG_READ;
	case JP_CAP_WAKE_ALARM:
	case JP_CAP_BLOCK_SUSPEND:
		return JP_WAKE;
	case JP_CAP_PERFMON:
		return JP_PERF;
	case JP_CAP_BPF:
		return JP_BPF;
	case JP_CAP_CHECKPOINT_RESTORE:
		return JP_CHECKPOINT;
	case JP_CAP_SYS_ADMIN:
	default:
		return JP_NAMESPACES;
	}
}

/* Sockets are judged by their kind when they are made. CAP_NET_RAW, and NetBSD's RAWSOCK, are asked besides, without the
 * kind: each of the two rights that such sockets take serves. */
JP_FN jp_u32 jp_right_of_raw(jp_u64 held, jp_u64 audited)
{
	if (jp_holds(held, JP_RAW_SOCKET))
		return JP_RAW_SOCKET;
	return jp_holds(held | audited, JP_PING) ? JP_PING : JP_RAW_SOCKET;
}

/* The same question of who holds and is audited for these. */
JP_FN jp_u32 jp_right_of_capability_with(jp_u64 held, jp_u64 audited, jp_u32 cap)
{
	return cap == JP_CAP_NET_RAW ? jp_right_of_raw(held, audited) : jp_right_of_capability(cap);
}

/* ---- files ---- */

/* File type bits of mode_t, stat(2). */
enum { JP_S_IFMT = 0170000, JP_S_IFBLK = 0060000, JP_S_IFCHR = 0020000, JP_S_IFDIR = 0040000, JP_S_IFREG = 0100000 };

JP_FN jp_u32 jp_right_of_mknod(jp_u32 mode)
{
	jp_u32 kind = mode & JP_S_IFMT;
	return kind == JP_S_IFBLK || kind == JP_S_IFCHR ? JP_MKNOD : JP_FREE;
}

/* Opening a device node. Numbers of Linux's admin-guide/devices.txt. */
JP_FN jp_u32 jp_right_of_device(int block, jp_u32 major, jp_u32 minor, int is_pty)
{
	enum { MEM = 1, TTYAUX = 5 };
	enum { MEM_NULL = 3, MEM_ZERO = 5, MEM_FULL = 7, MEM_RANDOM = 8, MEM_URANDOM = 9 };
	enum { TTYAUX_TTY = 0, TTYAUX_PTMX = 2 };
	if (block)
		return JP_DEVICE;
	if (is_pty)
		return JP_FREE;
	if (major == MEM && (minor == MEM_NULL || minor == MEM_ZERO || minor == MEM_FULL || minor == MEM_RANDOM ||
			     minor == MEM_URANDOM))
		return JP_FREE;
	if (major == TTYAUX && (minor == TTYAUX_TTY || minor == TTYAUX_PTMX))
		return JP_FREE;
	return JP_DEVICE;
}

/* What a file system is to a jail; the body at hand tells by its own means (on Linux by superblock magic). */
enum jp_fs { JP_FS_ORDINARY = 0, JP_FS_PROC_PROCESS, JP_FS_PROC_HOST, JP_FS_PROC_IPC, JP_FS_KERNEL, JP_FS_KERNEL_HIDDEN };

/* Opening a file for reading only (write = 0) or for writing as well. */
JP_FN jp_u32 jp_right_of_open(jp_u32 fs, int write)
{
	switch (fs) {
	case JP_FS_ORDINARY:
	case JP_FS_PROC_PROCESS: /* whose process it is, is asked as PROCESS_SEE or PROCESS_TRACE */
		return JP_FREE;
	case JP_FS_PROC_HOST:
		return write ? JP_SYSCTL_WRITE : JP_FREE;
	case JP_FS_PROC_IPC: /* /proc/sysvipc lists every jail's objects */
		return JP_IPC_FOREIGN;
	case JP_FS_KERNEL:
		return write ? JP_KERNEL_FS_WRITE : JP_FREE;
	case JP_FS_KERNEL_HIDDEN: /* bpffs, debugfs, tracefs: reading steers or tells too much */
	default:
		return JP_KERNEL_FS_WRITE;
	}
}

/* Changing names, modes or sizes on a file system. */
JP_FN jp_u32 jp_right_of_change(jp_u32 fs)
{
	switch (fs) {
	case JP_FS_ORDINARY:
	case JP_FS_PROC_PROCESS:
		return JP_FREE;
	case JP_FS_PROC_HOST: /* a chmod would let others write there */
	case JP_FS_PROC_IPC:
		return JP_SYSCTL_WRITE;
	default:
		return JP_KERNEL_FS_WRITE;
	}
}

/* A file on a mount: of the opener's own tree, of the kernel itself (pipes, memory files), or of another tree. */
enum jp_mount { JP_MOUNT_OWN = 0, JP_MOUNT_KERNEL, JP_MOUNT_FOREIGN };

JP_FN jp_u32 jp_right_of_mount(jp_u32 kind)
{
	return kind == JP_MOUNT_OWN || kind == JP_MOUNT_KERNEL ? JP_FREE : JP_FOREIGN_MOUNT;
}

/* A descriptor that arrives over a unix socket or is taken from another process. */
JP_FN jp_u32 jp_right_of_received(jp_u32 mode, int is_namespace)
{
	return (mode & JP_S_IFMT) == JP_S_IFDIR || is_namespace ? JP_DESCRIPTOR_RECEIVE : JP_FREE;
}

/* ---- sockets (numbers of Linux's socket.h and netlink.h) ---- */

enum { JP_AF_UNIX = 1, JP_AF_INET = 2, JP_AF_INET6 = 10, JP_AF_NETLINK = 16, JP_AF_PACKET = 17 };
enum { JP_SOCK_DGRAM = 2, JP_SOCK_RAW = 3 };
enum { JP_NETLINK_ROUTE_FAMILY = 0 };

/* What ping(8) opens: a datagram socket where the host's net.ipv4.ping_group_range lets its group, or a raw one. */
JP_FN int jp_is_icmp(jp_u32 type, jp_u32 protocol)
{
	enum { ICMP = 1, ICMPV6 = 58 };
	return (type == JP_SOCK_DGRAM || type == JP_SOCK_RAW) && (protocol == ICMP || protocol == ICMPV6);
}

/* SCTP, DCCP, L2TP, SMC are rarely used kernel code, and SCTP binds by a second way (sctp_bindx(3)). */
JP_FN int jp_is_common_inet(jp_u32 type, jp_u32 protocol)
{
	enum { STREAM = 1 };
	enum { ANY = 0, TCP = 6, UDP = 17, UDPLITE = 136, MPTCP = 262 };
	if (type == STREAM)
		return protocol == ANY || protocol == TCP || protocol == MPTCP;
	return type == JP_SOCK_DGRAM && (protocol == ANY || protocol == UDP || protocol == UDPLITE);
}

JP_FN jp_u32 jp_right_of_socket(jp_u32 family, jp_u32 type, jp_u32 protocol)
{
	switch (family) {
	case JP_AF_UNIX:
		return JP_FREE;
	case JP_AF_INET:
	case JP_AF_INET6:
		if (jp_is_icmp(type, protocol))
			return JP_PING;
		if (type == JP_SOCK_RAW)
			return JP_RAW_SOCKET;
		return jp_is_common_inet(type, protocol) ? JP_FREE : JP_SOCKET_FAMILY;
	case JP_AF_NETLINK:
		return protocol == JP_NETLINK_ROUTE_FAMILY ? JP_NETLINK_ROUTE : JP_NETLINK;
	case JP_AF_PACKET:
		return JP_PACKET_SOCKET;
	default:
		return JP_SOCKET_FAMILY;
	}
}

#endif
