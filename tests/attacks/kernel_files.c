/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files that steer the kernel: /proc outside of a process, sysfs, cgroup file systems, bpffs.
 */
#include "attack.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* linux/capability.h: struct vfs_cap_data, revision 2, CAP_NET_BIND_SERVICE */
static const unsigned file_capability[5] = { 0x02000000, 1 << 10, 0, 0, 0 };

static int open_writable(const char *path) { return outcome(open(path, O_WRONLY)); }

static int core_pattern(void) { return open_writable("/proc/sys/kernel/core_pattern"); }
static int pid_max(void) { return open_writable("/proc/sys/kernel/pid_max"); }
static int modprobe_path(void) { return open_writable("/proc/sys/kernel/modprobe"); }
static int local_ports(void) { return open_writable("/proc/sys/net/ipv4/ip_local_reserved_ports"); }
static int sysrq_trigger(void) { return open_writable("/proc/sysrq-trigger"); }
static int sysfs_knob(void) { return open_writable(bait("sys/kernel/mm/ksm/run")); }
static int sysfs_uevent(void) { return open_writable(bait("sys/devices/virtual/mem/null/uevent")); }
static int release_agent(void) { return open_writable(bait("cgroup1/release_agent")); }
static int cgroup_procs(void) { return open_writable(bait("cgroup/cgroup.procs")); }

/* Does anything below open for writing, of what its mode lets root write? */
static int any_writable(const char *directory, int depth, int (*skip)(const char *))
{
	char path[512];
	int best = ENOENT;
	DIR *dir = opendir(directory);
	if (!dir)
		return errno;
	struct dirent *entry;
	while (best && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || (skip && skip(entry->d_name)))
			continue;
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (entry->d_type == DT_DIR && depth) {
			int below = any_writable(path, depth - 1, skip);
			best = below == ENOENT ? best : below;
		} else if (entry->d_type == DT_REG) {
			struct stat st;
			if (lstat(path, &st) == 0 && st.st_mode & S_IWUSR)
				best = outcome(open(path, O_WRONLY | O_NONBLOCK));
		}
	}
	closedir(dir);
	return best;
}

/* Processes have files of their own; what else is in /proc is the kernel's. */
static int is_a_process(const char *name) { return isdigit((unsigned char)*name) || !strcmp(name, "sys"); }

static int any_sysctl(void) { return any_writable("/proc/sys", 6, NULL); }
static int any_of_proc(void) { return any_writable("/proc", 5, is_a_process); }
static int any_of_sysfs(void) { return any_writable(bait("sys/kernel"), 3, NULL); }

/* Where the kernel lies in memory is what an attack on it asks for first. */
static int tells_addresses(const char *path, const char *format)
{
	char line[512];
	unsigned long address = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return errno;
	for (int i = 0; !address && i < 2000 && fgets(line, sizeof line, file); i++)
		(void)!sscanf(line, format, &address);
	fclose(file);
	return address ? 0 : EPERM;
}

static int symbol_addresses(void) { return tells_addresses("/proc/kallsyms", "%lx"); }
static int module_addresses(void) { return tells_addresses("/proc/modules", "%*s %*s %*s %*s %*s %lx"); }
static int memory_map(void) { return tells_addresses("/proc/iomem", "%*[ ]%lx"); }

static int kernel_image(void) { return outcome(open("/proc/kcore", O_RDONLY)); }
static int kernel_log(void) { return outcome(open("/proc/kmsg", O_RDONLY | O_NONBLOCK)); }

static int truncate_sysfs(void) { return outcome(truncate(bait("sys/kernel/mm/ksm/run"), 0)); }
static int chmod_sysfs(void) { return outcome(chmod(bait("sys/kernel/mm/ksm/run"), 0644)); }

static int make_and_remove(const char *path)
{
	int failed = outcome(mkdir(path, 0755));
	rmdir(path);
	return failed;
}

static int make_cgroup(void) { return make_and_remove(bait("cgroup/attack")); }
static int make_cgroup_v1(void) { return make_and_remove(bait("cgroup1/attack")); }
static int make_in_bpffs(void) { return make_and_remove(bait("bpf/attack")); }

static int rename_cgroup(void)
{
	char from[300], to[300];
	snprintf(from, sizeof from, "%s", bait("cgroup1/group"));
	snprintf(to, sizeof to, "%s", bait("cgroup1/renamed"));
	int failed = outcome(rename(from, to));
	rename(to, from);
	return failed;
}

static int remove_cgroup(void)
{
	int failed = outcome(rmdir(bait("cgroup1/group")));
	if (!failed)
		mkdir(bait("cgroup1/group"), 0755);
	return failed;
}

static int set_attribute(const char *name)
{
	int fd = open(SCRATCH "/attributed", O_CREAT | O_RDWR, 0600);
	int failed = fd < 0 ? errno : outcome(fsetxattr(fd, name, file_capability, sizeof file_capability, 0));
	unlink(SCRATCH "/attributed");
	return failed;
}

static int trusted_attribute(void) { return set_attribute("trusted.jailsh"); }
static int capability_attribute(void) { return set_attribute("security.capability"); }

/* A harmless flag. The same call makes a file immutable, and takes a directory's files out of a project's quota. */
static int change_flags(void)
{
	int flags = 0, fd = open(SCRATCH "/flagged", O_CREAT | O_RDWR, 0600);
	int failed = fd < 0 ? errno : outcome(ioctl(fd, FS_IOC_GETFLAGS, &flags));

	flags |= FS_NODUMP_FL;
	if (!failed)
		failed = outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
	unlink(SCRATCH "/flagged");
	return failed;
}

static int list_unix_sockets(void) { return outcome(open("/proc/net/unix", O_RDONLY)); }
static int list_locks(void) { return outcome(open("/proc/locks", O_RDONLY)); }
static int list_timers(void) { return outcome(open("/proc/timer_list", O_RDONLY)); }
static int count_page_uses(void) { return outcome(open("/proc/kpagecount", O_RDONLY)); }

static int read_loads(void) { return outcome(open("/proc/loadavg", O_RDONLY)); }
static int read_cpuinfo(void) { return outcome(open("/proc/cpuinfo", O_RDONLY)); }
static int read_sysctl(void) { return outcome(open("/proc/sys/kernel/pid_max", O_RDONLY)); }
static int read_sysfs(void) { return outcome(open(bait("sys/kernel/mm/ksm/run"), O_RDONLY)); }

const struct attack kernel_file_rows[] = {
	{ "open core_pattern for writing", DENIED, "ok", "EPERM", "sysctl_write", core_pattern },
	{ "open pid_max for writing", DENIED, "ok", "EPERM", "sysctl_write", pid_max },
	{ "open modprobe for writing", DENIED, "ok", "EPERM", "sysctl_write", modprobe_path },
	{ "open ip_local_reserved_ports for writing", DENIED, "ok", "EPERM", "sysctl_write", local_ports },
	{ "open any sysctl for writing (CVE-2022-0811)", DENIED, "ok", "EPERM|EACCES|ENOENT", "sysctl_write", any_sysctl },
	{ "open any other file of /proc for writing", DENIED, "ok", "EPERM|EACCES|ENOENT", "sysctl_write", any_of_proc },
	{ "open sysrq-trigger for writing", DENIED, "ok", "EPERM", "sysctl_write", sysrq_trigger },
	{ "open /proc/kcore", DENIED, "ok", "EPERM", "raw_io", kernel_image },
	{ "open /proc/kmsg", DENIED, "ok", "EPERM", "syslog_read", kernel_log },
	{ "open a sysfs knob for writing", DENIED, "ok", "EPERM", "kernel_fs_write", sysfs_knob },
	{ "open any file of /sys/kernel for writing", DENIED, "ok", "EPERM|EACCES|ENOENT", "kernel_fs_write", any_of_sysfs },
	{ "open a sysfs uevent for writing", DENIED, "ok", "EPERM", "kernel_fs_write", sysfs_uevent },
	{ "truncate a sysfs file", DENIED, "ok", "EPERM", "kernel_fs_write", truncate_sysfs },
	{ "chmod a sysfs file", DENIED, "ok", "EPERM", "kernel_fs_write", chmod_sysfs },
	{ "open cgroup.procs for writing", DENIED, "ok", "EPERM", "kernel_fs_write", cgroup_procs },
	{ "open release_agent for writing", DENIED, "ok", "EPERM", "kernel_fs_write", release_agent },
	{ "mkdir in cgroup v2", DENIED, "ok", "EPERM", "kernel_fs_write", make_cgroup },
	{ "mkdir in cgroup v1", DENIED, "ok", "EPERM", "kernel_fs_write", make_cgroup_v1 },
	{ "rename in cgroup v1", DENIED, "ok", "EPERM", "kernel_fs_write", rename_cgroup },
	{ "rmdir in cgroup v1", DENIED, "ok", "EPERM", "kernel_fs_write", remove_cgroup },
	{ "mkdir in bpffs", DENIED, "ok", "EPERM", "kernel_fs_write|module_tamper", make_in_bpffs },
	{ "set a trusted extended attribute", DENIED, "ok", "EPERM", "namespaces", trusted_attribute },
	{ "set a file capability", WORKS, "ok", "ok", "", capability_attribute },
	{ "change a file's flags", DENIED, "ok", "EPERM", "immutable", change_flags },
	{ "find addresses in /proc/kallsyms", DENIED, "ok", "EPERM", "", symbol_addresses },
	{ "find addresses in /proc/modules", DENIED, "ok|EPERM", "EPERM", "", module_addresses },
	{ "find addresses in /proc/iomem", DENIED, "ok", "EPERM", "", memory_map },
	{ "open /proc/net/unix", OPEN, "ok", "ok", "", list_unix_sockets },
	{ "open /proc/locks", OPEN, "ok", "ok", "", list_locks },
	{ "open /proc/timer_list", OPEN, "ok|ENOENT", "ok|ENOENT", "", list_timers },
	{ "open /proc/kpagecount", OPEN, "ok|ENOENT", "ok|ENOENT", "", count_page_uses },
	{ "open /proc/loadavg", WORKS, "ok", "ok", "", read_loads },
	{ "open /proc/cpuinfo", WORKS, "ok", "ok", "", read_cpuinfo },
	{ "open a sysctl for reading", WORKS, "ok", "ok", "", read_sysctl },
	{ "open a sysfs file for reading", WORKS, "ok", "ok", "", read_sysfs },
	{ 0 },
};
