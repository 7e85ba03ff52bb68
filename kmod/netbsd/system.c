/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The system scope: what belongs to the whole host.
 *
 * Attacks answered: mounting, second roots, device nodes, modules, the clock, rebooting, sysctl(7) nodes, the kernel's log
 * and addresses, accounting, quotas, swap, processor sets.
 */
#include "jail.h"

#define IN_SYSTEM(line) line
#define IN_NETWORK(line)
#define IN_DEVICE(line)
#define IN_MACHDEP(line)
#include "translate.h"

int
jail_system_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2,
    void *arg3)
{
	const struct credential *who = jail_credential_of(cred);
	jp_u32 question;

	if (who == NULL)
		return KAUTH_RESULT_DEFER;
	question = question_of(action, (uintptr_t)arg0);
	if (question == JP_KAUTH_COUNT)
		return jail_judge(who, jp_right_of_unknown_kauth(JP_SCOPE_SYSTEM));
	return jail_judge(who, jp_right_of_kauth(question));
}
