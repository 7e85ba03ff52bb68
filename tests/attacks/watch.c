/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lies in wait for whoever comes into the jail: between entering and execve(2) the newcomer still is the host's program,
 * and a member that opens its /proc/PID/exe then holds the host's binary (CVE-2019-5736).
 */
#include "attack.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };
static char seen[MOST][512];

static void note(const char *program)
{
	for (int i = 0; i < MOST; i++) {
		if (!strcmp(seen[i], program))
			return;
		if (!*seen[i]) {
			strcpy(seen[i], program);
			printf("%s\n", program);
			fflush(stdout);
			return;
		}
	}
}

/* Prints each program that some process is seen to run, until standard input ends. */
int watch_programs(void)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	while (poll(&end, 1, 0) == 0) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;
		while (proc && (entry = readdir(proc))) {
			char link[300], program[512];
			snprintf(link, sizeof link, "/proc/%s/exe", entry->d_name);
			ssize_t length = strtol(entry->d_name, NULL, 10) > 0 ? readlink(link, program, sizeof program - 1) : -1;
			if (length > 0) {
				program[length] = 0;
				note(program);
			}
		}
		closedir(proc);
	}
	return 0;
}
