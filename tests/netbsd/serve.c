/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
 *
 * Serves the module's nodes to a program: a line asks, a line answers with an error number and bytes in hexadecimal.
 *
 *   read NODE | write NODE HEX | exchange NODE HEX     as the process at hand
 *
 * Whoever was sent a signal ends; init(8) reaps it some lines later.
 *   become ROOT | host                                 a new process with that root, or the host's, is at hand
 *   live TICKS                                         the process at hand exec()s, uses so much CPU, is refused a reboot
 */
#include <sys/kauth.h>
#include <sys/systm.h>

#include <netbsd/abi.h>

enum { ROOM = 1 << 16 };
static uint8_t old[ROOM], new[ROOM];
static char line[2 * ROOM], node[64], hex[2 * ROOM];

extern void *stdin;
char *fgets(char *, int, void *);
int sscanf(const char *, const char *, ...);

static size_t
unhex(void)
{
	u_int byte;
	size_t size;

	for (size = 0; hex[2 * size] != 0 && sscanf(hex + 2 * size, "%2x", &byte) == 1; size++)
		new[size] = byte;
	return size;
}

static void
answer(int error, size_t size)
{
	printf("%d ", error);
	for (size_t i = 0; i < size; i++)
		printf("%02x", old[i]);
	printf("\n");
	fflush(NULL);
}

enum { LINES_UNTIL_REAPED = 24 };
static struct {
	struct proc *proc;
	u_int lines;
} zombies[16];

static void
reap(void)
{
	for (u_int i = 0; i < __arraycount(zombies); i++)
		if (zombies[i].proc != NULL && --zombies[i].lines == 0) {
			sys_wait(zombies[i].proc);
			zombies[i].proc = NULL;
		}
}

static struct proc *
find_signalled(void)
{
	struct proc *p;

	LIST_FOREACH(p, &allproc, p_list)
		if (p->signal != 0)
			break;
	return p;
}

static void
end_signalled(void)
{
	struct proc *p;
	u_int i;

	while ((p = find_signalled()) != NULL) {
		for (i = 0; zombies[i].proc != NULL; i++)
			KASSERT(i + 1 < __arraycount(zombies));
		sys_exit(p);
		zombies[i].proc = p;
		zombies[i].lines = LINES_UNTIL_REAPED;
	}
}

static void
live(int ticks)
{
	sys_exec();
	curproc->p_uticks += ticks;
	(void)authorize(KAUTH_SCOPE_SYSTEM, curproc->p_cred, KAUTH_SYSTEM_REBOOT, NULL, NULL, NULL, NULL);
	for (int i = 0; i < 5; i++)
		one_second();
}

int
main(void)
{
	struct proc *host = host_process(0);
	int number, error;
	size_t size;

	run_as(host);
	KASSERT(the_modcmd(MODULE_CMD_INIT, NULL) == 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		hex[0] = 0;
		reap();
		size = sizeof(old);
		if (sscanf(line, "read %63s", node) == 1) {
			error = sys_sysctl(node, old, &size, NULL, 0);
			answer(error, error == 0 ? size : 0);
		} else if (sscanf(line, "write %63s %s", node, hex) == 2) {
			answer(sys_sysctl(node, NULL, NULL, new, unhex()), 0);
		} else if (sscanf(line, "exchange %63s %s", node, hex) == 2) {
			size = unhex();
			memset(old, 0, size);
			error = sys_sysctl(node, old, &size, new, size);
			answer(error, size);
			end_signalled();
		} else if (sscanf(line, "become %63s", node) == 1) {
			run_as(host_process(0));
			answer(sys_chroot(node), 0);
		} else if (sscanf(line, "live %d", &number) == 1) {
			live(number);
			answer(0, 0);
		} else {
			run_as(host);
			answer(0, 0);
		}
	}
	return 0;
}
