/* verb_watch.c -- svcdns watch: blocking queries for a service, and one line for each change that they show.
 *
 * Each document is boiled down to a map of subjects ({Service, Instance, State, Reason, Address, Port}); what
 * differs between two maps is what changed. All services: watch_all.h. */
#include <errno.h>
#include <stdint.h>

#include "base/str.h"
#include "svcdns/cli.h"
#include "svcdns/happening.h"
#include "svcdns/health.h"
#include "svcdns/watch_all.h"

#define WAIT "5m"
#define TIMEOUT_MS 400000L /* WAIT, and what the server adds to spread its clients */
#define RETRY_MS 1000

struct source {
	const char *path;
	uint64_t index;   /* 0 before the first reply */
	json_t *subjects; /* of the last reply, NULL before the first */
	struct http_call *call;
};

static void digest(struct cli *cli, const json_t *document, json_t *ret)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(document, i, entry) {
		const json_t *service = json_object_get(entry, "Service"),
			     *node = json_object_get(entry, "Node");
		const char *address = cli_text(service, "Address"), *id = cli_text(service, "ID");

		address = *address ? address : cli_text(node, "Address");
		json_object_set_new(ret, arena_printf(cli->arena, "%s\n%s", cli_text(node, "Node"), id),
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "Service", cli_text(service, "Service"),
				"Instance", id, "State", health_state(entry), "Reason",
				health_reason(cli->arena, entry), "Address", address, "Port",
				cli_number(service, "Port")));
	}
}

/* `before` and `now` are a subject as it was and is, one of them may be NULL. */
static void tell(struct cli *cli, const json_t *before, const json_t *now)
{
	json_t *happening = json_object();

	json_object_set_new(happening, "Change", json_string(!before ? "new" : !now ? "gone" : "changed"));
	json_object_update_missing(happening, (json_t *)(uintptr_t)(now ? now : before));
	if (before && now)
		json_object_set(happening, "Before", json_object_get(before, "State"));
	happening_tell(cli, happening);
}

static void compare(struct cli *cli, json_t *before, json_t *now)
{
	const char *key;
	json_t *subject;

	json_object_foreach(before, key, subject) {
		if (!json_object_get(now, key))
			tell(cli, subject, NULL);
	}
	json_object_foreach(now, key, subject) {
		const json_t *old = json_object_get(before, key);

		if (!old || !json_equal(old, subject))
			tell(cli, old, subject);
	}
}

static void begin(struct cli *cli, struct source *source)
{
	struct http_request request = {.method = "GET", .timeout_ms = TIMEOUT_MS, .path = source->path};

	if (source->index > 0)
		request.path = arena_printf(cli->arena, "%s?index=%llu&wait=" WAIT, source->path,
			(unsigned long long)source->index);
	source->call = http_begin(cli->http, &request);
}

/* A reply is there. 0, or an exit status if there is no use in going on. */
static int take(struct cli *cli, struct source *source, const struct http_result *result)
{
	json_auto_t *document = NULL;
	json_t *subjects;

	if (result->status != 200)
		return cli_refused(cli, result, NULL);
	document = json_loadb(result->body, result->body_size, 0, NULL);
	if (!document || result->index == 0)
		return cli_fail(CLI_TROUBLE, "%s%s cannot be watched; is this svcdns or Consul?",
			cli->http_url, source->path);
	/* An index that went back is another registry: from the beginning, as Consul's clients do. */
	source->index = result->index < source->index ? 0 : result->index;
	subjects = json_object();
	digest(cli, document, subjects);
	if (source->subjects)
		compare(cli, source->subjects, subjects);
	json_decref(source->subjects);
	source->subjects = subjects;
	return 0;
}

/* The server is away: told once, and fatal only if it was never there. */
static int away(struct cli *cli, const struct source *source, const struct http_result *result, bool *told)
{
	if (!source->subjects)
		return cli_refused(cli, result, NULL);
	if (!*told)
		cli_fail(0, "%s is away (%s); waiting for it", cli->http_url, result->message);
	*told = true;
	return 0;
}

/* Looks at one source: takes what is there and asks again. *ret_retry: it has to wait before it asks. */
static int turn(struct cli *cli, struct source *source, bool *told, bool *ret_retry)
{
	const struct http_result *result = source->call ? http_result(source->call) : NULL;
	int status = 0;

	if (source->call && !result)
		return 0;
	if (result && result->error == -ETIMEDOUT && source->subjects) {
		status = 0;
	} else if (result && (result->error || result->status >= 500)) {
		status = away(cli, source, result, told);
		*ret_retry = true;
	} else if (result) {
		if (*told)
			cli_fail(0, "%s is back", cli->http_url);
		*told = false;
		status = take(cli, source, result);
	}
	http_end(source->call);
	source->call = NULL;
	if (status == 0 && !*ret_retry)
		begin(cli, source);
	return status;
}

/* The same, with an arena that ends with it: we may run for months. */
static int turn_briefly(struct cli *cli, struct source *source, bool *told, bool *ret_retry)
{
	struct arena *whole = cli->arena;
	int status;

	cli->arena = arena_create();
	status = turn(cli, source, told, ret_retry);
	arena_destroy(cli->arena);
	cli->arena = whole;
	return status;
}

static int watch(struct cli *cli, struct source *source)
{
	bool told = false, said = false;

	for (;;) {
		bool retry = false;
		int status = turn_briefly(cli, source, &told, &retry);

		if (status != 0)
			return status;
		if (!said && source->subjects)
			cli_fail(0, "watching %s from index %llu", cli->http_url,
				(unsigned long long)source->index);
		said = said || source->subjects;
		http_wait(cli->http, -1, retry ? RETRY_MS : -1);
	}
}

int verb_watch(struct cli *cli)
{
	struct source source = {0};
	int status;

	cli_end_by_signal();
	if (cli->args.operand_count == 0)
		return watch_all(cli);
	source.path = cli_path(cli, "/v1/health/service/", cli_service_name(cli, cli->args.operands[0]), "");
	status = watch(cli, &source);
	http_end(source.call);
	json_decref(source.subjects);
	return status;
}
