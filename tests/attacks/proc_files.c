/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sight: what /proc tells of a process of the host, and the ways through its links.
 */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *proc_of_host(const char *file)
{
	static char path[64];
	snprintf(path, sizeof path, "/proc/%ld%s", target.pid, file);
	return path;
}

static int open_of_host(const char *file, int flags)
{
	return outcome(open(proc_of_host(file), flags));
}

static int stat_host(void)
{
	struct stat st;
	return outcome(stat(proc_of_host(""), &st));
}

static int list_processes(void)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return errno;
	struct dirent *entry;
	int seen = 0;
	while ((entry = readdir(proc)))
		seen |= strtol(entry->d_name, NULL, 10) == target.pid;
	closedir(proc);
	return seen ? 0 : ENOENT;
}

static int root_of_host(void) { return open_of_host("/root/etc", O_RDONLY | O_DIRECTORY); }
static int chdir_cwd(void) { return outcome(chdir(proc_of_host("/cwd"))); }
static int chroot_root(void) { return outcome(chroot(proc_of_host("/root"))); }
static int read_status(void) { return open_of_host("/status", O_RDONLY); }
static int read_cmdline(void) { return open_of_host("/cmdline", O_RDONLY); }
static int read_environ(void) { return open_of_host("/environ", O_RDONLY); }
static int read_maps(void) { return open_of_host("/maps", O_RDONLY); }
static int write_memory(void) { return open_of_host("/mem", O_RDWR); }
static int open_descriptor(void) { return open_of_host("/fd/0", O_RDONLY); }
static int list_descriptors(void) { return open_of_host("/fd", O_RDONLY | O_DIRECTORY); }
static int open_executable(void) { return open_of_host("/exe", O_RDONLY); }
static int write_oom_score(void) { return open_of_host("/oom_score_adj", O_WRONLY); }
static int open_namespace(void) { return open_of_host("/ns/mnt", O_RDONLY); }

static int read_executable_link(void)
{
	char text[256];
	return outcome(readlink(proc_of_host("/exe"), text, sizeof text));
}

static int stat_thread(void)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%ld/task/%ld", target.pid, target.pid);
	return outcome(stat(path, &st));
}

static int see_self(void) { return outcome(open("/proc/self/status", O_RDONLY)); }

static int see_parent(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/status", getppid());
	return outcome(open(path, O_RDONLY));
}

#define UNSEEN "ENOENT|EPERM|EACCES"
#define SIGHT "process_see|process_trace"

const struct attack proc_rows[] = {
	{ "stat /proc/HOST", DENIED, "ok", UNSEEN, SIGHT, stat_host },
	{ "readdir /proc shows HOST", DENIED, "ok", "ENOENT", SIGHT, list_processes },
	{ "open /proc/HOST/root/etc", DENIED, "ok", UNSEEN, SIGHT, root_of_host },
	{ "chdir /proc/HOST/cwd", DENIED, "ok", UNSEEN, SIGHT, chdir_cwd },
	{ "chroot /proc/HOST/root", DENIED, "ok", UNSEEN, SIGHT "|chroot", chroot_root },
	{ "open /proc/HOST/status", DENIED, "ok", UNSEEN, SIGHT, read_status },
	{ "open /proc/HOST/cmdline", DENIED, "ok", UNSEEN, SIGHT, read_cmdline },
	{ "open /proc/HOST/environ", DENIED, "ok", UNSEEN, SIGHT, read_environ },
	{ "open /proc/HOST/maps", DENIED, "ok", UNSEEN, SIGHT, read_maps },
	{ "open /proc/HOST/mem for writing", DENIED, "ok", UNSEEN, SIGHT, write_memory },
	{ "open /proc/HOST/fd/0", DENIED, "ok", UNSEEN, SIGHT, open_descriptor },
	{ "readdir /proc/HOST/fd", DENIED, "ok", UNSEEN, SIGHT, list_descriptors },
	{ "open /proc/HOST/exe", DENIED, "ok", UNSEEN, SIGHT, open_executable },
	{ "readlink /proc/HOST/exe", DENIED, "ok", UNSEEN, SIGHT, read_executable_link },
	{ "open /proc/HOST/oom_score_adj for writing", DENIED, "ok", UNSEEN, SIGHT, write_oom_score },
	{ "open /proc/HOST/ns/mnt", DENIED, "ok", UNSEEN, SIGHT, open_namespace },
	{ "stat /proc/HOST/task/HOST", DENIED, "ok", UNSEEN, SIGHT, stat_thread },
	{ "open /proc/self/status", WORKS, "ok", "ok", "", see_self },
	{ "open /proc/PARENT/status", WORKS, "ok", "ok", "", see_parent },
	{ 0 },
};
