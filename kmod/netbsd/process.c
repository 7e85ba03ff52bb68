/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The process scope: members and processes outside of their jail.
 *
 * Attacks answered: listing, reading, tracing, signalling or rescheduling a process of the host or of another jail, or a
 * newcomer of the own jail; reading another service's memory through procfs; raised priorities and limits; forking faster than
 * a jail is being emptied.
 */
#include "jail.h"

#include <sys/resource.h>
#include <sys/resourcevar.h>
#include <sys/vnode.h>

#include <miscfs/procfs/procfs.h>

static jp_u32
question_of(kauth_action_t action)
{
	switch (action) {
#define ACTION(scope, action, right)
#define REQUEST(scope, action, request, right)
#define NEWER_ACTION(scope, action, right)
#define NEWER_REQUEST(scope, action, request, right)
#define ON_PROCESS(action, fence, right) \
	case KAUTH_PROCESS_##action:     \
		return JP_KAUTH_PROCESS_##action;
#include "../policy/kauth.def"
#undef ACTION
#undef REQUEST
#undef NEWER_ACTION
#undef NEWER_REQUEST
#undef ON_PROCESS
	default:
		return JP_KAUTH_COUNT;
	}
}

/* What ptrace(2) would do. A request that is not known counts as writing. */
static bool
is_deep(const struct pfsnode *node, uintptr_t request)
{
	return node == NULL || request != KAUTH_REQ_PROCESS_PROCFS_READ || node->pfs_type == PFSmem || node->pfs_type == PFSregs ||
	    node->pfs_type == PFSfpregs;
}

/* execve(2) asks whoever changed its user since the last one whether it may pass the limit of processes, before it looks
 * whether it would; fork(2) asks only then. The former is no denial to count. */
static bool
is_in_vain(const struct proc *target, uintptr_t request, uintptr_t which)
{
	return request == KAUTH_REQ_PROCESS_RLIMIT_BYPASS && which == RLIMIT_NPROC && (target->p_flag & PK_SUGID) != 0;
}

/* The right that an action on a process of the own jail takes besides. */
static jp_u32
right_of(jp_u32 question, const struct credential *who, const struct proc *target, void *arg1, void *arg2, void *arg3)
{
	uintptr_t request = (uintptr_t)arg1;
	const struct rlimit *wanted = arg2;
	uintptr_t which = (uintptr_t)arg3;

	switch (question) {
	case JP_KAUTH_PROCESS_FORK:
		return jp_right_of_fork(JAIL_LOAD(who->identity->closed) != 0);
	case JP_KAUTH_PROCESS_NICE:
		return jp_right_of_nice(request < target->p_nice);
	case JP_KAUTH_PROCESS_PROCFS:
		return jp_right_of_procfs(target != curproc && is_deep(arg1, (uintptr_t)arg2));
	case JP_KAUTH_PROCESS_RLIMIT:
		if (request == KAUTH_REQ_PROCESS_RLIMIT_GET)
			return JP_FREE;
		if (request != KAUTH_REQ_PROCESS_RLIMIT_SET || wanted == NULL || which >= RLIM_NLIMITS)
			return jp_right_of_rlimit(true);
		return jp_right_of_rlimit(wanted->rlim_max > target->p_rlimit[which].rlim_max);
#if JAIL_HAS_KERNEL_POINTERS
	case JP_KAUTH_PROCESS_CANSEE:
		if (request == KAUTH_REQ_PROCESS_CANSEE_KPTR)
			return jp_right_of_kernel_pointers();
		return jp_right_of_kauth(question);
#endif
	default:
		return jp_right_of_kauth(question);
	}
}

/* Some callers hold the target's p_lock, and some do not: the nodes of sysctl's proc tree ask with p_reflock alone, a walk
 * along allproc with proc_lock. Under neither does a process keep its credential. p_lock is adaptive, so that mutex_owned()
 * is about this thread. */
static struct standing
standing_of(const struct proc *target)
{
	bool held = mutex_owned(target->p_lock);
	const struct credential *whom;
	struct standing standing;

	if (!held)
		mutex_enter(target->p_lock);
	whom = jail_credential_of(target->p_cred);
	standing.jid = jail_jid_of(whom);
	standing.arriving = whom != NULL && whom->arriving;
	if (!held)
		mutex_exit(target->p_lock);
	return standing;
}

int
jail_process_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2,
    void *arg3)
{
	/* do_sched_setparam() asks for the caller, with a thread locked: no adaptive mutex is to be taken. */
	bool spinning = action == KAUTH_PROCESS_SCHEDULER_SETPARAM;
	const struct credential *who = spinning ? jail_caller_by_table() : jail_credential_of(cred);
	const struct proc *target = arg0;
	struct standing whom;
	jp_u32 question, right;

	if (who == NULL)
		return KAUTH_RESULT_DEFER;
	question = question_of(action);
	if (question == JP_KAUTH_COUNT || target == NULL)
		return jail_judge(who, jp_right_of_unknown_kauth(JP_SCOPE_PROCESS));
	/* On oneself always: a newcomer has to become its user. */
	if (target != curproc) {
		whom = spinning ? jail_standing_by_table(target) : standing_of(target);
		if (!jp_may_act_on(jail_jid_of(who), whom.jid, whom.arriving))
			return jail_deny(who, jp_fence_of_kauth(question));
	}
	right = right_of(question, who, target, arg1, arg2, arg3);
	if (question == JP_KAUTH_PROCESS_RLIMIT && is_in_vain(target, (uintptr_t)arg1, (uintptr_t)arg3))
		return jp_holds(jail_rights_of(who->identity), right) ? KAUTH_RESULT_DEFER : KAUTH_RESULT_DENY;
	return jail_judge(who, right);
}
