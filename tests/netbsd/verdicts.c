/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Each question of each scope, at each level, has the verdict that kmod/policy gives and is counted under its right.
 */
#include <sys/kauth.h>
#include <sys/resource.h>
#include <sys/socketvar.h>
#include <sys/vnode.h>

#include <policy/kauth.h>

#include "ground.h"

static struct proc *sibling; /* asks; of the member's jail */

static uint64_t
denials(jp_u32 right)
{
	static struct jail_info info;
	size_t size = sizeof(info);

	run_as(host);
	EXPECT("list", sys_sysctl("list", &info, &size, NULL, 0), 0);
	return info.denials[right];
}

static void
ask(const char *scope, u_int action, uintptr_t request, void *arg1, void *arg2, void *arg3, jp_u64 mask, jp_u32 right)
{
	bool held = jp_holds(mask, right);
	uint64_t before = right < JP_RIGHT_COUNT ? denials(right) : 0;

	run_as(sibling);
	EXPECT("the verdict", authorize(scope, sibling->p_cred, action, (void *)request, arg1, arg2, arg3), held ? 0 : EPERM);
	if (!held)
		EXPECT("the count", denials(right), before + 1);
	run_as(host);
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
		{ 1, 1, 0, JP_FREE },	       { 2, 1, 6, JP_FREE },	  { 24, 2, 17, JP_FREE },	{ 2, 3, 1, JP_PING },
		{ 24, 3, 58, JP_PING }, { 2, 3, 255, JP_RAW_SOCKET },  { 2, 5, 132, JP_SOCKET_FAMILY }, { 34, 3, 0, JP_NETLINK_ROUTE },
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
	uint64_t before;

	contract = "priorities and limits can be lowered, and raised by right";
	member->p_nice = NZERO;
	member->p_rlimit[8] = (struct rlimit){ 5, 5 };
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_NICE, (uintptr_t)member, (void *)(uintptr_t)(NZERO + 5), NULL, NULL, mask, JP_FREE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_NICE, (uintptr_t)member, (void *)(uintptr_t)(NZERO - 1), NULL, NULL, mask, JP_PRIORITY);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)8, mask, JP_FREE);
	wanted.rlim_max = 6;
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)8, mask, JP_RESOURCE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)set, &wanted, (void *)RLIM_NLIMITS, mask, JP_RESOURCE);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_RLIMIT_GET, NULL, NULL, mask, JP_FREE);
	before = denials(JP_RESOURCE);
	run_as(sibling);
	sibling->p_flag |= PK_SUGID;
	EXPECT("passing limits",
	    authorize(KAUTH_SCOPE_PROCESS, sibling->p_cred, KAUTH_PROCESS_RLIMIT, sibling, (void *)KAUTH_REQ_PROCESS_RLIMIT_BYPASS, NULL,
		(void *)RLIMIT_NPROC),
	    jp_holds(mask, JP_RESOURCE) ? 0 : EPERM);
	sibling->p_flag &= ~PK_SUGID;
	EXPECT("the count of what execve(2) asks in vain", denials(JP_RESOURCE), before);
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_RLIMIT, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_RLIMIT_BYPASS, NULL,
	    (void *)RLIMIT_NPROC, mask, JP_RESOURCE);
#if __NetBSD_Prereq__(9, 99, 0)
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_CANSEE, (uintptr_t)member, (void *)KAUTH_REQ_PROCESS_CANSEE_KPTR, NULL, NULL, mask,
	    JP_SYSLOG_READ);
#endif
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_SCHEDULER_SETPARAM, (uintptr_t)member, NULL, NULL, NULL, mask, JP_PRIORITY);
#define ACTION(scope, action, right)
#define REQUEST(scope, action, request, right)
#define ON_PROCESS(action, fence, right)                                                                              \
	ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_##action, (uintptr_t)host, (void *)KAUTH_REQ_PROCESS_CANSEE_ENTRY, NULL, NULL, mask, JP_##fence);
#define NEWER_ACTION(scope, action, right)
#include <policy/kauth.def>
}

static void
procfs(jp_u64 mask)
{
	static const struct {
		pfstype type;
		uintptr_t request;
		jp_u32 right;
	} files[] = {
		{ PFSstatus, KAUTH_REQ_PROCESS_PROCFS_READ, JP_FREE }, { PFSmem, KAUTH_REQ_PROCESS_PROCFS_READ, JP_PTRACE },
		{ PFSregs, KAUTH_REQ_PROCESS_PROCFS_READ, JP_PTRACE }, { PFSfpregs, KAUTH_REQ_PROCESS_PROCFS_READ, JP_PTRACE },
		{ PFSmem, KAUTH_REQ_PROCESS_PROCFS_RW, JP_PTRACE },    { PFSstatus, KAUTH_REQ_PROCESS_PROCFS_WRITE, JP_PTRACE },
	};

	contract = "memory and registers are a debugger's, by procfs too";
	for (u_int i = 0; i < __arraycount(files); i++) {
		struct pfsnode node = { files[i].type };

		ask(KAUTH_SCOPE_PROCESS, KAUTH_PROCESS_PROCFS, (uintptr_t)member, &node, (void *)files[i].request, NULL, mask,
		    files[i].right);
		run_as(member);
		EXPECT("one's own",
		    authorize(KAUTH_SCOPE_PROCESS, member->p_cred, KAUTH_PROCESS_PROCFS, member, &node, (void *)files[i].request, NULL), 0);
	}
}

int
main(void)
{
	int error;

	contract = "the module loads";
	host = host_process(0);
	run_as(host);
	EXPECT("load", the_modcmd(MODULE_CMD_INIT, NULL), 0);
	for (u_int level = 0; level <= JP_LEVEL_COUNT; level++) {
		jp_u64 mask = level == JP_LEVEL_COUNT ? ~0ULL : jp_level_mask(level);

		EXPECT("create", create("probe", mask, "/jails/a"), 0);
		member = enter(jail.jid);
		sibling = sys_fork(&error);
		EXPECT("fork", error, 0);
		every_question(mask);
		devices(mask);
		sockets(mask);
		limits(mask);
		procfs(mask);
		end(sibling);
		end(member);
		EXPECT("destroy", destroy(jail.jid), 0);
	}
	contract = "the module goes";
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), 0);
	printf("verdicts as the policy has them\n");
	return 0;
}
