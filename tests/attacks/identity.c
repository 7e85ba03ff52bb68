/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Becoming more than the profile allows: by a setuid program, by a program with file capabilities, by raising a set.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NOBODY = 65534 };

int mount(const char *source, const char *place, const char *type, unsigned long flags, const void *data);

/* What the program does as "setuid mount": its exit status is 0 or an errno. */
int mount_with_what_was_gained(void)
{
	(void)!unshare(CLONE_NEWNS);
	return outcome(mount("none", SCRATCH, "tmpfs", 0, NULL));
}

/* Runs a program as an ordinary user. */
static int run_as_nobody(const char *program, const char *word)
{
	pid_t child = fork();
	if (child == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(errno);
		execl(program, "setuid", word, (char *)NULL);
		_exit(errno);
	}
	int status;
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int setuid_program(void) { return run_as_nobody(bait("setuid"), "root?"); }
static int mount_from_setuid_program(void) { return run_as_nobody(bait("setuid"), "mount"); }

/* A copy of this program that holds all capabilities there are. */
static int make_capable(const char *path)
{
	struct vfs_cap_data all = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
				    .data = { { ~0u, 0 }, { ~0u, 0 } } };
	struct stat st;
	int from = open(bait("attacks"), O_RDONLY), to = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (from < 0 || to < 0 || fstat(from, &st) < 0 || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size ||
	    fchmod(to, 0755) < 0)
		return errno;
	int failed = outcome(fsetxattr(to, "security.capability", &all, sizeof all, 0));
	close(to);
	close(from);
	return failed;
}

static int mount_from_capable_program(void)
{
	const char *path = SCRATCH "/capable";
	int failed = make_capable(path);
	if (!failed)
		failed = run_as_nobody(path, "mount");
	unlink(path);
	return failed;
}

/* Who set it once, as login programs do, is known by it in the audit log. */
static int change_login(void)
{
	int failed = 0;
	for (int time = 0; time < 2 && !failed; time++) {
		int fd = open("/proc/self/loginuid", O_WRONLY);
		failed = fd < 0 ? errno : outcome(write(fd, "0", 1));
		close(fd);
	}
	return failed;
}

#define MOUNTING "mount|namespaces"

const struct attack identity_rows[] = {
	{ "run a setuid program", WORKS, "ok", "ok", "", setuid_program },
	{ "mount from a setuid program", DENIED, "ok", "EPERM", MOUNTING, mount_from_setuid_program },
	{ "mount from a program with file capabilities", DENIED, "ok", "EPERM", MOUNTING, mount_from_capable_program },
	{ "change a login user id that is set", DENIED, "ok", "EPERM", "mac_audit", change_login },
	{ 0 },
};
