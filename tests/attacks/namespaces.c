/* SPDX-License-Identifier: BSD-2-Clause
 *
 * New namespaces and foreign ones, by every call that makes or joins one.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int mount(const char *source, const char *place, const char *type, unsigned long flags, const void *data);

/* A chrooted process is refused user namespaces by the kernel itself (user_namespaces(7)), so leave the chroot first;
 * in a jail that fails, and the jail's root is no chroot anyway. */
static int unshare_user(void)
{
	escape_chroot();
	return outcome(unshare(CLONE_NEWUSER));
}

static int reap(long child)
{
	if (child < 0)
		return errno;
	waitpid((pid_t)child, NULL, __WALL);
	return 0;
}

static int clone_user(void)
{
	escape_chroot();
	long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(0);
	return reap(child);
}

static int clone3_with(struct clone_args args)
{
	args.exit_signal = SIGCHLD;
	long child = syscall(SYS_clone3, &args, sizeof args);
	if (child == 0)
		_exit(0);
	return reap(child);
}

static int clone3_user(void)
{
	escape_chroot();
	return clone3_with((struct clone_args){ .flags = CLONE_NEWUSER });
}

static int clone3_mount(void) { return clone3_with((struct clone_args){ .flags = CLONE_NEWNS }); }

/* A process id of one's choice could take the place of one that just ended. */
static int clone3_chosen_pid(void)
{
	pid_t chosen = 32701;
	return clone3_with((struct clone_args){ .set_tid = (uintptr_t)&chosen, .set_tid_size = 1 });
}

static int unshare_mount(void) { return outcome(unshare(CLONE_NEWNS)); }
static int unshare_net(void) { return outcome(unshare(CLONE_NEWNET)); }
static int unshare_pid(void) { return outcome(unshare(CLONE_NEWPID)); }
static int unshare_uts(void) { return outcome(unshare(CLONE_NEWUTS)); }
static int unshare_ipc(void) { return outcome(unshare(CLONE_NEWIPC)); }
static int unshare_cgroup(void) { return outcome(unshare(CLONE_NEWCGROUP)); }
static int unshare_time(void) { return outcome(unshare(CLONE_NEWTIME)); }

static int join(const char *path)
{
	int fd = open(path, O_RDONLY);
	return fd < 0 ? errno : outcome(setns(fd, 0));
}

static int join_own_net(void) { return join("/proc/self/ns/net"); }
static int join_own_mount(void) { return join("/proc/self/ns/mnt"); }

/* The kernel reads these flags from the lower half of the register; what compares the whole of it is fooled. */
static int clone_user_with_high_bits(void)
{
	escape_chroot();
	long child = syscall(SYS_clone, 1L << 32 | CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(0);
	return reap(child);
}

/* Whoever gets a user namespace is root there, and asks parts of the kernel that were never for everybody. */
static int in_user_namespace(int more)
{
	escape_chroot();
	return outcome(unshare(CLONE_NEWUSER | more));
}

static int context_in_user_namespace(void)
{
	int failed = in_user_namespace(CLONE_NEWNS);
	int context = failed ? -1 : (int)syscall(SYS_fsopen, "tmpfs", 0);
	if (context < 0)
		return errno;
	return outcome(syscall(SYS_fsconfig, context, 1 /* FSCONFIG_SET_STRING */, "source", "none", 0));
}

static int tables_in_user_namespace(void)
{
	enum { NETLINK_NETFILTER_FAMILY = 12 };
	int failed = in_user_namespace(CLONE_NEWNET);
	return failed ? failed : outcome(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER_FAMILY));
}

/* Who has no number there can make nothing. */
static int map_root(void)
{
	const char *const files[] = { "/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map" };
	for (int i = 0; i < 3; i++) {
		int fd = open(files[i], O_WRONLY);
		if (fd < 0 || write(fd, i ? "0 0 1" : "deny", i ? 5 : 4) < 0)
			return errno;
		close(fd);
	}
	return 0;
}

static int overlay_in_user_namespace(void)
{
	int failed = in_user_namespace(CLONE_NEWNS);
	if (!failed)
		failed = map_root();
	if (failed)
		return failed;
	if (mount("none", SCRATCH, "tmpfs", 0, NULL) < 0 || mkdir(SCRATCH "/upper", 0700) < 0 ||
	    mkdir(SCRATCH "/work", 0700) < 0 || mkdir(SCRATCH "/lower", 0700) < 0 || mkdir(SCRATCH "/merged", 0700) < 0)
		return errno;
	const char *options = "lowerdir=" SCRATCH "/lower,upperdir=" SCRATCH "/upper,workdir=" SCRATCH "/work";
	return outcome(mount("none", SCRATCH "/merged", "overlay", 0, options));
}

#define ISOLATION "namespaces"
#define USER_NAMESPACE "userns|namespaces"

const struct attack namespace_rows[] = {
	{ "unshare(NEWUSER)", DENIED, "ok", "EPERM|EACCES", "userns", unshare_user },
	{ "clone(NEWUSER)", DENIED, "ok", "EPERM|EACCES", "userns", clone_user },
	{ "clone3(NEWUSER)", DENIED, "ok", "EPERM|EACCES", "userns", clone3_user },
	{ "clone(NEWUSER), a bit above the 32nd", DENIED, "ok", "EPERM|EACCES", "userns", clone_user_with_high_bits },
	{ "unshare(NEWUSER|NEWNS), then a file system's context (CVE-2022-0185)", DENIED, "ok", "EPERM|EACCES", USER_NAMESPACE,
	  context_in_user_namespace },
	{ "unshare(NEWUSER|NEWNET), then packet filter tables (CVE-2024-1086)", DENIED, "ok|EPROTONOSUPPORT", "EPERM|EACCES",
	  USER_NAMESPACE, tables_in_user_namespace },
	{ "unshare(NEWUSER|NEWNS), then an overlay (CVE-2023-0386)", DENIED, "ok|ENODEV", "EPERM|EACCES", USER_NAMESPACE,
	  overlay_in_user_namespace },
	{ "clone3(NEWNS)", DENIED, "ok", "EPERM", ISOLATION, clone3_mount },
	{ "clone3(chosen pid)", DENIED, "ok", "EPERM", "checkpoint", clone3_chosen_pid },
	{ "unshare(NEWNS)", DENIED, "ok", "EPERM", ISOLATION, unshare_mount },
	{ "unshare(NEWNET)", DENIED, "ok", "EPERM", ISOLATION, unshare_net },
	{ "unshare(NEWPID)", DENIED, "ok", "EPERM", ISOLATION, unshare_pid },
	{ "unshare(NEWUTS)", DENIED, "ok", "EPERM", ISOLATION, unshare_uts },
	{ "unshare(NEWIPC)", DENIED, "ok", "EPERM", ISOLATION, unshare_ipc },
	{ "unshare(NEWCGROUP)", DENIED, "ok", "EPERM", ISOLATION, unshare_cgroup },
	{ "unshare(NEWTIME)", DENIED, "ok", "EPERM", ISOLATION, unshare_time },
	{ "setns(own net)", DENIED, "ok", "EPERM", ISOLATION, join_own_net },
	{ "setns(own mnt)", DENIED, "ok", "EPERM", ISOLATION, join_own_mount },
	{ 0 },
};
