/* verb_trace.c -- svcdns trace: a line for each query that DNS answers, from the server's stream of them. */
#include <stdio.h>

#include "base/str.h"
#include "net/prefix.h"
#include "svcdns/cli.h"
#include "svcdns/stream.h"
#include "svcdns/table.h"

#define COUNT_MOST 1000000000

struct trace {
	struct cli *cli;
	const char *about;
	uint64_t told;
};

static void print_query(struct arena *arena, const json_t *query)
{
	const char *name = cli_text(query, "Name");

	printf("%s %s %s %s %s", cli_text(query, "Time"), cli_text(query, "Client"),
		cli_text(query, "Protocol"), *name ? table_clean(arena, name) : "-",
		*name ? cli_text(query, "Type") : "-");
	if (json_is_true(json_object_get(query, "Relayed")))
		printf(" relayed\n");
	else
		printf(" %s answers=%lld size=%lld%s\n", cli_text(query, "Rcode"),
			(long long)cli_number(query, "Answers"), (long long)cli_number(query, "Size"),
			json_is_true(json_object_get(query, "Truncated")) ? " truncated" : "");
}

/* A query, how many were lost, or a comment. */
static void take(const struct stream_event *event, void *ctx)
{
	struct trace *trace = ctx;
	bool is_lost = str_eq(event->kind, "lost");
	struct arena *arena;

	if (str_starts(event->comment, "listening"))
		cli_fail(0, "tracing %s at %s", trace->about, trace->cli->http_url);
	json_auto_t *data = json_loads(event->data, 0, NULL);
	if (!data)
		return;
	trace->told += !is_lost;
	arena = arena_create(); /* of its own: we may run for months */
	if (trace->cli->json) {
		json_dumpf(data, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
	} else if (is_lost) {
		cli_fail(0, "%lld queries came too fast to be told", (long long)cli_number(data, "Lost"));
	} else {
		print_query(arena, data);
	}
	fflush(stdout);
	arena_destroy(arena);
}

/* What is asked for: queries of a client, for a name, or all. */
static const char *path_of(struct cli *cli, const char *about, uint64_t count)
{
	const char *path = "/v1/trace?name=";
	struct net_prefix prefix;

	if (about && net_prefix_parse(about, &prefix) == 0)
		path = cli_path(cli, "/v1/trace?address=", about, "");
	else if (about)
		path = cli_path(cli, path, cli_full_name(cli, about), "");
	return arena_printf(cli->arena, "%s&limit=%llu", path, (unsigned long long)count);
}

static int follow(struct cli *cli, struct trace *trace, const char *path, uint64_t count)
{
	struct stream stream = {.take = take, .ctx = trace};
	const struct http_request request = {
		.method = "GET", .path = path, .on_data = stream_data, .ctx = &stream};
	struct http_call *call = http_begin(cli->http, &request);
	const struct http_result *result;
	int status = 0;

	while (!(result = http_result(call)))
		http_wait(cli->http, -1, -1);
	if (result->status != 200)
		status = cli_refused(cli, result, NULL);
	else if (count == 0 || trace->told < count)
		status = cli_fail(CLI_TROUBLE, "%s has ended the stream%s%s", cli->http_url,
			*result->message ? ": " : "", result->message);
	http_end(call);
	stream_finish(&stream);
	return status;
}

int verb_trace(struct cli *cli)
{
	const char *about = cli->args.operand_count > 0 ? cli->args.operands[0] : NULL;
	const char *number = args_value(&cli->args, "count");
	struct trace trace = {.cli = cli, .about = about ? about : "all queries"};
	uint64_t count = 0;

	if (number && (str_parse_u64(number, COUNT_MOST, &count) < 0 || count == 0))
		return cli_fail(
			CLI_TROUBLE, "--count: '%s' is not a number from 1 to %d", number, COUNT_MOST);
	cli_end_by_signal();
	return follow(cli, &trace, path_of(cli, about, count), count);
}
