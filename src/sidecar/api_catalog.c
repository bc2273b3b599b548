/* api_catalog.c -- the catalog: every node and service, whoever registered it (consul.md section 2.4). */
#include "sidecar/api.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/str.h"

/* --- writes --------------------------------------------------------------------------------------------- */

static void answer_true(struct call *call)
{
	call->content_type = "application/json";
	buf_str(&call->body, "true");
}

/* Node, service and checks go in one command, so that they stand or fall together. */
void api_catalog_register(struct call *call)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);
	struct decode_registration *registration = arena_alloc(command->arena, sizeof(*registration));
	struct decode decode = api_decode(call, command->arena);
	int error;

	error = decode_registration(&decode, call->request->body, call->request->body_size, registration);
	if (error) {
		registry_command_destroy(command);
		api_refuse(call, &decode, error);
		return;
	}
	if (!registration->skip_node_update) {
		command->op = REGISTRY_PUT_NODE;
		command->node = &registration->node;
	}
	if (registration->has_service) {
		command->op = REGISTRY_PUT_INSTANCE;
		command->instance = &registration->instance;
	}
	command->checks = registration->checks;
	command->check_count = registration->check_count;
	command->reason = "catalog";
	answer_true(call);
	call_write(call, command);
}

/* What is not there needs no removing: true, as in Consul. */
void api_catalog_deregister(struct call *call)
{
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_NODE);
	struct decode decode = api_decode(call, command->arena);
	struct decode_removal removal;
	int error;

	error = decode_removal(&decode, call->request->body, call->request->body_size, &removal);
	if (error) {
		registry_command_destroy(command);
		api_refuse(call, &decode, error);
		return;
	}
	command->node_name = removal.node;
	if (*removal.instance_id) {
		command->op = REGISTRY_REMOVE_INSTANCE;
		command->instance_id = removal.instance_id;
	} else if (*removal.check_id) {
		command->op = REGISTRY_REMOVE_CHECK;
		command->check_id = removal.check_id;
	}
	command->reason = "catalog";
	call->unknown_is_fine = true;
	answer_true(call);
	call_write(call, command);
}

/* --- reads ---------------------------------------------------------------------------------------------- */

int api_fetch_node(struct registry_reader *reader, struct arena *arena, const char *name,
	const struct registry_node **ret)
{
	struct registry_filter filter = {.node = name};
	size_t count = 0;
	int error = registry_reader_nodes(reader, &filter, arena, ret, &count);

	if (!error && count == 0)
		*ret = NULL;
	return error;
}

static bool has_tag(const struct registry_instance *instance, const char *tag)
{
	for (size_t i = 0; i < instance->tag_count; i++)
		if (str_ieq(instance->tags[i], tag))
			return true;
	return false;
}

bool api_tags_match(const struct call *call, const struct registry_instance *instance)
{
	const struct http_request *request = call->request;

	for (size_t i = 0; i < request->query_count; i++)
		if (str_eq(request->query[i].name, "tag") && *request->query[i].value &&
			!has_tag(instance, request->query[i].value))
			return false;
	return true;
}

static bool has_pair(const struct registry_node *node, const char *wanted)
{
	for (size_t i = 0; i < node->meta_count; i++) {
		const char *key = node->meta[i].key;
		size_t size = 0;

		while (key[size] && key[size] == wanted[size])
			size++;
		if (!key[size] && wanted[size] == ':' && str_eq(node->meta[i].value, wanted + size + 1))
			return true;
	}
	return false;
}

bool api_node_matches(const struct call *call, const struct registry_node *node)
{
	const struct http_request *request = call->request;

	for (size_t i = 0; i < request->query_count; i++)
		if (str_eq(request->query[i].name, "node-meta") && *request->query[i].value &&
			!has_pair(node, request->query[i].value))
			return false;
	return true;
}

void api_catalog_datacenters(struct call *call)
{
	struct json_out out = {.buf = &call->body, .pretty = call->pretty};

	call->content_type = "application/json";
	out_array(&out);
	out_string(&out, call->sidecar->config.datacenter);
	out_array_end(&out);
	call_send(call);
}

struct nodes {
	const struct registry_node *items;
	size_t count;
};

static int fetch_nodes(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {0};
	struct nodes *rows = arena_alloc(arena, sizeof(*rows));

	*ret = rows;
	return registry_reader_nodes(reader, &filter, arena, &rows->items, &rows->count);
}

static void render_nodes(struct call *call, struct encode *encode, const void *rows)
{
	const struct nodes *nodes = rows;

	out_array(&encode->out);
	for (size_t i = 0; i < nodes->count; i++)
		if (api_node_matches(call, &nodes->items[i]))
			encode_node(encode, &nodes->items[i]);
	out_array_end(&encode->out);
}

void api_catalog_nodes(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_NODES, fetch_nodes, render_nodes};

	call_read(call, &read);
}

struct services {
	const struct registry_service *items;
	size_t count;
};

/* The walk that ?node-meta= needs: services with an instance on a node that has it, and the tags of those. */
struct gather {
	const struct call *call;
	struct arena *arena;
	const struct registry_node *nodes;
	size_t node_count;
	struct registry_service *services;
	size_t count;
};

static int compare_node(const void *name, const void *node)
{
	return strcasecmp(name, ((const struct registry_node *)node)->name);
}

static bool is_on_match(const struct gather *gather, const struct registry_instance *instance)
{
	const struct registry_node *node = bsearch(
		instance->node, gather->nodes, gather->node_count, sizeof(*gather->nodes), compare_node);

	return node && api_node_matches(gather->call, node);
}

/* The instance's tags, each once; returns the list, which may have moved. */
static const char **add_tags(
	struct arena *arena, const char **tags, size_t *count, const struct registry_instance *instance)
{
	for (size_t i = 0; i < instance->tag_count; i++) {
		size_t at = 0;

		while (at < *count && !str_eq(tags[at], instance->tags[i]))
			at++;
		if (at < *count)
			continue;
		tags = arena_grow(arena, tags, *count, sizeof(*tags));
		tags[(*count)++] = arena_strdup(arena, instance->tags[i]);
	}
	return tags;
}

static int gather_service(
	const char *name, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct gather *gather = ctx;
	const char **tags = NULL;
	size_t tag_count = 0;
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!is_on_match(gather, &instances[i]))
			continue;
		tags = add_tags(gather->arena, tags, &tag_count, &instances[i]);
		found = true;
	}
	if (!found)
		return 0;
	gather->services =
		arena_grow(gather->arena, gather->services, gather->count, sizeof(*gather->services));
	gather->services[gather->count++] = (struct registry_service){
		.name = arena_strdup(gather->arena, name), .tags = tags, .tag_count = tag_count};
	return 0;
}

static int fetch_services(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct services *rows = arena_alloc(arena, sizeof(*rows));
	struct gather gather = {.call = call, .arena = arena};
	uint64_t index;
	int error;

	*ret = rows;
	if (!call_query(call, "node-meta"))
		return registry_reader_services(reader, arena, &rows->items, &rows->count);
	error = registry_reader_nodes(reader, NULL, arena, &gather.nodes, &gather.node_count);
	if (!error)
		error = registry_reader_walk(reader, gather_service, &gather, &index);
	*rows = (struct services){gather.services, gather.count};
	return error;
}

static void render_services(struct call *call, struct encode *encode, const void *rows)
{
	const struct services *services = rows;
	struct json_out *out = &encode->out;

	out_object(out);
	for (size_t i = 0; i < services->count; i++) {
		out_key(out, services->items[i].name);
		out_array(out);
		for (size_t tag = 0; tag < services->items[i].tag_count; tag++)
			out_string(out, services->items[i].tags[tag]);
		out_array_end(out);
	}
	out_object_end(out);
}

void api_catalog_services(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_SERVICES, fetch_services, render_services};

	call_read(call, &read);
}

/* Instances, each with its node. */
struct placed {
	const struct registry_instance *items;
	const struct registry_node **nodes;
	size_t count;
};

static int fetch_service(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.service = call->rest};
	struct placed *rows = arena_alloc(arena, sizeof(*rows));
	int error = registry_reader_instances(reader, &filter, arena, &rows->items, &rows->count);

	*ret = rows;
	rows->nodes = arena_alloc(arena, (rows->count + 1) * sizeof(void *));
	for (size_t i = 0; i < rows->count && !error; i++) {
		if (i > 0 && str_eq(rows->items[i].node, rows->items[i - 1].node))
			rows->nodes[i] = rows->nodes[i - 1];
		else
			error = api_fetch_node(reader, arena, rows->items[i].node, &rows->nodes[i]);
	}
	return error;
}

static void render_service(struct call *call, struct encode *encode, const void *rows)
{
	const struct placed *placed = rows;

	out_array(&encode->out);
	for (size_t i = 0; i < placed->count; i++)
		if (placed->nodes[i] && api_tags_match(call, &placed->items[i]) &&
			api_node_matches(call, placed->nodes[i]))
			encode_catalog_service(encode, placed->nodes[i], &placed->items[i]);
	out_array_end(&encode->out);
}

void api_catalog_service(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_SERVICE, fetch_service, render_service};

	if (!*call->rest)
		call_text(call, 400, "Missing service name");
	else
		call_read(call, &read);
}

/* One node and what is on it. */
struct node_rows {
	const struct registry_node *node;
	const struct registry_instance *items;
	size_t count;
};

static int fetch_node(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.node = call->rest};
	struct node_rows *rows = arena_alloc(arena, sizeof(*rows));
	int error = api_fetch_node(reader, arena, call->rest, &rows->node);

	*ret = rows;
	return error ? error : registry_reader_instances(reader, &filter, arena, &rows->items, &rows->count);
}

static void render_node(struct call *call, struct encode *encode, const void *data)
{
	const struct node_rows *rows = data;
	struct json_out *out = &encode->out;

	if (!rows->node) {
		out_null(out);
		return;
	}
	out_object(out);
	out_key(out, "Node");
	encode_node(encode, rows->node);
	out_key(out, "Services");
	out_object(out);
	for (size_t i = 0; i < rows->count; i++) {
		out_key(out, rows->items[i].id);
		encode_node_service(encode, &rows->items[i]);
	}
	out_object_end(out);
	out_object_end(out);
}

static void render_node_services(struct call *call, struct encode *encode, const void *data)
{
	const struct node_rows *rows = data;
	struct json_out *out = &encode->out;

	out_object(out);
	out_key(out, "Node");
	if (rows->node)
		encode_node(encode, rows->node);
	else
		out_null(out);
	out_key(out, "Services");
	if (rows->node) {
		out_array(out);
		for (size_t i = 0; i < rows->count; i++)
			encode_node_service(encode, &rows->items[i]);
		out_array_end(out);
	} else {
		out_null(out);
	}
	out_object_end(out);
}

static void read_node(struct call *call, const struct call_read *read)
{
	if (!*call->rest)
		call_text(call, 400, "Missing node name");
	else
		call_read(call, read);
}

void api_catalog_node(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_NODE, fetch_node, render_node};

	read_node(call, &read);
}

void api_catalog_node_services(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_NODE, fetch_node, render_node_services};

	read_node(call, &read);
}
