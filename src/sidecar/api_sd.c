/* api_sd.c -- GET /v1/sd/prometheus: instances as targets, for Prometheus' http_sd_config.
 *
 * Unhealthy instances are in the list too: Prometheus is to see that they are down, and __meta_svcdns_health
 * lets a config leave them out. What has no port cannot be scraped and is left out. Prometheus keeps its last
 * list when a reply is not 200, so a list that would be too long is refused rather than cut. */
#include "sidecar/api.h"

#include <string.h>

#include "base/str.h"

#define LABEL "__meta_svcdns_"

/* The instances of one service. */
struct group {
	const struct registry_instance *items;
	size_t count;
};

struct targets {
	struct group *groups;
	size_t count;
	size_t instances;
	bool too_many;
	uint64_t index;
};

static int add_service(
	struct registry_reader *reader, struct arena *arena, const char *service, struct targets *targets)
{
	const struct registry_filter filter = {.service = service};
	struct group group = {0};
	int error = registry_reader_instances(reader, &filter, arena, &group.items, &group.count);

	targets->groups = arena_grow(arena, targets->groups, targets->count, sizeof(group));
	targets->groups[targets->count++] = group;
	targets->instances += group.count;
	return error;
}

/* True if every ?tag= is among the service's: else none of its instances has them all. */
static bool may_match(const struct call *call, const struct registry_service *service)
{
	const struct registry_instance all = {.tags = service->tags, .tag_count = service->tag_count};

	return api_tags_match(call, &all);
}

/* The catalog says how many instances a service has, so that too many are never read. */
static int add_all(struct call *call, struct registry_reader *reader, struct arena *arena, size_t limit,
	struct targets *targets)
{
	const struct registry_service *services;
	size_t count = 0;
	int error = registry_reader_services(reader, arena, &services, &count);

	for (size_t i = 0; i < count && !error; i++) {
		if (!may_match(call, &services[i]))
			continue;
		targets->too_many = targets->instances + services[i].instance_count > limit;
		if (targets->too_many)
			break;
		error = add_service(reader, arena, services[i].name, targets);
	}
	return error;
}

static int fetch_targets(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	const struct http_request *request = call->request;
	struct targets *targets = arena_alloc(arena, sizeof(*targets));
	size_t limit = call->sidecar->config.sd_instances;
	int error = registry_reader_index(reader, &targets->index);

	*ret = targets;
	if (!error && !call_query(call, "service"))
		return add_all(call, reader, arena, limit, targets);
	for (size_t i = 0; i < request->query_count && !error && !targets->too_many; i++) {
		if (!str_eq(request->query[i].name, "service"))
			continue;
		error = add_service(reader, arena, request->query[i].value, targets);
		targets->too_many = targets->instances > limit;
	}
	return error;
}

static const char *address_of(const struct registry_instance *instance)
{
	return *instance->address ? instance->address : instance->node_address;
}

static void render_address(struct encode *encode, const struct registry_instance *instance)
{
	const char *address = address_of(instance);
	bool ipv6 = strchr(address, ':') != NULL;

	out_array(&encode->out);
	out_string(&encode->out, arena_printf(encode->arena, "%s%s%s:%u", ipv6 ? "[" : "", address,
					 ipv6 ? "]" : "", (unsigned)instance->port));
	out_array_end(&encode->out);
}

/* ",a,b,": with commas at both ends, so that a pattern for one tag needs no anchors. */
static const char *join_tags(struct arena *arena, const struct registry_instance *instance)
{
	struct buf text = {0};
	const char *joined;

	buf_str(&text, ",");
	for (size_t i = 0; i < instance->tag_count; i++) {
		buf_str(&text, instance->tags[i]);
		buf_str(&text, ",");
	}
	joined = arena_strdup(arena, text.data);
	buf_finish(&text);
	return joined;
}

/* The name of the label for a Meta key: what a label's name cannot have becomes '_'. */
static const char *meta_label(struct arena *arena, const char *key)
{
	char *label = arena_printf(arena, LABEL "meta_%s", key);

	for (char *c = label; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
			*c = '_';
	return label;
}

/* Of keys that make the same label, the first counts: JSON may name it once. */
static void render_meta(struct encode *encode, const struct registry_instance *instance)
{
	const char **labels = arena_alloc(encode->arena, (instance->meta_count + 1) * sizeof(*labels));

	for (size_t i = 0; i < instance->meta_count; i++) {
		size_t same = 0;

		labels[i] = meta_label(encode->arena, instance->meta[i].key);
		while (!str_eq(labels[same], labels[i]))
			same++;
		if (same == i)
			out_key_string(&encode->out, labels[i], instance->meta[i].value);
	}
}

static void render_target(struct encode *encode, const struct registry_instance *instance)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key(out, "targets");
	render_address(encode, instance);
	out_key(out, "labels");
	out_object(out);
	out_key_string(out, LABEL "service", instance->service);
	out_key_string(out, LABEL "instance", instance->id);
	out_key_string(out, LABEL "node", instance->node);
	out_key_string(out, LABEL "datacenter", encode->datacenter);
	out_key_string(out, LABEL "address", address_of(instance));
	out_key_string(out, LABEL "port", arena_printf(encode->arena, "%u", (unsigned)instance->port));
	out_key_string(out, LABEL "health", registry_status_name(instance->status));
	out_key_string(out, LABEL "tags", join_tags(encode->arena, instance));
	render_meta(encode, instance);
	out_object_end(out);
	out_object_end(out);
}

static void render_targets(struct call *call, struct encode *encode, const void *rows)
{
	const struct targets *targets = rows;

	if (targets->too_many) {
		call->status = 400;
		call->content_type = "text/plain; charset=utf-8";
		buf_printf(&call->body,
			"more than %u instances: ask for a service= or tag=, or raise http.sd_instances",
			call->sidecar->config.sd_instances);
		return;
	}
	call->gate = targets->index;
	out_array(&encode->out);
	for (size_t i = 0; i < targets->count; i++)
		for (size_t k = 0; k < targets->groups[i].count; k++) {
			const struct registry_instance *instance = &targets->groups[i].items[k];

			if (instance->port && api_tags_match(call, instance))
				render_target(encode, instance);
		}
	out_array_end(&encode->out);
}

void api_sd_prometheus(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_targets, .render = render_targets};

	call_read(call, &read);
}
