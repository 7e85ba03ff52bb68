/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * What the drivers with fixed contracts stand on: a process of the host, a member, and the verbs as functions.
 */
#ifndef GROUND_H
#define GROUND_H

#include <sys/systm.h>

#include <netbsd/abi.h>

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

#endif
