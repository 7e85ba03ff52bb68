/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What it means for a member to be refused.
 *
 * Attacks answered: none by itself. A listener may be called with p_lock or a socket's lock held, so this takes no lock, and
 * says nothing on the console: the telemetry reports, at most one line a second for a jail.
 */
#include "jail.h"

#include <sys/syslog.h>

static const char *const right_names[] = {
#define RIGHT(sym, name, levels, reason) name,
#include "../policy/rights.def"
#undef RIGHT
};

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

/* How often an identity was refused since the last time, and the right it was refused most. */
static u_int
take_untold(struct identity *identity, u_int *most)
{
	u_int right, now, since, all = 0, top = 0;

	KASSERT(mutex_owned(&jail_lock));
	for (right = 0; right < JP_RIGHT_COUNT; right++) {
		now = JAIL_LOAD(identity->denied[right]);
		since = now - identity->told[right];
		identity->told[right] = now;
		all += since;
		if (since > top) {
			top = since;
			*most = right;
		}
	}
	return all;
}

/* One line for each jail that was refused something since the last call. */
void
jail_tell_denials(void)
{
	struct jail *jail;
	char name[JAIL_NAME_SIZE];
	u_int jid = 0, most = 0, count;

	mutex_enter(&jail_lock);
	count = take_untold(&jail_host_identity, &most);
	mutex_exit(&jail_lock);
	if (count != 0)
		log(LOG_NOTICE, "jail: the host was denied %s, %u in all\n", right_names[most], count);
	for (;;) {
		mutex_enter(&jail_lock);
		TAILQ_FOREACH(jail, &jails, entry)
			if (jail->identity->jid > jid)
				break;
		if (jail == NULL) {
			mutex_exit(&jail_lock);
			return;
		}
		jid = jail->identity->jid;
		count = take_untold(jail->identity, &most);
		strlcpy(name, jail->name, sizeof(name));
		mutex_exit(&jail_lock);
		if (count != 0)
			log(LOG_NOTICE, "jail: %s (jid %u) was denied %s, %u in all\n", name, jid, right_names[most], count);
	}
}
