/* columns.c -- see columns.h. What stands in the database was checked before it got there; still, a row that
 * another hand has spoilt gives empty lists, not a crash. */
#include "registry/columns.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

const char *columns_text(sqlite3_stmt *row, int i, struct arena *arena)
{
	const unsigned char *text = sqlite3_column_text(row, i);

	return text ? arena_copy(arena, text, (size_t)sqlite3_column_bytes(row, i)) : "";
}

/* The JSON text of `value` in the arena; frees `value`. */
static const char *dump(struct arena *arena, json_t *value, size_t flags)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | flags) : NULL;

	if (!text)
		abort(); /* out of memory: the values are valid UTF-8 (rules.c) */
	const char *copy = arena_strdup(arena, text);
	free(text);
	json_decref(value);
	return copy;
}

const char *columns_encode_texts(struct arena *arena, const char *const *texts, size_t count)
{
	if (!count)
		return "[]";
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(texts[i]));
	return dump(arena, list, 0);
}

const char *columns_encode_map(struct arena *arena, const struct registry_pair *pairs, size_t count)
{
	if (!count)
		return "{}";
	json_t *map = json_object();
	for (size_t i = 0; i < count; i++)
		json_object_set_new(map, pairs[i].key, json_string(pairs[i].value));
	return dump(arena, map, JSON_SORT_KEYS);
}

const char *columns_encode_pairs(struct arena *arena, const struct registry_pair *pairs, size_t count)
{
	if (!count)
		return "[]";
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("[ss]", pairs[i].key, pairs[i].value));
	return dump(arena, list, 0);
}

const char *columns_encode_tagged(
	struct arena *arena, const struct registry_tagged_address *tagged, size_t count)
{
	if (!count)
		return "{}";
	json_t *map = json_object();
	for (size_t i = 0; i < count; i++)
		json_object_set_new(map, tagged[i].name,
			json_pack("{sssi}", "Address", tagged[i].address, "Port", (int)tagged[i].port));
	return dump(arena, map, JSON_SORT_KEYS);
}

/* NULL for what is empty, which is most of what is stored, or cannot be read. */
static json_t *parse(const char *json)
{
	return json && strlen(json) > 2 ? json_loads(json, 0, NULL) : NULL;
}

static const char *copy_string(struct arena *arena, const json_t *value)
{
	const char *text = json_string_value(value);

	return arena_strdup(arena, text ? text : "");
}

/* The lists that nearly all rows have: of plain ASCII without escapes. False for every other, which is the
 * library's. */
static bool decode_plain(struct arena *arena, const char *json, const char *const **ret, size_t *ret_count)
{
	const char **texts = NULL, *p = json + 1;
	size_t count = 0;

	while (json[0] == '[' && *p == '"') {
		const char *text = ++p;
		while (*p >= ' ' && *p <= '~' && *p != '"' && *p != '\\')
			p++;
		if (*p++ != '"')
			return false;
		texts = arena_grow(arena, texts, count, sizeof(*texts));
		texts[count++] = arena_copy(arena, text, (size_t)(p - 1 - text));
		if (*p != ',' || p[1] != '"')
			break;
		p++;
	}
	if (count == 0 || strcmp(p, "]") != 0)
		return false;
	*ret = texts;
	*ret_count = count;
	return true;
}

const char *const *columns_decode_texts(struct arena *arena, const char *json, size_t *ret_count)
{
	const char *const *plain;

	if (json && decode_plain(arena, json, &plain, ret_count))
		return plain;
	json_t *list = parse(json), *item;
	const char **texts = arena_alloc(arena, json_array_size(list) * sizeof(*texts));
	size_t i;

	json_array_foreach(list, i, item)
		texts[i] = copy_string(arena, item);
	*ret_count = json_array_size(list);
	json_decref(list);
	return texts;
}

static const struct registry_pair *decode_map(struct arena *arena, const char *json, size_t *ret_count)
{
	json_t *map = parse(json), *value;
	struct registry_pair *pairs = arena_alloc(arena, json_object_size(map) * sizeof(*pairs));
	size_t count = 0;
	const char *key;

	json_object_foreach(map, key, value)
		pairs[count++] = (struct registry_pair){arena_strdup(arena, key), copy_string(arena, value)};
	*ret_count = count;
	json_decref(map);
	return pairs;
}

static const struct registry_pair *decode_pairs(struct arena *arena, const char *json, size_t *ret_count)
{
	json_t *list = parse(json), *item;
	struct registry_pair *pairs = arena_alloc(arena, json_array_size(list) * sizeof(*pairs));
	size_t i;

	json_array_foreach(list, i, item)
		pairs[i] = (struct registry_pair){copy_string(arena, json_array_get(item, 0)),
			copy_string(arena, json_array_get(item, 1))};
	*ret_count = json_array_size(list);
	json_decref(list);
	return pairs;
}

static const struct registry_tagged_address *decode_tagged(
	struct arena *arena, const char *json, size_t *ret_count)
{
	json_t *map = parse(json), *value;
	struct registry_tagged_address *tagged = arena_alloc(arena, json_object_size(map) * sizeof(*tagged));
	size_t count = 0;
	const char *key;

	json_object_foreach(map, key, value)
		tagged[count++] = (struct registry_tagged_address){
			.name = arena_strdup(arena, key),
			.address = copy_string(arena, json_object_get(value, "Address")),
			.port = (uint16_t)json_integer_value(json_object_get(value, "Port")),
		};
	*ret_count = count;
	json_decref(map);
	return tagged;
}

/* A column's text where it lies, good until the next step. */
static const char *peek(sqlite3_stmt *row, int i)
{
	return (const char *)sqlite3_column_text(row, i);
}

void columns_node(sqlite3_stmt *row, struct arena *arena, struct registry_node *ret)
{
	*ret = (struct registry_node){
		.name = columns_text(row, 0, arena),
		.id = columns_text(row, 1, arena),
		.address = columns_text(row, 2, arena),
		.create_index = (uint64_t)sqlite3_column_int64(row, 5),
		.modify_index = (uint64_t)sqlite3_column_int64(row, 6),
	};
	ret->tagged = decode_map(arena, peek(row, 3), &ret->tagged_count);
	ret->meta = decode_map(arena, peek(row, 4), &ret->meta_count);
}

void columns_worst(int worst, struct registry_instance *instance)
{
	instance->maintenance = worst == COLUMNS_MAINTENANCE;
	instance->status = instance->maintenance ? REGISTRY_CRITICAL : (enum registry_status)(worst / 2);
	instance->waiting = worst == 2 * REGISTRY_CRITICAL;
}

/* Column `i`, by way of `before` if that is the same text. */
static const char *text_again(sqlite3_stmt *row, int i, struct arena *arena, const char *before)
{
	return before && str_eq(before, peek(row, i)) ? before : columns_text(row, i, arena);
}

void columns_instance(sqlite3_stmt *row, struct arena *arena, const struct registry_instance *before,
	struct registry_instance *ret)
{
	*ret = (struct registry_instance){
		.node = text_again(row, 0, arena, before ? before->node : NULL),
		.id = columns_text(row, 1, arena),
		.service = text_again(row, 2, arena, before ? before->service : NULL),
		.label = columns_text(row, 3, arena),
		.address = columns_text(row, 4, arena),
		.port = (uint16_t)sqlite3_column_int(row, 5),
		.weight_passing = (uint32_t)sqlite3_column_int64(row, 9),
		.weight_warning = (uint32_t)sqlite3_column_int64(row, 10),
		.enable_tag_override = sqlite3_column_int(row, 11),
		.agent = sqlite3_column_int(row, 12),
		.create_index = (uint64_t)sqlite3_column_int64(row, 13),
		.modify_index = (uint64_t)sqlite3_column_int64(row, 14),
		.node_address = text_again(row, 15, arena, before ? before->node_address : NULL),
	};
	ret->tags = columns_decode_texts(arena, peek(row, 6), &ret->tag_count);
	ret->meta = decode_map(arena, peek(row, 7), &ret->meta_count);
	ret->tagged = decode_tagged(arena, peek(row, 8), &ret->tagged_count);
	columns_worst(sqlite3_column_int(row, COLUMNS_ONE_CHECK), ret);
}

static enum registry_check_type parse_type(const char *name)
{
	for (int i = 0; i < REGISTRY_CHECK_TYPES; i++)
		if (str_eq(name, registry_check_type_name((enum registry_check_type)i)))
			return (enum registry_check_type)i;
	return REGISTRY_CHECK_NONE;
}

void columns_check(sqlite3_stmt *row, struct arena *arena, struct registry_check *ret)
{
	*ret = (struct registry_check){
		.node = columns_text(row, 0, arena),
		.id = columns_text(row, 1, arena),
		.name = columns_text(row, 2, arena),
		.notes = columns_text(row, 3, arena),
		.instance_id = columns_text(row, 4, arena),
		.service = columns_text(row, 26, arena),
		.status = (enum registry_status)sqlite3_column_int(row, 5),
		.checked = sqlite3_column_int(row, 6),
		.output = columns_text(row, 7, arena),
		.definition =
			{
				.type = parse_type(peek(row, 8)),
				.target = columns_text(row, 9, arena),
				.method = columns_text(row, 10, arena),
				.body = columns_text(row, 12, arena),
				.tls_server_name = columns_text(row, 13, arena),
				.tls_skip_verify = sqlite3_column_int(row, 14),
				.use_tls = sqlite3_column_int(row, 15),
				.interval_ns = sqlite3_column_int64(row, 16),
				.timeout_ns = sqlite3_column_int64(row, 17),
				.ttl_ns = sqlite3_column_int64(row, 18),
				.deregister_after_ns = sqlite3_column_int64(row, 19),
				.success_before_passing = (uint32_t)sqlite3_column_int64(row, 20),
				.failures_before_warning = (uint32_t)sqlite3_column_int64(row, 21),
				.failures_before_critical = (uint32_t)sqlite3_column_int64(row, 22),
				.output_max_size = (uint32_t)sqlite3_column_int64(row, 23),
			},
		.create_index = (uint64_t)sqlite3_column_int64(row, 24),
		.modify_index = (uint64_t)sqlite3_column_int64(row, 25),
	};
	ret->definition.headers = decode_pairs(arena, peek(row, 11), &ret->definition.header_count);
}

void columns_check_state(sqlite3_stmt *row, struct arena *arena, struct registry_check *ret)
{
	*ret = (struct registry_check){
		.node = columns_text(row, 0, arena),
		.id = columns_text(row, 1, arena),
		.instance_id = columns_text(row, 2, arena),
		.service = columns_text(row, 3, arena),
		.status = (enum registry_status)sqlite3_column_int(row, 4),
		.checked = sqlite3_column_int(row, 5),
		.definition = {.type = parse_type(peek(row, 6)),
			.output_max_size = (uint32_t)sqlite3_column_int64(row, 7)},
	};
}

void columns_check_tags(sqlite3_stmt *row, struct arena *arena, const struct registry_check *before,
	struct registry_check *ret)
{
	if (before && before->service_tag_count && str_eq(before->node, ret->node) &&
		str_eq(before->instance_id, ret->instance_id)) {
		ret->service_tags = before->service_tags;
		ret->service_tag_count = before->service_tag_count;
		return;
	}
	ret->service_tags = columns_decode_texts(arena, peek(row, COLUMNS_TAGS), &ret->service_tag_count);
}
