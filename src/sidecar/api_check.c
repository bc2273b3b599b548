/* api_check.c -- the agent's checks: register, deregister, heartbeats, list (consul.md section 2.3).
 *
 * A heartbeat that changes nothing is recorded in the live table and answered at once; only a change of
 * status goes to the writer, and what comes while it is there. The deadline is counted from the request's
 * arrival, not from the writer's turn.
 */
#include "sidecar/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sidecar/decode.h"

#define LIVE_LAG CLOCK_NS_PER_S

void api_check_register(struct call *call)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);
	struct decode decode = api_decode(call, command->arena);
	struct registry_check *check = arena_alloc(command->arena, sizeof(*check));
	int error;

	error = decode_check(&decode, call->request->body, call->request->body_size, check);
	if (error) {
		registry_command_destroy(command);
		api_refuse(call, &decode, error);
		return;
	}
	command->checks = check;
	command->check_count = 1;
	call->unknown = arena_printf(call->arena, "ServiceID \"%s\" does not exist", check->instance_id);
	call_write(call, command);
}

static const char *unknown_check(struct call *call)
{
	return arena_printf(call->arena,
		"Unknown check ID \"%s\". Ensure that the check ID is passed, not the check name.",
		call->rest);
}

void api_check_deregister(struct call *call)
{
	struct registry_command *command;

	call->unknown = unknown_check(call);
	if (!*call->rest) {
		call_text(call, 404, "%s", call->unknown);
		return;
	}
	command = registry_command_create(REGISTRY_REMOVE_CHECK);
	command->node_name = arena_strdup(command->arena, call->sidecar->config.node_name);
	command->check_id = arena_strdup(command->arena, call->rest);
	call_write(call, command);
}

/* --- heartbeats ----------------------------------------------------------------------------------------- */

/* The writer has answered. If it stored the status, that counts as known. Runs even if the client has left
 * meanwhile. */
static void heartbeat_written(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	const char *node = sidecar->config.node_name;

	registry_live_write_ends(sidecar->config.live, node, call->check_id);
	if (call->error)
		return;
	/* The live table may have heard of the check meanwhile; what was recorded on arrival is not told
	 * again. */
	if (call->unrecorded)
		(void)registry_live_heartbeat(sidecar->config.live, node, call->check_id, call->check_status,
			call->output, call->arrival_ns);
	registry_live_set_status(sidecar->config.live, node, call->check_id, call->check_status);
	if (call->gate > sidecar->status_index)
		sidecar->status_index = call->gate;
}

static void write_status(struct call *call, enum registry_status status, const char *output)
{
	struct registry_command *command = registry_command_create(REGISTRY_SET_STATUS);

	call->unknown = unknown_check(call);
	call->check_id = strdup(call->rest);
	call->output = strdup(output);
	if (!call->check_id || !call->output)
		abort();
	call->check_status = status;
	call->written = heartbeat_written;
	registry_live_write_begins(call->sidecar->config.live, call->sidecar->config.node_name, call->rest);
	command->node_name = arena_strdup(command->arena, call->sidecar->config.node_name);
	command->check_id = arena_strdup(command->arena, call->rest);
	command->status = status;
	command->output = arena_strdup(command->arena, output);
	command->reason = *output ? command->output : "heartbeat";
	call_write(call, command);
}

/* The live table has not heard of the check yet; the registry knows whether there is one. 0, -ENOENT, -EPROTO
 * (not a TTL check) or another error. */
static int look_up(struct call *call)
{
	struct registry_filter filter = {
		.node = call->sidecar->config.node_name, .id = call->rest, .without_tags = true};
	const struct registry_check *checks;
	struct arena *arena;
	size_t count;
	int error;

	if (!call->sidecar->reader)
		return -EAGAIN;
	arena = arena_create();
	error = registry_reader_checks(call->sidecar->reader, &filter, arena, &checks, &count);
	if (!error && count == 0)
		error = -ENOENT;
	if (!error && checks[0].definition.type != REGISTRY_CHECK_TTL)
		error = -EPROTO;
	arena_destroy(arena);
	return error;
}

static void no_ttl(struct call *call)
{
	call_text(call, 500, "CheckID \"%.200s\" does not have associated TTL", call->rest);
}

/* The health thread brings new and removed checks into the live table, a little after the writer's reply.
 * Until it surely has, the table may still speak of an earlier check with the same id. */
static bool live_may_lag(const struct call *call)
{
	const struct sidecar *sidecar = call->sidecar;

	return clock_now(sidecar->config.clock) - sidecar->checks_ns < LIVE_LAG;
}

static void heartbeat(struct call *call, enum registry_status status, const char *text)
{
	const struct sidecar_config *config = &call->sidecar->config;
	size_t size = strnlen(text ? text : "", config->limits.output_size) + 1;
	char *output = arena_alloc(call->arena, size);
	int error;

	(void)str_copy(output, size, text ? text : "");
	switch (registry_live_heartbeat(
		config->live, config->node_name, call->rest, status, output, call->arrival_ns)) {
	case REGISTRY_LIVE_SAME:
		if (live_may_lag(call))
			break;
		/* Nothing to write; but DNS may still be applying the heartbeat that brought the change. */
		call->gate = call->sidecar->status_index;
		call_send(call);
		return;
	case REGISTRY_LIVE_CHANGED:
		write_status(call, status, output);
		return;
	case REGISTRY_LIVE_NOT_TTL:
		if (live_may_lag(call))
			break;
		no_ttl(call);
		return;
	case REGISTRY_LIVE_UNKNOWN:
		break;
	}
	error = look_up(call);
	call->unrecorded = true;
	if (!error)
		write_status(call, status, output);
	else if (error == -ENOENT)
		call_text(call, 404, "%s", unknown_check(call));
	else if (error == -EPROTO)
		no_ttl(call);
	else
		call_text(call, 503, "the registry cannot be read");
}

void api_check_pass(struct call *call)
{
	heartbeat(call, REGISTRY_PASSING, call_query(call, "note"));
}

void api_check_warn(struct call *call)
{
	heartbeat(call, REGISTRY_WARNING, call_query(call, "note"));
}

void api_check_fail(struct call *call)
{
	heartbeat(call, REGISTRY_CRITICAL, call_query(call, "note"));
}

void api_check_update(struct call *call)
{
	struct decode decode = api_decode(call, call->arena);
	struct decode_update update;
	int error = decode_update(&decode, call->request->body, call->request->body_size, &update);

	if (error)
		api_refuse(call, &decode, error);
	else
		heartbeat(call, update.status, update.output);
}

/* --- GET /v1/agent/checks ---------------------------------------------------------------------------------
 */

struct checks {
	const struct registry_check *items;
	size_t count;
};

static int fetch_checks(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.node = call->sidecar->config.node_name};
	struct checks *rows = arena_alloc(arena, sizeof(*rows));

	*ret = rows;
	return registry_reader_checks(reader, &filter, arena, &rows->items, &rows->count);
}

static void render_checks(struct call *call, struct encode *encode, const void *rows)
{
	const struct checks *checks = rows;

	out_object(&encode->out);
	for (size_t i = 0; i < checks->count; i++) {
		out_key(&encode->out, checks->items[i].id);
		encode_check(encode, &checks->items[i], true);
	}
	out_object_end(&encode->out);
}

void api_agent_checks(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_checks, .render = render_checks};

	call_read(call, &read);
}
