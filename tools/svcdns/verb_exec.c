/* verb_exec.c -- svcdns exec: a command that is registered for as long as it runs.
 *
 * One loop waits for signals and for the one request that is under way, so a server that is away holds up
 * neither. The instance has a TTL check; a heartbeat goes out each third of the TTL. A server that no longer
 * knows the check gets the registration anew. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "svcdns/register.h"
#include "svcdns/spawn.h"
#include "svcdns/verbs.h"

#define TTL "15s"
#define TTL_MIN_NS CLOCK_NS_PER_S
#define DEREGISTER_AFTER "1m" /* if we die without a word */
#define REQUEST_MS 5000L
#define RETRY_NS CLOCK_NS_PER_S
#define SHELL_NOT_FOUND 127
#define SHELL_CANNOT_RUN 126
#define SHELL_SIGNAL 128

struct run {
	struct cli *cli;
	json_t *body;
	const char *beat_path;
	int64_t every_ns, next_ns; /* monotonic */
	struct http_call *call;    /* under way, NULL if none is */
	bool registered;           /* as far as we know */
	bool away;                 /* told that the server is */
	bool ended;
	int signals; /* a signalfd */
	int status;  /* of the command, from waitpid() */
	pid_t pid;
};

static int64_t now_ns(void)
{
	return clock_now(clock_system());
}

/* --- The registration ----------------------------------------------------------------------------------- */

static void begin(struct run *run)
{
	char *text = run->registered ? NULL : json_dumps(run->body, JSON_COMPACT);
	const struct http_request request = {
		.method = "PUT",
		.path = run->registered ? run->beat_path : "/v1/agent/service/register",
		.body = text,
		.timeout_ms = REQUEST_MS,
	};

	run->call = http_begin(run->cli->http, &request);
	free(text);
}

/* It did not work: told once, and tried again each second, or at the pace of heartbeats if the server
 * refuses. */
static void failed(struct run *run, const struct http_result *result)
{
	if (!run->away) {
		cli_refused(run->cli, result, NULL);
		cli_fail(0, "the command goes on; the heartbeat is tried again");
	}
	run->away = true;
	run->next_ns = now_ns() + (result->error && run->every_ns > RETRY_NS ? RETRY_NS : run->every_ns);
}

static void take_result(struct run *run)
{
	const struct http_result *result = http_result(run->call);
	bool was_registered = run->registered;

	if (!result)
		return;
	if (result->error || (result->status != 200 && !(was_registered && result->status == 404))) {
		failed(run, result);
	} else {
		if (run->away)
			cli_fail(0, "%s is back", run->cli->http_url);
		run->away = false;
		run->registered = result->status == 200;
		/* A new registration is critical until its first heartbeat, and a lost one is to be made
		 * anew. */
		run->next_ns = was_registered && run->registered ? now_ns() + run->every_ns : now_ns();
	}
	http_end(run->call);
	run->call = NULL;
}

/* --- The command ---------------------------------------------------------------------------------------- */

static void reap(struct run *run)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == run->pid) {
			run->ended = true;
			run->status = status;
		}
}

/* A terminal sends its signals to the whole foreground group: the command has had those already. */
static void take_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(run);
		else if (info.ssi_code != SI_KERNEL && !run->ended)
			kill(run->pid, (int)info.ssi_signo);
	}
}

static int block_signals(sigset_t *ret_before)
{
	static const int forwarded[] = {
		SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGCONT, SIGCHLD};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
	/* Inherited as ignored (nohup), SIGCHLD would never be seen. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void loop(struct run *run)
{
	run->next_ns = now_ns();
	while (!run->ended) {
		int64_t wait = run->next_ns - now_ns();

		if (!run->call && wait <= 0)
			begin(run);
		wait = wait > 0 ? (wait + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS : 0;
		if (http_wait(run->cli->http, run->signals, run->call ? -1 : (int)wait))
			take_signals(run);
		if (run->call)
			take_result(run);
	}
	http_end(run->call);
	run->call = NULL;
}

/* --- From start to end -----------------------------------------------------------------------------------
 */

/* Adds the TTL check, and works out when to send heartbeats. */
static int prepare(struct cli *cli, struct run *run)
{
	const char *ttl = args_value(&cli->args, "ttl"), *after = args_value(&cli->args, "deregister-after");
	const char *check;
	int64_t ns = 0;
	int status = register_body(cli, cli->args.operands[0], &run->body);

	if (status != 0)
		return status;
	ttl = ttl ? ttl : TTL;
	str_parse_duration(ttl, &ns);
	if (ns < TTL_MIN_NS)
		return cli_fail(CLI_TROUBLE,
			"--ttl: '%s' is less than 1s; a heartbeat goes out each third of it", ttl);
	register_add_check(run->body, "TTL", ttl, NULL, NULL, after ? after : DEREGISTER_AFTER);
	check = arena_printf(cli->arena, "exec:%s", register_id(run->body));
	json_t *checks = json_object_get(run->body, "Checks");
	json_t *last = json_array_get(checks, json_array_size(checks) - 1);

	json_object_set_new(last, "CheckID", json_string(check));
	json_object_set_new(last, "Name", json_string("svcdns exec"));
	run->cli = cli;
	run->every_ns = ns / 3;
	run->beat_path = cli_path(cli, "/v1/agent/check/pass/", check, "");
	return 0;
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? SHELL_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void deregister(struct run *run)
{
	const char *path = cli_path(run->cli, "/v1/agent/service/deregister/", register_id(run->body), ""),
		   *body;
	long code = 404; /* somebody else did it */

	if (cli_send(run->cli, "PUT", path, &code, &body) != 0 || (code != 200 && code != 404))
		cli_fail(0, "%s is not deregistered; its TTL check will do that", register_id(run->body));
}

/* A signal that wants the end and came before there was a command to have it; 0 if there is none. */
static int early_end(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action;
	sigset_t waiting;

	sigpending(&waiting);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		/* One that is ignored (nohup) waits like the others while it is blocked. */
		if (sigismember(&waiting, ends[i]) && sigaction(ends[i], NULL, &action) == 0 &&
			action.sa_handler != SIG_IGN)
			return ends[i];
	return 0;
}

/* Registers before the command starts, so that a name or a flag that is refused starts nothing. */
static int start(struct run *run, const sigset_t *mask)
{
	int status = cli_put(run->cli, "/v1/agent/service/register", run->body, NULL), error, number;

	if (status != 0)
		return status;
	run->registered = true;
	number = early_end();
	if (number != 0) {
		deregister(run);
		return cli_fail(SHELL_SIGNAL + number, "%s is not started: %s", run->cli->args.command[0],
			strsignal(number));
	}
	error = spawn(run->cli->args.command, mask, -1, &run->pid);
	if (error == 0)
		return 0;
	deregister(run);
	return cli_fail(error == -ENOENT ? SHELL_NOT_FOUND : SHELL_CANNOT_RUN, "cannot run %s: %s",
		run->cli->args.command[0], err_str(error));
}

int verb_exec(struct cli *cli)
{
	struct run run = {.signals = -1};
	sigset_t mask;
	int status = prepare(cli, &run);

	if (status == 0) {
		run.signals = block_signals(&mask);
		if (run.signals < 0)
			status = cli_fail(CLI_TROUBLE, "cannot watch signals: %s", err_str(run.signals));
	}
	if (status == 0)
		status = start(&run, &mask);
	if (status == 0) {
		loop(&run);
		deregister(&run);
		status = exit_status(run.status);
	}
	json_decref(run.body);
	if (run.signals >= 0)
		close(run.signals);
	return status;
}
