/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What the parts of secmodel_jail share.
 *
 * Lock order: a lock is taken only while holding locks above it.
 *
 *   the sysctl tree, socket locks          taken by the kernel before it calls us
 *   proc_lock
 *   p_lock of a process
 *   the locks of specificdata(9) domains   also held by the kernel while it runs on_member_gone
 *   jail_lock
 *   p_reflock (tried, never waited for), the lock of one specificdata(9) reference
 *   p_stmutex, the lock of a thread        spin; the kernel holds the latter when it asks SCHEDULER_SETPARAM
 *   the lock of the table of members       spin, of members.c
 *
 * While jail_lock is held nothing sleeps, allocates, copies from or to userland, or calls back into kauth(9). Nothing is
 * allocated under p_lock or proc_lock either. Fields marked "j" are read and written under jail_lock; "t" under the lock of
 * the table of members; "a" atomically; unmarked ones never change.
 */
#ifndef JAIL_NETBSD_JAIL_H
#define JAIL_NETBSD_JAIL_H

#include <sys/param.h>
#include <sys/types.h>
#include <sys/atomic.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/systm.h>

#include "abi.h"
#include "version.h"
#include "../policy/kauth.h"

/* Fields marked "a" that are read or written alone; the atomic(9) of 7.99 has no such names. */
#define JAIL_LOAD(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define JAIL_STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

struct jail;
struct identity;

/* What a credential carries. Each jail has two: a newcomer is arriving until its first exec. */
struct credential {
	struct identity *identity;
	bool arriving;
};

/* Where a process stands, copied: its credential may go as soon as its lock is left. */
struct standing {
	u_int jid;
	bool arriving;
};

/* Who a member is. Outlives the jail while a credential names it: cached struct files keep theirs. All that a listener
 * reads is here and needs no lock. */
struct identity {
	LIST_ENTRY(identity) entry; /* j */
	struct credential settled;
	struct credential arriving;
	u_int jid;
	volatile u_int references;  /* a: the jail's own, and one for each credential */
	volatile u_int closed;	    /* a */
	volatile u_int rights[2];   /* a: low and high half, for 32-bit machines have no 64-bit load */
	volatile u_int denied[JP_RIGHT_COUNT]; /* a: wraps; totals are kept in the jail */
	u_int told[JP_RIGHT_COUNT]; /* j: how many of these the kernel log was told of */
};

/* A process of a jail; freed by the kernel with the process. */
struct member {
	TAILQ_ENTRY(member) entry; /* j */
	LIST_ENTRY(member) in_table; /* t */
	struct proc *proc;
	struct jail *jail;   /* j: NULL while it only prepares to enter */
	uint64_t ticks_seen; /* j: of the process's CPU time, what the jail was charged for or what was before */
	uint64_t memory;     /* j */
	u_int pass;	     /* j: the last pass of the telemetry that saw it */
	bool arriving;	     /* j, t: as its credential says; written under both */
};

struct port {
	LIST_ENTRY(port) entry; /* j */
	struct jail *jail;
	uint16_t number;
};

#define JAIL_SAMPLES 10

struct jail {
	TAILQ_ENTRY(jail) entry; /* j: in the order of their jids */
	struct identity *identity;
	struct vnode *root_vnode; /* held from create to destroy */
	enum jail_state state;	  /* j */
	TAILQ_HEAD(, member) members;	 /* j */
	uint64_t processes;		 /* j */
	uint64_t memory;		 /* j */
	uint64_t cpu_ticks;		 /* j */
	uint64_t ticks_at_sample;	 /* j */
	uint64_t samples[JAIL_SAMPLES];	 /* j */
	uint64_t samples_taken;		 /* j */
	uint64_t denials[JP_RIGHT_COUNT]; /* j */
	u_int denied_seen[JP_RIGHT_COUNT]; /* j */
	uint64_t created_s;
	struct port ports[JAIL_PORTS]; /* j */
	u_int port_count;	       /* j */
	char name[JAIL_NAME_SIZE];
	char root[JAIL_ROOT_SIZE];
	char profile[JAIL_PROFILE_SIZE];
};

TAILQ_HEAD(jail_list, jail);

extern kmutex_t jail_lock;
extern struct jail_list jails; /* j */
extern struct identity jail_host_identity; /* counts what the host itself is refused: a reserved port */

/* credential.c */
int jail_credential_init(secmodel_t);
int jail_credential_fini(void);
struct identity *jail_identity_new(u_int jid, uint64_t rights);
void jail_identity_release(struct identity *);
const struct credential *jail_credential_of(kauth_cred_t); /* NULL: the host's */
void jail_credential_assign(kauth_cred_t, struct credential *);
int jail_cred_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
void jail_on_exec(struct proc *, void *);
bool jail_credential_is_looked_at(void);
u_int jail_dying(void);

static inline u_int
jail_jid_of(const struct credential *who)
{
	return who != NULL ? who->identity->jid : JP_HOST;
}

/* judge.c: answers are KAUTH_RESULT_DEFER or KAUTH_RESULT_DENY, and a denial is counted. */
int jail_judge(const struct credential *, jp_u32 right);
uint64_t jail_rights_of(const struct identity *);
int jail_deny(const struct credential *, jp_u32 right);
void jail_fold_denials(struct jail *);

/* log.c */
void jail_log_init(void);
bool jail_log_admits(void); /* jail_lock is held */
u_int jail_take_untold(struct identity *, u_int *most); /* jail_lock is held */
void jail_log_created(const char *name, u_int jid);
void jail_log_destroyed(const char *name, u_int jid, u_int denied, u_int most);
void jail_tell_denials(void);

/* process.c, system.c, network.c, device.c */
int jail_process_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
int jail_system_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
int jail_machdep_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
int jail_network_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
int jail_device_listener(kauth_cred_t, kauth_action_t, void *, void *, void *, void *, void *);
void jail_device_init(void);

/* ports.c: jail_lock is held. */
void jail_ports_init(void);
int jail_ports_check(const uint16_t *, u_int count);
int jail_ports_take(struct jail *, const uint16_t *, u_int count, u_int *taken, char *owner);
bool jail_port_is_reserved(u_int port); /* without the lock: false is certain */
u_int jail_port_owner(u_int port);

/* registry.c */
int jail_create(struct jail_create *);
void jail_activate(u_int jid);
void jail_abandon(u_int jid);
int jail_update(struct jail_update *);
int jail_destroy(u_int jid);
int jail_signal(struct jail_signal *);
struct jail *jail_find(u_int jid);
bool jail_seal(void);
void jail_unseal(void);

/* members.c */
int jail_members_init(void);
void jail_members_fini(void);
int jail_enter(struct lwp *, u_int jid);
void jail_on_fork(struct proc *child, const struct credential *);
void jail_settle(struct proc *);
bool jail_is_carried(const struct identity *);
u_int jail_signal_carriers(const struct identity *, int signal);
const struct credential *jail_caller_by_table(void); /* NULL: the host's */
struct standing jail_standing_by_table(const struct proc *);

/* telemetry.c */
uint64_t jail_ticks_of(struct proc *);
int jail_telemetry_init(void);
void jail_telemetry_fini(void);
void jail_charge(struct member *);

/* control.c */
int jail_control_init(void);
void jail_control_fini(void);

#endif
