/* api_agent.c -- the agent's services: register, deregister, maintenance, list (consul.md section 2.3). */
#include "sidecar/api.h"

#include <errno.h>
#include <stdio.h>

#include "base/siphash.h"
#include "base/str.h"
#include "sidecar/decode.h"

struct decode api_decode(struct call *call, struct arena *arena)
{
	const struct sidecar_config *config = &call->sidecar->config;

	return (struct decode){
		.fields = {.arena = arena},
		.node_name = arena_strdup(arena, config->node_name),
		.datacenter = config->datacenter,
		.checks = config->limits.checks_per_instance,
	};
}

void api_refuse(struct call *call, const struct decode *decode, int error)
{
	call_text(call, error == -EDQUOT ? 429 : error == -ESRCH ? 500 : 400, "%s", decode->fields.message);
}

/* --- writes --------------------------------------------------------------------------------------------- */

void api_service_register(struct call *call)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	const char *replace = call_query(call, "replace-existing-checks");
	struct decode decode = api_decode(call, command->arena);
	struct decode_service service;
	struct registry_instance *instance;
	int error;

	error = decode_service(&decode, call->request->body, call->request->body_size, &service);
	if (error) {
		registry_command_destroy(command);
		api_refuse(call, &decode, error);
		return;
	}
	instance = arena_alloc(command->arena, sizeof(*instance));
	*instance = service.instance;
	command->instance = instance;
	command->checks = service.checks;
	command->check_count = service.check_count;
	command->replace_checks = replace && !str_ieq(replace, "false") && !str_eq(replace, "0");
	call_write(call, command);
}

static struct registry_command *instance_command(
	struct call *call, enum registry_op op, const char *instance_id)
{
	struct registry_command *command = registry_command_create(op);

	command->node_name = arena_strdup(command->arena, call->sidecar->config.node_name);
	command->instance_id = arena_strdup(command->arena, instance_id);
	return command;
}

static const char *unknown_service(struct call *call)
{
	return arena_printf(call->arena,
		"Unknown service ID \"%s\". Ensure that the service ID is passed, not the service name.",
		call->rest);
}

void api_service_deregister(struct call *call)
{
	struct registry_command *command;

	call->unknown = unknown_service(call);
	if (!*call->rest) {
		call_text(call, 404, "%s", call->unknown);
		return;
	}
	command = instance_command(call, REGISTRY_REMOVE_INSTANCE, call->rest);
	call_write(call, command);
}

int api_parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret = str_eq(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

static void maintenance(struct call *call, const char *instance_id)
{
	const char *enable = call_query(call, "enable"), *reason = call_query(call, "reason");
	struct registry_command *command;
	bool on;

	if (!enable || !*enable) {
		call_text(call, 400, "Missing value for enable");
		return;
	}
	if (api_parse_bool(enable, &on) != 0) {
		call_text(call, 400, "Invalid value for enable: \"%.100s\"", enable);
		return;
	}
	command = instance_command(call, REGISTRY_SET_MAINTENANCE, instance_id);
	command->enable = on;
	command->notes =
		reason && *reason
			? arena_strdup(command->arena, reason)
			: arena_printf(command->arena,
				  "Maintenance mode is enabled for this %s, but no reason was provided. "
				  "This is a default message.",
				  *instance_id ? "service" : "node");
	call_write(call, command);
}

void api_service_maintenance(struct call *call)
{
	if (!*call->rest) {
		call_text(call, 400, "Missing service ID");
		return;
	}
	call->unknown = unknown_service(call);
	maintenance(call, call->rest);
}

void api_agent_maintenance(struct call *call)
{
	maintenance(call, "");
}

/* --- reads ---------------------------------------------------------------------------------------------- */

struct instances {
	const struct registry_instance *items;
	size_t count;
};

static int fetch_own(struct call *call, struct registry_reader *reader, struct arena *arena, const char *id,
	struct instances **ret)
{
	struct registry_filter filter = {
		.node = call->sidecar->config.node_name, .id = id, .agent_only = !id};
	struct instances *rows = arena_alloc(arena, sizeof(*rows));

	*ret = rows;
	return registry_reader_instances(reader, &filter, arena, &rows->items, &rows->count);
}

static int fetch_services(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	return fetch_own(call, reader, arena, NULL, (struct instances **)ret);
}

static void render_services(struct call *call, struct encode *encode, const void *rows)
{
	const struct instances *instances = rows;

	out_object(&encode->out);
	for (size_t i = 0; i < instances->count; i++) {
		out_key(&encode->out, instances->items[i].id);
		encode_agent_service(encode, &instances->items[i], NULL);
	}
	out_object_end(&encode->out);
}

void api_agent_services(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_services, .render = render_services};

	call_read(call, &read);
}

static int fetch_service(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct instances *rows;
	int error = fetch_own(call, reader, arena, call->rest, &rows);

	*ret = rows;
	if (!error && rows->count == 0) {
		call->refusal = arena_printf(call->arena, "unknown service ID: %s", call->rest);
		return -ENOENT;
	}
	return error;
}

/* The hash stands for the content: any change of the service changes it. */
static void render_service(struct call *call, struct encode *encode, const void *rows)
{
	static const struct siphash_key key = {UINT64_C(0x7376636e73), UINT64_C(0x68617368)};
	const struct instances *instances = rows;
	char hash[17];

	encode_agent_service(encode, &instances->items[0], NULL);
	(void)snprintf(hash, sizeof(hash), "%016llx",
		(unsigned long long)siphash(&key, call->body.data, call->body.size));
	buf_clear(&call->body);
	encode->out = (struct json_out){.buf = &call->body, .pretty = call->pretty};
	encode_agent_service(encode, &instances->items[0], hash);
	call->extra_name = "X-Consul-ContentHash";
	call->extra_value = arena_strdup(call->arena, hash);
}

void api_agent_service(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_service, .render = render_service};

	if (!*call->rest)
		call_text(call, 400, "Missing service ID");
	else
		call_read(call, &read);
}
