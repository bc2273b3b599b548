/* api_page.c -- what the page shows: /ui/data/services and /ui/data/service/:s.
 *
 * Made for the page, and not an API for anybody else: the first is a line for each service, the second all
 * that is known of one, with the time since when each check is as it is. */
#include "sidecar/api.h"

#include <errno.h>

#include "base/str.h"

#define TAGS 32   /* of one service, in the list */
#define PORTS 16  /* of one service, in the list */
#define SHOWN 500 /* instances of one service, the worst first */

/* --- The list ------------------------------------------------------------------------------------------- */

struct line {
	const char *name;
	size_t instances, healthy, warning, waiting, maintenance;
	uint16_t ports[PORTS];
	size_t port_count;
	const char *tags[TAGS];
	size_t tag_count;
};

struct list {
	struct arena *arena;
	struct line *lines;
	size_t count;
	size_t instances, limit; /* read, and how many may be */
	bool cut;
	uint64_t index;
};

static void add_port(struct line *line, uint16_t port)
{
	for (size_t i = 0; i < line->port_count; i++)
		if (line->ports[i] == port)
			return;
	if (line->port_count < PORTS)
		line->ports[line->port_count++] = port;
}

static void add_tag(struct arena *arena, struct line *line, const char *tag)
{
	for (size_t i = 0; i < line->tag_count; i++)
		if (str_eq(line->tags[i], tag))
			return;
	if (line->tag_count < TAGS)
		line->tags[line->tag_count++] = arena_strdup(arena, tag);
}

static void add_instance(struct arena *arena, struct line *line, const struct registry_instance *instance)
{
	line->instances++;
	line->healthy += instance->status != REGISTRY_CRITICAL;
	line->warning += instance->status == REGISTRY_WARNING;
	line->waiting += instance->waiting;
	line->maintenance += instance->maintenance;
	add_port(line, instance->port);
	for (size_t i = 0; i < instance->tag_count; i++)
		add_tag(arena, line, instance->tags[i]);
}

static struct line make_line(
	struct arena *arena, const char *service, const struct registry_instance *instances, size_t count)
{
	struct line line = {.name = arena_strdup(arena, service)};

	for (size_t i = 0; i < count; i++)
		add_instance(arena, &line, &instances[i]);
	return line;
}

static int visit(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct list *list = ctx;

	if (list->instances >= list->limit) {
		list->cut = true;
		return -ECANCELED;
	}
	list->instances += count;
	list->lines = arena_grow(list->arena, list->lines, list->count, sizeof(*list->lines));
	list->lines[list->count++] = make_line(list->arena, service, instances, count);
	return 0;
}

static int fetch_list(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct list *list = arena_alloc(arena, sizeof(*list));
	int error = registry_reader_index(reader, &list->index);

	list->arena = arena;
	list->limit = call->sidecar->config.page_instances;
	if (!error)
		error = registry_reader_walk(reader, visit, list, &list->index);
	*ret = list;
	return list->cut ? 0 : error;
}

static void render_line(struct json_out *out, const struct line *line)
{
	out_object(out);
	out_key_string(out, "Name", line->name);
	out_key_u64(out, "Instances", line->instances);
	out_key_u64(out, "Healthy", line->healthy);
	out_key_u64(out, "Warning", line->warning);
	out_key_u64(out, "Waiting", line->waiting);
	out_key_u64(out, "Maintenance", line->maintenance);
	out_key(out, "Ports");
	out_array(out);
	for (size_t i = 0; i < line->port_count; i++)
		out_u64(out, line->ports[i]);
	out_array_end(out);
	out_key(out, "Tags");
	out_array(out);
	for (size_t i = 0; i < line->tag_count; i++)
		out_string(out, line->tags[i]);
	out_array_end(out);
	out_object_end(out);
}

/* What the page has to know besides: who we are and where DNS answers, for its snippets. */
static void render_frame(struct call *call, struct json_out *out, uint64_t index)
{
	const struct sidecar_config *config = &call->sidecar->config;

	call->gate = index;
	out_key_u64(out, "Index", index);
	out_key_string(out, "Zone", config->zone_name);
	out_key_string(out, "Node", config->node_name);
	out_key_string(out, "Dns", config->dns_listen);
	out_key_string(out, "Version", SVCDNS_VERSION);
	out_key_u64(out, "Now", (uint64_t)(clock_wall(config->clock) / CLOCK_NS_PER_MS));
}

static void render_list(struct call *call, struct encode *encode, const void *rows)
{
	const struct list *list = rows;
	struct json_out *out = &encode->out;

	out_object(out);
	render_frame(call, out, list->index);
	out_key_bool(out, "Cut", list->cut);
	out_key(out, "Services");
	out_array(out);
	for (size_t i = 0; i < list->count; i++)
		render_line(out, &list->lines[i]);
	out_array_end(out);
	out_object_end(out);
}

void api_page_services(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_list, .render = render_list};

	call_read(call, &read);
}

/* --- One service ---------------------------------------------------------------------------------------- */

struct page_check {
	const struct registry_check *row;
	int64_t since_ms; /* 0: longer ago than the changelog knows */
};

struct page_checks {
	struct page_check *items;
	size_t count;
};

struct detail {
	uint64_t index;
	const char *service;
	const struct registry_instance *instances;
	size_t count;
	const struct registry_instance *shown[SHOWN];
	size_t shown_count;
	struct page_checks *checks; /* of each instance that is shown, its node's among them */
};

static int add_checks(struct registry_reader *reader, struct arena *arena,
	const struct registry_filter *filter, struct page_checks *to)
{
	const struct registry_check *rows;
	size_t count = 0;
	int error = registry_reader_checks(reader, filter, arena, &rows, &count);

	for (size_t i = 0; i < count && !error; i++) {
		to->items = arena_grow(arena, to->items, to->count, sizeof(*to->items));
		to->items[to->count].row = &rows[i];
		error = registry_reader_time(reader, rows[i].modify_index, &to->items[to->count++].since_ms);
	}
	return error;
}

static int fetch_checks_of(struct registry_reader *reader, struct arena *arena,
	const struct registry_instance *instance, struct page_checks *ret)
{
	struct registry_filter filter = {
		.node = instance->node, .instance_id = instance->id, .without_tags = true};
	int error = add_checks(reader, arena, &filter, ret);

	filter.instance_id = "";
	return error ? error : add_checks(reader, arena, &filter, ret);
}

/* What wants somebody's eye comes first; what is out on purpose does not. */
enum rank { FAILS, WARNS, OUT, PASSES, RANKS };

static enum rank rank_of(const struct registry_instance *instance)
{
	static const enum rank ranks[] = {
		[REGISTRY_CRITICAL] = FAILS, [REGISTRY_WARNING] = WARNS, [REGISTRY_PASSING] = PASSES};

	return instance->maintenance ? OUT : ranks[instance->status];
}

/* By rank; among equals in their order. */
static void choose_shown(struct detail *detail)
{
	for (unsigned rank = 0; rank < RANKS; rank++)
		for (size_t i = 0; i < detail->count && detail->shown_count < SHOWN; i++)
			if (rank_of(&detail->instances[i]) == rank)
				detail->shown[detail->shown_count++] = &detail->instances[i];
}

static int fetch_detail(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.service = call->rest};
	struct detail *detail = arena_alloc(arena, sizeof(*detail));
	int error = registry_reader_index(reader, &detail->index);

	*ret = detail;
	if (!error)
		error = registry_reader_instances(reader, &filter, arena, &detail->instances, &detail->count);
	if (error)
		return error;
	if (detail->count == 0)
		return 0;
	detail->service = detail->instances[0].service;
	choose_shown(detail);
	detail->checks = arena_alloc(arena, detail->shown_count * sizeof(*detail->checks));
	for (size_t i = 0; i < detail->shown_count && !error; i++)
		error = fetch_checks_of(reader, arena, detail->shown[i], &detail->checks[i]);
	return error;
}

/* The output of a probe or heartbeat is live; the row has that of the last change. */
static void render_output(struct encode *encode, const struct registry_check *check)
{
	struct registry_live_check live;
	bool known = encode->live &&
		     registry_live_get(encode->live, check->node, check->id, encode->arena, &live) &&
		     *live.output;

	out_key_string(&encode->out, "Output", known ? live.output : check->output);
}

static void render_check(struct encode *encode, const struct page_check *check)
{
	const struct registry_check *row = check->row;
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "Id", row->id);
	out_key_string(out, "Name", row->name);
	out_key_string(out, "Type", registry_check_type_name(row->definition.type));
	out_key_string(out, "Status", registry_status_name(row->status));
	out_key_bool(out, "Waiting", !row->checked && row->status == REGISTRY_CRITICAL);
	out_key_bool(out, "Maintenance",
		row->status == REGISTRY_CRITICAL && registry_check_is_maintenance(row->id));
	out_key_bool(out, "OfNode", !*row->instance_id);
	out_key_string(out, "Notes", row->notes);
	render_output(encode, row);
	out_key_u64(out, "Since", (uint64_t)check->since_ms);
	out_object_end(out);
}

static void render_instance(
	struct encode *encode, const struct registry_instance *instance, const struct page_checks *checks)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "Id", instance->id);
	out_key_string(out, "Node", instance->node);
	out_key_string(out, "Address", *instance->address ? instance->address : instance->node_address);
	out_key_u64(out, "Port", instance->port);
	out_key_string(out, "Label", instance->label);
	out_key_string(out, "Status", registry_status_name(instance->status));
	out_key_bool(out, "Waiting", instance->waiting);
	out_key_bool(out, "Maintenance", instance->maintenance);
	out_key(out, "Tags");
	out_array(out);
	for (size_t i = 0; i < instance->tag_count; i++)
		out_string(out, instance->tags[i]);
	out_array_end(out);
	out_key(out, "Checks");
	out_array(out);
	for (size_t i = 0; i < checks->count; i++)
		render_check(encode, &checks->items[i]);
	out_array_end(out);
	out_object_end(out);
}

static void render_detail(struct call *call, struct encode *encode, const void *rows)
{
	const struct detail *detail = rows;
	struct json_out *out = &encode->out;

	out_object(out);
	render_frame(call, out, detail->index);
	out_key(out, "Service");
	if (detail->count > 0) {
		struct line line =
			make_line(encode->arena, detail->service, detail->instances, detail->count);

		render_line(out, &line);
	} else {
		out_null(out); /* not registered: a common end, and no error to the page */
	}
	out_key(out, "Details");
	out_array(out);
	for (size_t i = 0; i < detail->shown_count; i++)
		render_instance(encode, detail->shown[i], &detail->checks[i]);
	out_array_end(out);
	out_object_end(out);
}

void api_page_service(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_detail, .render = render_detail};

	call_read(call, &read);
}
