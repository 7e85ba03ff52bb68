/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The host's side: a process that sleeps, owns one of everything that a jail must not reach, and answers a few
 * questions over a socket in the bait directory. Prints the targets as key=value lines, ends with its standard input,
 * and takes everything with it.
 */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void must(int fine, const char *what)
{
	if (!fine) {
		perror(what);
		exit(1);
	}
}

static int fifo = -1;
static int directory = -1; /* the one that holds the bait directory */

static void announce(const char *key, long value) { printf("%s=%ld\n", key, value); }

/* In a jail of the landlock body there are none (EACCES), for its own members either. */
static void make_queue(const char *name)
{
	must(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0666, NULL) >= 0 || errno == EACCES, "mq_open");
}

static void make_ipc(void)
{
	key_t key = (key_t)(0x4a000000 | (getpid() & 0xffffff));
	target.shm_key = target.sem_key = target.msg_key = key;
	target.shm_id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
	target.shm_doomed_id = shmget(IPC_PRIVATE, 4096, 0666);
	must(target.shm_id >= 0 && target.shm_doomed_id >= 0, "shmget");
	target.sem_id = semget(key, 1, IPC_CREAT | IPC_EXCL | 0666);
	must(target.sem_id >= 0, "semget");
	target.msg_id = msgget(key, IPC_CREAT | IPC_EXCL | 0666);
	target.msg_doomed_id = msgget(IPC_PRIVATE, 0666);
	must(target.msg_id >= 0 && target.msg_doomed_id >= 0, "msgget");
	struct {
		long type;
		char text[1];
	} letter = { 2, "h" };
	must(msgsnd((int)target.msg_id, &letter, 1, 0) == 0, "msgsnd");

	snprintf(target.queue, sizeof target.queue, "/jailsh-%d", getpid());
	snprintf(target.doomed_queue, sizeof target.doomed_queue, "/jailsh-doomed-%d", getpid());
	make_queue(target.queue);
	make_queue(target.doomed_queue);

	announce("shm_key", target.shm_key);
	announce("shm_id", target.shm_id);
	announce("shm_doomed_id", target.shm_doomed_id);
	announce("sem_key", target.sem_key);
	announce("sem_id", target.sem_id);
	announce("msg_key", target.msg_key);
	announce("msg_id", target.msg_id);
	announce("msg_doomed_id", target.msg_doomed_id);
	printf("queue=%s\ndoomed_queue=%s\n", target.queue, target.doomed_queue);
}

static void remove_ipc(void)
{
	shmctl((int)target.shm_id, IPC_RMID, NULL);
	shmctl((int)target.shm_doomed_id, IPC_RMID, NULL);
	semctl((int)target.sem_id, 0, IPC_RMID);
	msgctl((int)target.msg_id, IPC_RMID, NULL);
	msgctl((int)target.msg_doomed_id, IPC_RMID, NULL);
	mq_unlink(target.queue);
	mq_unlink(target.doomed_queue);
}

static int abstract_socket(int type, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path + 1, name, strlen(name));
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	int fd = socket(AF_UNIX, type, 0);
	must(fd >= 0 && bind(fd, (void *)&address, length) == 0, "abstract socket");
	must(type == SOCK_DGRAM || listen(fd, 16) == 0, "listen");
	return fd;
}

static int path_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	must(strlen(path) < sizeof address.sun_path, "socket path");
	strcpy(address.sun_path, path);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	must(fd >= 0 && bind(fd, (void *)&address, sizeof address) == 0 && listen(fd, 16) == 0, "path socket");
	return fd;
}

static void send_descriptor(int to, int what)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 'f';
	struct iovec text = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &what, sizeof what);
	sendmsg(to, &message, MSG_NOSIGNAL);
	close(what);
}

/* A terminal of the host's, as a caller's is. Its other end stays open here. */
static int open_terminal(void)
{
	char name[64];
	static int other = -1;
	if (other < 0)
		other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0 || unlockpt(other) < 0 || ptsname_r(other, name, sizeof name) != 0)
		return -1;
	return open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* Lists the /proc that the asker sees, as an administrator would, and this process in it. */
static long look_at_proc_of(int client)
{
	char path[128];
	struct ucred asker;
	struct stat st;
	socklen_t length = sizeof asker;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &asker, &length) < 0)
		return errno;
	snprintf(path, sizeof path, "/proc/%d/root/proc", asker.pid);
	DIR *proc = opendir(path);
	if (!proc)
		return errno;
	while (readdir(proc))
		;
	closedir(proc);
	snprintf(path, sizeof path, "/proc/%d/root/proc/%d", asker.pid, getpid());
	return outcome(stat(path, &st));
}

static long open_plain(void)
{
	int fd = open(bait("plain"), O_RDONLY | O_CLOEXEC);
	int failed = outcome(fd);
	close(fd);
	return failed;
}

static long lock_plain(void)
{
	int fd = open(bait("plain"), O_RDONLY | O_CLOEXEC);
	int failed = fd < 0 ? errno : outcome(flock(fd, LOCK_EX | LOCK_NB));
	close(fd);
	return failed;
}

static long watch_files(void)
{
	int fd = inotify_init1(IN_CLOEXEC);
	int failed = outcome(fd);
	close(fd);
	return failed;
}

/* One question per connection. */
static void answer(int client)
{
	char question;
	long number = -1;
	if (read(client, &question, 1) != 1)
		return;
	switch (question) {
	case 'n': /* how many signals arrived? */
		number = signals;
		break;
	case 'w': /* write a byte to the FIFO, on which others may wait */
		number = write(fifo, "h", 1);
		break;
	case 'd':
		send_descriptor(client, dup(directory));
		return;
	case 'p':
		send_descriptor(client, openat(directory, ".", O_PATH));
		return;
	case 's':
		send_descriptor(client, open("/proc/self/ns/net", O_RDONLY));
		return;
	case 'f':
		send_descriptor(client, openat(directory, "outside", O_RDONLY));
		return;
	case 't':
		send_descriptor(client, open_terminal());
		return;
	case 'l': /* look at the asker's /proc */
		number = look_at_proc_of(client);
		break;
	case 'o': /* open the plain file */
		number = open_plain();
		break;
	case 'k': /* lock the plain file: 0, or an errno */
		number = lock_plain();
		break;
	case 'i': /* watch files: 0, or an errno */
		number = watch_files();
		break;
	}
	send(client, &number, sizeof number, MSG_NOSIGNAL);
}

static void serve(int stream, int dgram, int path)
{
	char text[256];
	struct pollfd waiting[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = stream, .events = POLLIN },
		{ .fd = dgram, .events = POLLIN },
		{ .fd = path, .events = POLLIN },
	};
	for (;;) {
		if (poll(waiting, 4, -1) < 0)
			continue; /* a signal, which is one of the things counted here */
		if (waiting[0].revents && read(STDIN_FILENO, text, sizeof text) == 0)
			return;
		if (waiting[1].revents)
			close(accept(stream, NULL, NULL));
		if (waiting[2].revents)
			(void)!recv(dgram, text, sizeof text, MSG_DONTWAIT);
		if (waiting[3].revents) {
			int client = accept4(path, NULL, NULL, SOCK_CLOEXEC);
			answer(client);
			close(client);
		}
	}
}

int serve_as_host(const char *bait_directory)
{
	struct sigaction counting = { .sa_handler = count_signal };
	sigaction(SIGIO, &counting, NULL);
	sigaction(SIGUSR1, &counting, NULL);
	signal(SIGCONT, SIG_IGN);
	setsid();

	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(page != MAP_FAILED, "mmap");
	*page = 'h';

	snprintf(target.bait, sizeof target.bait, "%s", bait_directory);
	char parent[300];
	snprintf(parent, sizeof parent, "%s/..", bait_directory);
	directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(directory >= 0, parent);

	must(mkfifo(bait("fifo"), 0666) == 0 || errno == EEXIST, "fifo");
	fifo = open(bait("fifo"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	must(fifo >= 0, "fifo");

	snprintf(target.stream, sizeof target.stream, "jailsh-stream-%d", getpid());
	snprintf(target.dgram, sizeof target.dgram, "jailsh-dgram-%d", getpid());
	int stream = abstract_socket(SOCK_STREAM, target.stream);
	int dgram = abstract_socket(SOCK_DGRAM, target.dgram);
	int path = path_socket(bait("host.sock"));

	make_ipc();
	announce("pid", getpid());
	announce("addr", (long)page);
	printf("stream=%s\ndgram=%s\nready=1\n", target.stream, target.dgram);
	fflush(stdout);

	serve(stream, dgram, path);
	remove_ipc();
	unlink(bait("host.sock"));
	return 0;
}
