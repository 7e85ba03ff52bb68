/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What two who share a kernel and its user ids learn of each other, and take from each other, without being allowed to
 * touch: which pids are in use, what is done with a shared file, what root may have so many of, priorities by user.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Above every pid that the kernel gives (PID_MAX_LIMIT). */
enum { FREE_PID = 1 << 23 };

static int tell_apart(int used, int free_one) { return used == free_one ? EPERM : 0; }

static int by_kill(void)
{
	return tell_apart(outcome(kill((pid_t)target.pid, 0)), outcome(kill(FREE_PID, 0)));
}

static int status_of(long pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	return outcome(stat(path, &st));
}

static int by_stat(void) { return tell_apart(status_of(target.pid), status_of(FREE_PID)); }

/* What somebody looked up in a proc mount is remembered there. */
static int by_stat_after_a_look(void)
{
	long looked = ask_host('l');
	return looked ? (looked < 0 ? EIO : (int)looked) : by_stat();
}

static int watch_shared_file(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, bait("plain"), IN_OPEN) < 0)
		return errno;
	if (ask_host('o') != 0)
		return EIO;
	struct pollfd event = { .fd = fd, .events = POLLIN };
	return poll(&event, 1, 1000) == 1 ? 0 : EPERM;
}

static int lock_shared_file(void)
{
	int fd = open(bait("plain"), O_RDONLY);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno;
	return ask_host('k') == EWOULDBLOCK ? 0 : EPERM;
}

/* There are so many for each user id (fs.inotify.max_user_instances), whoever bears it. */
static int take_every_watch(void)
{
	struct rlimit files = { 4096, 4096 };
	setrlimit(RLIMIT_NOFILE, &files);
	while (inotify_init1(IN_CLOEXEC) >= 0)
		;
	int last = errno;
	return ask_host('i') == EMFILE ? 0 : last;
}

/* By user id: whoever bears it is meant, so it is seen by what became of the host's process. */
static int set_priority_by_user(void)
{
	int before = getpriority(PRIO_PROCESS, (id_t)target.pid);
	(void)!setpriority(PRIO_USER, 0, before + 1);
	int changed = getpriority(PRIO_PROCESS, (id_t)target.pid) != before;
	(void)!setpriority(PRIO_USER, 0, before);
	return changed ? 0 : EPERM;
}

static int set_ioprio_by_user(void)
{
	enum { WHO_USER = 3, BEST_EFFORT_4 = 2 << 13 | 4 };
	return outcome(syscall(SYS_ioprio_set, WHO_USER, 0, BEST_EFFORT_4));
}

static int get_attributes(void)
{
	struct sched_attr attributes;
	return outcome(syscall(SYS_sched_getattr, (pid_t)target.pid, &attributes, sizeof attributes, 0));
}

static int set_attributes(void)
{
	struct sched_attr attributes = { .size = sizeof attributes };
	return outcome(syscall(SYS_sched_setattr, (pid_t)target.pid, &attributes, 0));
}

/* The kernel reads a pid from the lower half of a register; what compares the whole of it is fooled. */
static int set_limit_with_high_bits(void)
{
	struct rlimit same;
	int failed = outcome(syscall(SYS_prlimit64, target.pid, RLIMIT_CORE, NULL, &same));
	long pid = target.pid | 1L << 32;
	return failed ? failed : outcome(syscall(SYS_prlimit64, pid, RLIMIT_CORE, &same, NULL));
}

static int reap_memory(void)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)target.pid, 0);
	return fd < 0 ? errno : outcome(syscall(SYS_process_mrelease, fd, 0));
}

const struct attack neighbour_rows[] = {
	{ "tell a used pid from a free one by kill", OPEN, "ok", "ok", "", by_kill },
	{ "tell a used pid from a free one by a path below /proc/PID", DENIED, "ok", "EPERM", "process_see", by_stat },
	{ "tell a used pid from a free one by a path below /proc/PID, after the host looked", OPEN, "ok", "ok", "", by_stat_after_a_look },
	{ "see by inotify that the host opens a shared file", OPEN, "ok", "ok", "", watch_shared_file },
	{ "hold a lock on a shared file", OPEN, "ok", "ok", "", lock_shared_file },
	{ "take every inotify instance of the user id", OPEN, "ok", "ok", "", take_every_watch },
	{ "setpriority(everybody of root)", DENIED, "ok", "EPERM", "process_schedule", set_priority_by_user },
	{ "ioprio_set(everybody of root)", DENIED, "ok", "EPERM|ESRCH", "process_schedule", set_ioprio_by_user },
	{ "sched_getattr(host)", DENIED, "ok", "ESRCH", "process_see", get_attributes },
	{ "sched_setattr(host)", DENIED, "ok", "ESRCH", "process_schedule", set_attributes },
	{ "prlimit(host, set), a bit above the 32nd in the pid", DENIED, "ok", "ESRCH", "process_schedule",
	  set_limit_with_high_bits },
	{ "process_mrelease(host)", OPEN, "EINVAL", "EINVAL", "", reap_memory },
	{ 0 },
};
