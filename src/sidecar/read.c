/* read.c -- a request that reads: a snapshot, parked or rendered; what was woken shares, what is long goes to
 * long_reads.h. */
#include "sidecar/call.h"

#include <errno.h>

#include "base/err.h"

/* How long a read may take on the loop, in which nobody else is served; the rendering comes to as much again.
 */
#define READ_NS (5 * CLOCK_NS_PER_MS)

struct snapshot {
	uint64_t index;   /* of the resource */
	uint64_t current; /* of the registry */
	void *rows;
};

/* Watches a service by a name that none can have, for no name has slashes. */
static const struct call_read nothing = {.resource = REGISTRY_RESOURCE_SERVICE};

/* What the query watches: a service by name, anything else as a whole. */
static const char *watched_name(const struct call *call)
{
	return call->read->resource == REGISTRY_RESOURCE_SERVICE ? call->rest : "";
}

static bool is_indexed(const struct call *call)
{
	return call->route->flags & ROUTE_QUERY;
}

static bool must_wait(const struct call *call, const struct snapshot *snapshot)
{
	return call->seen > 0 && snapshot->index <= call->seen && call->seen <= snapshot->current &&
	       !call->sidecar->stopping &&
	       (!call->blocking.deadline_ns ||
		       clock_now(call->sidecar->config.clock) < call->blocking.deadline_ns);
}

/* What an open read transaction shows: the indexes, and the rows unless the query has to wait. On the loop
 * (`ret_wait` is not NULL) -E2BIG if that takes long. */
static int take_snapshot(struct call *call, struct registry_reader *reader, struct arena *arena,
	struct snapshot *ret, bool *ret_wait)
{
	int error = registry_reader_index(reader, &ret->current);

	if (!error && is_indexed(call))
		error = registry_reader_resource(reader, call->read->resource, call->rest, &ret->index);
	if (error)
		return error;
	if (ret_wait && is_indexed(call)) {
		*ret_wait = must_wait(call, ret);
		if (*ret_wait)
			return 0;
		if (long_reads_has_like(call))
			return -E2BIG;
	}
	return call->read->fetch(call, reader, arena, &ret->rows);
}

static void park(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	const struct sidecar_config *config = &sidecar->config;

	if (!call->blocking.deadline_ns) {
		if (blocking_count(sidecar->blocking) >= config->parked) {
			call_text(call, 429, "Too many blocking queries: the limit is %u", config->parked);
			return;
		}
		sidecar->random =
			sidecar->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		call->blocking.deadline_ns =
			call->arrival_ns + blocking_duration(call->wait_ns, config->wait_default_ns,
						   config->wait_max_ns, sidecar->random >> 16);
	}
	call->blocking.resource = call->read->resource;
	call->blocking.name = watched_name(call);
	call->blocking.index = call->seen;
	blocking_park(sidecar->blocking, &call->blocking);
	call_count_parked(sidecar);
	call_later(call);
}

static void render(struct call *call, struct arena *arena, const struct snapshot *snapshot)
{
	struct encode encode = {
		.out = {.buf = &call->body, .pretty = call->pretty},
		.datacenter = call->sidecar->config.datacenter,
		.own_node = call->sidecar->config.node_name,
		.live = call->sidecar->config.live,
		.arena = arena,
	};

	call->content_type = "application/json";
	call->gate = snapshot->current; /* what has no index of its own shows the whole */
	call->read->render(call, &encode, snapshot->rows);
	if (call->pretty)
		buf_str(&call->body, "\n");
	if (is_indexed(call)) {
		call->index = snapshot->index;
		call->gate = snapshot->index;
	}
}

/* What a woken query is answered with serves all others that ask the same. */
static void share(struct call *call, const struct snapshot *snapshot)
{
	call->shared = http_body_create(&call->body);
	sharing_keep(&call->sidecar->sharing, call,
		&(struct sharing_reply){
			.index = snapshot->index,
			.current = snapshot->current,
			.status = call->status,
			.content_type = call->content_type,
			.body = call->shared,
		});
	metrics_add(&call->sidecar->config.thread->metrics, METRIC_HTTP_WOKEN_RENDERED, 1);
}

/* The next tick opens the registry anew. */
static void unreadable(struct call *call, int error)
{
	registry_reader_close(call->sidecar->reader);
	call->sidecar->reader = NULL;
	call_text(call, 503, "the registry cannot be read: %s", err_str(error));
}

/* One read, whole or not at all. */
static int read_now(struct call *call, struct registry_reader *reader, int64_t until_ns,
	const atomic_bool *stop, struct snapshot *ret, bool *ret_wait)
{
	struct arena *arena = arena_create();
	int error = registry_reader_begin_bounded(reader, until_ns, stop);

	if (!error) {
		error = take_snapshot(call, reader, arena, ret, ret_wait);
		registry_reader_end(reader);
	}
	if (!error && !(ret_wait && *ret_wait))
		render(call, arena, ret);
	if (error == -ENOENT)
		call->gate = ret->current; /* what is not there is gone from DNS, too */
	arena_destroy(arena);
	return error;
}

void call_read_done(struct call *call, int error)
{
	if (!error)
		call_send(call);
	else if (error == -ENOENT)
		call_text(call, 404, "%s", call->refusal ? call->refusal : "not found");
	else if (error == -ECANCELED)
		call_text(call, 503, "the server ends");
	else
		unreadable(call, error);
}

void call_read(struct call *call, const struct call_read *read)
{
	struct sidecar *sidecar = call->sidecar;
	struct snapshot snapshot = {0};
	bool wait = false;
	int error;

	call->read = read;
	if (!sidecar->reader) {
		call_text(call, 503, "the registry is not open yet");
		return;
	}
	error = read_now(call, sidecar->reader, clock_now(clock_system()) + READ_NS, NULL, &snapshot, &wait);
	if (error == -E2BIG) {
		long_reads_add(call);
		return;
	}
	if (wait) {
		park(call);
		return;
	}
	if (!error && call->woken)
		share(call, &snapshot);
	call_read_done(call, error);
}

void call_read_nothing(struct call *call)
{
	call->read = &nothing;
	call->rest = call->request->path;
	if (must_wait(call, &(struct snapshot){.index = 1, .current = UINT64_MAX})) {
		park(call);
		return;
	}
	call->index = 1; /* python-consul reads it even from a 404 */
	call_read_done(call, -ENOENT);
}

int call_read_long(struct call *call, const atomic_bool *stop)
{
	struct registry_reader *reader;
	struct snapshot snapshot = {0};
	int error = registry_reader_open(call->sidecar->config.registry_path, &reader);

	if (error) /* -ENOENT would be the answer that what was asked for is not there */
		return error == -ENOENT ? -EIO : error;
	error = read_now(call, reader, 0, stop, &snapshot, NULL);
	registry_reader_close(reader);
	if (!error)
		call->shared = http_body_create(&call->body);
	return error;
}

void call_read_shared(struct call *call, const struct sharing_reply *reply)
{
	call->shared = http_body_hold(reply->body);
	call->status = reply->status;
	call->content_type = reply->content_type;
	call->index = call->gate = reply->index;
	if (call->woken)
		metrics_add(&call->sidecar->config.thread->metrics, METRIC_HTTP_WOKEN_SHARED, 1);
	call_send(call);
}

/* Answers with what another query was answered. False if there is nothing that serves. */
static bool take_shared(struct call *call)
{
	const struct sharing_reply *reply = sharing_find(&call->sidecar->sharing, call);

	if (!reply || must_wait(call, &(struct snapshot){.index = reply->index, .current = reply->current}))
		return false;
	call_read_shared(call, reply);
	return true;
}

void call_resume(struct call *call)
{
	call->woken = true;
	if (call->read == &nothing)
		call_read_nothing(call);
	else if (!take_shared(call))
		call_read(call, call->read);
}
