/* encode.c -- one function for each shape; the order of keys is Consul's. */
#include "sidecar/encode.h"

#include <sys/socket.h>

#include "base/str.h"
#include "net/addr.h"

static void strings(struct json_out *out, const char *key, const char *const *items, size_t count)
{
	out_key(out, key);
	out_array(out);
	for (size_t i = 0; i < count; i++)
		out_string(out, items[i]);
	out_array_end(out);
}

static void pairs(struct json_out *out, const char *key, const struct registry_pair *items, size_t count)
{
	out_key(out, key);
	out_object(out);
	for (size_t i = 0; i < count; i++)
		out_key_string(out, items[i].key, items[i].value);
	out_object_end(out);
}

static bool has_tagged(const struct registry_instance *instance, const char *name)
{
	for (size_t i = 0; i < instance->tagged_count; i++)
		if (str_eq(instance->tagged[i].name, name))
			return true;
	return false;
}

/* The names under which an instance of the agent shows its own address too (consul.md section 2.1); NULL if
 * it has none, or it is a host name. They are not stored: they follow from the address. */
static const char *const *own_tags(const struct registry_instance *instance)
{
	static const char *const v4[] = {"lan_ipv4", "wan_ipv4", NULL}, *const v6[] = {
										"lan_ipv6", "wan_ipv6", NULL};
	uint8_t bytes[16];
	int family = instance->agent ? net_addr_literal(instance->address, bytes) : AF_UNSPEC;

	return family == AF_INET ? v4 : family == AF_INET6 ? v6 : NULL;
}

static void tagged_address(struct json_out *out, const char *name, const char *address, uint16_t port)
{
	out_key(out, name);
	out_object(out);
	out_key_string(out, "Address", address);
	out_key_u64(out, "Port", port);
	out_object_end(out);
}

/* Left out if there are none, as Consul does. */
static void tagged_addresses(struct json_out *out, const char *key, const struct registry_instance *instance)
{
	const char *const *own = own_tags(instance);

	if (instance->tagged_count == 0 && !own)
		return;
	out_key(out, key);
	out_object(out);
	for (size_t i = 0; i < instance->tagged_count; i++)
		tagged_address(
			out, instance->tagged[i].name, instance->tagged[i].address, instance->tagged[i].port);
	for (; own && *own; own++)
		if (!has_tagged(instance, *own))
			tagged_address(out, *own, instance->address, instance->port);
	out_object_end(out);
}

static void weights(struct json_out *out, const char *key, const struct registry_instance *instance)
{
	out_key(out, key);
	out_object(out);
	out_key_u64(out, "Passing", instance->weight_passing);
	out_key_u64(out, "Warning", instance->weight_warning);
	out_object_end(out);
}

static void proxy(struct json_out *out, const char *key)
{
	out_key(out, key);
	out_object(out);
	out_key_string(out, "Mode", "");
	out_key_empty(out, "MeshGateway");
	out_key_empty(out, "Expose");
	out_object_end(out);
}

static void indexes(struct json_out *out, uint64_t create_index, uint64_t modify_index)
{
	out_key_u64(out, "CreateIndex", create_index);
	out_key_u64(out, "ModifyIndex", modify_index);
}

/* Our own node shows the addresses that Consul's agent works out for itself. */
static void node_addresses(struct encode *encode, const struct registry_node *node)
{
	struct json_out *out = &encode->out;
	uint8_t bytes[16];
	int family;

	if (node->tagged_count > 0 || !str_ieq(node->name, encode->own_node)) {
		pairs(out, "TaggedAddresses", node->tagged, node->tagged_count);
		return;
	}
	family = net_addr_literal(node->address, bytes);
	out_key(out, "TaggedAddresses");
	out_object(out);
	out_key_string(out, "lan", node->address);
	if (family == AF_INET || family == AF_INET6)
		out_key_string(out, family == AF_INET ? "lan_ipv4" : "lan_ipv6", node->address);
	out_key_string(out, "wan", node->address);
	if (family == AF_INET || family == AF_INET6)
		out_key_string(out, family == AF_INET ? "wan_ipv4" : "wan_ipv6", node->address);
	out_object_end(out);
}

void encode_node(struct encode *encode, const struct registry_node *node)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "ID", node->id);
	out_key_string(out, "Node", node->name);
	out_key_string(out, "Address", node->address);
	out_key_string(out, "Datacenter", encode->datacenter);
	node_addresses(encode, node);
	pairs(out, "Meta", node->meta, node->meta_count);
	indexes(out, node->create_index, node->modify_index);
	out_object_end(out);
}

void encode_agent_service(struct encode *encode, const struct registry_instance *instance, const char *hash)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "ID", instance->id);
	out_key_string(out, "Service", instance->service);
	strings(out, "Tags", instance->tags, instance->tag_count);
	pairs(out, "Meta", instance->meta, instance->meta_count);
	out_key_u64(out, "Port", instance->port);
	out_key_string(out, "Address", instance->address);
	tagged_addresses(out, "TaggedAddresses", instance);
	weights(out, "Weights", instance);
	out_key_bool(out, "EnableTagOverride", instance->enable_tag_override);
	out_key_string(out, "Datacenter", encode->datacenter);
	if (hash)
		out_key_string(out, "ContentHash", hash);
	out_object_end(out);
}

void encode_node_service(struct encode *encode, const struct registry_instance *instance)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "ID", instance->id);
	out_key_string(out, "Service", instance->service);
	strings(out, "Tags", instance->tags, instance->tag_count);
	out_key_string(out, "Address", instance->address);
	tagged_addresses(out, "TaggedAddresses", instance);
	pairs(out, "Meta", instance->meta, instance->meta_count);
	if (instance->port != 0)
		out_key_u64(out, "Port", instance->port);
	weights(out, "Weights", instance);
	out_key_bool(out, "EnableTagOverride", instance->enable_tag_override);
	proxy(out, "Proxy");
	out_key_empty(out, "Connect");
	out_key_string(out, "PeerName", "");
	indexes(out, instance->create_index, instance->modify_index);
	out_object_end(out);
}

void encode_catalog_service(
	struct encode *encode, const struct registry_node *node, const struct registry_instance *instance)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "ID", node->id);
	out_key_string(out, "Node", node->name);
	out_key_string(out, "Address", node->address);
	out_key_string(out, "Datacenter", encode->datacenter);
	node_addresses(encode, node);
	pairs(out, "NodeMeta", node->meta, node->meta_count);
	out_key_string(out, "ServiceKind", "");
	out_key_string(out, "ServiceID", instance->id);
	out_key_string(out, "ServiceName", instance->service);
	strings(out, "ServiceTags", instance->tags, instance->tag_count);
	out_key_string(out, "ServiceAddress", instance->address);
	tagged_addresses(out, "ServiceTaggedAddresses", instance);
	weights(out, "ServiceWeights", instance);
	pairs(out, "ServiceMeta", instance->meta, instance->meta_count);
	out_key_u64(out, "ServicePort", instance->port);
	out_key_string(out, "ServiceSocketPath", "");
	out_key_bool(out, "ServiceEnableTagOverride", instance->enable_tag_override);
	proxy(out, "ServiceProxy");
	out_key_empty(out, "ServiceConnect");
	out_key(out, "ServiceLocality");
	out_null(out);
	indexes(out, instance->create_index, instance->modify_index);
	out_object_end(out);
}

/* The last output, wherever it is: a heartbeat or probe that changed no status did not reach the disk. */
static const char *output_of(struct encode *encode, const struct registry_check *check)
{
	struct registry_live_check live;

	if (!encode->live || !registry_live_get(encode->live, check->node, check->id, encode->arena, &live))
		return check->output;
	return live.heartbeat_ns != 0 || live.output[0] ? live.output : check->output;
}

static void duration(struct json_out *out, const char *key, int64_t ns)
{
	char text[32];

	out_key_string(out, key, ns > 0 ? str_format_duration(ns, text) : "");
}

void encode_check(struct encode *encode, const struct registry_check *check, bool agent)
{
	struct json_out *out = &encode->out;

	out_object(out);
	out_key_string(out, "Node", check->node);
	out_key_string(out, "CheckID", check->id);
	out_key_string(out, "Name", check->name);
	out_key_string(out, "Status", registry_status_name(check->status));
	out_key_string(out, "Notes", check->notes);
	out_key_string(out, "Output", output_of(encode, check));
	out_key_string(out, "ServiceID", check->instance_id);
	out_key_string(out, "ServiceName", check->service);
	strings(out, "ServiceTags", check->service_tags, check->service_tag_count);
	out_key_string(out, "Type", registry_check_type_name(check->definition.type));
	duration(out, "Interval", check->definition.interval_ns);
	duration(out, "Timeout", check->definition.timeout_ns);
	out_key_u64(out, "ExposedPort", 0);
	out_key_empty(out, "Definition");
	indexes(out, agent ? 0 : check->create_index, agent ? 0 : check->modify_index);
	out_object_end(out);
}

void encode_serf_health(struct encode *encode, const struct registry_node *node)
{
	struct registry_check check = {
		.node = node->name,
		.id = "serfHealth",
		.name = "Serf Health Status",
		.notes = "",
		.instance_id = "",
		.service = "",
		.status = REGISTRY_PASSING,
		.output = "Agent alive and reachable",
		.create_index = node->create_index,
		.modify_index = node->create_index,
	};
	struct registry_live *live = encode->live;

	encode->live = NULL;
	encode_check(encode, &check, false);
	encode->live = live;
}
