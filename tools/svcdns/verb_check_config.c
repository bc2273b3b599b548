/* verb_check_config.c -- svcdns check-config: what svcdnsd itself says of a config. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "svcdns/cli.h"
#include "svcdns/spawn.h"
#include "svcdns/table.h"
#include "svcdns/verbs.h"

#define CONFIG "/etc/svcdns/svcdns.conf" /* if no file is given and this one is there */

/* The server that belongs to us: in the build tree, or installed beside us; else the one on PATH. */
static const char *find_server(struct cli *cli)
{
	static const char *const places[] = {"../../src/main/svcdnsd", "../sbin/svcdnsd", "svcdnsd"};
	const char *given = args_value(&cli->args, "svcdnsd");
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (given)
		return given;
	self[size > 0 ? size : 0] = '\0';
	char *folder = dirname(self);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = arena_printf(cli->arena, "%s/%s", folder, places[i]);

		if (access(path, X_OK) == 0)
			return path;
	}
	return "svcdnsd";
}

/* The lines of a text as an array, without the program's name in front. */
static json_t *lines(struct cli *cli, const char *text)
{
	static const char prefix[] = "svcdnsd: ";
	char *rest = arena_strdup(cli->arena, text), *line;
	json_t *array = json_array();

	while ((line = strsep(&rest, "\n")))
		if (*line)
			json_array_append_new(
				array, json_string(str_starts(line, prefix) ? line + strlen(prefix) : line));
	return array;
}

static void print_lines(struct cli *cli, FILE *file, const json_t *array)
{
	const json_t *line;
	size_t i;

	json_array_foreach(array, i, line)
		fprintf(file, "%s\n", table_clean(cli->arena, json_string_value(line)));
}

int verb_check_config(struct cli *cli)
{
	const char *file = cli->args.operand_count > 0 ? cli->args.operands[0]
			   : access(CONFIG, F_OK) == 0 ? CONFIG
						       : NULL;
	char *argv[] = {arena_strdup(cli->arena, find_server(cli)),
		arena_strdup(cli->arena, "--check-config"),
		file ? arena_printf(cli->arena, "--config=%s", file) : NULL, NULL};
	char *output = NULL;
	int status = 0, error = spawn_read(argv, &status, &output);

	if (error)
		return cli_fail(CLI_TROUBLE, "cannot run %s: %s; --svcdnsd=PATH names the server's program",
			argv[0], err_str(error));
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	json_auto_t *said = lines(cli, output);
	json_auto_t *shown = json_pack("{s:s*, s:b, s:o}", "File", file, "Good", good, "Errors",
		good ? json_array() : json_incref(said));

	free(output);
	if (cli->json)
		cli_print_json(shown);
	else
		print_lines(cli, good ? stdout : stderr, said);
	return good ? CLI_YES : CLI_NO;
}

/* Asks the running server to read its config again, as SIGHUP does; the reply comes when that is done. */
int verb_reload(struct cli *cli)
{
	json_auto_t *shown = NULL, *said = NULL;
	const char *text;
	long code = 0;
	int status = cli_send(cli, "PUT", "/v1/agent/reload", &code, &text);

	if (status != 0)
		return status;
	if (code != 200 && code != 400)
		return cli_refused(cli, &(struct http_result){.status = code, .body = text}, NULL);
	said = lines(cli, text);
	shown = json_pack("{s:b, s:O}", "Reloaded", code == 200, code == 200 ? "Said" : "Errors", said);
	if (cli->json)
		cli_print_json(shown);
	else
		print_lines(cli, code == 200 ? stdout : stderr, said);
	return code == 200 ? CLI_YES : CLI_NO;
}
