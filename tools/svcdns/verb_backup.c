/* verb_backup.c -- svcdns backup: a copy of the registry, whole or not at all.
 *
 * The copy is written beside the file that was asked for, synced, and renamed onto it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "svcdns/cli.h"
#include "svcdns/verbs.h"

#define MAGIC "SQLite format 3"

/* Fetches the copy into `fd`. There is no deadline but the server's: a large registry takes its time. */
static int fetch(struct cli *cli, int fd)
{
	const struct http_request request = {.method = "GET", .path = "/v1/snapshot", .sink = fd};
	struct http_call *call = http_begin(cli->http, &request);
	int signals = cli_watch_signals(), status = 0;
	const struct http_result *result;

	while (!(result = http_result(call)) && status == 0)
		if (http_wait(cli->http, signals, -1))
			status = cli_fail(CLI_TROUBLE, "interrupted; nothing was written");
	if (status == 0 && result->error && result->status == 200)
		status =
			cli_fail(CLI_TROUBLE, "the copy broke off: %s; nothing was written", result->message);
	else if (status == 0 && (result->error || result->status != 200))
		status = cli_refused(cli, result, NULL);
	http_end(call);
	if (signals >= 0)
		close(signals);
	return status;
}

static int check_copy(int fd)
{
	char magic[sizeof(MAGIC)] = "";

	if (pread(fd, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
		memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return cli_fail(
			CLI_TROUBLE, "what the server sent is no SQLite database; nothing was written");
	return 0;
}

static int sync_folder(struct cli *cli, const char *path)
{
	int fd = open(dirname(arena_strdup(cli->arena, path)), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 || fsync(fd) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* Makes the copy durable and gives it its name. */
static int keep(struct cli *cli, int fd, const char *made, const char *path)
{
	int error = fsync(fd) < 0 || rename(made, path) < 0 ? errno : sync_folder(cli, path);

	return error ? cli_fail(CLI_TROUBLE, "cannot write %s: %s", path, err_str(error)) : 0;
}

/* A rename would put the copy in the place of a device: root would lose /dev/null. */
static int check_place(const char *path)
{
	struct stat info;

	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
		return cli_fail(CLI_TROUBLE, "cannot write %s: it is there, and no regular file", path);
	return 0;
}

int verb_backup(struct cli *cli)
{
	const char *path = cli->args.operands[0];

	if (check_place(path) != 0)
		return CLI_TROUBLE;
	char *made = arena_printf(cli->arena, "%s.XXXXXX", path);
	int fd = mkostemp(made, O_CLOEXEC), status;
	struct stat info = {0};

	if (fd < 0)
		return cli_fail(CLI_TROUBLE, "cannot write beside %s: %s", path, err_str(errno));
	status = fetch(cli, fd);
	if (status == 0)
		status = check_copy(fd);
	if (status == 0)
		status = keep(cli, fd, made, path);
	if (status != 0)
		unlink(made);
	fstat(fd, &info);
	close(fd);
	if (status != 0)
		return status;
	json_auto_t *shown = json_pack("{s:s, s:I}", "File", path, "Bytes", (json_int_t)info.st_size);

	if (cli->json)
		cli_print_json(shown);
	else
		cli_say("%s: %lld bytes", path, (long long)info.st_size);
	return CLI_YES;
}
