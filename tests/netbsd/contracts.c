/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What random histories do not reach, one contract after the other: each verdict of each scope against kmod/policy, devices,
 * sockets, limits, malformed calls, telemetry, the kernel log, and unloading beside credentials that are left over.
 */
#include <sys/kauth.h>
#include <sys/resource.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <netbsd/abi.h>
#include <policy/kauth.h>

static const char *contract;
static struct proc *host, *member;
static struct jail_create jail;

#define EXPECT(what, got, wanted)                                                                             \
	do {                                                                                                  \
		long long got_ = (long long)(got), wanted_ = (long long)(wanted);                             \
		if (got_ != wanted_) {                                                                        \
			printf("%s: %s: %lld instead of %lld\n", contract, what, got_, wanted_);              \
			fflush(NULL);                                                                         \
			exit(1);                                                                              \
		}                                                                                             \
	} while (0)

static int
create(const char *name, uint64_t rights, const char *root)
{
	struct jail_create call = { .version = JAIL_ABI, .rights = rights };
	size_t size = sizeof(jail);

	strlcpy(call.name, name, sizeof(call.name));
	strlcpy(call.root, root, sizeof(call.root));
	run_as(host);
	return sys_sysctl("create", &jail, &size, &call, sizeof(call));
}

static struct proc *
enter(u_int jid)
{
	struct proc *p = host_process(0);
	int id = jid;

	run_as(p);
	EXPECT("chroot", sys_chroot("/jails/a"), 0);
	EXPECT("enter", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), 0);
	sys_exec();
	return p;
}

static void
end(struct proc *p)
{
	sys_exit(p);
	sys_wait(p);
	run_as(host);
}

static int
destroy(u_int jid)
{
	int id = jid;

	run_as(host);
	return sys_sysctl("destroy", NULL, NULL, &id, sizeof(id));
}

static uint64_t
denials(jp_u32 right)
{
	static struct jail_info info;
	size_t size = sizeof(info);

	run_as(host);
	EXPECT("list", sys_sysctl("list", &info, &size, NULL, 0), 0);
	run_as(member);
	return info.denials[right];
}

static void
ask(const char *scope, u_int action, uintptr_t request, void *arg1, void *arg2, void *arg3, jp_u64 mask, jp_u32 right)
{
	bool held = jp_holds(mask, right);
	uint64_t before = right < JP_RIGHT_COUNT ? denials(right) : 0;

	EXPECT("the verdict", authorize(scope, member->p_cred, action, (void *)request, arg1, arg2, arg3), held ? 0 : EPERM);
	if (!held)
		EXPECT("the count", denials(right), before + 1);
	EXPECT("the host's verdict", authorize(scope, host->p_cred, action, (void *)request, arg1, arg2, arg3), 0);
}

/* ---- each line of kauth.def, at each level ---- */

enum { NO_REQUEST = 99, NO_ACTION = 9999 };

/* Questions that devices() and sockets() ask with their objects. */
static bool
depends_on_more(const char *scope, u_int action, u_int request)
{
	if (strcmp(scope, KAUTH_SCOPE_DEVICE) == 0)
		return action == KAUTH_DEVICE_RAWIO_SPEC;
	return strcmp(scope, KAUTH_SCOPE_NETWORK) == 0 && action == KAUTH_NETWORK_SOCKET &&
	    (request == KAUTH_REQ_NETWORK_SOCKET_OPEN || request == KAUTH_REQ_NETWORK_SOCKET_CANSEE);
}

static void
every_question(jp_u64 mask)
{

	contract = "every question gets the policy's answer";
#define ACTION(scope, action, right)                                                                              \
	if (!depends_on_more(KAUTH_SCOPE_##scope, KAUTH_##scope##_##action, NO_REQUEST))                             \
		ask(KAUTH_SCOPE_##scope, KAUTH_##scope##_##action, NO_REQUEST, NULL, NULL, NULL, mask, JP_##right);
#define REQUEST(scope, action, request, right)                                                                    \
	if (!depends_on_more(KAUTH_SCOPE_##scope, KAUTH_##scope##_##action, KAUTH_REQ_##scope##_##action##_##request)) \
		ask(KAUTH_SCOPE_##scope, KAUTH_##scope##_##action, KAUTH_REQ_##scope##_##action##_##request, NULL, NULL, NULL, \
		    mask, JP_##right);
#define ON_PROCESS(action, fence, right)
#if __NetBSD_Prereq__(9, 99, 100)
#define NEWER_ACTION ACTION
#else
#define NEWER_ACTION(scope, action, right)
#endif
#include <policy/kauth.def>
#undef ACTION
#undef REQUEST
#undef ON_PROCESS
#undef NEWER_ACTION
	ask(KAUTH_SCOPE_SYSTEM, NO_ACTION, 1, NULL, NULL, NULL, mask, JP_NAMESPACES);
	ask(KAUTH_SCOPE_NETWORK, NO_ACTION, 1, NULL, NULL, NULL, mask, JP_NET_ADMIN);
	ask(KAUTH_SCOPE_DEVICE, NO_ACTION, 1, NULL, NULL, NULL, mask, JP_DEVICE);
	ask(KAUTH_SCOPE_MACHDEP, NO_ACTION, 1, NULL, NULL, NULL, mask, JP_RAW_IO);
}

static void
devices(jp_u64 mask)
{
	static const struct {
		enum vtype type;
		u_int major, minor;
		bool harmless;
	} nodes[] = {
		{ VCHR, 2, 2, true },	{ VCHR, 2, 12, true }, { VCHR, 2, 11, true }, { VCHR, 2, 0, false }, { VCHR, 2, 1, false },
		{ VCHR, 1, 0, true },	{ VCHR, 46, 0, true }, { VCHR, 46, 1, true }, { VCHR, 46, 2, false }, { VCHR, 165, 0, true },
		{ VCHR, 165, 1, true }, { VCHR, 5, 7, true },  { VCHR, 6, 7, true },  { VCHR, 22, 1, true },  { VCHR, 0, 0, false },
		{ VBLK, 2, 2, false },	{ VCHR, 23, 0, false },
	};

	contract = "devices are allowed by driver and number";
	for (u_int i = 0; i < __arraycount(nodes); i++) {
		struct specnode special = { makedev(nodes[i].major, nodes[i].minor) };
		struct vnode node = { nodes[i].type, &special, 1, "" };

		ask(KAUTH_SCOPE_DEVICE, KAUTH_DEVICE_RAWIO_SPEC, 1, &node, NULL, NULL, mask, nodes[i].harmless ? JP_FREE : JP_DEVICE);
	}
	ask(KAUTH_SCOPE_DEVICE, KAUTH_DEVICE_RAWIO_SPEC, 1, NULL, NULL, NULL, mask, JP_DEVICE);
}

static void
sockets(jp_u64 mask)
{
	static const struct {
		uintptr_t domain, type, protocol;
		jp_u32 right;
	} kinds[] = {
		{ 1, 1, 0, JP_FREE },	       { 2, 1, 6, JP_FREE },	  { 24, 2, 17, JP_FREE },	{ 2, 3, 1, JP_RAW_SOCKET },
		{ 24, 3, 58, JP_RAW_SOCKET },  { 2, 5, 132, JP_SOCKET_FAMILY }, { 34, 3, 0, JP_NETLINK_ROUTE },
		{ 17, 3, 0, JP_NETLINK_ROUTE }, { 18, 2, 0, JP_PACKET_SOCKET }, { 29, 3, 2, JP_SOCKET_FAMILY },
		{ 31, 5, 3, JP_SOCKET_FAMILY },
	};
	struct socket *mine, *theirs;

	contract = "sockets are opened and seen by kind and owner";
	for (u_int i = 0; i < __arraycount(kinds); i++)
		ask(KAUTH_SCOPE_NETWORK, KAUTH_NETWORK_SOCKET, KAUTH_REQ_NETWORK_SOCKET_OPEN, (void *)kinds[i].domain, (void *)kinds[i].type,
		    (void *)kinds[i].protocol, mask, kinds[i].right);
	run_as(member);
	mine = sys_socket(2);
	run_as(host);
	theirs = sys_socket(2);
	ask(KAUTH_SCOPE_NETWORK, KAUTH_NETWORK_SOCKET, KAUTH_REQ_NETWORK_SOCKET_CANSEE, mine, NULL, NULL, mask, JP_FREE);
	ask(KAUTH_SCOPE_NETWORK, KAUTH_NETWORK_SOCKET, KAUTH_REQ_NETWORK_SOCKET_CANSEE, theirs, NULL, NULL, mask, JP_PROCESS_SEE);
	close_socket(mine);
	close_socket(theirs);
}

static void
limits(jp_u64 mask)
{
	struct rlimit wanted = { 5, 5 };
	uintptr_t set = KAUTH_REQ_PROCESS_RLIMIT_SET;

	contract = "priorities and limits can be lowered, and raised by right";
	member->p_nice = NZERO;
	member->p_rlimit[8] = (struct rlimit){ 5, 5 };
	run_as(host);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_NICE, (uintptr_t)member, (void *)(uintptr_t)(NZERO + 5), NULL, NULL, mask, JP_FREE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_NICE, (uintptr_t)member, (void *)(uintptr_t)(NZERO - 1), NULL, NULL, mask, JP_PRIORITY);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)8, mask, JP_FREE);
	wanted.rlim_max = 6;
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)8, mask, JP_RESOURCE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)RLIM_NLIMITS, mask, JP_RESOURCE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_RLIMIT_GET, NULL, NULL, mask, JP_FREE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_RLIMIT_BYPASS, NULL, NULL, mask,
	    JP_RESOURCE);
#if __NetBSD_Prereq__(9, 99, 100)
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_CANSEE, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_CANSEE_KPTR, NULL, NULL, mask,
	    JP_SYSLOG_READ);
#endif
#define ACTION(scope, action, right)
#define REQUEST(scope, action, request, right)
#define ON_PROCESS(action, fence, right)                                                                              \
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_##action, (uintptr_t)host, (void *)KAUTH_REQ_PROCESS_CANSEE_ENTRY, NULL, NULL, mask, JP_##fence);
#define NEWER_ACTION(scope, action, right)
#include <policy/kauth.def>
}

/* ---- calls ---- */

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
	EXPECT("entering a negative jail", sys_sysctl("id", NULL, NULL, &id, sizeof(id)), EINVAL);
	EXPECT("destroying a negative jail", sys_sysctl("destroy", NULL, NULL, &id, sizeof(id)), EINVAL);
	EXPECT("writing the list", sys_sysctl("list", NULL, NULL, &id, sizeof(id)), EPERM);
	size = 0;
	EXPECT("the list is empty", sys_sysctl("list", NULL, &size, NULL, 0) + (int)size, 0);
	size = 0;
	EXPECT("the size of create", sys_sysctl("create", NULL, &size, NULL, 0), 0);
	EXPECT("the size of create", size, sizeof(call));
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

static void
telemetry(void)
{
	static struct jail_info info;
	size_t size = sizeof(info);
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
	EXPECT("the right is named", strcmp(last_log, "jail: web (jid 2) was denied reboot, 1000 in all\n"), 0);
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
	who_is_told_what();
	telemetry();
	for (u_int level = 0; level <= JP_LEVEL_COUNT; level++) {
		jp_u64 mask = level == JP_LEVEL_COUNT ? ~0ULL : jp_level_mask(level);

		EXPECT("create", create("probe", mask, "/jails/a"), 0);
		member = enter(jail.jid);
		every_question(mask);
		devices(mask);
		sockets(mask);
		limits(mask);
		run_as(host);
		end(member);
		EXPECT("destroy", destroy(jail.jid), 0);
	}
	left_over_credentials();
	contract = "the module goes";
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), 0);
	printf("contracts kept\n");
	return 0;
}
