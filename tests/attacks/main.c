/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs attacks and says how each ended. Used by tests/attacks.rs and tests/isolation.rs:
 *
 *   attacks list                            the table: class, name, expectation, in_chroot, in_jail, rights
 *   attacks run CLASS key=value...          says "ready", then one line "name<TAB>result" per row; before each it waits
 *                                           for a byte, or the end, of its input; leave=NAME leaves a row out
 *   attacks row NAME key=value...           one row only
 *   attacks chroot ROOT BAIT run ...        the same as root in a plain chroot, in mounts of its own
 *   attacks host BAIT                       the host's side, see host.c
 *   attacks traceme                         asks to be traced by the parent, which for this one is the host's; prints "ok" or an errno
 *   attacks traced                          the same, then stops itself by a signal and sleeps
 *   attacks impersonate PID CLAIM VICTIM    answers in the keeper's stead, see keeper.c
 *   attacks watch                           prints each program that any process runs, until standard input ends
 *   attacks swap ONE OTHER                  exchanges two names until it is killed
 *   attacks paste LINE                      types a line into its terminal
 *   attacks named                           is denied something under a name that moves cursors, and sleeps
 *   attacks churn LEAST PID                 forks at least so often, until standard input ends; prints how often, and how many
 *                                           children could signal PID
 *   attacks seize                           opens the program of whoever is seen; prints those that are none of the jail's
 *   attacks foist                           makes 20 children of its parent, which end at once, and sleeps
 *   attacks bomb                            forks for ever, at most 200 processes of its user at a time
 *   attacks graft TREE NAMESPACE PLACE      puts a tree of this mount namespace into another one
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/mount.h> and <linux/mount.h> do not go together in glibc 2.36. */
int mount(const char *source, const char *place, const char *type, unsigned long flags, const void *data);
enum { BIND_RECURSIVE = 4096 | 16384, PRIVATE_RECURSIVE = 1 << 18 | 16384 };

enum { SECONDS_PER_ROW = 60 }; /* generous: emulated machines are slow */

struct targets target;

enum { MOST_LEFT = 16 };
static const char *left[MOST_LEFT]; /* rows that do not run */

static const struct attack_class classes[] = {
	{ "process", process_rows },	 { "proc", proc_rows },
	{ "mounts", mount_rows },	 { "devices", device_rows },
	{ "namespaces", namespace_rows }, { "kernel", kernel_rows },
	{ "keys", key_rows },		 { "kernel_files", kernel_file_rows },
	{ "sockets", socket_rows },	 { "ports", port_rows },
	{ "ipc", ipc_rows },		 { "limits", limit_rows },
	{ "uring", uring_rows },	 { "descriptors", descriptor_rows },
	{ "neighbours", neighbour_rows }, { "identity", identity_rows },
	{ 0 },
};

static const struct {
	const char *key;
	long *number;
	char *text;
	size_t room;
} keys[] = {
	{ "pid", &target.pid, 0, 0 },
	{ "addr", &target.addr, 0, 0 },
	{ "shm_key", &target.shm_key, 0, 0 },
	{ "shm_id", &target.shm_id, 0, 0 },
	{ "shm_doomed_id", &target.shm_doomed_id, 0, 0 },
	{ "sem_key", &target.sem_key, 0, 0 },
	{ "sem_id", &target.sem_id, 0, 0 },
	{ "msg_key", &target.msg_key, 0, 0 },
	{ "msg_id", &target.msg_id, 0, 0 },
	{ "msg_doomed_id", &target.msg_doomed_id, 0, 0 },
	{ "reserved", &target.reserved, 0, 0 },
	{ "own", &target.own, 0, 0 },
	{ "queue", 0, target.queue, sizeof target.queue },
	{ "doomed_queue", 0, target.doomed_queue, sizeof target.doomed_queue },
	{ "stream", 0, target.stream, sizeof target.stream },
	{ "dgram", 0, target.dgram, sizeof target.dgram },
	{ "bait", 0, target.bait, sizeof target.bait },
	{ "ready", 0, 0, 0 },
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int is_left(const char *name)
{
	for (int i = 0; i < MOST_LEFT && left[i]; i++)
		if (!strcmp(left[i], name))
			return 1;
	return 0;
}

static void take_target(const char *argument)
{
	if (!strncmp(argument, "leave=", 6)) {
		int i = 0;
		while (i < MOST_LEFT && left[i])
			i++;
		if (i == MOST_LEFT) {
			fprintf(stderr, "attacks: more than %d rows to leave\n", MOST_LEFT);
			exit(64);
		}
		left[i] = argument + 6;
		return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		size_t length = strlen(keys[i].key);
		if (strncmp(argument, keys[i].key, length) || argument[length] != '=')
			continue;
		if (keys[i].number)
			*keys[i].number = strtol(argument + length + 1, NULL, 10);
		else if (keys[i].text)
			snprintf(keys[i].text, keys[i].room, "%s", argument + length + 1);
		return;
	}
	fprintf(stderr, "attacks: %s is no target\n", argument);
	exit(64);
}

const char *bait(const char *below)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", target.bait, below);
	return path;
}

static const char *name_of(int error)
{
	const char *name = error ? strerrorname_np(error) : "ok";
	return name ? name : "unknown";
}

/* In a child, so that a crash, a hang or a changed identity ends with the row. */
static void run_row(const struct attack *row)
{
	int answer[2], error = 0, status = 0;
	if (pipe2(answer, O_CLOEXEC) < 0)
		die("pipe");
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		alarm(SECONDS_PER_ROW);
		error = row->run();
		(void)!write(answer[1], &error, sizeof error);
		_exit(0);
	}
	close(answer[1]);
	int answered = read(answer[0], &error, sizeof error) == sizeof error;
	close(answer[0]);
	waitpid(child, &status, 0);
	if (answered)
		printf("%s\t%s\n", row->name, name_of(error));
	else
		printf("%s\tsignal %d\n", row->name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	fflush(stdout);
}

/* A byte lets the next row run; so does the end of the input. */
static void wait_for_word(void)
{
	char byte;
	(void)!read(STDIN_FILENO, &byte, 1);
}

static int run_class(const char *name)
{
	for (const struct attack_class *class = classes; class->name; class++) {
		if (strcmp(class->name, name))
			continue;
		for (const struct attack *row = class->rows; row->name; row++) {
			if (is_left(row->name))
				continue;
			wait_for_word();
			run_row(row);
		}
		return 0;
	}
	fprintf(stderr, "attacks: no class %s\n", name);
	return 64;
}

static int run_named(const char *name)
{
	for (const struct attack_class *class = classes; class->name; class++)
		for (const struct attack *row = class->rows; row->name; row++)
			if (!strcmp(row->name, name)) {
				wait_for_word();
				run_row(row);
				return 0;
			}
	fprintf(stderr, "attacks: no row %s\n", name);
	return 64;
}

static int list(void)
{
	static const char *const expectations[] = { "denied", "works", "open" };
	for (const struct attack_class *class = classes; class->name; class++)
		for (const struct attack *row = class->rows; row->name; row++)
			printf("%s\t%s\t%s\t%s\t%s\t%s\n", class->name, row->name, expectations[row->expectation], row->in_chroot,
			       row->in_jail, row->rights);
	return 0;
}

static void make_directory(const char *root, const char *below, char *path, size_t room)
{
	snprintf(path, room, "%s/%s", root, below);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
}

/* What people do without jails: a tree with /proc and a few files, and chroot(2). The working directory stays where it
 * is, as in a program that forgets chdir(2). */
static void enter_chroot(const char *root, const char *bait_tree)
{
	char path[512];
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, PRIVATE_RECURSIVE, NULL) < 0)
		die("private mounts");
	if (mount("none", root, "tmpfs", 0, "mode=755") < 0)
		die(root);
	make_directory(root, "tmp", path, sizeof path);
	make_directory(root, "proc", path, sizeof path);
	if (mount("none", path, "proc", 0, NULL) < 0)
		die(path);
	make_directory(root, "dev", path, sizeof path);
	if (mount("/dev", path, NULL, BIND_RECURSIVE, NULL) < 0)
		die(path);
	make_directory(root, "opt", path, sizeof path);
	make_directory(root, "opt/bait", path, sizeof path);
	if (mount(bait_tree, path, NULL, BIND_RECURSIVE, NULL) < 0)
		die(path);
	if (chroot(root) < 0)
		die("chroot");
}

static int graft(const char *tree, const char *namespace, const char *place)
{
	int detached = (int)syscall(SYS_open_tree, AT_FDCWD, tree, OPEN_TREE_CLONE | O_CLOEXEC | 0x8000 /* AT_RECURSIVE */);
	int there = open(namespace, O_RDONLY | O_CLOEXEC);
	if (detached < 0 || there < 0)
		die(tree);
	if (setns(there, CLONE_NEWNS) < 0)
		die(namespace);
	if (mkdir(place, 0755) < 0 && errno != EEXIST)
		die(place);
	if (syscall(SYS_move_mount, detached, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(place);
	return 0;
}

static _Noreturn void foist(void)
{
	for (int i = 0; i < 20; i++)
		if (syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL) == 0)
			_exit(0);
	for (;;)
		pause();
}

static _Noreturn void traced(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGWINCH); /* which nobody minds, but a tracer is told of */
	for (;;)
		pause();
}

static _Noreturn void bomb(void)
{
	struct rlimit most = { 200, 200 };
	if (setrlimit(RLIMIT_NPROC, &most) < 0)
		die("setrlimit");
	for (;;)
		if (fork() < 0)
			usleep(10000);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[0], "setuid"))
		return !strcmp(argv[1], "mount") ? mount_with_what_was_gained() : geteuid() == 0 ? 0 : EPERM;
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "traceme")) {
		puts(name_of(outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL))));
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "traced"))
		traced();
	if (argc == 5 && !strcmp(argv[1], "impersonate"))
		return impersonate_keeper(atoi(argv[2]), argv[3], atoi(argv[4]));
	if (argc == 2 && !strcmp(argv[1], "watch"))
		return watch_programs();
	if (argc == 4 && !strcmp(argv[1], "swap"))
		return swap(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "named"))
		return bear_a_name();
	if (argc == 3 && !strcmp(argv[1], "paste"))
		return paste_line(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "churn"))
		return churn(atol(argv[2]), atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "seize"))
		return seize_programs();
	if (argc == 2 && !strcmp(argv[1], "foist"))
		foist();
	if (argc == 2 && !strcmp(argv[1], "bomb"))
		bomb();
	if (argc == 3 && !strcmp(argv[1], "host"))
		return serve_as_host(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "graft"))
		return graft(argv[2], argv[3], argv[4]);
	if (argc > 4 && !strcmp(argv[1], "chroot")) {
		enter_chroot(argv[2], argv[3]);
		argc -= 3;
		argv += 3;
	}
	if (argc > 2 && (!strcmp(argv[1], "run") || !strcmp(argv[1], "row"))) {
		signal(SIGPIPE, SIG_IGN);
		for (int i = 3; i < argc; i++)
			take_target(argv[i]);
		puts("ready");
		fflush(stdout);
		return !strcmp(argv[1], "run") ? run_class(argv[2]) : run_named(argv[2]);
	}
	fprintf(stderr, "usage: attacks list | host BAIT | graft TREE NAMESPACE PLACE | [chroot ROOT BAIT] run CLASS | row NAME\n");
	return 64;
}
