/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_uring: the same deeds done by kernel workers, which must answer for the jail that asked.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct ring {
	int fd;
	char *submissions, *completions;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static void *map(const struct ring *ring, size_t length, off_t what)
{
	void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, what);
	return place == MAP_FAILED ? NULL : place;
}

static int set_up(struct ring *ring, unsigned flags)
{
	memset(ring, 0, sizeof *ring);
	ring->params.flags = flags;
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return errno;
	const struct io_uring_params *p = &ring->params;
	ring->submissions = map(ring, p->sq_off.array + p->sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	ring->completions = map(ring, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring->entries = map(ring, p->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	return ring->submissions && ring->completions && ring->entries ? 0 : errno;
}

/* Submits one request, waits for it, and returns 0 or its errno. */
static int submit(struct ring *ring, const struct io_uring_sqe *request)
{
	const struct io_sqring_offsets *offsets = &ring->params.sq_off;
	ring->entries[0] = *request;
	((unsigned *)(ring->submissions + offsets->array))[0] = 0;
	__atomic_store_n((unsigned *)(ring->submissions + offsets->tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0UL) < 0)
		return errno;
	const struct io_uring_cqe *done = (const void *)(ring->completions + ring->params.cq_off.cqes);
	return done->res < 0 ? -done->res : 0;
}

static int open_by_worker(const char *path, int flags)
{
	struct ring ring;
	int failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = IORING_OP_OPENAT, .flags = IOSQE_ASYNC, .fd = AT_FDCWD, .addr = (uintptr_t)path, .open_flags = (unsigned)flags,
	};
	return failed ? failed : submit(&ring, &request);
}

static int open_block(void) { return open_by_worker(bait("dev/ram0"), O_RDONLY); }
static int open_kmsg(void) { return open_by_worker(bait("dev/kmsg"), O_RDONLY); }
static int open_sysctl(void) { return open_by_worker("/proc/sys/kernel/core_pattern", O_WRONLY); }
static int open_plain(void) { return open_by_worker(bait("plain"), O_RDONLY); }

static int packet_by_worker(void)
{
	struct ring ring;
	int failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = IORING_OP_SOCKET, .flags = IOSQE_ASYNC, .fd = AF_PACKET, .off = SOCK_RAW, .len = 0x0300,
	};
	return failed ? failed : submit(&ring, &request);
}

/* Sockets of others, reached by a worker that acts for the jail. */
static socklen_t abstract_address(struct sockaddr_un *address, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(address->sun_path + 1, name, sizeof address->sun_path - 2);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int connect_by_worker(void)
{
	struct ring ring;
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, target.stream);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = IORING_OP_CONNECT, .flags = IOSQE_ASYNC, .fd = fd, .addr = (uintptr_t)&address, .off = length,
	};
	return failed ? failed : submit(&ring, &request);
}

static int send_by_worker(void)
{
	struct ring ring;
	struct sockaddr_un address;
	struct iovec text = { "x", 1 };
	struct msghdr message = { .msg_name = &address, .msg_iov = &text, .msg_iovlen = 1 };
	message.msg_namelen = abstract_address(&address, target.dgram);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = IORING_OP_SENDMSG, .flags = IOSQE_ASYNC, .fd = fd, .addr = (uintptr_t)&message, .len = 1,
	};
	return failed ? failed : submit(&ring, &request);
}

static int bind_by_worker(void)
{
	enum { BIND = 56 }; /* IORING_OP_BIND, since Linux 6.11 */
	struct ring ring;
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons((in_port_t)target.reserved) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = BIND, .flags = IOSQE_ASYNC, .fd = fd, .addr = (uintptr_t)&place, .off = sizeof place,
	};
	return failed ? failed : submit(&ring, &request);
}

static int make_group_by_worker(void)
{
	struct ring ring;
	char path[300];
	strcpy(path, bait("cgroup1/ringed"));
	int failed = set_up(&ring, 0);
	const struct io_uring_sqe request = {
		.opcode = IORING_OP_MKDIRAT, .flags = IOSQE_ASYNC, .fd = AT_FDCWD, .addr = (uintptr_t)path, .len = 0755,
	};
	failed = failed ? failed : submit(&ring, &request);
	rmdir(path);
	return failed;
}

static int poll_by_kernel(void)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL };
	return outcome(syscall(SYS_io_uring_setup, 4, &params));
}

static int borrow_credentials(void)
{
	struct ring ring;
	int failed = set_up(&ring, 0);
	if (failed)
		return failed;
	long personality = syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (personality < 0)
		return errno;
	const struct io_uring_sqe request = { .opcode = IORING_OP_NOP, .personality = (unsigned short)personality };
	return submit(&ring, &request);
}

static int nothing(void)
{
	struct ring ring;
	int failed = set_up(&ring, 0);
	const struct io_uring_sqe request = { .opcode = IORING_OP_NOP };
	return failed ? failed : submit(&ring, &request);
}

const struct attack uring_rows[] = {
	{ "io_uring worker opens a block node", DENIED, "ok|ENXIO", "EPERM", "device", open_block },
	{ "io_uring worker opens a kmsg node", DENIED, "ok", "EPERM", "device|syslog_read", open_kmsg },
	{ "io_uring worker opens core_pattern for writing", DENIED, "ok", "EPERM", "sysctl_write", open_sysctl },
	{ "io_uring worker makes a packet socket", DENIED, "ok|EAFNOSUPPORT", "EPERM", "packet_socket", packet_by_worker },
	{ "io_uring worker connects to an abstract unix socket of the host", DENIED, "ok", "ECONNREFUSED|EPERM", "unix_foreign",
	  connect_by_worker },
	{ "io_uring worker sends to an abstract unix socket of the host", DENIED, "ok", "ECONNREFUSED|EPERM", "unix_foreign",
	  send_by_worker },
	{ "io_uring worker binds a reserved port", DENIED, "ok|EINVAL", "EADDRINUSE|EACCES|EINVAL", "", bind_by_worker },
	{ "io_uring worker makes a directory in cgroup v1", DENIED, "ok", "EPERM", "kernel_fs_write", make_group_by_worker },
	{ "io_uring with a polling kernel thread", DENIED, "ok", "EPERM", "io_uring_poll", poll_by_kernel },
	{ "io_uring with borrowed credentials", DENIED, "ok", "EPERM", "io_uring_command", borrow_credentials },
	{ "io_uring worker opens a plain file", WORKS, "ok", "ok", "", open_plain },
	{ "io_uring does nothing", WORKS, "ok", "ok", "", nothing },
	{ 0 },
};
