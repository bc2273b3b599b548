/* call.c -- the way of a request: guard, route, write, end. Reads are in read.c. */
#include "sidecar/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

const char *call_query(const struct call *call, const char *name)
{
	return http_request_query(call->request, name);
}

/* Consul's booleans are true by presence, whatever their value. */
static bool flag(const struct call *call, const char *name)
{
	return call_query(call, name) != NULL;
}

/* --- life ----------------------------------------------------------------------------------------------- */

static struct call *create(struct sidecar *sidecar, struct http_request *request)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		abort();
	call->sidecar = sidecar;
	call->request = request;
	call->arena = request->arena;
	call->arrival_ns = clock_now(sidecar->config.clock);
	call->consistency = "leader";
	call->status = 200;
	call->next = sidecar->calls;
	if (call->next)
		call->next->previous = call;
	sidecar->calls = call;
	request->user = call;
	return call;
}

void call_count_parked(struct sidecar *sidecar)
{
	metrics_set(&sidecar->config.thread->metrics, METRIC_HTTP_PARKED, blocking_count(sidecar->blocking));
}

void call_end(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;

	blocking_leave(sidecar->blocking, &call->blocking);
	publish_cancel(&sidecar->publish, &call->publish);
	call_count_parked(sidecar);
	errand_leave(call);
	long_reads_leave(call);
	if (call->previous)
		call->previous->next = call->next;
	else
		sidecar->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
	buf_finish(&call->body);
	http_body_release(call->shared);
	free(call->check_id);
	free(call->output);
	free(call);
}

void call_gone(struct http_request *request, void *ctx)
{
	struct call *call = request->user;

	if (long_reads_keep(call)) {
		http_request_keep(request);
		return;
	}
	call->request = NULL;
	call->arena = NULL;
	if (!call->writing)
		call_end(call);
}

void call_later(struct call *call)
{
	if (!call->parked)
		http_park(call->request, call_gone, call->sidecar);
	call->parked = true;
}

/* --- routing -------------------------------------------------------------------------------------------- */

/* dc=, stale, consistent, index= and wait=, as far as the route takes them. False after a refusal was sent.
 */
static bool options(struct call *call)
{
	const char *datacenter = call_query(call, "datacenter"), *index = call_query(call, "index");
	const char *wait = call_query(call, "wait");

	if (!datacenter || !*datacenter)
		datacenter = call_query(call, "dc");
	if (datacenter && *datacenter && !str_ieq(datacenter, call->sidecar->config.datacenter)) {
		call_text(call, 500, "No path to datacenter");
		return false;
	}
	if (flag(call, "consistent") && (flag(call, "stale") || flag(call, "cached"))) {
		call_text(call, 400, "Cannot specify ?%s with ?consistent, conflicting semantics.",
			flag(call, "stale") ? "stale" : "cached");
		return false;
	}
	call->consistency = flag(call, "consistent") ? "consistent"
			    : flag(call, "stale")    ? "stale"
						     : "leader";
	if (index && *index && str_parse_u64(index, UINT64_MAX, &call->seen) != 0) {
		call_text(call, 400, "Invalid index");
		return false;
	}
	if (wait && *wait && str_parse_duration(wait, &call->wait_ns) != 0) {
		call_text(call, 400, "Invalid wait time");
		return false;
	}
	return true;
}

static void dispatch(struct call *call, const char *rest)
{
	const struct route *route = call->route;
	const char *filter = call_query(call, "filter");

	call->rest = routes_decode(call->arena, rest);
	if (!call->rest) {
		call_text(call, 400, "Invalid path: \"%.200s\" is not percent-encoded UTF-8", rest);
		return;
	}
	if (route->flags & ROUTE_PLAIN) {
		route->handle(call);
		return;
	}
	if (filter && *filter) {
		call_text(call, 400, "filter is not supported; use tag, node-meta and passing");
		return;
	}
	if (!(route->flags & ROUTE_QUERY) || options(call))
		route->handle(call);
}

/* Who watches keys (Fabio) asks again as soon as there is a reply, so it waits as for a key that is there. */
static void not_offered(struct call *call)
{
	call->refusal = "Invalid URL path: not a recognized HTTP API endpoint\n";
	if (!str_starts(call->request->path, "/v1/kv/"))
		call_read_done(call, -ENOENT);
	else if (!str_eq(call->request->method, "GET") || options(call))
		call_read_nothing(call);
}

void call_begin(struct sidecar *sidecar, struct http_request *request)
{
	struct call *call = create(sidecar, request);
	char message[GUARD_MESSAGE];
	const char *rest = "";
	int status = guard_check(request, &sidecar->guard, message);

	if (status) {
		call_text(call, status, "%s", message);
		return;
	}
	call->route = routes_find(request->path, &rest);
	call->pretty = flag(call, "pretty");
	request->kind = call->route ? call->route->kind : ROUTE_OTHER;
	if (!call->route) {
		not_offered(call);
		return;
	}
	if (str_eq(request->method, "OPTIONS") || !routes_method(call->route, request->method)) {
		call->extra_name = "Allow";
		call->extra_value = routes_allow(call->route);
		if (str_eq(request->method, "OPTIONS"))
			call_send(call);
		else
			call_text(call, 405, "method %.40s not allowed", request->method);
		return;
	}
	dispatch(call, rest);
}

/* --- writes --------------------------------------------------------------------------------------------- */

static int status_of(int error)
{
	switch (error) {
	case -EINVAL:
		return 400;
	case -ENOENT:
		return 404;
	case -EDQUOT:
		return 429;
	case -ENOSPC:
		return 507;
	default:
		return 503;
	}
}

static void write_done(struct call *call)
{
	if (call->written)
		call->written(call);
	if (!call->request)
		call_end(call);
	else if (!call->error)
		call_send(call);
	else if (call->error == -ENOENT && call->unknown)
		call_text(call, 404, "%s", call->unknown);
	else
		call_text(call, status_of(call->error), "%s",
			call->message[0] ? call->message : err_str(call->error));
}

static void command_done(struct registry_command *command, void *ctx)
{
	struct call *call = ctx;

	call->sidecar->writing--;
	if (command->op != REGISTRY_SET_STATUS)
		call->sidecar->checks_ns = clock_now(call->sidecar->config.clock);
	call->writing = false;
	if (command->error != -ENOENT || !call->unknown_is_fine)
		call->error = command->error;
	(void)str_copy(call->message, sizeof(call->message), command->message);
	if (!call->error)
		call->gate = command->index;
	write_done(call);
}

void call_write(struct call *call, struct registry_command *command)
{
	struct sidecar *sidecar = call->sidecar;

	call_later(call);
	call->writing = true;
	sidecar->writing++;
	command->done = command_done;
	command->ctx = call;
	registry_writer_submit(sidecar->config.writer, command, sidecar->inbox);
}
