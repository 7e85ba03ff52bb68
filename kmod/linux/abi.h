/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What crosses the border between secmodel_jail and userland: one structure per control program, the jail's record, the
 * denial event and the process record. Rules of connecting have kmod/policy's form. src/kernel/lsm/abi.rs mirrors every one and checks the sizes. Any change here
 * raises JAIL_ABI; a call that carries another number is refused with EPROTONOSUPPORT.
 */
#ifndef JAIL_ABI_H
#define JAIL_ABI_H

#define JAIL_ABI 6

#define JAIL_NAME_SIZE 64
#define JAIL_ROOT_SIZE 256
#define JAIL_PROFILE_SIZE 32
#define JAIL_RIGHTS 64
#define JAIL_SAMPLES 10
#define JAIL_COMMAND_SIZE 16
#define JAIL_SUBJECT_SIZE 160

/* Slot 0 is the host's: it counts what the host itself was refused (a reserved port). */
#define JAIL_SLOTS 1024
#define JAIL_HOST_SLOT 0

/* Where a jail without the right `connect` may connect and send to. Two for each slot: the one in use stays whole while the
 * other is filled. */
struct jail_connect {
	__u32 count;
	__u32 unused;
	struct jp_connect_rule rules[JP_CONNECT_RULES];
};

/* The ports that a jail reserves: no two of them overlap, and together they are at most JP_RESERVED_PORTS. Two for each
 * slot, likewise. */
struct jail_ports {
	__u32 count;
	__u32 unused;
	struct jp_reservation rules[JP_RESERVATIONS];
};

/* One jail. Slots are never freed memory, so a count can be taken and given back without a lock. */
struct jail {
	__u64 rights;
	__u64 parts; /* of rights that are not held as a whole: kmod/policy/parts.def */
	__u64 audited; /* not held, but let through and told */
	__u64 learning_until_ns; /* until then every right that can be is audited, and what is held is told; 0: never */
	__u32 jid; /* 0: the slot is free */
	__u32 closing;
	__u32 held;
	__u32 changing; /* an update or destroy is at work */
	__s64 processes; /* thread groups that were not reaped yet */
	__s64 tasks; /* the same for threads */
	__u64 exited_cpu_ns;
	__u64 sampled_total_usec;
	__u64 samples_taken;
	__u64 samples_usec[JAIL_SAMPLES];
	__u64 reporting_since_ns;
	__u64 reported;
	__u64 denials[JAIL_RIGHTS];
	__u64 audits[JAIL_RIGHTS]; /* uses of audited rights, which are no denials */
	__u32 port_generation;
	__u32 ports_in_use; /* 0 or 1 */
	__u32 connect_in_use; /* likewise */
	__u32 unused;
	char name[JAIL_NAME_SIZE];
	char root[JAIL_ROOT_SIZE];
	char profile[JAIL_PROFILE_SIZE];
};

/* How many tasks and open files a jail may have, and what came of it. In a map of its own, by the jail's slot. */
struct jail_bounds {
	__u32 most_tasks; /* 0: as many as it likes */
	__u32 most_files; /* 0: as many as it likes, and they are not counted */
	__s64 files; /* open, and counted once however many descriptors lead to one */
	__u64 tasks_refused;
	__u64 files_refused;
};

/* ctl_info: answers whatever the caller's version is, so that a mismatch can be named. */
struct jail_info_call {
	__u32 abi; /* out */
	__u32 jails; /* out */
	__u64 events_lost; /* out: denials that were counted but not reported */
	__u32 sealed; /* out: the module is being unloaded */
	__u32 home_device; /* out: see ctl_arm */
};

/* ctl_create. EEXIST: the name is taken; EADDRINUSE: taken_port belongs to another jail; EINVAL: what cannot be reserved;
 * ENOSPC: no free slot; ENOBUFS: no room for more ports; ESHUTDOWN: the module is being unloaded; EAGAIN: another change of
 * ports is at work. */
struct jail_create_call {
	__u32 abi;
	__u32 jid; /* out */
	__u64 rights;
	__u64 parts;
	__u64 audited;
	__u32 taken_port; /* out */
	__u32 unused;
	char name[JAIL_NAME_SIZE];
	char root[JAIL_ROOT_SIZE];
	char profile[JAIL_PROFILE_SIZE];
	struct jail_ports ports;
	struct jail_connect connect;
};

/* ctl_update. EADDRINUSE, EINVAL and ENOBUFS as above; EAGAIN: another update or destroy is at work. */
struct jail_update_call {
	__u32 abi;
	__u32 jid;
	__u64 rights;
	__u64 parts;
	__u64 audited;
	__u32 taken_port; /* out */
	__u32 unused;
	struct jail_ports ports;
	struct jail_connect connect;
};

/* ctl_enter, ctl_close, ctl_destroy. ESRCH: no such jail. ctl_destroy: EBUSY while it has members. */
struct jail_call {
	__u32 abi;
	__u32 jid;
	__u64 processes; /* out: of ctl_close and ctl_destroy */
};

/* ctl_hold */
struct jail_hold_call {
	__u32 abi;
	__u32 jid;
	__u32 held;
	__u32 unused;
};

/* ctl_learn: audits every right that can be for a while, held or not, which whoever learns renews; 0 ends it. A learner that is killed
 * leaves nothing behind that outlasts its last call. At most JAIL_LEARN_MS. */
#define JAIL_LEARN_MS 60000
struct jail_learn_call {
	__u32 abi;
	__u32 jid;
	__u32 milliseconds;
	__u32 unused;
};

/* ctl_bound: from now on so many; 0 lifts one. ENOSPC: with `left` files more than before, the jails together would be
 * promised more than the module can count. */
struct jail_bound_call {
	__u32 abi;
	__u32 jid;
	__u32 most_tasks;
	__u32 most_files;
	__u32 left; /* out: of ENOSPC */
	__u32 unused;
};

/* Kinds of System V objects. */
enum { JAIL_IPC_MEMORY = 0, JAIL_IPC_SEMAPHORES = 1, JAIL_IPC_MESSAGES = 2 };

/* Who made an object, of which kind, in which IPC namespace (its inode number). */
struct jail_ipc_maker {
	__u32 jid;
	__u32 kind;
	__u32 namespace;
};

/* ctl_ipc: the number that the object of this key has for the commands of its kind. ESRCH: no object of that jail. */
struct jail_ipc_call {
	__u32 abi;
	__u32 jid;
	__u64 key;
	__s32 id; /* out */
	__u32 unused;
};

/* ctl_sample: CPU time of all members so far; the module keeps the differences. */
struct jail_sample_call {
	__u32 abi;
	__u32 jid;
	__u64 total_usec;
};

/* ctl_arm: which file systems hold the module's pins (two while one generation replaces another), in the caller's mount
 * namespace; lifts a seal. ctl_seal: refuses new jails for good; EBUSY while one exists. */
struct jail_arm_call {
	__u32 abi;
	__u32 home_device; /* the kernel's own encoding of a device number */
	__u32 next_home_device; /* 0: none */
	__u32 unused;
};

/* What a denial is about: a kind in the highest byte, a value of that kind below it. */
enum jail_object {
	JAIL_ABOUT_NOTHING = 0,
	JAIL_ABOUT_PROCESS, /* tgid */
	JAIL_ABOUT_PORT, /* like DESTINATION */
	JAIL_ABOUT_CAPABILITY, /* of capabilities(7) */
	JAIL_ABOUT_DEVICE, /* the kernel's own encoding of a device number */
	JAIL_ABOUT_SOCKET, /* family, type << 16, protocol << 32 */
	JAIL_ABOUT_FILE, /* the magic number of its file system */
	JAIL_ABOUT_DESCRIPTOR, /* the mode of what was received */
	JAIL_ABOUT_DESTINATION, /* port, protocol << 16 (kmod/policy); the subject begins with the address, 16 bytes */
};
#define JAIL_ABOUT_SHIFT 56
#define JAIL_ABOUT(kind, value) ((__u64)(JAIL_ABOUT_##kind) << JAIL_ABOUT_SHIFT | (__u64)(__u32)(value))

/* A denial, or a use of an audited right. */
struct jail_denial_event {
	__u32 jid;
	__u32 right;
	__s32 pid;
	__u32 audited; /* let through */
	__u64 object;
	__u64 when_ns;
	char command[JAIL_COMMAND_SIZE];
	/* A path as the process sees it; without a slash in front the last name of one; empty if there is none. */
	char subject[JAIL_SUBJECT_SIZE];
};

/* One task of any jail, as the iterator writes it. */
struct jail_task_record {
	__u32 jid;
	__s32 pid;
	__s32 tgid;
	__s32 parent;
	__u32 exited;
	__u32 unused;
	__u64 start_ns;
	__u64 cpu_ns;
	__u64 vmem_pages;
	char command[JAIL_COMMAND_SIZE];
};

#endif
