/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What every file of attacks shares: the row of the table, and the targets on the host that a row is aimed at.
 *
 * The same rows run as root in a plain chroot, where they must get through (else they prove nothing), and as root in
 * a jail. A row does its deed, undoes it, and returns 0 or an errno. Outside of a jail only ever run them in a guest:
 * clocks, modules and the host's name are among the targets. In a jail of a machine that matters, leave out those that
 * tests/attacks.rs lists, should a wall have a hole.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <errno.h>
#include <sys/types.h>

enum expectation {
	DENIED, /* gets through in the chroot, is refused in the jail, and the refusal is counted */
	WORKS,  /* ordinary life: gets through in both */
	OPEN,   /* known to get through in the jail, for lack of a hook; harmless enough to live with */
};

struct attack {
	const char *name;
	enum expectation expectation;
	/* Results that are right, separated by '|'. In the chroot another one than "ok" says that the kernel was
	 * reached, but has no such device, format or protocol. */
	const char *in_chroot;
	const char *in_jail;
	/* Rights under one of which the denial is counted, separated by '|'. Empty: closed before the jail was entered,
	 * so the module never sees it. */
	const char *rights;
	int (*run)(void);
};

struct attack_class {
	const char *name;
	const struct attack *rows; /* ended by a row without a name */
};

/* Where the host's things are; see host.c, which makes them and prints them as key=value. */
struct targets {
	long pid;       /* a sleeping process */
	long addr;      /* a readable page of it */
	long shm_key, shm_id, shm_doomed_id;
	long sem_key, sem_id;
	long msg_key, msg_id, msg_doomed_id;
	long reserved;  /* a port of another jail */
	long own;       /* a port of this jail */
	char queue[64];  /* a POSIX message queue */
	char doomed_queue[64];
	char stream[64]; /* abstract unix sockets, without the leading zero byte */
	char dgram[64];
	char bait[256];  /* a directory with device nodes, kernel file systems and sockets, put there by the host */
};
extern struct targets target;

/* 0 for success, else errno: for the usual -1 convention. */
static inline int outcome(long result) { return result < 0 ? errno : 0; }

/* A path below the bait directory. Static storage: one at a time. */
const char *bait(const char *below);

/* A writable scratch directory of the row's own. */
#define SCRATCH "/tmp"

/* Leaves a chroot the classic way; 0, or errno when it cannot. */
int escape_chroot(void);

/* Asks the host process over its socket below bait, see host.c; its answer, or -1. */
long ask_host(char question);

/* The same for a question that is answered with a descriptor; -1 and errno when none arrived. */
int ask_host_for_descriptor(char question);

/* Runs the host's side until standard input ends. */
int serve_as_host(const char *directory);

/* Answers in the stead of the keeper with that pid, see keeper.c. */
int impersonate_keeper(int pid, const char *claim, int victim);

/* Mounts with whatever a setuid program is given; 0 or an errno, see identity.c. */
int mount_with_what_was_gained(void);

/* See races.c. */
int swap(const char *one, const char *other);
int churn(long least, int host);
int seize_programs(void);
int paste_line(const char *line);
int bear_a_name(void);

/* Tells of every program seen below /proc, see watch.c. */
int watch_programs(void);

extern const struct attack process_rows[], proc_rows[], mount_rows[], device_rows[], namespace_rows[], kernel_rows[],
	kernel_file_rows[], socket_rows[], port_rows[], ipc_rows[], limit_rows[], uring_rows[], descriptor_rows[],
	key_rows[], neighbour_rows[], identity_rows[];

#endif
