// Runs the commands of a file in turns and prints what each took: driver ROUNDS BASE FILE
// A line of FILE is a label and an argv, separated by tabs; BASE is the line (from 1) that ratios refer to.
// The clock runs from posix_spawn until the child is reaped; nothing else happens meanwhile.

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { MOST = 16, WORDS = 32, WARM = 3 };

struct command {
    char *label, *argv[WORDS];
    double *took;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double run(struct command *command, posix_spawn_file_actions_t *quiet) {
    extern char **environ;
    pid_t pid;
    int status;
    double start = now();
    int error = posix_spawnp(&pid, command->argv[0], quiet, NULL, command->argv, environ);
    if (error != 0) {
        errx(1, "%s: %s", command->argv[0], strerror(error));
    }
    if (waitpid(pid, &status, 0) != pid) {
        err(1, "waitpid");
    }
    double took = now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        errx(1, "%s failed (wait status %#x)", command->label, (unsigned)status);
    }
    return took;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        errx(64, "usage: driver ROUNDS BASE FILE");
    }
    int rounds = atoi(argv[1]), base = atoi(argv[2]) - 1, count = 0;
    static struct command commands[MOST];
    FILE *file = fopen(argv[3], "r");
    if (file == NULL) {
        err(66, "%s", argv[3]);
    }
    char *line = NULL;
    size_t room = 0;
    while (count < MOST && getline(&line, &room, file) > 0) {
        struct command *command = &commands[count++];
        char *rest = strdup(line), *word;
        rest[strcspn(rest, "\n")] = '\0';
        command->label = strsep(&rest, "\t");
        for (int at = 0; at < WORDS - 1 && (word = strsep(&rest, "\t")) != NULL; at++) {
            command->argv[at] = word;
        }
        command->took = calloc((size_t)rounds, sizeof(double));
    }
    if (rounds < 1 || base < 0 || base >= count) {
        errx(64, "no rounds, or no such line");
    }
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    for (int round = -WARM; round < rounds; round++) {
        for (int at = 0; at < count; at++) {
            double took = run(&commands[at], &quiet);
            if (round >= 0) {
                commands[at].took[round] = took;
            }
        }
    }
    for (int at = 0; at < count; at++) {
        qsort(commands[at].took, (size_t)rounds, sizeof(double), ascending);
    }
    double unit = commands[base].took[rounds / 2];
    printf("| what (%d rounds, in turns) | median ms | least ms | middle half ms | ratio |\n|---|---|---|---|---|\n", rounds);
    for (int at = 0; at < count; at++) {
        double *took = commands[at].took;
        printf("| %s | %.2f | %.2f | %.2f to %.2f | %.2f |\n", commands[at].label, took[rounds / 2] / 1e3, took[0] / 1e3,
               took[rounds / 4] / 1e3, took[rounds * 3 / 4] / 1e3, took[rounds / 2] / unit);
    }
    return 0;
}
