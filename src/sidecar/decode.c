/* decode.c -- the bodies of the agent API. */
#include "sidecar/decode.h"

#include <errno.h>

#include "base/str.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- PUT /v1/agent/service/register --------------------------------------------------------------------- */

static int too_many_checks(struct decode *decode)
{
	(void)fields_fail(&decode->fields, "field \"Checks\": more than %u checks", decode->checks);
	return -EDQUOT;
}

/* One check inside a service; its id is made later, when it is known how many there are. */
static int service_check(
	struct decode *decode, const char *path, json_t *object, const void *ctx, struct registry_check *ret)
{
	const struct registry_instance *instance = ctx;
	struct decode_raw_check raw;
	int error;

	error = decode_raw_check(decode, path, object, &raw);
	if (error)
		return error;
	ret->status = REGISTRY_CRITICAL;
	if (*raw.status && registry_status_parse(raw.status, &ret->status) != 0)
		return fields_fail(
			&decode->fields, "Status for checks must 'passing', 'warning', 'critical'");
	ret->node = decode->node_name;
	ret->id = raw.check_id;
	ret->name = *raw.name ? raw.name
			      : arena_printf(decode->fields.arena, "Service '%s' check", instance->service);
	ret->notes = raw.notes;
	ret->instance_id = instance->id;
	ret->service = instance->service;
	ret->output = "";
	return decode_definition(decode, path, &raw, &ret->definition);
}

static int name_checks(struct decode *decode, const struct registry_instance *instance,
	struct registry_check *checks, size_t count)
{
	struct arena *arena = decode->fields.arena;

	for (size_t i = 0; i < count; i++) {
		if (!*checks[i].id)
			checks[i].id = count == 1
					       ? arena_printf(arena, "service:%s", instance->id)
					       : arena_printf(arena, "service:%s:%zu", instance->id, i + 1);
		for (size_t other = 0; other < i; other++)
			if (str_ieq(checks[other].id, checks[i].id))
				return fields_fail(&decode->fields,
					"Invalid check: field \"CheckID\": \"%.100s\" is given twice",
					checks[i].id);
	}
	return 0;
}

int decode_checks(struct decode *decode, json_t *check, json_t *checks, decode_one_check *fill,
	const void *ctx, struct registry_check **ret, size_t *ret_count)
{
	size_t sent = json_array_size(checks), embedded = check && json_object_size(check) > 0;
	size_t count = 0, i;
	struct registry_check *list;
	json_t *item;
	int error;

	if (sent + embedded > decode->checks)
		return too_many_checks(decode);
	list = arena_alloc(decode->fields.arena, (sent + 1) * sizeof(*list));
	if (embedded) {
		error = fill(decode, "Check.", check, ctx, &list[count++]);
		if (error)
			return error;
	}
	json_array_foreach(checks, i, item) {
		if (json_is_null(item))
			continue;
		const char *path = arena_printf(decode->fields.arena, "Checks[%zu].", i);
		if (!json_is_object(item))
			return fields_mistyped(&decode->fields, "", "Checks", item, "[]object");
		error = fill(decode, path, item, ctx, &list[count++]);
		if (error)
			return error;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static int service_checks(
	struct decode *decode, const struct decode_raw_service *raw, struct decode_service *ret)
{
	struct registry_check *checks = NULL;
	size_t count = 0;
	int error = decode_checks(
		decode, raw->check, raw->checks, service_check, &ret->instance, &checks, &count);

	if (error)
		return error;
	ret->checks = checks;
	ret->check_count = count;
	return name_checks(decode, &ret->instance, checks, count);
}

int decode_service(struct decode *decode, const char *body, size_t size, struct decode_service *ret)
{
	struct decode_service service = {.instance = {.node = decode->node_name}};
	struct decode_raw_service raw;
	json_t *root;
	int error;

	error = fields_parse(&decode->fields, body, size, &root);
	if (error)
		return error;
	error = decode_raw_service(decode, "", root, &raw);
	if (error)
		goto out;
	if (!*raw.name) {
		error = fields_fail(&decode->fields, "Missing service name");
		goto out;
	}
	service.instance.service = raw.name;
	error = decode_instance(decode, "", &raw, false, &service.instance);
	if (error)
		goto out;
	error = service_checks(decode, &raw, &service);
	if (!error)
		*ret = service;
out:
	json_decref(root);
	return error;
}

/* --- PUT /v1/agent/check/register and update -------------------------------------------------------------
 */

int decode_check(struct decode *decode, const char *body, size_t size, struct registry_check *ret)
{
	struct registry_check check = {.node = decode->node_name, .service = "", .output = ""};
	struct decode_raw_check raw;
	json_t *root;
	int error;

	error = fields_parse(&decode->fields, body, size, &root);
	if (error)
		return error;
	error = decode_raw_check(decode, "", root, &raw);
	if (error)
		goto out;
	check.status = REGISTRY_CRITICAL;
	if (!*raw.name)
		error = fields_fail(&decode->fields, "Missing check name");
	else if (*raw.status && registry_status_parse(raw.status, &check.status) != 0)
		error = fields_fail(&decode->fields, "Bad check status");
	if (!error)
		error = decode_definition(decode, "", &raw, &check.definition);
	if (error)
		goto out;
	check.id = *raw.id ? raw.id : *raw.check_id ? raw.check_id : raw.name;
	check.name = raw.name;
	check.notes = raw.notes;
	check.instance_id = raw.service_id;
	*ret = check;
out:
	json_decref(root);
	return error;
}

struct raw_update {
	const char *status, *output;
};

static const struct field update_fields[] = {
	{"Status", FIELD_STRING, offsetof(struct raw_update, status)},
	{"Output", FIELD_STRING, offsetof(struct raw_update, output)},
};

int decode_update(struct decode *decode, const char *body, size_t size, struct decode_update *ret)
{
	struct raw_update raw = {"", ""};
	enum registry_status status;
	json_t *root;
	int error;

	error = fields_parse(&decode->fields, body, size, &root);
	if (error)
		return error;
	error = fields_fill(&decode->fields, "", root, update_fields, COUNT(update_fields), &raw);
	if (!error && registry_status_parse(raw.status, &status) != 0)
		error = fields_fail(&decode->fields, "Invalid check status: '%.100s'", raw.status);
	json_decref(root);
	if (!error)
		*ret = (struct decode_update){status, raw.output};
	return error;
}
