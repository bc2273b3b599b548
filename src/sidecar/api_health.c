/* api_health.c -- instances with their checks, and checks by themselves (consul.md section 2.5). */
#include "sidecar/api.h"

#include <errno.h>
#include <stdlib.h>

#include "base/str.h"

/* --- GET /v1/health/service/:s -------------------------------------------------------------------------- */

/* One instance with its node and all the checks that decide about it. */
struct entry {
	const struct registry_instance *instance;
	const struct registry_node *node;
	const struct registry_check *node_checks;
	const struct registry_check *const *checks; /* the instance's own, check_count of them */
	size_t node_check_count, check_count;
};

struct entries {
	struct entry *items;
	size_t count;
};

static int compare(const char *a, const char *b)
{
	while (*a && str_lower((unsigned char)*a) == str_lower((unsigned char)*b)) {
		a++;
		b++;
	}
	return str_lower((unsigned char)*a) - str_lower((unsigned char)*b);
}

/* By node and instance; among one instance's in the order in which they came (an array of the reader's). */
static int by_owner(const void *left, const void *right)
{
	const struct registry_check *a = *(const struct registry_check *const *)left;
	const struct registry_check *b = *(const struct registry_check *const *)right;
	int order = compare(a->node, b->node);

	if (order == 0)
		order = compare(a->instance_id, b->instance_id);
	return order ? order : (a > b) - (a < b);
}

static int owner_order(const struct registry_check *check, const struct registry_instance *instance)
{
	int order = compare(check->node, instance->node);

	return order ? order : compare(check->instance_id, instance->id);
}

/* The run of `sorted` that belongs to the entry's instance. */
static void assign_checks(struct entry *entry, const struct registry_check *const *sorted, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (owner_order(sorted[middle], entry->instance) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	entry->checks = sorted + low;
	while (low + entry->check_count < count &&
		owner_order(sorted[low + entry->check_count], entry->instance) == 0)
		entry->check_count++;
}

static int fetch_place(struct registry_reader *reader, struct arena *arena, struct entry *entry)
{
	struct registry_filter filter = {.node = entry->instance->node, .instance_id = ""};
	int error = api_fetch_node(reader, arena, entry->instance->node, &entry->node);

	if (error)
		return error;
	return registry_reader_checks(reader, &filter, arena, &entry->node_checks, &entry->node_check_count);
}

static int fetch_entries(struct registry_reader *reader, struct arena *arena,
	const struct registry_filter *of_instances, const struct registry_filter *of_checks,
	struct entries **ret)
{
	const struct registry_instance *instances;
	const struct registry_check *checks, **sorted;
	struct entries *rows = arena_alloc(arena, sizeof(*rows));
	size_t count = 0;
	int error;

	error = registry_reader_instances(reader, of_instances, arena, &instances, &rows->count);
	if (!error)
		error = registry_reader_checks(reader, of_checks, arena, &checks, &count);
	if (error)
		return error;
	sorted = arena_alloc(arena, (count + 1) * sizeof(void *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &checks[i];
	qsort(sorted, count, sizeof(void *), by_owner);
	rows->items = arena_alloc(arena, (rows->count + 1) * sizeof(*rows->items));
	for (size_t i = 0; i < rows->count && !error; i++) {
		struct entry *entry = &rows->items[i];

		entry->instance = &instances[i];
		if (i > 0 && str_eq(instances[i].node, instances[i - 1].node)) {
			entry->node = entry[-1].node;
			entry->node_checks = entry[-1].node_checks;
			entry->node_check_count = entry[-1].node_check_count;
		} else {
			error = fetch_place(reader, arena, entry);
		}
		assign_checks(entry, sorted, count);
	}
	*ret = rows;
	return error;
}

static int fetch_service(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.service = call->rest};

	return fetch_entries(reader, arena, &filter, &filter, (struct entries **)ret);
}

static bool is_passing(const struct entry *entry)
{
	for (size_t i = 0; i < entry->node_check_count; i++)
		if (entry->node_checks[i].status != REGISTRY_PASSING)
			return false;
	for (size_t i = 0; i < entry->check_count; i++)
		if (entry->checks[i]->status != REGISTRY_PASSING)
			return false;
	return true;
}

static bool is_own(const struct call *call, const char *node)
{
	return str_ieq(node, call->sidecar->config.node_name);
}

static void render_checks_of(struct call *call, struct encode *encode, const struct entry *entry)
{
	out_array(&encode->out);
	if (is_own(call, entry->node->name))
		encode_serf_health(encode, entry->node);
	for (size_t i = 0; i < entry->node_check_count; i++)
		encode_check(encode, &entry->node_checks[i], false);
	for (size_t i = 0; i < entry->check_count; i++)
		encode_check(encode, entry->checks[i], false);
	out_array_end(&encode->out);
}

/* ?passing is true by presence, but here Consul looks at its value too. 0 or -EINVAL. */
static int wants_passing(const struct call *call, bool *ret)
{
	const char *passing = call_query(call, "passing");

	*ret = passing != NULL;
	return passing && *passing ? api_parse_bool(passing, ret) : 0;
}

static void render_service(struct call *call, struct encode *encode, const void *rows)
{
	const struct entries *entries = rows;
	struct json_out *out = &encode->out;
	bool passing = false;

	(void)wants_passing(call, &passing);
	out_array(out);
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *entry = &entries->items[i];

		if (!entry->node || (passing && !is_passing(entry)) ||
			!api_tags_match(call, entry->instance) || !api_node_matches(call, entry->node))
			continue;
		out_object(out);
		out_key(out, "Node");
		encode_node(encode, entry->node);
		out_key(out, "Service");
		encode_node_service(encode, entry->instance);
		out_key(out, "Checks");
		render_checks_of(call, encode, entry);
		out_object_end(out);
	}
	out_array_end(out);
}

void api_health_service(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_SERVICE, fetch_service, render_service};
	bool passing;

	if (!*call->rest)
		call_text(call, 400, "Missing service name");
	else if (wants_passing(call, &passing) != 0)
		call_text(call, 400, "Invalid value for ?passing");
	else
		call_read(call, &read);
}

/* There is no mesh here: no sidecar proxy and no gateway offers anything. */
static int fetch_none(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	*ret = NULL;
	return 0;
}

static void render_none(struct call *call, struct encode *encode, const void *rows)
{
	out_array(&encode->out);
	out_array_end(&encode->out);
}

void api_health_none(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_SERVICE, fetch_none, render_none};

	if (!*call->rest)
		call_text(call, 400, "Missing service name");
	else
		call_read(call, &read);
}

/* --- Lists of checks ------------------------------------------------------------------------------------ */

struct checks {
	const struct registry_check *items;
	size_t count;
	const struct registry_node *own; /* serfHealth is in the list */
};

/* With ?node-meta= keeps the checks of nodes that have it; rows of one node stand together. */
static int keep_matching(
	struct call *call, struct registry_reader *reader, struct arena *arena, struct checks *rows)
{
	struct registry_check *kept;
	size_t count = 0;
	bool matches = false;

	if (!call_query(call, "node-meta"))
		return 0;
	kept = arena_alloc(arena, (rows->count + 1) * sizeof(*kept));
	for (size_t i = 0; i < rows->count; i++) {
		if (i == 0 || !str_eq(rows->items[i].node, rows->items[i - 1].node)) {
			const struct registry_node *node;
			int error = api_fetch_node(reader, arena, rows->items[i].node, &node);

			if (error)
				return error;
			matches = node && api_node_matches(call, node);
		}
		if (matches)
			kept[count++] = rows->items[i];
	}
	rows->items = kept;
	rows->count = count;
	return 0;
}

static int fetch_checks(struct call *call, struct registry_reader *reader, struct arena *arena,
	const struct registry_filter *filter, bool serf_health, void **ret)
{
	struct checks *rows = arena_alloc(arena, sizeof(*rows));
	int error = registry_reader_checks(reader, filter, arena, &rows->items, &rows->count);

	*ret = rows;
	if (!error)
		error = keep_matching(call, reader, arena, rows);
	if (error || !serf_health)
		return error;
	return api_fetch_node(reader, arena, call->sidecar->config.node_name, &rows->own);
}

static void render_checks(struct call *call, struct encode *encode, const void *rows)
{
	const struct checks *checks = rows;
	const struct registry_node *own = checks->own;

	out_array(&encode->out);
	if (own && api_node_matches(call, own))
		encode_serf_health(encode, own);
	for (size_t i = 0; i < checks->count; i++)
		encode_check(encode, &checks->items[i], false);
	out_array_end(&encode->out);
}

static int fetch_node_checks(
	struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.node = call->rest};

	return fetch_checks(call, reader, arena, &filter, is_own(call, call->rest), ret);
}

void api_health_node(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_CHECKS, fetch_node_checks, render_checks};

	if (!*call->rest)
		call_text(call, 400, "Missing node name");
	else
		call_read(call, &read);
}

static int fetch_service_checks(
	struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.service = call->rest};

	return fetch_checks(call, reader, arena, &filter, false, ret);
}

void api_health_checks(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_CHECKS, fetch_service_checks, render_checks};

	if (!*call->rest)
		call_text(call, 400, "Missing service name");
	else
		call_read(call, &read);
}

/* "any", or a status; an unknown word matches nothing. */
static int fetch_state(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {0};
	enum registry_status status;

	if (!str_eq(call->rest, "any")) {
		if (registry_status_parse(call->rest, &status) != 0) {
			*ret = arena_alloc(arena, sizeof(struct checks));
			return 0;
		}
		filter.status = &status;
	}
	return fetch_checks(call, reader, arena, &filter, !filter.status || status == REGISTRY_PASSING, ret);
}

void api_health_state(struct call *call)
{
	static const struct call_read read = {REGISTRY_RESOURCE_CHECKS, fetch_state, render_checks};

	if (!*call->rest)
		call_text(call, 400, "Missing check state");
	else
		call_read(call, &read);
}

/* --- GET /v1/agent/health/service/{id,name}/:x: the health is the status code -------------------------- */

/* From best to worst; maintenance is a word of its own here. */
static const struct {
	const char *name;
	int status;
} health_words[] = {{"passing", 200}, {"warning", 429}, {"critical", 503}, {"maintenance", 503}};

static size_t check_rank(const struct registry_check *check)
{
	return registry_check_is_maintenance(check->id) ? 3 : (size_t)check->status;
}

static size_t entry_rank(const struct entry *entry)
{
	size_t worst = 0;

	for (size_t i = 0; i < entry->node_check_count; i++)
		if (check_rank(&entry->node_checks[i]) > worst)
			worst = check_rank(&entry->node_checks[i]);
	for (size_t i = 0; i < entry->check_count; i++)
		if (check_rank(entry->checks[i]) > worst)
			worst = check_rank(entry->checks[i]);
	return worst;
}

static bool wants_text(const struct call *call)
{
	const char *format = call_query(call, "format");
	const char *accept = http_request_header(call->request, "Accept");

	return format ? str_eq(format, "text") : accept && str_starts(accept, "text/plain");
}

static void render_health(struct encode *encode, const struct entry *entry)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "AggregatedStatus", health_words[entry_rank(entry)].name);
	out_key(out, "Service");
	encode_agent_service(encode, entry->instance, NULL);
	out_key(out, "Checks");
	out_array(out);
	for (size_t i = 0; i < entry->node_check_count; i++)
		encode_check(encode, &entry->node_checks[i], true);
	for (size_t i = 0; i < entry->check_count; i++)
		encode_check(encode, entry->checks[i], true);
	out_array_end(out);
	out_object_end(out);
}

/* Sets the status; with ?format=text also the body, and then returns true. */
static bool conclude(struct call *call, const char *word, int status)
{
	call->status = status;
	call->extra_name = "X-Consul-Reason";
	call->extra_value = word;
	if (!wants_text(call))
		return false;
	call->content_type = "text/plain; charset=utf-8";
	buf_str(&call->body, word);
	return true;
}

static int fetch_own_id(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	const char *node = call->sidecar->config.node_name;
	struct registry_filter of_instances = {.node = node, .id = call->rest};
	struct registry_filter of_checks = {.node = node, .instance_id = call->rest};

	return fetch_entries(reader, arena, &of_instances, &of_checks, (struct entries **)ret);
}

static void render_health_id(struct call *call, struct encode *encode, const void *rows)
{
	const struct entries *entries = rows;
	size_t rank = entries->count > 0 ? entry_rank(&entries->items[0]) : 0;

	if (entries->count > 0) {
		if (!conclude(call, health_words[rank].name, health_words[rank].status))
			render_health(encode, &entries->items[0]);
		return;
	}
	if (conclude(call, arena_printf(call->arena, "ServiceId %s not found", call->rest), 404))
		return;
	out_object(&encode->out);
	out_key_string(&encode->out, "AggregatedStatus", "critical");
	out_key(&encode->out, "Service");
	out_null(&encode->out);
	out_key(&encode->out, "Checks");
	out_null(&encode->out);
	out_object_end(&encode->out);
}

void api_agent_health_id(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_own_id, .render = render_health_id};

	if (!*call->rest)
		call_text(call, 400, "Missing serviceID");
	else
		call_read(call, &read);
}

static int fetch_own_name(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	struct registry_filter filter = {.node = call->sidecar->config.node_name, .service = call->rest};

	return fetch_entries(reader, arena, &filter, &filter, (struct entries **)ret);
}

static void render_health_name(struct call *call, struct encode *encode, const void *rows)
{
	const struct entries *entries = rows;
	size_t worst = 0;
	bool text;

	for (size_t i = 0; i < entries->count; i++)
		if (entry_rank(&entries->items[i]) > worst)
			worst = entry_rank(&entries->items[i]);
	if (entries->count > 0)
		text = conclude(call, health_words[worst].name, health_words[worst].status);
	else
		text = conclude(call, arena_printf(call->arena, "ServiceName %s Not Found", call->rest), 404);
	if (text)
		return;
	out_array(&encode->out);
	for (size_t i = 0; i < entries->count; i++)
		render_health(encode, &entries->items[i]);
	out_array_end(&encode->out);
}

void api_agent_health_name(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_own_name, .render = render_health_name};

	if (!*call->rest)
		call_text(call, 400, "Missing service Name");
	else
		call_read(call, &read);
}
