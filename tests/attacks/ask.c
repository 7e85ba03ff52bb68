/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The attacker's end of the questions that host.c answers.
 */
#include "attack.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int call_host(char question)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%s", bait("host.sock"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (void *)&address, sizeof address) < 0 || write(fd, &question, 1) != 1)
		return -1;
	return fd;
}

long ask_host(char question)
{
	long number = -1;
	int fd = call_host(question);
	if (fd < 0)
		return -1;
	if (recv(fd, &number, sizeof number, MSG_WAITALL) != sizeof number)
		number = -1;
	close(fd);
	return number;
}

int ask_host_for_descriptor(char question)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec text = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
	};
	int fd = call_host(question), received;
	if (fd < 0 || recvmsg(fd, &message, 0) != 1)
		return -1;
	close(fd);
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS) {
		errno = EPERM; /* the kernel drops a refused descriptor without a word but MSG_CTRUNC */
		return -1;
	}
	memcpy(&received, CMSG_DATA(header), sizeof received);
	return received;
}
