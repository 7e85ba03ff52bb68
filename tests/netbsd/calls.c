/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * The module's calls, one contract after the other: malformed and damaged ones, who is told what, telemetry and the kernel's
 * log, and leaving beside credentials that are left over.
 */
#include <sys/kauth.h>
#include <sys/vnode.h>

#include "ground.h"

static void
malformed_calls(void)
{
	static const char *const bad_names[] = { "", ".", "..", "a..b", "-a", "_a", "123", "a/b", "a b", "a\n", "\xc3\xa4" };
	struct jail_create call = { .version = JAIL_ABI + 1 }, answer;
	struct jail_update update = { .version = JAIL_ABI, .jid = 1, .changes = 0x80 };
	size_t size = sizeof(answer);
	int id = -1;

	contract = "a malformed call is refused and does nothing";
	run_as(host);
	strlcpy(call.name, "x", sizeof(call.name));
	strlcpy(call.root, "/jails/a", sizeof(call.root));
	EXPECT("another version", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EPROTONOSUPPORT);
	call.version = JAIL_ABI;
	EXPECT("too short", sys_sysctl("create", &answer, &size, &call, sizeof(call) - 8), EINVAL);
	EXPECT("too long", sys_sysctl("create", &answer, &size, &call, sizeof(call) + 8), EINVAL);
	EXPECT("no room", sys_sysctl("create", NULL, NULL, &call, sizeof(call)), ENOMEM);
	for (u_int i = 0; i < __arraycount(bad_names); i++) {
		strlcpy(call.name, bad_names[i], sizeof(call.name));
		EXPECT("a bad name", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	}
	memset(call.name, 'a', sizeof(call.name));
	EXPECT("an endless name", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	strlcpy(call.name, "x", sizeof(call.name));
	call.unused[3] = 1;
	EXPECT("what is unused", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	call.unused[3] = 0;
	call.port_count = JAIL_PORTS + 1;
	EXPECT("too many ports", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	call.port_count = 1;
	EXPECT("port 0", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	call.port_count = 0;
	strlcpy(call.root, "jails/a", sizeof(call.root));
	EXPECT("a relative root", sys_sysctl("create", &answer, &size, &call, sizeof(call)), EINVAL);
	EXPECT("a root that is not there", create("x", 0, "/nowhere"), ENOENT);
	EXPECT("a root that is a file", create("x", 0, "/etc/file"), ENOTDIR);
	size = sizeof(update);
	EXPECT("an unknown change", sys_sysctl("update", &update, &size, &update, sizeof(update)), EINVAL);
	update.changes = 0;
	update.unused1 = 1;
	EXPECT("what is unused", sys_sysctl("update", &update, &size, &update, sizeof(update)), EINVAL);
	update.unused1 = 0;
	update.unused2[3] = 1;
	EXPECT("what is unused", sys_sysctl("update", &update, &size, &update, sizeof(update)), EINVAL);
	update.unused2[3] = 0;
	EXPECT("no jail", sys_sysctl("update", &update, &size, &update, sizeof(update)), ENOENT);
	EXPECT("entering a negative jail", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EINVAL);
	EXPECT("destroying a negative jail", sys_sysctl("destroy", NULL, NULL, &id, sizeof(id)), EINVAL);
	EXPECT("writing the list", sys_sysctl("list", NULL, NULL, &id, sizeof(id)), EPERM);
	size = 0;
	EXPECT("the list is empty", sys_sysctl("list", NULL, &size, NULL, 0) + (int)size, 0);
	size = 0;
	EXPECT("the size of create", sys_sysctl("create", NULL, &size, NULL, 0), 0);
	EXPECT("the size of create", size, sizeof(call));
}

/* Calls that were damaged in a few bytes: whatever is accepted is a whole jail, and can be destroyed. */
static void
damaged_calls(void)
{
	uint32_t state = 20261126;
	u_int accepted = 0;

	contract = "a damaged call is refused, or makes a whole jail";
	run_as(host);
	for (u_int round = 0; round < 20000; round++) {
		union {
			struct jail_create create;
			struct jail_update update;
			uint8_t bytes[sizeof(struct jail_create)];
		} call, answer;
		bool creates = round % 2 == 0;
		size_t whole = creates ? sizeof(call.create) : sizeof(call.update), size = whole;
		int error;

		memset(&call, 0, sizeof(call));
		if (creates) {
			call.create.version = JAIL_ABI;
			call.create.port_count = 2;
			call.create.ports[0] = 80;
			call.create.ports[1] = 443;
			strlcpy(call.create.name, "web.example_1", sizeof(call.create.name));
			strlcpy(call.create.root, "/jails/a", sizeof(call.create.root));
		} else {
			call.update.version = JAIL_ABI;
			call.update.jid = 1;
		}
		for (u_int i = round / 2 % 5; i > 0; i--) {
			state = state * 1664525 + 1013904223;
			call.bytes[(state >> 8) % (i > 2 ? 160 : whole)] = state >> 24;
		}
		error = sys_sysctl(creates ? "create" : "update", &answer, &size, &call, whole);
		if (error != 0)
			continue;
		EXPECT("an update of no jail", creates, true);
		for (u_int i = 0; answer.create.name[i] != 0; i++)
			EXPECT("a character of the name", answer.create.name[i] > ' ' && answer.create.name[i] != '/', true);
		EXPECT("destroy", destroy(answer.create.jid), 0);
		accepted++;
	}
	EXPECT("some were accepted", accepted > 1000, true);
}

static void
who_is_told_what(void)
{
	u_int jid = 0;
	int id = 7;
	size_t size = sizeof(id), room = 0;

	contract = "members are told nothing, users of the host may list";
	EXPECT("create", create("web", 0, "/jails/a"), 0);
	member = enter(jail.jid);
	EXPECT("id of a member", sys_sysctl("id", &id, &size, NULL, 0), EPERM);
	EXPECT("list by a member", sys_sysctl("list", NULL, &room, NULL, 0), EPERM);
	EXPECT("members by a member", sys_sysctl("members", NULL, &room, NULL, 0), EPERM);
	EXPECT("what another model learns", evaluate("jid", member->p_cred, &jid), 0);
	EXPECT("the member's jid", jid, jail.jid);
	EXPECT("what another model learns", evaluate("jid", host->p_cred, &jid), 0);
	EXPECT("the host's jid", jid, 0);
	EXPECT("an unknown question", evaluate("colour", host->p_cred, &jid), ENOENT);
	run_as(host);
	EXPECT("id of the host", sys_sysctl("id", &id, &size, NULL, 0) + id, 0);
	EXPECT("setuid", sys_setuid(1000), 0);
	EXPECT("list by a user", sys_sysctl("list", NULL, &room, NULL, 0), 0);
	EXPECT("id by a user", sys_sysctl("id", &id, &size, NULL, 0), EPERM);
	EXPECT("destroy by a user", sys_sysctl("destroy", NULL, NULL, &id, sizeof(id)), EPERM);
	EXPECT("setuid", sys_setuid(0), 0);
	end(member);
	EXPECT("destroy", destroy(jail.jid), 0);
}

/* It shares the newcomer's directories until here. */
static void
sharer_leaves(void)
{
	EXPECT("chroot", sys_chroot("/jails/b"), 0);
	curproc->p_cwdi->cwdi_refcnt = 1;
}

static void
root_of_a_newcomer(void)
{
	struct proc *p;
	int id;

	contract = "whoever enters has the jail's root";
	EXPECT("create", create("web", 0, "/jails/a"), 0);
	id = jail.jid;
	p = host_process(0);
	run_as(p);
	EXPECT("with the host's root", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EPERM);
	EXPECT("chroot", sys_chroot("/jails/b"), 0);
	EXPECT("with another root", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EPERM);
	EXPECT("chroot", sys_chroot("/jails/a"), 0);
	p->p_cwdi->cwdi_refcnt = 2;
	EXPECT("with shared directories", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EBUSY);
	meanwhile = sharer_leaves;
	EXPECT("with a root that is changed meanwhile", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EPERM);
	end(p);
	EXPECT("destroy", destroy(jail.jid), 0);
}

static void
signals(void)
{
	struct jail_signal call = { .version = JAIL_ABI, .signal = 15 }, answer;
	struct proc *child, *other;
	size_t size = sizeof(answer);
	int error;

	contract = "a signal reaches all of a jail, and nobody else";
	EXPECT("create", create("web", 0, "/jails/a"), 0);
	call.jid = jail.jid;
	member = enter(jail.jid);
	child = sys_fork(&error);
	EXPECT("create", create("db", 0, "/jails/a"), 0);
	other = enter(jail.jid);
	EXPECT("by a member", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), EPERM);
	run_as(host);
	EXPECT("signal", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), 0);
	EXPECT("of how many processes", answer.count, 2);
	EXPECT("the member's", member->signal, 15);
	EXPECT("its child's", child->signal, 15);
	EXPECT("the other jail's", other->signal, 0);
	EXPECT("the host's", host->signal, 0);
	sys_exit(child);
	call.signal = 9;
	EXPECT("signal beside a zombie", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), 0);
	EXPECT("of how many processes", answer.count, 1);
	sys_wait(child);
	end(member);
	end(other);
	EXPECT("signal in an empty jail", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), 0);
	EXPECT("of how many processes", answer.count, 0);
	call.signal = 64;
	EXPECT("no signal", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), EINVAL);
	call.signal = 15;
	call.version++;
	EXPECT("another version", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), EPROTONOSUPPORT);
	EXPECT("destroy", destroy(call.jid), 0);
	call.version--;
	EXPECT("signal in no jail", sys_sysctl("signal", &answer, &size, &call, sizeof(call)), ENOENT);
	EXPECT("destroy", destroy(jail.jid), 0);
}

static void
telemetry(void)
{
	static struct jail_info info;
	int snprintf(char *, size_t, const char *, ...);
	size_t size = sizeof(info);
	char line[128];
	u_int before;

	contract = "telemetry never falls, and the log is told once a second";
	EXPECT("create", create("web", 0, "/jails/a"), 0);
	member = host_process(0);
	member->p_sticks = 5000; /* what it used before is not the jail's */
	end(member);
	member = enter(jail.jid);
	one_second();
	one_second();
	member->p_uticks += 40;
	for (u_int i = 0; i < 1000; i++)
		(void)authorize(KAUTH_SCOPE_SYSTEM, member->p_cred, KAUTH_SYSTEM_REBOOT, NULL, NULL, NULL, NULL);
	run_as(host);
	before = log_lines;
	for (u_int i = 0; i < 5; i++)
		one_second();
	EXPECT("lines of 1000 denials", log_lines - before, 1);
	snprintf(line, sizeof(line), "jail: web (jid %u) was denied reboot, 1000 in all\n", jail.jid);
	EXPECT("the right is named", strcmp(last_log, line), 0);
	EXPECT("list", sys_sysctl("list", &info, &size, NULL, 0), 0);
	EXPECT("ticks", info.cpu_ticks, 40);
	EXPECT("memory", info.memory_bytes, 1 << 20);
	member->p_uticks += 2;
	end(member);
	EXPECT("list", sys_sysctl("list", &info, &size, NULL, 0), 0);
	EXPECT("ticks after the exit", info.cpu_ticks, 42);
	EXPECT("memory after the exit", info.memory_bytes, 0);
	EXPECT("destroy", destroy(jail.jid), 0);
}

static void
a_second(void)
{
	run_as(host);
	for (u_int i = 0; i < 5; i++)
		one_second();
}

static void
log_of_many(void)
{
	enum { MANY = 20, LINES = 8 };
	int snprintf(char *, size_t, const char *, ...);
	static struct proc *members[MANY];
	u_int jids[MANY], before;
	kauth_cred_t kept;
	char line[128];

	contract = "the log is told a few lines a second, of however many jails";
	a_second();
	before = log_lines;
	for (u_int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line), "many-%u", i);
		EXPECT("create", create(line, 0, "/jails/a"), 0);
		jids[i] = jail.jid;
	}
	EXPECT("lines of 20 new jails", log_lines - before, LINES);
	a_second();
	EXPECT("and one of the others", log_lines - before, LINES + 1);
	EXPECT("which says so", strcmp(last_log, "jail: 12 more were created or destroyed\n"), 0);
	for (u_int i = 0; i < MANY; i++)
		members[i] = enter(jids[i]);
	before = log_lines;
	for (u_int i = 0; i < MANY; i++)
		(void)authorize(KAUTH_SCOPE_SYSTEM, members[i]->p_cred, KAUTH_SYSTEM_REBOOT, NULL, NULL, NULL, NULL);
	EXPECT("lines of a denial itself", log_lines - before, 0);
	a_second();
	EXPECT("lines of 20 jails' denials", log_lines - before, LINES + 1);
	EXPECT("the last of which says so", strcmp(last_log, "jail: 12 more jails were denied 12 in all\n"), 0);
	kept = cred_hold(members[0]->p_cred);
	for (u_int i = 0; i < MANY; i++)
		end(members[i]);
	a_second();
	(void)authorize(KAUTH_SCOPE_SYSTEM, kept, KAUTH_SYSTEM_REBOOT, NULL, NULL, NULL, NULL);
	EXPECT("destroy", destroy(jids[0]), 0);
	snprintf(line, sizeof(line), "jail: destroyed many-0 (jid %u), which was denied reboot, 1 in all\n", jids[0]);
	EXPECT("what was denied last is told", strcmp(last_log, line), 0);
	kauth_cred_free(kept);
	for (u_int i = 1; i < MANY; i++)
		EXPECT("destroy", destroy(jids[i]), 0);
}

/* An open file keeps its credential: the jail is empty all the same, and the module can go. */
static void
left_over_credentials(void)
{
	int dying = 0;
	size_t size = sizeof(dying);

	contract = "credentials that are left over keep no jail, and no module";
	EXPECT("create", create("web", ~0ULL, "/jails/a"), 0);
	member = enter(jail.jid);
	EXPECT("open", sys_open(VREG), 0);
	sys_exit(member);
	EXPECT("destroy beside a zombie", destroy(jail.jid), EBUSY);
	sys_wait(member);
	EXPECT("unload while the jail is there", the_modcmd(MODULE_CMD_FINI, NULL), EBUSY);
	EXPECT("destroy", destroy(jail.jid), 0);
	EXPECT("dying", sys_sysctl("dying", &dying, &size, NULL, 0), 0);
	EXPECT("jails that are dying", dying, 1);
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), 0);
	EXPECT("memory left", kmem_in_use(), 0);
	EXPECT("load", the_modcmd(MODULE_CMD_INIT, NULL), 0);
	drop_cached_files();
}

int
main(void)
{
	contract = "the module loads";
	host = host_process(0);
	run_as(host);
	EXPECT("load", the_modcmd(MODULE_CMD_INIT, NULL), 0);
	EXPECT("an unknown command", the_modcmd(MODULE_CMD_STAT, NULL), ENOTTY);
	malformed_calls();
	damaged_calls();
	who_is_told_what();
	root_of_a_newcomer();
	signals();
	telemetry();
	left_over_credentials();
	log_of_many();
	contract = "the module goes";
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), 0);
	printf("contracts kept\n");
	return 0;
}
