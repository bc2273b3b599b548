/* watch_all.c -- see watch_all.h. */
#include "svcdns/watch_all.h"

#include <string.h>

#include "base/str.h"
#include "svcdns/happening.h"
#include "svcdns/stream.h"

#define RETRY_MS 1000

struct all {
	struct cli *cli;
	struct stream stream;
	char id[32]; /* of what was heard last; "" before the first event */
	bool away;   /* the server is, and that was told */
};

static const char *change_of(const char *what)
{
	return str_eq(what, "registered") ? "new" : str_eq(what, "removed") ? "gone" : "changed";
}

static void tell(struct cli *cli, const json_t *event)
{
	static const char *const members[][2] = {{"Time", "Time"}, {"Service", "Service"}, {"Node", "Node"},
		{"Instance", "Instance"}, {"Check", "Check"}, {"State", "NewStatus"}, {"Before", "OldStatus"},
		{"Reason", "Reason"}};
	json_t *happening = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *member = json_object_get(event, members[i][1]);

		if (member)
			json_object_set(happening, members[i][0], member);
	}
	json_object_set_new(happening, "Change", json_string(change_of(cli_text(event, "Change"))));
	happening_tell(cli, happening);
}

/* The server greets with its index. */
static void greeted(struct all *all, const char *id)
{
	if (!*all->id)
		cli_fail(0, "watching %s from index %s", all->cli->http_url, id);
	else if (all->away)
		cli_fail(0, "%s is back", all->cli->http_url);
	all->away = false;
}

static void take(const struct stream_event *event, void *ctx)
{
	struct all *all = ctx;
	struct arena *whole = all->cli->arena;

	if (*event->id && !*event->data)
		greeted(all, event->id);
	if (*event->id)
		str_copy(all->id, sizeof(all->id), event->id);
	if (str_eq(event->kind, "reset")) {
		cli_fail(0, "what happened since is not known any more");
		return;
	}
	json_auto_t *data = json_loads(event->data, 0, NULL);
	if (!data)
		return;
	all->cli->arena = arena_create(); /* of its own: we may run for months */
	tell(all->cli, data);
	arena_destroy(all->cli->arena);
	all->cli->arena = whole;
}

static const char *reason_of(const struct http_result *result)
{
	if (*result->message)
		return result->message;
	return result->status == 200 ? "it has ended the stream" : "it refuses";
}

/* Listens until the stream ends. 0, or an exit status if it never began. */
static int listen_once(struct all *all)
{
	struct cli *cli = all->cli;
	char path[64];
	struct http_request request = {
		.method = "GET", .path = path, .on_data = stream_data, .ctx = &all->stream};
	const struct http_result *result;
	struct http_call *call;
	int status = 0;

	(void)snprintf(path, sizeof(path), "/v1/events%s%s", *all->id ? "?index=" : "", all->id);
	call = http_begin(cli->http, &request);
	while (!(result = http_result(call)))
		http_wait(cli->http, -1, -1);
	if (!*all->id)
		status = cli_refused(cli, result, NULL);
	else if (!all->away)
		cli_fail(0, "%s is away (%s); waiting for it", cli->http_url, reason_of(result));
	all->away = true;
	http_end(call);
	stream_clear(&all->stream);
	return status;
}

int watch_all(struct cli *cli)
{
	struct all all = {.cli = cli, .stream = {.take = take, .ctx = &all}};
	int status;

	while ((status = listen_once(&all)) == 0)
		http_wait(cli->http, -1, RETRY_MS);
	stream_finish(&all.stream);
	return status;
}
