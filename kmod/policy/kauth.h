/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The questions of NetBSD's kauth(9) as questions to this policy. Like policy.h it needs no kernel's headers: the NetBSD
 * module translates the kernel's numbers to these names, and the tests ask by the same names.
 */
#ifndef JAIL_POLICY_KAUTH_H
#define JAIL_POLICY_KAUTH_H

#include "policy.h"

#define NEWER_ACTION(scope, action, right) ACTION(scope, action, right)
#define NEWER_REQUEST(scope, action, request, right) REQUEST(scope, action, request, right)

enum jp_kauth {
#define ACTION(scope, action, right) JP_KAUTH_##scope##_##action,
#define REQUEST(scope, action, request, right) JP_KAUTH_##scope##_##action##_##request,
#define ON_PROCESS(action, fence, right) JP_KAUTH_PROCESS_##action,
#include "kauth.def"
#undef ACTION
#undef REQUEST
#undef ON_PROCESS
	JP_KAUTH_COUNT,
};

enum jp_kauth_scope { JP_SCOPE_PROCESS = 0, JP_SCOPE_SYSTEM, JP_SCOPE_NETWORK, JP_SCOPE_DEVICE, JP_SCOPE_MACHDEP };

/* A question this table does not know takes a right that no profile grants. */
JP_FN jp_u32 jp_right_of_unknown_kauth(jp_u32 scope)
{
	switch (scope) {
	case JP_SCOPE_PROCESS:
		return JP_PROCESS_TRACE;
	case JP_SCOPE_NETWORK:
		return JP_NET_ADMIN;
	case JP_SCOPE_DEVICE:
		return JP_DEVICE;
	case JP_SCOPE_MACHDEP:
		return JP_RAW_IO;
	case JP_SCOPE_SYSTEM:
	default:
		return JP_NAMESPACES;
	}
}

/* The right that an action of a member takes; on a process, of its own jail. */
JP_FN jp_u32 jp_right_of_kauth(jp_u32 question)
{
	switch (question) {
#define ACTION(scope, action, right)           \
	case JP_KAUTH_##scope##_##action:      \
		return JP_##right;
#define REQUEST(scope, action, request, right)           \
	case JP_KAUTH_##scope##_##action##_##request:    \
		return JP_##right;
#define ON_PROCESS(action, fence, right)       \
	case JP_KAUTH_PROCESS_##action:        \
		return JP_##right;
#include "kauth.def"
#undef ACTION
#undef REQUEST
#undef ON_PROCESS
	default:
		return JP_NAMESPACES;
	}
}

/* The fence that keeps a member from doing this to a process that is not of its jail. */
JP_FN jp_u32 jp_fence_of_kauth(jp_u32 question)
{
	switch (question) {
#define ACTION(scope, action, right)
#define REQUEST(scope, action, request, right)
#define ON_PROCESS(action, fence, right)       \
	case JP_KAUTH_PROCESS_##action:        \
		return JP_##fence;
#include "kauth.def"
#undef ACTION
#undef REQUEST
#undef ON_PROCESS
	default:
		return JP_PROCESS_TRACE;
	}
}

#undef NEWER_ACTION
#undef NEWER_REQUEST

/* Setting a nice value; raised: to a better one than the process has. */
JP_FN jp_u32 jp_right_of_nice(int raised)
{
	return raised ? JP_PRIORITY : JP_FREE;
}

/* Setting a resource limit; raised: its maximum, or past it. */
JP_FN jp_u32 jp_right_of_rlimit(int raised)
{
	return raised ? JP_RESOURCE : JP_FREE;
}

/* A new process; closed: of a jail that is being stopped. */
JP_FN jp_u32 jp_right_of_fork(int closed)
{
	return closed ? JP_PROCESS_TABLE : JP_FREE;
}

/* A file of procfs(5) about another process of the own jail; deep: its memory or registers, or written to. */
JP_FN jp_u32 jp_right_of_procfs(int deep)
{
	return deep ? JP_PTRACE : JP_FREE;
}

/* Kernel pointers of a process of the own jail. */
JP_FN jp_u32 jp_right_of_kernel_pointers(void)
{
	return JP_SYSLOG_READ;
}

/* ---- sockets (numbers of NetBSD's sys/socket.h) ---- */

enum {
	JP_NETBSD_AF_LOCAL = 1,
	JP_NETBSD_AF_INET = 2,
	JP_NETBSD_AF_OROUTE = 17,
	JP_NETBSD_AF_LINK = 18,
	JP_NETBSD_AF_INET6 = 24,
	JP_NETBSD_AF_ROUTE = 34,
};

JP_FN jp_u32 jp_right_of_netbsd_socket(jp_u32 domain, jp_u32 type, jp_u32 protocol)
{
	switch (domain) {
	case JP_NETBSD_AF_LOCAL:
		return jp_right_of_socket(JP_AF_UNIX, type, protocol);
	case JP_NETBSD_AF_INET:
		return jp_right_of_socket(JP_AF_INET, type, protocol);
	case JP_NETBSD_AF_INET6:
		return jp_right_of_socket(JP_AF_INET6, type, protocol);
	case JP_NETBSD_AF_OROUTE:
	case JP_NETBSD_AF_ROUTE: /* reads; changes of routes are asked as NETWORK ROUTE */
		return JP_NETLINK_ROUTE;
	case JP_NETBSD_AF_LINK:
		return JP_PACKET_SOCKET;
	default:
		return JP_SOCKET_FAMILY;
	}
}

/* The port that a bind asks for. The address is not to be trusted for its family: for an ephemeral candidate NetBSD hands
 * over one on its stack, with no family and the port in host order (sys/netinet/portalgo.c). */
JP_FN jp_u32 jp_netbsd_bound_port(jp_u32 socket_family, jp_u32 address_family, jp_u8 first, jp_u8 second, jp_u32 as_host)
{
	if (socket_family != JP_NETBSD_AF_INET && socket_family != JP_NETBSD_AF_INET6)
		return 0;
	if (address_family == socket_family)
		return (jp_u32)first << 8 | second;
	return as_host;
}

/* ---- devices ---- */

/* Drivers by name: their majors differ from one port of NetBSD to the next. */
enum jp_netbsd_driver {
	JP_DRIVER_OTHER = 0,
	JP_DRIVER_MEM,	 /* mem(4) */
	JP_DRIVER_CTTY,	 /* tty(4) */
	JP_DRIVER_RND,	 /* rnd(4) */
	JP_DRIVER_PTM,	 /* ptm(4) */
	JP_DRIVER_PTS,	 /* pty(4), slaves */
	JP_DRIVER_PTC,	 /* pty(4), masters */
	JP_DRIVER_FILEDESC, /* fd(4): the opener's own descriptors */
};

JP_FN jp_u32 jp_right_of_netbsd_device(int block, jp_u32 driver, jp_u32 minor)
{
	enum { MEM_NULL = 2, MEM_FULL = 11, MEM_ZERO = 12 };
	enum { CTTY_TTY = 0, RND_RANDOM = 0, RND_URANDOM = 1, PTM_PTMX = 0, PTM_PTM = 1 };
	if (block)
		return JP_DEVICE;
	switch (driver) {
	case JP_DRIVER_MEM:
		return minor == MEM_NULL || minor == MEM_FULL || minor == MEM_ZERO ? JP_FREE : JP_DEVICE;
	case JP_DRIVER_CTTY:
		return minor == CTTY_TTY ? JP_FREE : JP_DEVICE;
	case JP_DRIVER_RND:
		return minor == RND_RANDOM || minor == RND_URANDOM ? JP_FREE : JP_DEVICE;
	case JP_DRIVER_PTM:
		return minor == PTM_PTMX || minor == PTM_PTM ? JP_FREE : JP_DEVICE;
	case JP_DRIVER_PTS:
	case JP_DRIVER_PTC:
	case JP_DRIVER_FILEDESC:
		return JP_FREE;
	default:
		return JP_DEVICE;
	}
}

#endif
