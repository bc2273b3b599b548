/* spawn.c -- fork and exec, with the error of exec brought back through a pipe. */
#include "svcdns/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

/* The new process: never returns. */
static _Noreturn void become(char *const argv[], const sigset_t *mask, int output, int report, pid_t parent)
{
	int error;

	/* If we are killed the command must not go on unseen: its instance would expire while it works. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0))
		_exit(1);
	execvp(argv[0], argv);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int spawn(char *const argv[], const sigset_t *mask, int output, pid_t *ret_pid)
{
	int report[2], error = 0;
	pid_t parent = getpid(), pid;
	ssize_t size;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(argv, mask, output, report[1], parent);
	error = pid < 0 ? errno : 0;
	close(report[1]);
	if (pid > 0) {
		int told;

		do
			size = read(report[0], &told, sizeof(told));
		while (size < 0 && errno == EINTR);
		if (size == (ssize_t)sizeof(told)) {
			error = told;
			waitpid(pid, NULL, 0);
		}
	}
	close(report[0]);
	if (error == 0)
		*ret_pid = pid;
	return -error;
}

static void read_all(int fd, struct buf *ret)
{
	char bytes[4096];
	ssize_t size;

	while ((size = read(fd, bytes, sizeof(bytes))) != 0) {
		if (size > 0)
			buf_add(ret, bytes, (size_t)size);
		else if (errno != EINTR)
			return;
	}
}

int spawn_read(char *const argv[], int *ret_status, char **ret_output)
{
	struct buf output = {0};
	sigset_t mask;
	int pair[2], error;
	pid_t pid = -1;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	error = spawn(argv, &mask, pair[1], &pid);
	close(pair[1]);
	if (error == 0) {
		read_all(pair[0], &output);
		waitpid(pid, ret_status, 0);
		buf_str(&output, "");
		*ret_output = output.data;
	}
	close(pair[0]);
	return error;
}
