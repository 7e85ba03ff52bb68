// How long the calls take that a jail's walls stand in the way of: calls ROUNDS FILE. Prints a line each: a label, a tab, ns a call.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int listener;
static const char *file;
static struct sockaddr_in address = { .sin_family = AF_INET };

static void open_close(void) {
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || close(fd) != 0) {
        err(1, "open");
    }
}

static void look(void) {
    struct stat status;
    if (stat(file, &status) != 0) {
        err(1, "stat");
    }
}

static void spawn(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
        err(1, "fork");
    }
}

static void talk(void) {
    int ends[2];
    char byte = 0;
    if (pipe(ends) != 0 || write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) {
        err(1, "pipe");
    }
    close(ends[0]);
    close(ends[1]);
}

static void reach(void) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof address) != 0) {
        err(1, "connect");
    }
    int server = accept(listener, NULL, NULL);
    // Reset, lest thousands of connections linger.
    struct linger now = { .l_onoff = 1 };
    setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(client);
    close(server);
}

static void measure(const char *label, void (*call)(void), int rounds) {
    struct timespec from, to;
    for (int warm = 0; warm < 1 + rounds / 10; warm++) {
        call();
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int round = 0; round < rounds; round++) {
        call();
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double spent = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    printf("%s\t%.0f\n", label, spent / rounds);
}

int main(int argc, char **argv) {
    int rounds = argc == 3 ? atoi(argv[1]) : 0;
    if (rounds < 1) {
        errx(64, "usage: calls ROUNDS FILE");
    }
    file = argv[2];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        err(1, "listen");
    }
    measure("open and close", open_close, rounds);
    measure("stat", look, rounds);
    measure("fork and wait", spawn, 1 + rounds / 20);
    measure("pipe, a byte through it", talk, rounds);
    measure("TCP connect and accept", reach, 1 + rounds / 10);
    return 0;
}
