/* rules_check.c -- the rules for checks (consul.md section 2.6). */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "net/addr.h"
#include "registry/rules_private.h"

#define CHECK_ID_MAX 640 /* an instance's id with a prefix fits */
#define TEXT_MAX 4096    /* bytes of a name, a target, a body, a header */
/* A hundred years: longer than anybody means, and a moment plus it is still a moment. */
#define TIME_MAX_NS (INT64_C(100) * 365 * 24 * 3600 * 1000000000)

static int refuse(char message[REGISTRY_MESSAGE], const char *text)
{
	return refusal(message, -EINVAL, "Invalid check: %s", text);
}

static bool is_port(const char *text)
{
	uint64_t port;

	return !str_parse_u64(text, 65535, &port) && port > 0;
}

/* host:port in the first `size` bytes, where the host is a name or an address. IPv6 without brackets is what
 * python-consul sends. */
static int host_and_port(const char *kind, const char *text, size_t size, char message[REGISTRY_MESSAGE])
{
	char host[256 + sizeof(":65535")], *inner = host, *colon;
	uint8_t bytes[16];

	if (size < sizeof(host)) {
		memcpy(host, text, size);
		host[size] = '\0';
	}
	colon = size < sizeof(host) ? strrchr(host, ':') : NULL;
	if (!colon || colon == host || colon - host >= 256 || !is_port(colon + 1))
		return refusal(message, -EINVAL, "Invalid check: %s must be host:port, not \"%.*s\"", kind,
			(int)(size < 255 ? size : 255), text);
	*colon = '\0';
	if (host[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		inner = host + 1;
		if (net_addr_literal(inner, bytes) == AF_INET6)
			return 0;
	} else if (net_addr_literal(inner, bytes) >= 0 || rules_is_host(inner)) {
		return 0;
	}
	return refusal(message, -EINVAL,
		"Invalid check: %s: \"%.255s\" is neither an IP address nor a host name", kind, inner);
}

static int tcp_target(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	return host_and_port("TCP", definition->target, strlen(definition->target), message);
}

/* host:port, or host:port/service: the name of a service as protobuf writes it, "" for the server as a whole.
 */
static int grpc_target(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	size_t size = strcspn(definition->target, "/");

	for (const char *c = definition->target + size; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return refuse(message,
				"GRPC: the service behind the / must be printable ASCII without spaces");
	return host_and_port("GRPC", definition->target, size, message);
}

static bool is_token(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isascii(*c) || (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c)))
			return false;
	return *text != '\0';
}

static int headers(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	for (size_t i = 0; i < definition->header_count; i++) {
		const struct registry_pair *header = &definition->headers[i];
		if (!is_token(header->key))
			return refusal(message, -EINVAL, "Invalid check: Header: \"%.64s\" is no header name",
				header->key);
		if (strpbrk(header->value, "\r\n") || strlen(header->value) > TEXT_MAX)
			return refusal(message, -EINVAL,
				"Invalid check: Header: the value of \"%.64s\" has a line break or is too "
				"long",
				header->key);
		int error = rules_text("check: Header", header->value, message);
		if (error)
			return error;
	}
	return 0;
}

static int http_target(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	const char *url = definition->target, *host = strstr(url, "://");

	if (!host || (strncasecmp(url, "http://", 7) && strncasecmp(url, "https://", 8)) || !host[3] ||
		strchr("/?#:", host[3]))
		return refusal(message, -EINVAL,
			"Invalid check: HTTP must be a URL with http:// or https:// and a host, not "
			"\"%.255s\"",
			url);
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f)
			return refuse(message, "HTTP has a space or control character");
	if (*definition->method && !is_token(definition->method))
		return refuse(message, "Method is no HTTP method");
	return headers(definition, message);
}

static int no_target(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	return 0;
}

/* What each type of check demands of its definition. */
static const struct {
	bool probes; /* it runs at an interval */
	int (*target)(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE]);
} types[REGISTRY_CHECK_TYPES] = {
	[REGISTRY_CHECK_NONE] = {false, no_target},
	[REGISTRY_CHECK_TTL] = {false, no_target},
	[REGISTRY_CHECK_TCP] = {true, tcp_target},
	[REGISTRY_CHECK_HTTP] = {true, http_target},
	[REGISTRY_CHECK_GRPC] = {true, grpc_target},
	[REGISTRY_CHECK_MAINTENANCE] = {false, no_target},
};

static int times(const struct registry_check_definition *definition, char message[REGISTRY_MESSAGE])
{
	if (definition->interval_ns < 0)
		return refuse(message, "Interval must not be negative");
	if (definition->timeout_ns < 0)
		return refuse(message, "Timeout must not be negative");
	if (definition->deregister_after_ns < 0)
		return refuse(message, "DeregisterCriticalServiceAfter must not be negative");
	if (definition->interval_ns > TIME_MAX_NS || definition->timeout_ns > TIME_MAX_NS ||
		definition->ttl_ns > TIME_MAX_NS || definition->deregister_after_ns > TIME_MAX_NS)
		return refuse(message, "Interval, Timeout, TTL and DeregisterCriticalServiceAfter must be at "
				       "most 100 years");
	if (definition->type == REGISTRY_CHECK_NONE || definition->type == REGISTRY_CHECK_MAINTENANCE)
		return 0;
	if (definition->interval_ns > 0 && definition->ttl_ns > 0)
		return refuse(message, "Interval and TTL cannot both be specified");
	if (types[definition->type].probes && definition->interval_ns <= 0)
		return refuse(message,
			"Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks");
	if (definition->type == REGISTRY_CHECK_TTL && definition->ttl_ns <= 0)
		return refuse(message, "TTL must be > 0 for TTL checks");
	return 0;
}

static int definition(const struct registry_check_definition *given, char message[REGISTRY_MESSAGE])
{
	const char *const texts[] = {given->target, given->body, given->tls_server_name, given->method};

	if ((unsigned)given->type >= REGISTRY_CHECK_TYPES)
		return refuse(message, "unknown type");
	if (given->use_tls && given->type != REGISTRY_CHECK_GRPC)
		return refuse(message, "TCPUseTLS is not offered");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strlen(texts[i]) > TEXT_MAX)
			return refuse(message, "one of HTTP, TCP, GRPC, Body, Method, TLSServerName is "
					       "longer than 4096 bytes");
		int error = rules_text("check", texts[i], message);
		if (error)
			return error;
	}
	int error = times(given, message);
	if (!error && given->failures_before_critical &&
		given->failures_before_warning > given->failures_before_critical)
		error = refuse(message, "FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
	return error ? error : types[given->type].target(given, message);
}

int rules_check(const struct rules *rules, struct arena *arena, struct registry_check *check,
	char message[REGISTRY_MESSAGE])
{
	struct registry_check_definition *given = &check->definition;
	const char **texts[] = {&check->id, &check->name, &check->notes, &check->instance_id, &given->target,
		&given->method, &given->body, &given->tls_server_name};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = rules_or_empty(*texts[i]);
	if (!*check->id)
		check->id = check->name;
	if (!*check->name)
		check->name = check->id;
	if (!*check->id)
		return refusal(message, -EINVAL, "Missing check name");
	if ((unsigned)check->status > REGISTRY_CRITICAL)
		return refusal(message, -EINVAL, "Bad check status");
	check->output = rules_clean(arena, check->output, rules->limits->output_size);
	int error = rules_id("check ID", check->id, CHECK_ID_MAX, message);
	if (!error)
		error = rules_id("check Name", check->name, TEXT_MAX, message);
	if (!error && strlen(check->notes) > TEXT_MAX)
		error = refuse(message, "Notes are longer than 4096 bytes");
	if (!error)
		error = rules_text("check Notes", check->notes, message);
	return error ? error : definition(given, message);
}
