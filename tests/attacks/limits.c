/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Taking more than one's share: hard limits, priorities, out-of-memory scores.
 */
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int raise_hard_limit(void)
{
	struct rlimit low = { 1000, 1000 }, high = { 2000, 2000 };
	int failed = outcome(setrlimit(RLIMIT_NPROC, &low));
	return failed ? failed : outcome(setrlimit(RLIMIT_NPROC, &high));
}

static int lower_hard_limit(void)
{
	struct rlimit low = { 1000, 1000 };
	return outcome(setrlimit(RLIMIT_NPROC, &low));
}

static int raise_priority(void) { return outcome(setpriority(PRIO_PROCESS, 0, -5)); }
static int lower_priority(void) { return outcome(setpriority(PRIO_PROCESS, 0, 5)); }

static int real_time(int policy)
{
	struct sched_param first = { .sched_priority = 1 };
	return outcome(sched_setscheduler(0, policy, &first));
}

static int fifo(void) { return real_time(SCHED_FIFO); }
static int round_robin(void) { return real_time(SCHED_RR); }

static int real_time_io(void)
{
	enum { WHO_PROCESS = 1, REAL_TIME_4 = 1 << 13 | 4 };
	return outcome(syscall(SYS_ioprio_set, WHO_PROCESS, 0, REAL_TIME_4));
}

static int lock_memory(void) { return outcome(mlockall(MCL_CURRENT)); }

static int score(const char *text)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	return fd < 0 ? errno : outcome(write(fd, text, strlen(text)));
}

static int raise_score(void) { return score("500"); }
static int lower_score(void) { return score("-500"); }

const struct attack limit_rows[] = {
	{ "raise a hard limit", DENIED, "ok", "EPERM", "resource", raise_hard_limit },
	{ "lower a hard limit", WORKS, "ok", "ok", "", lower_hard_limit },
	{ "nice -5", DENIED, "ok", "EPERM|EACCES", "priority", raise_priority },
	{ "nice 5", WORKS, "ok", "ok", "", lower_priority },
	{ "SCHED_FIFO", DENIED, "ok", "EPERM", "priority", fifo },
	{ "SCHED_RR", DENIED, "ok", "EPERM", "priority", round_robin },
	{ "real-time I/O priority", DENIED, "ok", "EPERM", "priority|namespaces", real_time_io },
	{ "mlockall", WORKS, "ok", "ok", "", lock_memory },
	{ "oom_score_adj 500", WORKS, "ok", "ok", "", raise_score },
	{ "oom_score_adj -500", DENIED, "ok", "EACCES|EPERM", "resource", lower_score },
	{ 0 },
};
