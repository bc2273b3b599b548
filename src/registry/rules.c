/* rules.c -- the rules for nodes and instances. Those for checks are in rules_check.c. */
#include "registry/rules.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "net/addr.h"
#include "registry/labels.h"
#include "registry/rules_private.h"
#include "wire/wire.h"

#define ID_MAX 512       /* bytes of an instance's id or a node's name */
#define META_KEY_MAX 128 /* Consul's */
#define DNS_TTL_MAX 86400

const char *rules_clean(struct arena *arena, const char *text, size_t size)
{
	if (!text || !*text)
		return "";
	size_t length = strlen(text);
	char *copy = arena_copy(arena, text, length);
	for (size_t i = 0; !str_utf8(copy, length) && i < length; i++)
		if ((unsigned char)copy[i] >= 0x80)
			copy[i] = '?';
	if (length > size) {
		char *cut = arena_alloc(arena, size + 1);
		str_copy(cut, size + 1, copy);
		copy = cut;
	}
	return copy;
}

int rules_text(const char *what, const char *text, char message[REGISTRY_MESSAGE])
{
	if (str_utf8(text, strlen(text)))
		return 0;
	return refusal(message, -EINVAL, "Invalid %s: not valid UTF-8", what);
}

int rules_id(const char *what, const char *text, size_t max, char message[REGISTRY_MESSAGE])
{
	if (strlen(text) > max)
		return refusal(message, -EINVAL, "Invalid %s: longer than %zu bytes", what, max);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return refusal(message, -EINVAL, "Invalid %s: it has a control character", what);
	return rules_text(what, text, message);
}

/* RFC 1123: labels of letters, digits and hyphens; the last one is not a number, else "10.0.0" would be a
 * name. */
bool rules_is_host(const char *text)
{
	uint8_t wire[WIRE_NAME_MAX];
	char label[WIRE_LABEL_MAX + 1] = "";
	const char *part = text;

	if (strchr(text, '\\') || wire_name_parse(text, wire) < 0)
		return false;
	while (*part) {
		size_t size = strcspn(part, ".");
		if (size > WIRE_LABEL_MAX)
			return false;
		memcpy(label, part, size);
		label[size] = '\0';
		if (!wire_label_is_host(label))
			return false;
		part += size;
		if (*part == '.')
			part++;
	}
	return label[strspn(label, "0123456789")] != '\0';
}

/* True for 0.0.0.0 and ::, in any spelling. */
static bool is_wildcard(const char *text)
{
	static const uint8_t zero[16];
	uint8_t bytes[16];
	int family = net_addr_literal(text, bytes);

	if (!strcmp(text, "[::]"))
		return true;
	return family >= 0 && !memcmp(bytes, zero, family == AF_INET ? 4 : 16);
}

static int check_address(const char *what, const char *text, char message[REGISTRY_MESSAGE])
{
	uint8_t bytes[16];

	if (is_wildcard(text))
		return refusal(message, -EINVAL, "Invalid %s address", what);
	if (net_addr_literal(text, bytes) >= 0 || rules_is_host(text))
		return 0;
	int error = rules_text("address", text, message);
	if (error)
		return error;
	return refusal(message, -EINVAL,
		"Invalid %s address: \"%.255s\" is neither an IP address nor a host name", what, text);
}

/* lan_ipv4, wan_ipv6 and the like say their family; others may be anything that is an address. */
static int check_tagged(const char *what, const char *name, const char *text, char message[REGISTRY_MESSAGE])
{
	size_t size = strlen(name);
	int family = 0;
	uint8_t bytes[16];
	int error = rules_id("TaggedAddresses", name, META_KEY_MAX, message);

	if (error)
		return error;
	if (size > 5 && !strcmp(name + size - 5, "_ipv4"))
		family = AF_INET;
	if (size > 5 && !strcmp(name + size - 5, "_ipv6"))
		family = AF_INET6;
	if (family && net_addr_literal(text, bytes) != family)
		return refusal(message, -EINVAL, "%s tagged address \"%s\" must be a valid %s address", what,
			name, family == AF_INET ? "ipv4" : "ipv6");
	if (is_wildcard(text))
		return refusal(message, -EINVAL, "%s tagged address \"%s\" must not be a wildcard address",
			what, name);
	if (!*text || (net_addr_literal(text, bytes) < 0 && !rules_is_host(text)))
		return refusal(message, -EINVAL, "%s tagged address \"%s\" is no address", what, name);
	return 0;
}

/* -- Meta keys that speak about DNS (design: Names and answers) -- */

static const char *ttl_problem(const char *value)
{
	uint64_t seconds;
	int64_t ns;

	if (!str_parse_u64(value, DNS_TTL_MAX, &seconds))
		return NULL;
	if (!str_parse_duration(value, &ns) && ns >= 0 && ns <= DNS_TTL_MAX * INT64_C(1000000000))
		return NULL;
	return "must be 0 to 86400 seconds";
}

static const char *priority_problem(const char *value)
{
	uint64_t number;

	return str_parse_u64(value, 65535, &number) ? "must be 0 to 65535" : NULL;
}

/* Calls `good` for each word of a comma-separated list; false if one is not, or if there is none. */
static bool each_word(const char *list, bool (*good)(const char *word))
{
	for (;;) {
		char word[WIRE_LABEL_MAX + 1];
		list += strspn(list, " ");
		size_t size = strcspn(list, ", ");
		if (!size || size > WIRE_LABEL_MAX)
			return false;
		memcpy(word, list, size);
		word[size] = '\0';
		if (!good(word))
			return false;
		list += size;
		list += strspn(list, " ");
		if (!*list)
			return true;
		if (*list++ != ',')
			return false;
	}
}

static bool is_proto(const char *word)
{
	return str_ieq(word, "tcp") || str_ieq(word, "udp");
}

/* One byte less than a label may have: it is asked for as _<alias>. */
static bool is_alias(const char *word)
{
	return wire_label_is_host(word) && strlen(word) < WIRE_LABEL_MAX;
}

static const char *proto_problem(const char *value)
{
	return each_word(value, is_proto) ? NULL : "must be tcp, udp or tcp,udp";
}

static const char *alias_problem(const char *value)
{
	return each_word(value, is_alias)
		       ? NULL
		       : "must be host labels of at most 62 bytes, with commas between them";
}

static const char *all_down_problem(const char *value)
{
	return str_eq(value, "none") || str_eq(value, "all") ? NULL : "must be none or all";
}

static const struct {
	const char *key;
	const char *(*problem)(const char *value); /* NULL if there is none */
} dns_meta[] = {
	{"dns-alias", alias_problem},
	{"dns-priority", priority_problem},
	{"dns-proto", proto_problem},
	{"dns-ttl", ttl_problem},
	{"dns-when-all-down", all_down_problem},
};

static int check_dns_meta(const struct registry_pair *pair, char message[REGISTRY_MESSAGE])
{
	for (size_t i = 0; i < sizeof(dns_meta) / sizeof(dns_meta[0]); i++) {
		if (strcmp(pair->key, dns_meta[i].key))
			continue;
		const char *problem = dns_meta[i].problem(pair->value);
		if (problem)
			return refusal(message, -EINVAL, "Invalid Service Meta: %s %s, not \"%.64s\"",
				pair->key, problem, pair->value);
	}
	return 0;
}

static int check_meta_pair(const struct rules *rules, const char *what, const struct registry_pair *pair,
	char message[REGISTRY_MESSAGE])
{
	const char *key = pair->key;

	if (!*key)
		return refusal(message, -EINVAL, "Invalid %s: Key cannot be blank", what);
	if (strlen(key) > META_KEY_MAX)
		return refusal(message, -EINVAL,
			"Invalid %s: Key is too long (limit: %d characters): \"%.40s...\"", what,
			META_KEY_MAX, key);
	for (const char *c = key; *c; c++)
		if (!isascii(*c) || (!isalnum((unsigned char)*c) && *c != '-' && *c != '_'))
			return refusal(message, -EINVAL,
				"Invalid %s: Key contains invalid characters: \"%s\"", what, key);
	if (strlen(pair->value) > rules->limits->meta_value_size)
		return refusal(message, -EINVAL,
			"Invalid %s: Value of \"%s\" is too long (limit: %u characters)", what, key,
			rules->limits->meta_value_size);
	return rules_text(what, pair->value, message);
}

static int check_meta(const struct rules *rules, const char *what, const struct registry_pair *meta,
	size_t count, char message[REGISTRY_MESSAGE])
{
	if (count > rules->limits->meta_pairs)
		return refusal(message, -EINVAL,
			"Invalid %s: cannot contain more than %u key/value pairs (got %zu)", what,
			rules->limits->meta_pairs, count);
	for (size_t i = 0; i < count; i++) {
		int error = check_meta_pair(rules, what, &meta[i], message);
		if (error)
			return error;
	}
	return 0;
}

int rules_node(const struct rules *rules, struct registry_node *node, char message[REGISTRY_MESSAGE])
{
	node->name = rules_or_empty(node->name);
	node->id = rules_or_empty(node->id);
	node->address = rules_or_empty(node->address);
	if (!*node->name)
		return refusal(message, -EINVAL, "Must provide node");
	if (!*node->address)
		return refusal(message, -EINVAL, "Must provide address if SkipNodeUpdate is not set");
	int error = rules_id("Node", node->name, ID_MAX, message);
	if (!error && *node->id &&
		(strlen(node->id) != 36 || strspn(node->id, "0123456789abcdefABCDEF-") != 36))
		error = refusal(message, -EINVAL, "Bad node ID: \"%.64s\" is no UUID", node->id);
	if (!error)
		error = check_address("node", node->address, message);
	if (!error)
		error = check_meta(rules, "Node Meta", node->meta, node->meta_count, message);
	for (size_t i = 0; !error && i < node->tagged_count; i++)
		error = check_tagged("Node", node->tagged[i].key, node->tagged[i].value, message);
	return error;
}

static int check_tags(
	const struct rules *rules, const struct registry_instance *instance, char message[REGISTRY_MESSAGE])
{
	const struct registry_limits *limits = rules->limits;

	if (instance->tag_count > limits->tags_per_instance)
		return refusal(message, -EDQUOT, "Too many Tags: %zu, and the limit is %u",
			instance->tag_count, limits->tags_per_instance);
	for (size_t i = 0; i < instance->tag_count; i++) {
		int error = rules_text("Tags", instance->tags[i], message);
		if (error)
			return error;
		if (strlen(instance->tags[i]) > limits->tag_size)
			return refusal(message, -EDQUOT, "Tags: one has %zu bytes, and the limit is %u",
				strlen(instance->tags[i]), limits->tag_size);
	}
	return 0;
}

static int check_weights(const struct registry_instance *instance, char message[REGISTRY_MESSAGE])
{
	if (instance->weight_passing < 1)
		return refusal(message, -EINVAL, "Invalid Weights: Passing must be greater than 0");
	if (instance->weight_passing > 65535)
		return refusal(message, -EINVAL, "Invalid Weights: Passing must be at most 65535");
	if (instance->weight_warning > 65535)
		return refusal(message, -EINVAL, "Invalid Weights: Warning must be at most 65535");
	return 0;
}

int rules_instance(
	const struct rules *rules, struct registry_instance *instance, char message[REGISTRY_MESSAGE])
{
	instance->service = rules_or_empty(instance->service);
	instance->address = rules_or_empty(instance->address);
	instance->id = instance->id && *instance->id ? instance->id : instance->service;
	if (!*instance->service)
		return refusal(message, -EINVAL, "Missing service name");
	int error = labels_check_service(instance->service, rules->zone_size, message);
	if (!error)
		error = rules_id("service ID", instance->id, ID_MAX, message);
	if (!error && *instance->address)
		error = check_address("service", instance->address, message);
	for (size_t i = 0; !error && i < instance->tagged_count; i++)
		error = check_tagged(
			"Service", instance->tagged[i].name, instance->tagged[i].address, message);
	if (!error)
		error = check_weights(instance, message);
	if (!error)
		error = check_tags(rules, instance, message);
	if (!error)
		error = check_meta(rules, "Service Meta", instance->meta, instance->meta_count, message);
	for (size_t i = 0; !error && i < instance->meta_count; i++) {
		if (str_starts(instance->meta[i].key, "consul-"))
			return refusal(message, -EINVAL,
				"Invalid Service Meta: Key prefix 'consul-' is reserved for internal use: "
				"\"%s\"",
				instance->meta[i].key);
		error = check_dns_meta(&instance->meta[i], message);
	}
	return error;
}
