/* spawn.h -- starting a program. The only place of the client that does. */
#pragma once

#include <signal.h>
#include <sys/types.h>

/* Starts argv[0] (found by PATH) with the signal mask `mask` and SIGPIPE as usual. It gets SIGTERM if we die.
 * `output` becomes its stdout and stderr, or -1 leaves it ours. Returns once the program runs: 0 with
 * *ret_pid, or negative errno (-ENOENT: no such program) and nothing is left behind. */
int spawn(char *const argv[], const sigset_t *mask, int output, pid_t *ret_pid);

/* Runs argv to its end, and returns what it printed on stdout and stderr as text for free(3) in *ret_output.
 * 0 with the status of waitpid() in *ret_status, or negative errno. */
int spawn_read(char *const argv[], int *ret_status, char **ret_output);
