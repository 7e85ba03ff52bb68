// Runs the commands of a file in turns and prints what each took, a line of JSON each, in ms: driver ROUNDS FILE
// A line of FILE is a label and an argv, separated by tabs. A command that fails while all warm up is left out, and said.
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
    int failed;
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
        return -error;
    }
    if (waitpid(pid, &status, 0) != pid) {
        err(1, "waitpid");
    }
    double took = now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return -1000 - (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return took;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        errx(64, "usage: driver ROUNDS FILE");
    }
    int rounds = atoi(argv[1]), count = 0;
    static struct command commands[MOST];
    FILE *file = fopen(argv[2], "r");
    if (file == NULL) {
        err(66, "%s", argv[2]);
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
    if (rounds < 1 || count < 1) {
        errx(64, "no rounds, or no commands");
    }
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    for (int round = -WARM; round < rounds; round++) {
        for (int at = 0; at < count; at++) {
            struct command *command = &commands[at];
            double took = command->failed ? 0 : run(command, &quiet);
            if (took < 0 && round >= 0) {
                errx(1, "%s failed (%d) after it had run", command->label, (int)took);
            }
            if (took < 0) {
                command->failed = -(int)took;
            } else if (round >= 0) {
                command->took[round] = took;
            }
        }
    }
    for (int at = 0; at < count; at++) {
        struct command *command = &commands[at];
        if (command->failed) {
            int code = command->failed;
            printf("{\"what\": \"%s\", \"failed\": \"%s %d\"}\n", command->label, code >= 1000 ? "exit status" : "errno", code % 1000);
            continue;
        }
        double *took = command->took;
        qsort(took, (size_t)rounds, sizeof(double), ascending);
        printf("{\"what\": \"%s\", \"rounds\": %d, \"median\": %.4f, \"least\": %.4f, \"q1\": %.4f, \"q3\": %.4f}\n", command->label,
               rounds, took[rounds / 2] / 1e3, took[0] / 1e3, took[rounds / 4] / 1e3, took[rounds * 3 / 4] / 1e3);
    }
    return 0;
}
