/* model.c -- the words of the registry, and the few questions that can be asked of them alone. */
#include "registry/model.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "net/addr.h"

static const char *const status_names[] = {
	[REGISTRY_PASSING] = "passing",
	[REGISTRY_WARNING] = "warning",
	[REGISTRY_CRITICAL] = "critical",
};

static const char *const type_names[REGISTRY_CHECK_TYPES] = {
	[REGISTRY_CHECK_NONE] = "",
	[REGISTRY_CHECK_TTL] = "ttl",
	[REGISTRY_CHECK_TCP] = "tcp",
	[REGISTRY_CHECK_HTTP] = "http",
	[REGISTRY_CHECK_GRPC] = "grpc",
	[REGISTRY_CHECK_MAINTENANCE] = "maintenance",
};

const char *registry_status_name(enum registry_status status)
{
	return (unsigned)status <= REGISTRY_CRITICAL ? status_names[status] : "";
}

int registry_status_parse(const char *text, enum registry_status *ret)
{
	for (unsigned i = 0; i <= REGISTRY_CRITICAL; i++) {
		if (text && str_ieq(text, status_names[i])) {
			*ret = (enum registry_status)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *registry_check_type_name(enum registry_check_type type)
{
	return (unsigned)type < REGISTRY_CHECK_TYPES ? type_names[type] : "";
}

bool registry_check_is_maintenance(const char *check_id)
{
	static const char of_instance[] = "_service_maintenance:";

	return str_ieq(check_id, "_node_maintenance") ||
	       strncasecmp(check_id, of_instance, sizeof(of_instance) - 1) == 0;
}

const char *registry_instance_meta(const struct registry_instance *instance, const char *key)
{
	for (size_t i = 0; i < instance->meta_count; i++)
		if (!strcmp(instance->meta[i].key, key))
			return instance->meta[i].value;
	return NULL;
}

/* The address that counts when no tagged one does: the instance's own, else its node's. */
static const char *plain_address(const struct registry_instance *instance)
{
	if (instance->address && *instance->address)
		return instance->address;
	return instance->node_address ? instance->node_address : "";
}

bool registry_instance_address(const struct registry_instance *instance, int family, uint8_t ret[16])
{
	const char *tag = family == AF_INET ? "lan_ipv4" : "lan_ipv6";
	uint8_t bytes[16];

	for (size_t i = 0; i < instance->tagged_count; i++) {
		if (strcmp(instance->tagged[i].name, tag) ||
			net_addr_literal(instance->tagged[i].address, bytes) != family)
			continue;
		memcpy(ret, bytes, family == AF_INET ? 4 : 16);
		return true;
	}
	if (net_addr_literal(plain_address(instance), bytes) != family)
		return false;
	memcpy(ret, bytes, family == AF_INET ? 4 : 16);
	return true;
}

const char *registry_instance_hostname(const struct registry_instance *instance)
{
	const char *address = plain_address(instance);
	uint8_t bytes[16];

	return *address && net_addr_literal(address, bytes) < 0 ? address : NULL;
}

static const struct registry_pair *copy_pairs(
	struct arena *arena, const struct registry_pair *pairs, size_t count)
{
	struct registry_pair *copy = arena_alloc(arena, count * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = (struct registry_pair){.key = arena_strdup(arena, pairs[i].key),
			.value = arena_strdup(arena, pairs[i].value)};
	return copy;
}

struct registry_check *registry_check_copy(struct arena *arena, const struct registry_check *check)
{
	struct registry_check *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *check;
	copy->node = arena_strdup(arena, check->node);
	copy->id = arena_strdup(arena, check->id);
	copy->name = arena_strdup(arena, check->name);
	copy->notes = arena_strdup(arena, check->notes);
	copy->instance_id = arena_strdup(arena, check->instance_id);
	copy->service = arena_strdup(arena, check->service);
	copy->output = arena_strdup(arena, check->output);
	copy->service_tags = NULL;
	copy->service_tag_count = 0;
	copy->definition.target = arena_strdup(arena, check->definition.target);
	copy->definition.method = arena_strdup(arena, check->definition.method);
	copy->definition.body = arena_strdup(arena, check->definition.body);
	copy->definition.tls_server_name = arena_strdup(arena, check->definition.tls_server_name);
	copy->definition.headers =
		copy_pairs(arena, check->definition.headers, check->definition.header_count);
	return copy;
}
