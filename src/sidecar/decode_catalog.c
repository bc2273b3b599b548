/* decode_catalog.c -- the bodies of the catalog API (consul.md section 2.4). */
#include "sidecar/decode.h"

#include <errno.h>

#include "base/str.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct raw_registration {
	const char *id, *node, *address, *datacenter;
	struct field_pairs tagged, meta;
	json_t *service, *check, *checks;
	bool skip_node_update;
};

#define AT(member) offsetof(struct raw_registration, member)

static const struct field registration_fields[] = {
	{"ID", FIELD_STRING, AT(id)},
	{"Node", FIELD_STRING, AT(node)},
	{"Address", FIELD_STRING, AT(address)},
	{"Datacenter", FIELD_STRING, AT(datacenter)},
	{"TaggedAddresses", FIELD_PAIRS, AT(tagged)},
	{"NodeMeta", FIELD_PAIRS, AT(meta)},
	{"Service", FIELD_OBJECT, AT(service)},
	{"Check", FIELD_OBJECT, AT(check)},
	{"Checks", FIELD_ARRAY, AT(checks)},
	{"SkipNodeUpdate", FIELD_BOOL, AT(skip_node_update)},
};

static int check_datacenter(struct decode *decode, const char *datacenter)
{
	if (!*datacenter || str_ieq(datacenter, decode->datacenter))
		return 0;
	(void)fields_fail(&decode->fields, "No path to datacenter");
	return -ESRCH;
}

static int fill_node(struct decode *decode, const struct raw_registration *raw, struct registry_node *ret)
{
	if (!*raw->node)
		return fields_fail(&decode->fields, "Must provide node");
	if (!*raw->address && !raw->skip_node_update)
		return fields_fail(&decode->fields, "Must provide address if SkipNodeUpdate is not set");
	*ret = (struct registry_node){.name = raw->node,
		.id = raw->id,
		.address = raw->address,
		.tagged = raw->tagged.items,
		.tagged_count = raw->tagged.count,
		.meta = raw->meta.items,
		.meta_count = raw->meta.count};
	return 0;
}

static int fill_service(struct decode *decode, json_t *object, struct decode_registration *ret)
{
	struct decode_raw_service raw;
	int error;

	error = decode_raw_service(decode, "Service.", object, &raw);
	if (error)
		return error;
	if (!*raw.service)
		return fields_fail(&decode->fields,
			"Must provide service name (Service.Service) when service ID is provided");
	ret->has_service = true;
	ret->instance.node = ret->node.name;
	ret->instance.service = raw.service;
	return decode_instance(decode, "Service.", &raw, true, &ret->instance);
}

/* Stored and shown, never run: its Definition says what another program does, and is not read. */
static int fill_check(
	struct decode *decode, const char *path, json_t *object, const void *ctx, struct registry_check *ret)
{
	const char *node = ctx;
	struct decode_raw_check raw;
	int error;

	error = decode_raw_check(decode, path, object, &raw);
	if (error)
		return error;
	*ret = (struct registry_check){.node = node,
		.name = raw.name,
		.notes = raw.notes,
		.id = *raw.check_id ? raw.check_id : raw.name,
		.instance_id = raw.service_id,
		.service = "",
		.status = REGISTRY_CRITICAL,
		.checked = true,
		.output = raw.output};
	ret->definition = (struct registry_check_definition){
		.type = REGISTRY_CHECK_NONE, .target = "", .method = "", .body = "", .tls_server_name = ""};
	if (!*ret->id)
		return fields_fail(
			&decode->fields, "field \"%sCheckID\": a check needs a CheckID or a Name", path);
	if (*raw.status && registry_status_parse(raw.status, &ret->status) != 0)
		return fields_fail(&decode->fields,
			"field \"%sStatus\": \"%.50s\" is not passing, warning or critical", path,
			raw.status);
	if (*raw.node && !str_ieq(raw.node, node))
		return fields_fail(&decode->fields,
			"Node '%.100s' for check '%.100s' doesn't match register request node '%.100s'",
			raw.node, ret->id, node);
	return 0;
}

static int fill_checks(
	struct decode *decode, const struct raw_registration *raw, struct decode_registration *ret)
{
	struct registry_check *checks;
	int error = decode_checks(
		decode, raw->check, raw->checks, fill_check, ret->node.name, &checks, &ret->check_count);

	if (!error)
		ret->checks = checks;
	return error;
}

int decode_registration(struct decode *decode, const char *body, size_t size, struct decode_registration *ret)
{
	struct raw_registration raw = {.id = "", .node = "", .address = "", .datacenter = ""};
	struct decode_registration registration = {0};
	json_t *root;
	int error;

	error = fields_parse(&decode->fields, body, size, &root);
	if (error)
		return error;
	error = fields_fill(&decode->fields, "", root, registration_fields, COUNT(registration_fields), &raw);
	if (!error)
		error = check_datacenter(decode, raw.datacenter);
	if (!error)
		error = fill_node(decode, &raw, &registration.node);
	registration.skip_node_update = raw.skip_node_update;
	if (!error && raw.service && json_object_size(raw.service) > 0)
		error = fill_service(decode, raw.service, &registration);
	if (!error)
		error = fill_checks(decode, &raw, &registration);
	json_decref(root);
	if (!error)
		*ret = registration;
	return error;
}

struct raw_removal {
	const char *node, *datacenter, *service_id, *check_id;
};

static const struct field removal_fields[] = {
	{"Node", FIELD_STRING, offsetof(struct raw_removal, node)},
	{"Datacenter", FIELD_STRING, offsetof(struct raw_removal, datacenter)},
	{"ServiceID", FIELD_STRING, offsetof(struct raw_removal, service_id)},
	{"CheckID", FIELD_STRING, offsetof(struct raw_removal, check_id)},
};

int decode_removal(struct decode *decode, const char *body, size_t size, struct decode_removal *ret)
{
	struct raw_removal raw = {"", "", "", ""};
	json_t *root;
	int error;

	error = fields_parse(&decode->fields, body, size, &root);
	if (error)
		return error;
	error = fields_fill(&decode->fields, "", root, removal_fields, COUNT(removal_fields), &raw);
	json_decref(root);
	if (!error)
		error = check_datacenter(decode, raw.datacenter);
	if (!error && !*raw.node)
		error = fields_fail(&decode->fields, "Must provide node");
	if (!error)
		*ret = (struct decode_removal){raw.node, raw.service_id, raw.check_id};
	return error;
}
