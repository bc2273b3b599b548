/* main.c -- svcdns: finds the verb in the table and runs it. */
#include <signal.h>
#include <stdio.h>

#include "base/str.h"
#include "svcdns/cli.h"
#include "svcdns/usage.h"

static int run_verb(struct arena *arena, const struct args *args)
{
	struct cli cli;
	int status = cli_init(&cli, arena, args);

	if (status == 0)
		status = args->verb->run(&cli);
	cli_finish(&cli);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail(CLI_TROUBLE, "cannot write the output");
	return status;
}

static int run(struct arena *arena, int argc, char **argv)
{
	struct args args;
	char message[256];

	if (argc == 2 && str_eq(argv[1], "--version")) {
		printf("svcdns %s\n", SVCDNS_VERSION);
		return CLI_YES;
	}
	if (argc == 2 && str_eq(argv[1], "--print-mdoc")) {
		usage_print_mdoc(stdout);
		return CLI_YES;
	}
	if (args_parse(arena, argc, argv, &args, message) < 0) {
		if (args.verb)
			return cli_fail(CLI_TROUBLE, "%s; see 'svcdns help %s'", message, args.verb->name);
		return cli_fail(CLI_TROUBLE, "%s; see 'svcdns help'", message);
	}
	if (args.verb && !args.help)
		return run_verb(arena, &args);
	if (args.verb)
		usage_print_verb(stdout, args.verb);
	else
		usage_print(args.help ? stdout : stderr);
	return args.help ? CLI_YES : CLI_TROUBLE;
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_create();
	int status;

	/* A pipe whose reader is gone ends us, as it does any tool; libcurl's sockets are sent to without a
	 * signal. */
	signal(SIGPIPE, SIG_DFL);
	status = run(arena, argc, argv);
	arena_destroy(arena);
	return status;
}
