/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Everything the module remembers. All maps are pinned and outlive the programs: a reload reuses them.
 * Hash maps are preallocated: under memory pressure an insertion can fail only because the table is full, and what is in
 * the table is always found.
 */

enum { MODULE_STATE = 0 };
enum {
	IDENTITY_COUNT = 65536,
	IPC_OBJECT_COUNT = 32768,
	SIGNAL_FILE_COUNT = 8192,
	PORT_COUNT = 65536, /* of port_notes */
	FILE_COUNT = 65536,
	/* What limits may promise in all: the rest is for files that were open when a limit came. */
	FILES_PROMISED = FILE_COUNT / 4 * 3,
	EVENT_RING_BYTES = 1 << 19,
};

struct module_state {
	__u32 jails; /* 0: no member can exist */
	__u32 last_jid;
	__u32 sealed;
	__u32 home_device;
	__u32 next_home_device;
	__u32 home_namespace; /* mount namespace of the pins' file system */
	__u32 changing_ports; /* some jail's reservations are being changed */
	__u32 unused;
	__u64 events_lost;
	__s64 signal_files; /* at least the number of entries of signal_file_owners */
	__s64 files_promised; /* the sum of all jails' most_files; 0: none is counted from now on */
	__s64 counted_files; /* at least the number of files in file_openers that are a jail's */
};

/* What a task is counted as; taken away exactly once, by atomic exchange. */
enum counted_as { COUNTED_NOT = 0, COUNTED_THREAD = 1, COUNTED_PROCESS = 2 };

struct identity {
	__u32 jid; /* JP_HOST: left over by a task that is gone */
	__u32 slot;
	__u32 counted;
	__u32 arriving; /* entered, but still the program that brought it in */
	__u64 cpu_before_ns; /* what the task had used when it entered */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct module_state);
} module_state SEC(".maps");

/* task_struct * -> identity. Not task storage: its lookup may fail under preemption before 6.2
 * (kernel/bpf/bpf_task_storage.c takes a per-CPU trylock), and a member whose identity is not found is the host. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IDENTITY_COUNT);
	__type(key, __u64);
	__type(value, struct identity);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JAIL_SLOTS);
	__type(key, __u32);
	__type(value, struct jail);
} jails SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, JAIL_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} slot_of_jid SEC(".maps");

struct jail_name {
	char text[JAIL_NAME_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, JAIL_SLOTS);
	__type(key, struct jail_name);
	__type(value, __u32);
} jid_of_name SEC(".maps");

/* Userland's note of the ports it added to net.ipv4.ip_local_reserved_ports; kept here because it must live and die with
 * the reservations. No program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORT_COUNT);
	__type(key, __u32);
	__type(value, __u32);
} port_notes SEC(".maps");

/* Two for each slot of jails, see struct jail_ports. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * JAIL_SLOTS);
	__type(key, __u32);
	__type(value, struct jail_ports);
} port_rules SEC(".maps");

/* Two for each slot of jails, see struct jail_connect. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * JAIL_SLOTS);
	__type(key, __u32);
	__type(value, struct jail_connect);
} connect_rules SEC(".maps");

/* kern_ipc_perm * -> its maker */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPC_OBJECT_COUNT);
	__type(key, __u64);
	__type(value, struct jail_ipc_maker);
} ipc_makers SEC(".maps");

/* file * -> jid of the member that asked for its signals (F_SETOWN) */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SIGNAL_FILE_COUNT);
	__type(key, __u64);
	__type(value, __u32);
} signal_file_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, JAIL_SLOTS);
	__type(key, __u32);
	__type(value, struct jail_bounds);
} jail_bounds SEC(".maps");

/* Who opened a file, of jails that have a limit of them. */
struct file_opener {
	__u32 jid; /* JP_HOST: counted no more */
	__u32 slot;
};

/* file * -> who opened it */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FILE_COUNT);
	__type(key, __u64);
	__type(value, struct file_opener);
} file_openers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} socket_makers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} queue_makers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_RING_BYTES);
} denial_events SEC(".maps");

static __always_inline struct module_state *module(void)
{
	__u32 key = MODULE_STATE;
	return bpf_map_lookup_elem(&module_state, &key);
}

static __always_inline struct jail *jail_in_slot(__u32 slot)
{
	return bpf_map_lookup_elem(&jails, &slot);
}

static __always_inline struct jail_bounds *bounds_in_slot(__u32 slot)
{
	return bpf_map_lookup_elem(&jail_bounds, &slot);
}
