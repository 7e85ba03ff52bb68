/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What the kernel's log is told: jails that come and go, and denials, a few lines a second.
 *
 * Attacks answered: pushing others' lines out of the log, which is small, by denials, or by a service that is started again
 * and again.
 */
#include "jail.h"

#include <sys/syslog.h>

enum { LINES = 8 }; /* between two passes of the telemetry, of either kind; one more says what was left out */

static u_int lines_left; /* j: for jails that come and go */
static u_int unsaid;	 /* j: jails that came or went without a line */

static const char *const right_names[] = {
#define RIGHT(sym, name, levels, reason) name,
#include "../policy/rights.def"
#undef RIGHT
};

void
jail_log_init(void)
{
	lines_left = LINES;
	unsaid = 0;
}

/* May a jail that comes or goes have its line? One that may not is counted. */
bool
jail_log_admits(void)
{
	KASSERT(mutex_owned(&jail_lock));
	if (lines_left == 0) {
		unsaid++;
		return false;
	}
	lines_left--;
	return true;
}

/* How often an identity was refused since the log was last told, and the right it was refused most. */
u_int
jail_take_untold(struct identity *identity, u_int *most)
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

void
jail_log_created(const char *name, u_int jid)
{
	log(LOG_INFO, "jail: created %s (jid %u)\n", name, jid);
}

/* Denied: what the log was not told before. */
void
jail_log_destroyed(const char *name, u_int jid, u_int denied, u_int most)
{
	if (denied == 0)
		log(LOG_INFO, "jail: destroyed %s (jid %u)\n", name, jid);
	else
		log(LOG_NOTICE, "jail: destroyed %s (jid %u), which was denied %s, %u in all\n", name, jid, right_names[most], denied);
}

/* The next jail that was refused something since the last pass, behind jid; its name, and how often. 0: there is none. */
static u_int
next_denied(u_int *jid, char *name, u_int *most)
{
	struct jail *jail;
	u_int count = 0;

	mutex_enter(&jail_lock);
	TAILQ_FOREACH(jail, &jails, entry) {
		if (jail->identity->jid <= *jid)
			continue;
		count = jail_take_untold(jail->identity, most);
		if (count == 0)
			continue;
		*jid = jail->identity->jid;
		strlcpy(name, jail->name, JAIL_NAME_SIZE);
		break;
	}
	mutex_exit(&jail_lock);
	return count;
}

static void
tell_unsaid(void)
{
	u_int count;

	mutex_enter(&jail_lock);
	count = unsaid;
	unsaid = 0;
	lines_left = LINES;
	mutex_exit(&jail_lock);
	if (count != 0)
		log(LOG_INFO, "jail: %u more were created or destroyed\n", count);
}

/* Once a second. */
void
jail_tell_denials(void)
{
	char name[JAIL_NAME_SIZE];
	u_int jid = 0, most = 0, lines = 0, others = 0, all = 0, count;

	tell_unsaid();
	mutex_enter(&jail_lock);
	count = jail_take_untold(&jail_host_identity, &most);
	mutex_exit(&jail_lock);
	if (count != 0)
		log(LOG_NOTICE, "jail: the host was denied %s, %u in all\n", right_names[most], count);
	while ((count = next_denied(&jid, name, &most)) != 0) {
		if (lines < LINES) {
			log(LOG_NOTICE, "jail: %s (jid %u) was denied %s, %u in all\n", name, jid, right_names[most], count);
			lines++;
		} else {
			others++;
			all += count;
		}
	}
	if (others != 0)
		log(LOG_NOTICE, "jail: %u more jails were denied %u in all\n", others, all);
}
