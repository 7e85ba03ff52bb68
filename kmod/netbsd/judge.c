/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What it means for a member to be refused.
 *
 * Attacks answered: none by itself. A listener may be called with p_lock or a socket's lock held, so this takes no lock, and
 * says nothing on the console: the telemetry reports; see log.c.
 */
#include "jail.h"

uint64_t
jail_rights_of(const struct identity *who)
{
	return (uint64_t)JAIL_LOAD(who->rights[1]) << 32 | JAIL_LOAD(who->rights[0]);
}

int
jail_deny(const struct credential *who, jp_u32 right)
{
	struct identity *identity = who != NULL ? who->identity : &jail_host_identity;

	if (right < JP_RIGHT_COUNT)
		atomic_inc_uint(&identity->denied[right]);
	return KAUTH_RESULT_DENY;
}

int
jail_judge(const struct credential *who, jp_u32 right)
{
	if (jp_holds(jail_rights_of(who->identity), right))
		return KAUTH_RESULT_DEFER;
	return jail_deny(who, right);
}

/* Brings the jail's totals up to date. */
void
jail_fold_denials(struct jail *jail)
{
	u_int right, now;

	KASSERT(mutex_owned(&jail_lock));
	for (right = 0; right < JP_RIGHT_COUNT; right++) {
		now = JAIL_LOAD(jail->identity->denied[right]);
		jail->denials[right] += now - jail->denied_seen[right];
		jail->denied_seen[right] = now;
	}
}
