/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own entry points: modules, kexec, clocks, I/O ports, bpf, perf, the log, the host's name.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fanotify.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static int load_module(void)
{
	char image[64] = "no module";
	return outcome(syscall(SYS_init_module, image, sizeof image, ""));
}

static int load_module_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	return fd < 0 ? errno : outcome(syscall(SYS_finit_module, fd, "", 0));
}

/* Names no module that exists. */
static int unload_module(void) { return outcome(syscall(SYS_delete_module, "jailsh_no_such_module", O_NONBLOCK)); }

/* No segments: drops a prepared kernel, of which a guest has none. */
static int load_kernel(void) { return outcome(syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL)); }

static int load_kernel_file(void) { return outcome(syscall(SYS_kexec_file_load, -1, -1, 0UL, NULL, 0UL)); }

static int reboot_flag(void)
{
	return outcome(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, NULL));
}

static int set_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return outcome(clock_settime(CLOCK_REALTIME, &now));
}

static int set_time_of_day(void)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	return outcome(settimeofday(&now, NULL));
}

static int adjust_clock(void)
{
	struct timex clock = { 0 };
	if (adjtimex(&clock) < 0)
		return errno;
	clock.modes = ADJ_FREQUENCY; /* to what it is */
	return outcome(adjtimex(&clock));
}

static int raise_io_level(void) { return outcome(iopl(3)); }

static int open_io_port(void) { return outcome(ioperm(0x80, 1, 1)); }

static int bpf(enum bpf_cmd command, union bpf_attr *attr) { return outcome(syscall(SYS_bpf, command, attr, sizeof *attr)); }

static int bpf_next_program(void)
{
	union bpf_attr attr = { .start_id = 0 };
	return bpf(BPF_PROG_GET_NEXT_ID, &attr);
}

static int bpf_next_link(void)
{
	union bpf_attr attr = { .start_id = 0 };
	return bpf(BPF_LINK_GET_NEXT_ID, &attr);
}

static int bpf_make_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
	return bpf(BPF_MAP_CREATE, &attr);
}

/* The host's and the module's, too: who has one writes into it. One is made first, so that there is one. */
static int bpf_open_every_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
	unsigned int last = 0;
	(void)bpf(BPF_MAP_CREATE, &attr);
	for (;;) {
		memset(&attr, 0, sizeof attr);
		attr.start_id = last;
		if (syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof attr) < 0)
			return errno == ENOENT && last ? 0 : errno;
		last = attr.next_id;
		memset(&attr, 0, sizeof attr);
		attr.map_id = last;
		if (syscall(SYS_bpf, BPF_MAP_GET_FD_BY_ID, &attr, sizeof attr) < 0 && errno != ENOENT)
			return errno;
	}
}

static int bpf_load_program(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn body[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2, .insns = (uintptr_t)body, .license = (uintptr_t) "GPL",
	};
	return bpf(BPF_PROG_LOAD, &attr);
}

static int bpf_open_pin(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t)bait("bpf/none") };
	return bpf(BPF_OBJ_GET, &attr);
}

static int perf_event(pid_t pid, int cpu)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK };
	return outcome(syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0UL));
}

static int perf_cpu(void) { return perf_event(-1, 0); }
static int perf_self(void) { return perf_event(0, -1); }
static int perf_host(void) { return perf_event((pid_t)target.pid, -1); }

static int swap_on(void) { return outcome(swapon(bait("plain"), 0)); }
static int swap_off(void) { return outcome(swapoff(bait("plain"))); }
static int sync_quota(void) { return outcome(quotactl(QCMD(Q_SYNC, USRQUOTA), NULL, 0, NULL)); }
static int stop_accounting(void) { return outcome(acct(NULL)); }

static int set_host_name(void)
{
	struct utsname name;
	uname(&name);
	return outcome(sethostname(name.nodename, strlen(name.nodename)));
}

static int set_domain_name(void)
{
	struct utsname name;
	uname(&name);
	return outcome(setdomainname(name.domainname, strlen(name.domainname)));
}

static int read_kernel_log(void)
{
	char text[256];
	return outcome(klogctl(3, text, sizeof text));
}

static int size_of_kernel_log(void) { return outcome(klogctl(10, NULL, 0)); }

static int wake_alarm(void) { return outcome(timerfd_create(CLOCK_REALTIME_ALARM, 0)); }

static int filter_own_calls(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static int watch_files(void) { return outcome(syscall(SYS_fanotify_init, FAN_CLASS_CONTENT, O_RDONLY)); }
static int fault_descriptor(void) { return outcome(syscall(SYS_userfaultfd, O_CLOEXEC)); }
static int secret_memory(void) { return outcome(syscall(SYS_memfd_secret, 0)); }
static int directory_cookie(void) { return outcome(syscall(SYS_lookup_dcookie, 0UL, NULL, 0UL)); }

static int hang_up(void)
{
	setsid(); /* so that there is no terminal to hang up */
	return outcome(vhangup());
}

static int read_personality(void) { return outcome(personality(0xffffffff)); }

const struct attack kernel_rows[] = {
	{ "init_module", DENIED, "ENOEXEC", "EPERM", "kernel_module", load_module },
	{ "finit_module", DENIED, "ENOEXEC|EINVAL", "EPERM", "kernel_module", load_module_file },
	{ "delete_module", DENIED, "ENOENT", "EPERM", "kernel_module", unload_module },
	{ "kexec_load", DENIED, "ok", "EPERM", "reboot", load_kernel },
	{ "kexec_file_load", DENIED, "EBADF|EINVAL", "EPERM", "reboot", load_kernel_file },
	{ "reboot(CAD_OFF)", DENIED, "ok", "EPERM", "reboot", reboot_flag },
	{ "clock_settime", DENIED, "ok", "EPERM", "time", set_clock },
	{ "settimeofday", DENIED, "ok", "EPERM", "time", set_time_of_day },
	{ "adjtimex", DENIED, "ok", "EPERM", "time", adjust_clock },
	{ "iopl", DENIED, "ok", "EPERM", "raw_io", raise_io_level },
	{ "ioperm", DENIED, "ok", "EPERM", "raw_io", open_io_port },
	{ "bpf(PROG_GET_NEXT_ID)", DENIED, "ok|ENOENT", "EPERM", "bpf", bpf_next_program },
	{ "bpf(LINK_GET_NEXT_ID)", DENIED, "ok|ENOENT", "EPERM", "bpf", bpf_next_link },
	{ "bpf(MAP_CREATE)", DENIED, "ok", "EPERM", "bpf", bpf_make_map },
	{ "bpf(MAP_GET_FD_BY_ID) of every map", DENIED, "ok", "EPERM", "bpf", bpf_open_every_map },
	{ "bpf(PROG_LOAD)", DENIED, "ok", "EPERM", "bpf", bpf_load_program },
	{ "bpf(OBJ_GET)", DENIED, "ENOENT", "EPERM", "bpf", bpf_open_pin },
	{ "perf_event_open(cpu 0)", DENIED, "ok", "EACCES|EPERM", "perf|namespaces", perf_cpu },
	{ "perf_event_open(self)", DENIED, "ok", "EACCES|EPERM", "perf|namespaces", perf_self },
	{ "perf_event_open(host)", DENIED, "ok", "EACCES|EPERM", "perf|namespaces", perf_host },
	{ "swapon", DENIED, "EINVAL", "EPERM", "swap", swap_on },
	{ "swapoff", DENIED, "EINVAL", "EPERM", "swap", swap_off },
	{ "quotactl(Q_SYNC)", DENIED, "ok", "EPERM", "quota", sync_quota },
	{ "acct(NULL)", DENIED, "ok", "EPERM", "accounting", stop_accounting },
	{ "sethostname", DENIED, "ok", "EPERM", "namespaces", set_host_name },
	{ "setdomainname", DENIED, "ok", "EPERM", "namespaces", set_domain_name },
	{ "syslog(READ_ALL)", DENIED, "ok", "EPERM", "syslog_read", read_kernel_log },
	{ "syslog(SIZE_BUFFER)", DENIED, "ok", "EPERM", "syslog_read", size_of_kernel_log },
	{ "fanotify_init", DENIED, "ok", "EPERM", "namespaces", watch_files },
	{ "userfaultfd", DENIED, "ok", "EPERM|EACCES", "userfaultfd", fault_descriptor },
	{ "memfd_secret", OPEN, "ok|ENOSYS", "ok|ENOSYS", "", secret_memory },
	{ "lookup_dcookie", OPEN, "ENOSYS|EINVAL", "ENOSYS|EPERM", "", directory_cookie },
	{ "vhangup", DENIED, "ok", "EPERM", "tty", hang_up },
	{ "timerfd_create(REALTIME_ALARM)", DENIED, "ok", "EPERM", "wake", wake_alarm },
	{ "seccomp filter", WORKS, "ok", "ok", "", filter_own_calls },
	{ "personality", OPEN, "ok", "ok", "", read_personality },
	{ 0 },
};
