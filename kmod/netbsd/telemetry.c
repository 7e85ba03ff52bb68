/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What jails use, once a second.
 *
 * A member is charged for what it used since it was last looked at, so that the sums only grow, an exit loses nothing, and
 * whoever reads them meanwhile sees whole numbers. Neither proc_lock nor p_lock is taken, and jail_lock for a few members at
 * a time.
 */
#include "jail.h"

#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/rwlock.h>
#include <sys/workqueue.h>

#include <uvm/uvm_extern.h>

enum { MEMBERS_AT_A_TIME = 64 };

static callout_t every_second;
static struct workqueue *queue;
static struct work work;
static volatile u_int busy; /* a: a pass is queued or runs */
static volatile u_int stopping; /* a */
static u_int pass;	    /* of the worker */

/* Statclock ticks since the process began. */
uint64_t
jail_ticks_of(struct proc *p)
{
	uint64_t ticks;

	mutex_spin_enter(&p->p_stmutex);
	ticks = p->p_uticks + p->p_sticks + p->p_iticks;
	mutex_spin_exit(&p->p_stmutex);
	return ticks;
}

void
jail_charge(struct member *member)
{
	uint64_t now = jail_ticks_of(member->proc);

	KASSERT(mutex_owned(&jail_lock));
	if (now > member->ticks_seen)
		member->jail->cpu_ticks += now - member->ticks_seen;
	member->ticks_seen = now;
}

/* Its parts are all there; set by fork1() after them. */
static bool
is_whole(const struct proc *p)
{
	char state = __atomic_load_n(&p->p_stat, __ATOMIC_ACQUIRE);

	return state == SACTIVE || state == SSTOP;
}

/* The memory of a process that is in exec or exit stays as it was last seen: p_reflock is held there. One that is being
 * forked (SIDL) has none yet. */
static void
look_at(struct member *member)
{
	struct proc *p = member->proc;
	uint64_t size = member->memory;

	jail_charge(member);
	if (rw_tryenter(&p->p_reflock, RW_READER)) {
		if (is_whole(p))
			size = p->p_vmspace->vm_map.size;
		rw_exit(&p->p_reflock);
	}
	member->jail->memory += size - member->memory;
	member->memory = size;
}

/* Looks at some members that this pass did not see yet, and puts them behind the others. False: there are no more. */
static bool
look_at_some(struct jail *jail)
{
	struct member *member;
	u_int i;

	for (i = 0; i < MEMBERS_AT_A_TIME; i++) {
		member = TAILQ_FIRST(&jail->members);
		if (member == NULL || member->pass == pass)
			return false;
		look_at(member);
		member->pass = pass;
		TAILQ_REMOVE(&jail->members, member, entry);
		TAILQ_INSERT_TAIL(&jail->members, member, entry);
	}
	return true;
}

static void
sample(struct jail *jail)
{
	jail->samples[jail->samples_taken % JAIL_SAMPLES] = jail->cpu_ticks - jail->ticks_at_sample;
	jail->samples_taken++;
	jail->ticks_at_sample = jail->cpu_ticks;
	jail_fold_denials(jail);
}

/* The jail after the one with this jid; jail_lock is held. */
static struct jail *
next_jail(u_int jid)
{
	struct jail *jail;

	TAILQ_FOREACH(jail, &jails, entry)
		if (jail->identity->jid > jid)
			return jail;
	return NULL;
}

static void
on_work(struct work *done, void *cookie)
{
	struct jail *jail;
	u_int jid = 0;

	pass++;
	for (;;) {
		mutex_enter(&jail_lock);
		jail = next_jail(jid);
		if (jail == NULL) {
			mutex_exit(&jail_lock);
			break;
		}
		if (!look_at_some(jail)) {
			sample(jail);
			jid = jail->identity->jid;
		}
		mutex_exit(&jail_lock);
	}
	jail_tell_denials();
	atomic_swap_uint(&busy, 0);
}

/* A pass that takes longer than a second is not queued twice. */
static void
on_tick(void *cookie)
{
	if (JAIL_LOAD(stopping))
		return;
	callout_schedule(&every_second, hz);
	if (atomic_swap_uint(&busy, 1) == 0)
		workqueue_enqueue(queue, &work, NULL);
}

int
jail_telemetry_init(void)
{
	int error = workqueue_create(&queue, "jailtick", on_work, NULL, PRI_NONE, IPL_NONE, WQ_MPSAFE);

	if (error != 0)
		return error;
	busy = 0;
	stopping = 0;
	callout_init(&every_second, CALLOUT_MPSAFE);
	callout_setfunc(&every_second, on_tick, NULL);
	callout_schedule(&every_second, hz);
	return 0;
}

/* workqueue_destroy(9) wants an empty queue. */
void
jail_telemetry_fini(void)
{
	JAIL_STORE(stopping, 1);
	callout_halt(&every_second, NULL);
	/* A tick that was past its look at `stopping` has scheduled the next one while it was waited for; 7.99 leaves that pending. */
	callout_halt(&every_second, NULL);
	while (atomic_swap_uint(&busy, 1) != 0)
		kpause("jailtick", false, 1, NULL);
	callout_destroy(&every_second);
	workqueue_destroy(queue);
}
