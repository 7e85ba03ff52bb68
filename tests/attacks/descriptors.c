/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ways out by a descriptor: one that was left open, one that the host sends, one made from a file handle. And a
 * terminal that was handed in.
 */
#include "attack.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The mark lies next to the bait directory, outside of every root. */
#define MARK "outside"

/* Does any open descriptor lead to the mark? */
static int leads_out(int (*by)(int))
{
	int last = EBADF;
	for (int fd = 3; fd < 256; fd++) {
		last = by(fd);
		if (!last)
			return 0;
	}
	return last;
}

static int by_openat(int fd) { return outcome(openat(fd, MARK, O_RDONLY)); }

static int by_fchdir(int fd)
{
	int failed = outcome(fchdir(fd));
	return failed ? failed : outcome(open(MARK, O_RDONLY));
}

static int by_proc_link(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d/" MARK, fd);
	return outcome(open(path, O_RDONLY));
}

static int leaked_openat(void) { return leads_out(by_openat); }
static int leaked_fchdir(void) { return leads_out(by_fchdir); }
static int leaked_proc_link(void) { return leads_out(by_proc_link); }

/* The working directory a process starts in can be such a descriptor too (CVE-2024-21626). */
static int start_directory(void) { return outcome(open(MARK, O_RDONLY)); }

static int receive(char which)
{
	int fd = ask_host_for_descriptor(which);
	return fd < 0 ? errno : 0;
}

static int receive_directory(void)
{
	int fd = ask_host_for_descriptor('d');
	return fd < 0 ? errno : outcome(openat(fd, MARK, O_RDONLY));
}

/* Changes the mark's mode to what it is. */
static int change_through_directory(void)
{
	struct stat mark;
	int fd = ask_host_for_descriptor('d');
	if (fd < 0 || fstatat(fd, MARK, &mark, 0) < 0)
		return errno;
	return outcome(fchmodat(fd, MARK, mark.st_mode & 07777, 0));
}

static int receive_path(void) { return receive('p'); }
static int receive_namespace(void) { return receive('s'); }
static int receive_file(void) { return receive('f'); }

/* Opened again, a file that was handed in for reading would be the host's file with any access one likes. */
static int reopen_file(void)
{
	char path[64];
	int fd = ask_host_for_descriptor('f');
	if (fd < 0)
		return errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return outcome(open(path, O_RDONLY));
}

struct handle {
	struct file_handle head;
	unsigned char body[MAX_HANDLE_SZ];
};

static int make_handle(struct handle *handle)
{
	int mount;
	handle->head.handle_bytes = MAX_HANDLE_SZ;
	return outcome(name_to_handle_at(AT_FDCWD, bait("plain"), &handle->head, &mount, 0));
}

static int name_handle(void)
{
	struct handle handle;
	return make_handle(&handle);
}

static int open_handle(void)
{
	struct handle handle;
	int failed = make_handle(&handle);
	if (failed)
		return failed;
	int mount = open(bait(""), O_RDONLY | O_DIRECTORY);
	return mount < 0 ? errno : outcome(open_by_handle_at(mount, &handle.head, O_RDONLY));
}

/* CVE-2017-5226: what is pasted into a caller's terminal is typed to the caller's shell. */
static int paste(unsigned long command)
{
	char letter = ' ';
	int fd = ask_host_for_descriptor('t');
	return fd < 0 ? errno : outcome(syscall(SYS_ioctl, fd, command, &letter));
}

static int paste_into_terminal(void) { return paste(TIOCSTI); }

/* The kernel reads the command from the lower half of the register (CVE-2019-10063). */
static int paste_with_high_bits(void) { return paste(TIOCSTI | 1UL << 32); }

const struct attack descriptor_rows[] = {
	{ "openat a leaked directory", DENIED, "ok", "EBADF|ENOENT|ENOTDIR", "", leaked_openat },
	{ "fchdir to a leaked directory", DENIED, "ok", "EBADF|ENOENT|ENOTDIR", "", leaked_fchdir },
	{ "open through /proc/self/fd of a leaked directory", DENIED, "ok", "EBADF|ENOENT|ENOTDIR", "", leaked_proc_link },
	{ "start in a leaked directory", DENIED, "ok", "ENOENT", "", start_directory },
	{ "receive a directory from the host", DENIED, "ok", "EPERM", "descriptor_receive", receive_directory },
	{ "change a file's mode through a directory from the host", DENIED, "ok", "EPERM", "descriptor_receive",
	  change_through_directory },
	{ "receive an O_PATH directory from the host", DENIED, "ok", "EPERM", "descriptor_receive", receive_path },
	{ "receive a namespace from the host", DENIED, "ok", "EPERM", "descriptor_receive", receive_namespace },
	{ "receive a plain file from the host", WORKS, "ok", "ok", "", receive_file },
	{ "open a received file of the host again", DENIED, "ok", "EPERM", "foreign_mount", reopen_file },
	{ "name_to_handle_at", OPEN, "ok", "ok", "", name_handle },
	{ "open_by_handle_at", DENIED, "ok", "EPERM", "file_handle", open_handle },
	{ "TIOCSTI into a terminal of the host that was handed in (CVE-2017-5226)", DENIED, "ok", "EPERM|EIO", "tty|namespaces",
	  paste_into_terminal },
	{ "TIOCSTI with a bit above the 32nd (CVE-2019-10063)", DENIED, "ok", "EPERM|EIO", "tty|namespaces", paste_with_high_bits },
	{ 0 },
};
