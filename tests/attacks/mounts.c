/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The root and the mounts over it: leaving the one, changing the others, by the old and the new mount interface.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *place, const char *type, unsigned long flags, const void *data);
int umount2(const char *place, int flags);
enum { DETACH = 2, REMOUNT = 32, NOATIME = 1024, BIND = 4096 };

int escape_chroot(void)
{
	if (mkdir(SCRATCH "/escape", 0700) < 0 && errno != EEXIST)
		return errno;
	int failed = outcome(chroot(SCRATCH "/escape"));
	for (int up = 0; !failed && up < 64; up++)
		failed = outcome(chdir(".."));
	if (!failed)
		failed = outcome(chroot("."));
	rmdir(SCRATCH "/escape");
	return failed;
}

static int leave_chroot(void)
{
	struct stat before, after;
	int failed = outcome(stat("/", &before));
	if (!failed)
		failed = escape_chroot();
	if (failed)
		return failed;
	if (stat("/", &after) < 0)
		return errno;
	return before.st_dev == after.st_dev && before.st_ino == after.st_ino ? EPERM : 0;
}

/* Where it gets through, its effects end with this process. */
static void in_a_namespace_of_its_own(void) { (void)!unshare(CLONE_NEWNS); }

static const char *place(void)
{
	mkdir(SCRATCH "/place", 0700);
	return SCRATCH "/place";
}

static int mount_tmpfs(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount("none", place(), "tmpfs", 0, NULL));
}

/* Of a type that there is not, so that no namespace is needed to do no harm. */
static int mount_unknown(void) { return outcome(mount("none", place(), "no-such-fs", 0, NULL)); }

static int mount_proc(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount("none", place(), "proc", 0, NULL));
}

static int mount_cgroup(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount("none", place(), "cgroup2", 0, NULL));
}

static int mount_sysfs(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount("none", place(), "sysfs", 0, NULL));
}

/* The program that its release_agent names is run by the kernel, on the host, as root. */
static int mount_release_agent(void)
{
	in_a_namespace_of_its_own();
	int failed = outcome(mount("none", place(), "cgroup", 0, "none,name=jailsh_attacks"));
	return failed ? failed : outcome(open(SCRATCH "/place/release_agent", O_WRONLY));
}

static int bind_root(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount("/", place(), NULL, BIND, NULL));
}

static int remount_root(void)
{
	in_a_namespace_of_its_own();
	return outcome(mount(NULL, "/", NULL, REMOUNT | BIND | NOATIME, NULL));
}

static int umount_proc(void)
{
	in_a_namespace_of_its_own();
	return outcome(umount2("/proc", DETACH));
}

static int pivot(void)
{
	in_a_namespace_of_its_own();
	(void)!mount("none", place(), "tmpfs", 0, NULL);
	mkdir(SCRATCH "/place/old", 0700);
	return outcome(syscall(SYS_pivot_root, SCRATCH "/place", SCRATCH "/place/old"));
}

static int fsopen_tmpfs(void) { return outcome(syscall(SYS_fsopen, "tmpfs", 0)); }

static int fspick_root(void) { return outcome(syscall(SYS_fspick, AT_FDCWD, "/", 0)); }

static int clone_tree(void) { return outcome(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE)); }

static int move_mount_in(void)
{
	in_a_namespace_of_its_own();
	int context = (int)syscall(SYS_fsopen, "tmpfs", 0);
	(void)!syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	int detached = (int)syscall(SYS_fsmount, context, 0, 0);
	return outcome(syscall(SYS_move_mount, detached, "", AT_FDCWD, place(), MOVE_MOUNT_F_EMPTY_PATH));
}

static int set_mount_attributes(void)
{
	in_a_namespace_of_its_own();
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NODIRATIME };
	return outcome(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes));
}

#define MOUNTING "mount|namespaces"

const struct attack mount_rows[] = {
	{ "leave a chroot", DENIED, "ok", "EPERM", "chroot", leave_chroot },
	{ "mount tmpfs", DENIED, "ok", "EPERM", MOUNTING, mount_tmpfs },
	{ "mount a type that there is not", DENIED, "ENODEV", "EPERM", "mount", mount_unknown },
	{ "mount proc", DENIED, "ok", "EPERM", MOUNTING, mount_proc },
	{ "mount cgroup2", DENIED, "ok", "EPERM", MOUNTING, mount_cgroup },
	{ "mount cgroup v1, open its release_agent (CVE-2022-0492)", DENIED, "ok", "EPERM", MOUNTING, mount_release_agent },
	{ "mount sysfs", DENIED, "ok", "EPERM", MOUNTING, mount_sysfs },
	{ "bind mount", DENIED, "ok", "EPERM", MOUNTING, bind_root },
	{ "remount /", DENIED, "ok", "EPERM", MOUNTING, remount_root },
	{ "umount /proc", DENIED, "ok", "EPERM", MOUNTING, umount_proc },
	{ "pivot_root", DENIED, "ok", "EPERM", MOUNTING, pivot },
	{ "fsopen", DENIED, "ok", "EPERM", MOUNTING, fsopen_tmpfs },
	{ "fspick", DENIED, "ok", "EPERM", MOUNTING, fspick_root },
	{ "open_tree(CLONE)", DENIED, "ok", "EPERM", MOUNTING, clone_tree },
	{ "move_mount", DENIED, "ok", "EPERM", MOUNTING, move_mount_in },
	{ "mount_setattr", DENIED, "ok", "EPERM", MOUNTING, set_mount_attributes },
	{ 0 },
};
