/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The machdep scope: the machine below the kernel.
 *
 * Attacks answered: I/O ports, memory, registers, tables and microcode of the processor.
 */
#include "jail.h"

#define IN_SYSTEM(line)
#define IN_NETWORK(line)
#define IN_DEVICE(line)
#define IN_MACHDEP(line) line
#include "translate.h"

int
jail_machdep_listener(kauth_cred_t cred, kauth_action_t action, void *cookie, void *arg0, void *arg1, void *arg2,
    void *arg3)
{
	const struct credential *who = jail_credential_of(cred);
	jp_u32 question;

	if (who == NULL)
		return KAUTH_RESULT_DEFER;
	question = question_of(action, 0);
	if (question == JP_KAUTH_COUNT)
		return jail_judge(who, jp_right_of_unknown_kauth(JP_SCOPE_MACHDEP));
	return jail_judge(who, jp_right_of_kauth(question));
}
