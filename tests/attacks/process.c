/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interference: signals, tracing, memory, scheduling and limits of a process of the host.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pidfd_of_host(void) { return (int)syscall(SYS_pidfd_open, (pid_t)target.pid, 0); }

static int kill_host(void) { return outcome(kill((pid_t)target.pid, 0)); }

static int tgkill_host(void) { return outcome(syscall(SYS_tgkill, (pid_t)target.pid, (pid_t)target.pid, 0)); }

static int sigqueue_host(void)
{
	siginfo_t info = { .si_signo = SIGCONT, .si_code = SI_QUEUE };
	return outcome(syscall(SYS_rt_sigqueueinfo, (pid_t)target.pid, SIGCONT, &info));
}

static int kill_everyone(void) { return outcome(kill(-1, 0)); }

static int pidfd_open_host(void) { return outcome(pidfd_of_host()); }

static int pidfd_signal_host(void)
{
	int fd = pidfd_of_host();
	return fd < 0 ? errno : outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

static int pidfd_getfd_host(void)
{
	int fd = pidfd_of_host();
	return fd < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int setns_by_pidfd(void)
{
	int fd = pidfd_of_host();
	return fd < 0 ? errno : outcome(setns(fd, CLONE_NEWNS));
}

static int process_madvise_host(void)
{
	int fd = pidfd_of_host();
	struct iovec page = { (void *)target.addr, 4096 };
	return fd < 0 ? errno : outcome(syscall(SYS_process_madvise, fd, &page, 1L, MADV_COLD, 0));
}

static int wait_for_host(void)
{
	int fd = pidfd_of_host();
	siginfo_t info;
	return fd < 0 ? errno : outcome(waitid((idtype_t)3 /* P_PIDFD */, (id_t)fd, &info, WEXITED | WNOHANG));
}

static int trace_host(void)
{
	int result = outcome(ptrace(PTRACE_SEIZE, (pid_t)target.pid, NULL, NULL));
	return result; /* the tracer's exit detaches */
}

static int read_memory_of_host(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)target.addr, 1 };
	return outcome(process_vm_readv((pid_t)target.pid, &here, 1, &there, 1, 0));
}

static int write_memory_of_host(void)
{
	char byte = 'h'; /* what host.c keeps there */
	struct iovec here = { &byte, 1 }, there = { (void *)target.addr, 1 };
	return outcome(process_vm_writev((pid_t)target.pid, &here, 1, &there, 1, 0));
}

static int get_affinity(void)
{
	cpu_set_t set;
	return outcome(sched_getaffinity((pid_t)target.pid, sizeof set, &set));
}

static int set_affinity(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return outcome(sched_setaffinity((pid_t)target.pid, sizeof set, &set));
}

static int set_priority(void) { return outcome(setpriority(PRIO_PROCESS, (id_t)target.pid, 0)); }

static int set_priority_of_group(void) { return outcome(setpriority(PRIO_PGRP, (id_t)target.pid, 0)); }

static int kill_group(void) { return outcome(kill(-(pid_t)target.pid, 0)); }

static int get_priority(void)
{
	errno = 0;
	getpriority(PRIO_PROCESS, (id_t)target.pid);
	return errno;
}

enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_GROUP = 2, IOPRIO_BEST_EFFORT_4 = 2 << 13 | 4 };

static int set_ioprio(void)
{
	return outcome(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, (pid_t)target.pid, IOPRIO_BEST_EFFORT_4));
}

static int set_ioprio_of_group(void)
{
	return outcome(syscall(SYS_ioprio_set, IOPRIO_WHO_GROUP, (pid_t)target.pid, IOPRIO_BEST_EFFORT_4));
}

static int get_ioprio(void) { return outcome(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, (pid_t)target.pid)); }

static int set_scheduler(void)
{
	struct sched_param none = { 0 };
	return outcome(sched_setscheduler((pid_t)target.pid, SCHED_OTHER, &none));
}

static int get_scheduler(void) { return outcome(sched_getscheduler((pid_t)target.pid)); }

static int get_rr_interval(void)
{
	struct timespec slice;
	return outcome(sched_rr_get_interval((pid_t)target.pid, &slice));
}

static int get_sched_param(void)
{
	struct sched_param param;
	return outcome(sched_getparam((pid_t)target.pid, &param));
}

static int get_group(void) { return outcome(getpgid((pid_t)target.pid)); }

static int get_session(void) { return outcome(getsid((pid_t)target.pid)); }

static int get_limit(void)
{
	struct rlimit limit;
	return outcome(prlimit((pid_t)target.pid, RLIMIT_CORE, NULL, &limit));
}

static int set_limit(void)
{
	struct rlimit same;
	int failed = outcome(prlimit((pid_t)target.pid, RLIMIT_CORE, NULL, &same));
	return failed ? failed : outcome(prlimit((pid_t)target.pid, RLIMIT_CORE, &same, NULL));
}

static int get_cpu_clock(void)
{
	/* clock_getcpuclockid(3): the complement of the pid, and 2 for the scheduler's clock */
	clockid_t clock = (clockid_t)((~(unsigned)target.pid << 3) | 2);
	struct timespec used;
	return outcome(clock_gettime(clock, &used));
}

static int migrate_pages_of_host(void)
{
	unsigned long node0 = 1;
	return outcome(syscall(SYS_migrate_pages, (pid_t)target.pid, 8 * sizeof node0, &node0, &node0));
}

static int move_page_of_host(void)
{
	void *page = (void *)target.addr;
	int status;
	return outcome(syscall(SYS_move_pages, (pid_t)target.pid, 1UL, &page, NULL, &status, 0));
}

static int compare_with_host(void)
{
	return outcome(syscall(SYS_kcmp, getpid(), (pid_t)target.pid, KCMP_VM, 0, 0));
}

static int get_robust_list(void)
{
	void *head;
	size_t length;
	return outcome(syscall(SYS_get_robust_list, (pid_t)target.pid, &head, &length));
}

static int get_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, (int)target.pid };
	struct __user_cap_data_struct data[2];
	return outcome(syscall(SYS_capget, &header, data));
}

/* Ways to name the process that a descriptor's signals go to. */
static int own_by_fcntl(int fd) { return fcntl(fd, F_SETOWN, (pid_t)target.pid); }

static int own_by_ioctl(int fd)
{
	int pid = (int)target.pid;
	return ioctl(fd, FIOSETOWN, &pid);
}

#ifdef __x86_64__
/* As a 32-bit program calls it, which the kernel asks its modules about by another hook (security_file_ioctl_compat). */
static int own_by_ioctl_32(int fd)
{
	enum { IOCTL_32 = 54 };
	int *pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int result = IOCTL_32;
	if (pid == MAP_FAILED)
		return -1;
	*pid = (int)target.pid;
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(fd), "c"(FIOSETOWN), "d"(pid) : "memory", "r8", "r9", "r10", "r11");
	errno = -result;
	return result < 0 ? -1 : 0;
}
#else
#define own_by_ioctl_32 own_by_ioctl
#endif

/* A signal by way of a descriptor's owner. The host tells how many it got. */
static int sigio_by(int fd, int (*own)(int), int (*trigger)(int), int trigger_fd)
{
	long before = ask_host('n');
	if (before < 0 || own(fd) < 0 || fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) < 0)
		return errno;
	int failed = trigger(trigger_fd);
	if (failed)
		return failed;
	/* The signal is pending by now; the host answers after its handler ran. */
	return ask_host('n') > before ? 0 : EPERM;
}

static int write_byte(int fd) { return outcome(write(fd, "x", 1)); }

static int let_host_write(int fd)
{
	(void)fd;
	return ask_host('w') == 1 ? 0 : EIO;
}

static int sigio_to_host(void)
{
	int ends[2];
	return pipe(ends) < 0 ? errno : sigio_by(ends[0], own_by_fcntl, write_byte, ends[1]);
}

static int sigio_by_socket(int (*own)(int))
{
	int ends[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? errno : sigio_by(ends[0], own, write_byte, ends[1]);
}

static int sigio_by_ioctl(void) { return sigio_by_socket(own_by_ioctl); }
static int sigio_by_ioctl_32(void) { return sigio_by_socket(own_by_ioctl_32); }

static int sigio_by_deputy(void)
{
	int fifo = open(bait("fifo"), O_RDONLY | O_NONBLOCK);
	return fifo < 0 ? errno : sigio_by(fifo, own_by_fcntl, let_host_write, -1);
}

const struct attack process_rows[] = {
	{ "kill(host, 0)", DENIED, "ok", "EPERM", "process_signal", kill_host },
	{ "kill(group of host, 0)", DENIED, "ok", "EPERM", "process_signal", kill_group },
	{ "tgkill(host, 0)", DENIED, "ok", "EPERM", "process_signal", tgkill_host },
	{ "rt_sigqueueinfo(host)", DENIED, "ok", "EPERM", "process_signal", sigqueue_host },
	{ "kill(-1, 0) reaches members only", WORKS, "ok", "ok", "", kill_everyone },
	{ "pidfd_open(host)", OPEN, "ok", "ok", "", pidfd_open_host },
	{ "pidfd_send_signal(host, 0)", DENIED, "ok", "EPERM", "process_signal", pidfd_signal_host },
	{ "pidfd_getfd(host)", DENIED, "ok", "EPERM", "process_trace", pidfd_getfd_host },
	{ "setns(pidfd of host, NEWNS)", DENIED, "ok", "EPERM", "process_see|process_trace|namespaces", setns_by_pidfd },
	{ "process_madvise(host)", DENIED, "ok", "EACCES|EPERM", "process_see|process_trace", process_madvise_host },
	{ "waitid(P_PIDFD, host)", OPEN, "ECHILD", "ECHILD", "", wait_for_host },
	{ "ptrace(SEIZE, host)", DENIED, "ok", "ESRCH|EPERM", "process_trace", trace_host },
	{ "process_vm_readv(host)", DENIED, "ok", "EPERM", "process_trace", read_memory_of_host },
	{ "process_vm_writev(host)", DENIED, "ok", "EPERM", "process_trace", write_memory_of_host },
	{ "sched_setaffinity(host)", DENIED, "ok", "ESRCH", "process_schedule", set_affinity },
	{ "sched_getaffinity(host)", DENIED, "ok", "ESRCH", "process_see", get_affinity },
	{ "setpriority(host)", DENIED, "ok", "ESRCH", "process_schedule", set_priority },
	{ "setpriority(group of host)", DENIED, "ok", "ESRCH", "process_schedule", set_priority_of_group },
	{ "getpriority(host)", OPEN, "ok", "ok", "", get_priority },
	{ "ioprio_set(host)", DENIED, "ok", "ESRCH", "process_schedule", set_ioprio },
	{ "ioprio_set(group of host)", DENIED, "ok", "ESRCH", "process_schedule", set_ioprio_of_group },
	{ "ioprio_get(host)", DENIED, "ok", "ESRCH", "process_see", get_ioprio },
	{ "sched_setscheduler(host)", DENIED, "ok", "ESRCH", "process_schedule", set_scheduler },
	{ "sched_getscheduler(host)", DENIED, "ok", "ESRCH", "process_see", get_scheduler },
	{ "sched_rr_get_interval(host)", DENIED, "ok", "ESRCH", "process_see", get_rr_interval },
	{ "sched_getparam(host)", DENIED, "ok", "ESRCH", "process_see", get_sched_param },
	{ "getpgid(host)", DENIED, "ok", "ESRCH", "process_see", get_group },
	{ "getsid(host)", DENIED, "ok", "ESRCH", "process_see", get_session },
	{ "prlimit(host, get)", OPEN, "ok", "ok", "", get_limit },
	{ "prlimit(host, set)", DENIED, "ok", "ESRCH", "process_schedule", set_limit },
	{ "clock_gettime(cpu clock of host)", OPEN, "ok", "ok", "", get_cpu_clock },
	{ "migrate_pages(host)", DENIED, "ok", "EPERM", "process_see|process_trace", migrate_pages_of_host },
	{ "move_pages(host)", DENIED, "ok", "EPERM", "process_see|process_trace", move_page_of_host },
	{ "kcmp(host)", DENIED, "ok", "EPERM", "process_see|process_trace", compare_with_host },
	{ "get_robust_list(host)", DENIED, "ok", "EPERM", "process_see|process_trace", get_robust_list },
	{ "capget(host)", DENIED, "ok", "ESRCH", "process_see", get_capabilities },
	{ "F_SETOWN(host), SIGIO", DENIED, "ok", "EPERM", "process_signal", sigio_to_host },
	{ "FIOSETOWN(host), SIGIO", DENIED, "ok", "EPERM", "process_signal", sigio_by_ioctl },
	{ "FIOSETOWN(host) by a 32-bit call, SIGIO", DENIED, "ok", "EPERM", "process_signal", sigio_by_ioctl_32 },
	{ "F_SETOWN(host), SIGIO by a write of the host", DENIED, "ok", "EPERM", "process_signal", sigio_by_deputy },
	{ 0 },
};
