/* fields.c -- jansson's tree, read by tables. */
#include "sidecar/fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int fields_fail(struct fields *fields, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fields->message, sizeof(fields->message), format, args);
	va_end(args);
	return -EINVAL;
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "object";
	case JSON_ARRAY:
		return "array";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "number";
	case JSON_REAL:
		return "number with a fraction or exponent";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	default:
		return "null";
	}
}

int fields_mistyped(
	struct fields *fields, const char *path, const char *name, const json_t *value, const char *type)
{
	return fields_fail(fields,
		"Request decode failed: json: cannot unmarshal %s into field \"%.100s%.100s\" of type %s",
		type_name(value), path, name, type);
}

/* jansson recurses for each level; a body of brackets alone is refused before that. */
static bool too_deep(const char *body, size_t size)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < size; i++) {
		char c = body[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > FIELDS_DEPTH)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static bool blank(const char *body, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (body[i] != ' ' && body[i] != '\t' && body[i] != '\r' && body[i] != '\n')
			return false;
	return true;
}

int fields_parse(struct fields *fields, const char *body, size_t size, json_t **ret)
{
	json_error_t error;
	json_t *root;

	if (blank(body, size))
		return fields_fail(fields, "Request decode failed: EOF");
	if (too_deep(body, size))
		return fields_fail(
			fields, "Request decode failed: json: nested more than %d deep", FIELDS_DEPTH);
	root = json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!root)
		return fields_fail(fields, "Request decode failed: json: %.150s at line %d, column %d",
			error.text, error.line, error.column);
	if (json_is_null(root)) {
		json_decref(root);
		root = json_object();
	}
	if (!json_is_object(root)) {
		int error_code = fields_fail(fields,
			"Request decode failed: json: cannot unmarshal %s into a body of type object",
			type_name(root));

		json_decref(root);
		return error_code;
	}
	*ret = root;
	return 0;
}

/* Without case and underscores: that is how Consul's clients have spelt them over the years. */
static bool same_key(const char *key, const char *name)
{
	for (;;) {
		while (*key == '_')
			key++;
		while (*name == '_')
			name++;
		if (str_lower((unsigned char)*key) != str_lower((unsigned char)*name))
			return false;
		if (!*key)
			return true;
		key++;
		name++;
	}
}

static int fill_duration(
	struct fields *fields, const char *path, const char *name, const json_t *value, int64_t *ret)
{
	const char *text;
	int error;

	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
		return 0;
	}
	if (!json_is_string(value))
		return fields_mistyped(fields, path, name, value, "duration");
	text = json_string_value(value);
	if (!*text)
		return 0;
	error = str_parse_duration(text, ret);
	if (!error)
		return 0;
	return fields_fail(fields,
		"Request decode failed: field \"%.100s%.100s\": time: %s duration \"%.50s\"", path, name,
		strspn(text, "+-.0123456789") == strlen(text) && error != -ERANGE ? "missing unit in"
										  : "invalid",
		text);
}

/* In a list or map of texts a null is an empty one, as Go reads it. */
static bool is_text(const json_t *value)
{
	return json_is_string(value) || json_is_null(value);
}

static const char *copy_text(struct fields *fields, const json_t *value)
{
	return json_is_null(value) ? "" : arena_strdup(fields->arena, json_string_value(value));
}

static int fill_strings(struct fields *fields, const char *path, const char *name, const json_t *value,
	struct field_strings *ret)
{
	const char **items;
	size_t count, i;
	json_t *item;

	if (!json_is_array(value))
		return fields_mistyped(fields, path, name, value, "[]string");
	count = json_array_size(value);
	items = arena_alloc(fields->arena, (count + 1) * sizeof(*items));
	json_array_foreach(value, i, item) {
		if (!is_text(item))
			return fields_mistyped(fields, path, name, item, "[]string");
		items[i] = copy_text(fields, item);
	}
	*ret = (struct field_strings){items, count};
	return 0;
}

static int fill_pairs(
	struct fields *fields, const char *path, const char *name, json_t *value, struct field_pairs *ret)
{
	struct registry_pair *items;
	size_t count = 0;
	const char *key;
	json_t *item;

	if (!json_is_object(value))
		return fields_mistyped(fields, path, name, value, "map[string]string");
	items = arena_alloc(fields->arena, (json_object_size(value) + 1) * sizeof(*items));
	json_object_foreach(value, key, item) {
		if (!is_text(item))
			return fields_fail(fields,
				"Request decode failed: json: cannot unmarshal %s into field "
				"\"%.100s%.100s.%.100s\" "
				"of type string",
				type_name(item), path, name, key);
		items[count].key = arena_strdup(fields->arena, key);
		items[count++].value = copy_text(fields, item);
	}
	*ret = (struct field_pairs){items, count};
	return 0;
}

static bool empty(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return json_object_size(value) == 0;
	case JSON_ARRAY:
		return json_array_size(value) == 0;
	case JSON_STRING:
		return json_string_length(value) == 0;
	case JSON_INTEGER:
		return json_integer_value(value) == 0;
	default:
		return json_is_false(value) || json_is_null(value);
	}
}

static int fill_one(
	struct fields *fields, const char *path, const struct field *field, json_t *value, void *at)
{
	switch (field->kind) {
	case FIELD_STRING:
		if (!json_is_string(value))
			return fields_mistyped(fields, path, field->name, value, "string");
		*(const char **)at = arena_strdup(fields->arena, json_string_value(value));
		return 0;
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return fields_mistyped(fields, path, field->name, value, "bool");
		*(bool *)at = json_is_true(value);
		return 0;
	case FIELD_INT:
	case FIELD_PORT:
		if (!json_is_integer(value))
			return fields_mistyped(fields, path, field->name, value, "int");
		if (field->kind == FIELD_INT) {
			*(int64_t *)at = json_integer_value(value);
			return 0;
		}
		if (json_integer_value(value) < 0 || json_integer_value(value) > UINT16_MAX)
			return fields_fail(fields,
				"Request decode failed: field \"%.100s%s\": %lld is not a port (0 to 65535)",
				path, field->name, (long long)json_integer_value(value));
		*(uint16_t *)at = (uint16_t)json_integer_value(value);
		return 0;
	case FIELD_DURATION:
		return fill_duration(fields, path, field->name, value, at);
	case FIELD_STRINGS:
		return fill_strings(fields, path, field->name, value, at);
	case FIELD_PAIRS:
		return fill_pairs(fields, path, field->name, value, at);
	case FIELD_OBJECT:
		if (!json_is_object(value))
			return fields_mistyped(fields, path, field->name, value, "object");
		*(json_t **)at = value;
		return 0;
	case FIELD_ARRAY:
		if (!json_is_array(value))
			return fields_mistyped(fields, path, field->name, value, "array");
		*(json_t **)at = value;
		return 0;
	case FIELD_SEEN:
		if (!empty(value))
			*(const char **)at = field->name;
		return 0;
	}
	return -EINVAL;
}

int fields_fill(struct fields *fields, const char *path, json_t *object, const struct field *table,
	size_t count, void *ret)
{
	uint64_t seen = 0; /* no table has more than 64 rows */
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) {
		size_t row = 0;
		int error;

		while (row < count && !same_key(key, table[row].name))
			row++;
		if (row == count)
			continue;
		if (seen & (UINT64_C(1) << row))
			return fields_fail(fields,
				"Request decode failed: json: duplicate field \"%.100s%s\"", path,
				table[row].name);
		seen |= UINT64_C(1) << row;
		if (json_is_null(value))
			continue;
		error = fill_one(fields, path, &table[row], value, (char *)ret + table[row].offset);
		if (error)
			return error;
	}
	return 0;
}
