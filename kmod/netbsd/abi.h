/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What crosses the border between secmodel_jail for NetBSD and userland, by sysctl(7) nodes of security.models.jail. A
 * structure begins with the version that its writer speaks, and has the same layout for 32 and 64 bit: i386 aligns 64-bit
 * numbers to 4, so every gap is spelled out. Any change raises JAIL_ABI; another number is refused with EPROTONOSUPPORT, another
 * size with EINVAL.
 *
 *   version  int, read                 JAIL_ABI
 *   name     string, read
 *   id       int, host root            read: the caller's jid, 0 for the host; write: enter that jail, for good
 *   create   struct jail_create, written and read back in one call, host root
 *   update   struct jail_update, the same
 *   destroy  int, host root            write: the jid
 *   signal   struct jail_signal, written and read back in one call, host root
 *   list     struct jail_info[], read by any host user
 *   members  struct jail_member[], read by any host user
 *   dying    int, read by any host user: destroyed jails that some credential still names
 */
#ifndef JAIL_NETBSD_ABI_H
#define JAIL_NETBSD_ABI_H

#define JAIL_ABI 2

#define JAIL_NAME_SIZE 64
#define JAIL_ROOT_SIZE 256
#define JAIL_PROFILE_SIZE 32
#define JAIL_PORTS 32
#define JAIL_RIGHTS 64
#define JAIL_COMMAND_SIZE 32
#define JAIL_MAX 1023 /* jails at a time */

/* EEXIST: the name is taken; EADDRINUSE: taken_port belongs to owner; ENOENT, ENOTDIR: the root; ENOSPC: JAIL_MAX;
 * ENOMEM: no room for the answer, and no jail was made. */
struct jail_create {
	uint32_t version;
	uint32_t jid; /* out */
	uint64_t rights;
	uint32_t port_count;
	uint32_t taken_port; /* out */
	uint16_t ports[JAIL_PORTS];
	char name[JAIL_NAME_SIZE];
	char root[JAIL_ROOT_SIZE];
	char profile[JAIL_PROFILE_SIZE];
	char owner[JAIL_NAME_SIZE]; /* out */
	uint64_t unused[4];	    /* 0 */
};

#define JAIL_UPDATE_RIGHTS 0x1
#define JAIL_UPDATE_PORTS 0x2
#define JAIL_UPDATE_CLOSE 0x4 /* no process enters or forks any more, for good */

/* ENOENT: no such jail; EADDRINUSE as above. All that changes names is changed, or nothing. */
struct jail_update {
	uint32_t version;
	uint32_t jid;
	uint64_t rights;
	uint32_t changes; /* JAIL_UPDATE_* */
	uint32_t port_count;
	uint32_t taken_port; /* out */
	uint32_t unused1;    /* 0 */
	uint16_t ports[JAIL_PORTS];
	char owner[JAIL_NAME_SIZE]; /* out */
	uint64_t unused2[4];	    /* 0 */
};

/* To every process of the jail, zombies excepted. ENOENT: no such jail. */
struct jail_signal {
	uint32_t version;
	uint32_t jid;
	int32_t signal;
	uint32_t count; /* out: processes */
};

enum jail_state { JAIL_CREATING = 1, JAIL_ACTIVE = 2, JAIL_CLOSED = 3, JAIL_DYING = 4 };

struct jail_info {
	uint32_t version;
	uint32_t jid;
	uint64_t rights;
	uint32_t state; /* enum jail_state; DYING is never listed */
	uint32_t port_count;
	uint64_t processes;	/* zombies not counted */
	uint64_t references;	/* credentials that name the jail; open files keep some */
	uint64_t memory_bytes;	/* virtual size of all members */
	uint64_t cpu_ticks;	/* so far, of members and former members; kern.clockrate has ticks per second (stathz) */
	uint64_t cpu_ticks_1s;	/* in the last second */
	uint64_t cpu_ticks_10s; /* per second, mean of the last ten */
	uint64_t created_s;	/* uptime at creation, seconds */
	uint64_t denials[JAIL_RIGHTS]; /* by right, as in kmod/policy/rights.def */
	uint16_t ports[JAIL_PORTS];
	char name[JAIL_NAME_SIZE];
	char root[JAIL_ROOT_SIZE];
	char profile[JAIL_PROFILE_SIZE];
	uint64_t unused[4];
};

struct jail_member {
	uint32_t version;
	uint32_t jid;
	int32_t pid;
	uint32_t arriving; /* entered, but did not exec yet */
	uint64_t cpu_ticks;
	uint64_t memory_bytes;
	char command[JAIL_COMMAND_SIZE];
};

#define JAIL_AT(type, field, offset) \
	_Static_assert(__builtin_offsetof(struct type, field) == (offset), #type "." #field " moved")
#define JAIL_IS(type, size) _Static_assert(sizeof(struct type) == (size), "struct " #type " changed its size")

JAIL_AT(jail_create, rights, 8);
JAIL_AT(jail_create, port_count, 16);
JAIL_AT(jail_create, ports, 24);
JAIL_AT(jail_create, name, 88);
JAIL_AT(jail_create, root, 152);
JAIL_AT(jail_create, profile, 408);
JAIL_AT(jail_create, owner, 440);
JAIL_AT(jail_create, unused, 504);
JAIL_IS(jail_create, 536);
JAIL_AT(jail_update, rights, 8);
JAIL_AT(jail_update, changes, 16);
JAIL_AT(jail_update, ports, 32);
JAIL_AT(jail_update, owner, 96);
JAIL_AT(jail_update, unused2, 160);
JAIL_IS(jail_update, 192);
JAIL_AT(jail_signal, count, 12);
JAIL_IS(jail_signal, 16);
JAIL_AT(jail_info, rights, 8);
JAIL_AT(jail_info, state, 16);
JAIL_AT(jail_info, processes, 24);
JAIL_AT(jail_info, created_s, 72);
JAIL_AT(jail_info, denials, 80);
JAIL_AT(jail_info, ports, 592);
JAIL_AT(jail_info, name, 656);
JAIL_AT(jail_info, root, 720);
JAIL_AT(jail_info, profile, 976);
JAIL_AT(jail_info, unused, 1008);
JAIL_IS(jail_info, 1040);
JAIL_AT(jail_member, pid, 8);
JAIL_AT(jail_member, cpu_ticks, 16);
JAIL_AT(jail_member, command, 32);
JAIL_IS(jail_member, 64);

#endif
