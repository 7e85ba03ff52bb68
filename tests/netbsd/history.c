/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Random histories: processes and jails come and go in any order, and after each step the module has to agree with a model of
 * a few arrays. `history SEED STEPS`.
 */
#include <sys/kauth.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <netbsd/abi.h>
#include <policy/kauth.h>

u_int vnodes_in_use(void);

#include "steps.h"

static void
do_module(void)
{
	u_int living = 0;

	for (u_int i = 0; i < JAILS; i++)
		living += model[i].jid != 0;
	run_as(any(ALIVE)->proc);
	if (!loaded) {
		EXPECT("load", the_modcmd(MODULE_CMD_INIT, NULL), 0);
		loaded = true;
		last_jid = 0;
		return;
	}
	EXPECT("auto-unload", the_modcmd(MODULE_CMD_AUTOUNLOAD, NULL), EPERM);
	EXPECT("unload", the_modcmd(MODULE_CMD_FINI, NULL), living != 0 ? EBUSY : 0);
	if (living != 0)
		return;
	loaded = false;
	EXPECT("nothing is registered", registered_nothing(), true);
	EXPECT("memory of the module", kmem_in_use(), 0);
}

/* All members end and all jails are destroyed; the host goes on, and files that members opened stay cached. */
static void
do_wind_down(void)
{
	struct proc *host = host_process(0);

	for (u_int i = 0; i < PROCESSES; i++) {
		if (processes[i].life == NONE || processes[i].jid == 0)
			continue;
		if (processes[i].life == ALIVE)
			sys_exit(processes[i].proc);
		sys_wait(processes[i].proc);
		processes[i].life = NONE;
	}
	run_as(host);
	for (u_int i = 0; i < JAILS; i++) {
		if (model[i].jid == 0)
			continue;
		EXPECT("the last destroy", sys_sysctl("destroy", NULL, NULL, &model[i].jid, sizeof(int)), 0);
		model[i].jid = 0;
	}
	do_module();
	sys_exit(host);
	sys_wait(host);
}

/* What the module tells of its jails is what the model knows. */
static void
compare(void)
{
	static struct jail_info infos[JAILS];
	static struct jail_member members[PROCESSES];
	struct model_process *host = NULL;
	size_t size = sizeof(infos);
	u_int total = 0, member_total = 0;
	uint64_t denials;

	for (u_int i = 0; i < PROCESSES; i++)
		if (processes[i].life == ALIVE && processes[i].jid == 0)
			host = &processes[i];
	if (!loaded || host == NULL)
		return;
	run_as(host->proc);
	for (u_int i = 0; i < 5; i++)
		one_second();
	EXPECT("list", sys_sysctl("list", infos, &size, NULL, 0), 0);
	for (u_int i = 0; i < JAILS; i++)
		total += model[i].jid != 0;
	EXPECT("jails", size / sizeof(infos[0]), total);
	for (u_int i = 0; i < total; i++) {
		struct model_jail *jail = jail_of_jid(infos[i].jid);

		EXPECT("a listed jail is there", jail != NULL, true);
		EXPECT("rights", infos[i].rights, jail->rights);
		EXPECT("state", infos[i].state, jail->closed ? JAIL_CLOSED : JAIL_ACTIVE);
		EXPECT("processes", infos[i].processes, count(jail->jid, ALIVE));
		EXPECT("memory", infos[i].memory_bytes, (uint64_t)count(jail->jid, ALIVE) << 20);
		EXPECT("CPU ticks", infos[i].cpu_ticks, jail->ticks);
		EXPECT("ports", infos[i].port_count, jail->port_count);
		denials = 0;
		for (u_int j = 0; j < JAIL_RIGHTS; j++)
			denials += infos[i].denials[j];
		EXPECT("denials", denials, jail->denials);
		member_total += count(jail->jid, ALIVE);
	}
	size = sizeof(members);
	EXPECT("members", sys_sysctl("members", members, &size, NULL, 0), 0);
	EXPECT("number of members", size / sizeof(members[0]), member_total);
	for (u_int i = 0; i < member_total; i++)
		for (u_int j = 0; j < PROCESSES; j++)
			if (processes[j].life == ALIVE && processes[j].proc->p_pid == members[i].pid) {
				EXPECT("jid of a member", members[i].jid, processes[j].jid);
				EXPECT("arriving", members[i].arriving, processes[j].arriving);
			}
}

int
main(int argc, char **argv)
{
	u_long strtoul(const char *, char **, int);
	static void (*const steps[])(void) = { do_create, do_destroy, do_enter, do_enter, do_enter, do_update, do_fork, do_fork,
		do_life, do_life, do_life, do_life, do_life, do_ask, do_ask, do_bind, one_second };
	u_int limit;

	if (argc != 3) {
		printf("usage: history SEED STEPS\n");
		return 64;
	}
	random_state = strtoul(argv[1], NULL, 0) * 2654435761u | 1;
	limit = strtoul(argv[2], NULL, 0);
	for (u_int i = 0; i < 4; i++)
		processes[i] = (struct model_process){ .life = ALIVE, .root = -1, .euid = i == 3 ? 1000 : 0, .proc = host_process(i == 3 ? 1000 : 0) };
	for (step = 0; step < limit; step++) {
		if (pick(40) == 0 || step == 3)
			do_module();
		else if (pick(250) == 0)
			do_wind_down();
		else
			steps[pick(__arraycount(steps))]();
		if (step % 8 == 0)
			compare();
	}
	/* Everything ends, and nothing is left. */
	do_wind_down();
	if (loaded)
		do_module();
	for (u_int i = 0; i < PROCESSES; i++) {
		if (processes[i].life == ALIVE)
			sys_exit(processes[i].proc);
		if (processes[i].life != NONE)
			sys_wait(processes[i].proc);
	}
	drop_cached_files();
	EXPECT("credentials left", creds_in_use(), 0);
	EXPECT("vnodes held", vnodes_in_use(), 0);
	EXPECT("memory of the module", kmem_in_use(), 0);
	printf("%u steps\n", step);
	return 0;
}
