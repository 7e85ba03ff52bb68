/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device nodes: making them, and opening those that somebody left in the root.
 */
#include "attack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int make_node(mode_t mode, unsigned major, unsigned minor)
{
	const char *path = SCRATCH "/node";
	int failed = outcome(mknod(path, mode | 0600, makedev(major, minor)));
	unlink(path);
	return failed;
}

static int make_block(void) { return make_node(S_IFBLK, 1, 0); }
static int make_memory(void) { return make_node(S_IFCHR, 1, 1); }
static int make_null(void) { return make_node(S_IFCHR, 1, 3); }
static int make_fifo(void) { return make_node(S_IFIFO, 0, 0); }

static int make_socket_node(void) { return make_node(S_IFSOCK, 0, 0); }

/* O_NONBLOCK: a console or FIFO must not hold the row up. */
static int open_node(const char *name, int flags) { return outcome(open(bait(name), flags | O_NONBLOCK | O_NOCTTY)); }

static int open_block(void) { return open_node("dev/ram0", O_RDONLY); }
static int open_kmsg(void) { return open_node("dev/kmsg", O_RDONLY); }
static int open_memory(void) { return open_node("dev/mem", O_RDONLY); }
static int open_port(void) { return open_node("dev/port", O_RDONLY); }
static int open_console(void) { return open_node("dev/console", O_WRONLY); }
static int open_terminal(void) { return open_node("dev/tty0", O_WRONLY); }
static int open_tun(void) { return open_node("dev/tun", O_RDWR); }
static int open_fuse(void) { return open_node("dev/fuse", O_RDWR); }
static int open_loop_control(void) { return open_node("dev/loop-control", O_RDWR); }
static int open_bait_null(void) { return open_node("dev/null", O_RDWR); }
static int open_null(void) { return outcome(open("/dev/null", O_RDWR)); }
static int open_urandom(void) { return outcome(open("/dev/urandom", O_RDONLY)); }

static int open_by_path_only(void)
{
	/* O_PATH does not open the device, and gives nothing that reads from it. */
	return outcome(open(bait("dev/kmsg"), O_PATH));
}

static int open_through_path_descriptor(void)
{
	char path[64] = "/proc/self/fd/";
	int fd = open(bait("dev/kmsg"), O_PATH);
	if (fd < 0)
		return errno;
	path[14] = (char)('0' + fd % 10); /* the row's first descriptors are below ten */
	return fd > 9 ? EMFILE : outcome(open(path, O_RDONLY | O_NONBLOCK));
}

const struct attack device_rows[] = {
	{ "mknod block", DENIED, "ok", "EPERM", "mknod", make_block },
	{ "mknod char mem", DENIED, "ok", "EPERM", "mknod", make_memory },
	{ "mknod char null", DENIED, "ok", "EPERM", "mknod", make_null },
	{ "mkfifo", WORKS, "ok", "ok", "", make_fifo },
	{ "mknod socket", WORKS, "ok", "ok", "", make_socket_node },
	{ "open a block node left in the root", DENIED, "ok|ENXIO", "EPERM", "device", open_block },
	{ "open a kmsg node left in the root", DENIED, "ok", "EPERM", "device|syslog_read", open_kmsg },
	{ "open a mem node left in the root", DENIED, "ok|ENXIO", "EPERM", "device|raw_io", open_memory },
	{ "open a port node left in the root", DENIED, "ok|ENXIO", "EPERM", "device|raw_io", open_port },
	{ "open a console node left in the root", DENIED, "ok|EIO|ENODEV", "EPERM", "device", open_console },
	{ "open a tty0 node left in the root", DENIED, "ok|ENXIO|EIO", "EPERM", "device", open_terminal },
	{ "open a tun node left in the root", DENIED, "ok|ENODEV|ENXIO", "EPERM", "device", open_tun },
	{ "open a fuse node left in the root", DENIED, "ok|ENODEV|ENXIO", "EPERM", "device", open_fuse },
	{ "open a loop-control node left in the root", DENIED, "ok|ENODEV|ENXIO", "EPERM", "device", open_loop_control },
	{ "open(O_PATH) a kmsg node, then its /proc/self/fd link", DENIED, "ok", "EPERM", "device|syslog_read",
	  open_through_path_descriptor },
	{ "open(O_PATH) a kmsg node", OPEN, "ok", "ok", "", open_by_path_only },
	{ "open a null node left in the root", WORKS, "ok", "ok", "", open_bait_null },
	{ "open /dev/null", WORKS, "ok", "ok", "", open_null },
	{ "open /dev/urandom", WORKS, "ok", "ok", "", open_urandom },
	{ 0 },
};
