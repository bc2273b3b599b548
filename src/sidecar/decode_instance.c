/* decode_instance.c -- what a service is in the bodies of agent and catalog alike (consul.md 2.3 and 2.4). */
#include "sidecar/decode.h"

#include "base/str.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define AT(member) offsetof(struct decode_raw_service, member)

static const struct field service_fields[] = {
	{"Name", FIELD_STRING, AT(name)},
	{"Service", FIELD_STRING, AT(service)},
	{"ID", FIELD_STRING, AT(id)},
	{"Tags", FIELD_STRINGS, AT(tags)},
	{"Address", FIELD_STRING, AT(address)},
	{"Port", FIELD_PORT, AT(port)},
	{"Meta", FIELD_PAIRS, AT(meta)},
	{"TaggedAddresses", FIELD_OBJECT, AT(tagged)},
	{"Weights", FIELD_OBJECT, AT(weights)},
	{"EnableTagOverride", FIELD_BOOL, AT(enable_tag_override)},
	{"Check", FIELD_OBJECT, AT(check)},
	{"Checks", FIELD_ARRAY, AT(checks)},
};

struct raw_address {
	const char *address;
	uint16_t port;
};

static const struct field address_fields[] = {
	{"Address", FIELD_STRING, offsetof(struct raw_address, address)},
	{"Port", FIELD_PORT, offsetof(struct raw_address, port)},
};

struct raw_weights {
	int64_t passing, warning;
};

static const struct field weight_fields[] = {
	{"Passing", FIELD_INT, offsetof(struct raw_weights, passing)},
	{"Warning", FIELD_INT, offsetof(struct raw_weights, warning)},
};

static int fill_tagged(
	struct decode *decode, const char *path, json_t *object, struct registry_instance *instance)
{
	struct registry_tagged_address *items;
	size_t count = 0;
	const char *name;
	json_t *value;
	int error;

	items = arena_alloc(decode->fields.arena, (json_object_size(object) + 1) * sizeof(*items));
	json_object_foreach(object, name, value) {
		struct raw_address raw = {.address = ""};

		if (json_is_null(value))
			continue;
		if (!json_is_object(value))
			return fields_mistyped(&decode->fields, path, "TaggedAddresses", value,
				"map[string]{Address, Port}");
		const char *below = arena_printf(decode->fields.arena, "%sTaggedAddresses.%s.", path, name);
		error = fields_fill(
			&decode->fields, below, value, address_fields, COUNT(address_fields), &raw);
		if (error)
			return error;
		items[count++] = (struct registry_tagged_address){
			arena_strdup(decode->fields.arena, name), raw.address, raw.port};
	}
	instance->tagged = items;
	instance->tagged_count = count;
	return 0;
}

static int fill_weights(struct decode *decode, const char *path, json_t *object, bool catalog,
	struct registry_instance *instance)
{
	struct raw_weights raw = {0, 0};
	int error;

	instance->weight_passing = instance->weight_warning = 1;
	if (!object)
		return 0;
	const char *below = arena_printf(decode->fields.arena, "%sWeights.", path);
	error = fields_fill(&decode->fields, below, object, weight_fields, COUNT(weight_fields), &raw);
	if (error)
		return error;
	/* Go's clients of the catalog always send the struct, empty if nothing was asked for. */
	if (catalog && raw.passing == 0 && raw.warning == 0)
		return 0;
	/* What is too small or too large for 16 bits is the registry's to refuse, so long as the type can
	 * hold it. */
	if (raw.passing < 0 || raw.passing > UINT32_MAX)
		return fields_fail(&decode->fields, "Invalid Weights: Passing must be from 1 to 65535");
	if (raw.warning < 0 || raw.warning > UINT32_MAX)
		return fields_fail(&decode->fields, "Invalid Weights: Warning must be from 0 to 65535");
	instance->weight_passing = (uint32_t)raw.passing;
	instance->weight_warning = (uint32_t)raw.warning;
	return 0;
}

int decode_raw_service(
	struct decode *decode, const char *path, json_t *object, struct decode_raw_service *ret)
{
	struct decode_raw_service raw = {.name = "", .service = "", .id = "", .address = ""};
	int error;

	error = fields_fill(&decode->fields, path, object, service_fields, COUNT(service_fields), &raw);
	if (!error)
		*ret = raw;
	return error;
}

int decode_instance(struct decode *decode, const char *path, const struct decode_raw_service *raw,
	bool catalog, struct registry_instance *ret)
{
	int error;

	ret->id = *raw->id ? raw->id : ret->service;
	ret->label = "";
	ret->address = raw->address;
	ret->port = raw->port;
	ret->tags = raw->tags.items;
	ret->tag_count = raw->tags.count;
	ret->meta = raw->meta.items;
	ret->meta_count = raw->meta.count;
	ret->enable_tag_override = raw->enable_tag_override;
	ret->agent = !catalog;
	error = raw->tagged ? fill_tagged(decode, path, raw->tagged, ret) : 0;
	if (!error)
		error = fill_weights(decode, path, raw->weights, catalog, ret);
	return error;
}
