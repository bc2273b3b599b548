/* decode_check.c -- checks: what to probe, how often, and which kinds are offered (consul.md section 2.6). */
#include "sidecar/decode.h"

#define THRESHOLD_MAX 1000000

#define AT(member) offsetof(struct decode_raw_check, member)

static const struct field check_fields[] = {
	{"CheckID", FIELD_STRING, AT(check_id)},
	{"ID", FIELD_STRING, AT(id)},
	{"Node", FIELD_STRING, AT(node)},
	{"Name", FIELD_STRING, AT(name)},
	{"Notes", FIELD_STRING, AT(notes)},
	{"Status", FIELD_STRING, AT(status)},
	{"Output", FIELD_STRING, AT(output)},
	{"ServiceID", FIELD_STRING, AT(service_id)},
	{"HTTP", FIELD_STRING, AT(http)},
	{"Method", FIELD_STRING, AT(method)},
	{"Header", FIELD_OBJECT, AT(header)},
	{"Body", FIELD_STRING, AT(body)},
	{"TCP", FIELD_STRING, AT(tcp)},
	{"TCPUseTLS", FIELD_BOOL, AT(tcp_tls)},
	{"GRPC", FIELD_STRING, AT(grpc)},
	{"GRPCUseTLS", FIELD_BOOL, AT(grpc_tls)},
	{"TLSServerName", FIELD_STRING, AT(tls_server_name)},
	{"TLSSkipVerify", FIELD_BOOL, AT(tls_skip_verify)},
	{"Interval", FIELD_DURATION, AT(interval)},
	{"Timeout", FIELD_DURATION, AT(timeout)},
	{"TTL", FIELD_DURATION, AT(ttl)},
	{"DeregisterCriticalServiceAfter", FIELD_DURATION, AT(deregister_after)},
	{"SuccessBeforePassing", FIELD_INT, AT(success_before_passing)},
	{"FailuresBeforeWarning", FIELD_INT, AT(failures_before_warning)},
	{"FailuresBeforeCritical", FIELD_INT, AT(failures_before_critical)},
	{"OutputMaxSize", FIELD_INT, AT(output_max_size)},
	/* Kinds that are not offered: a check that is never run would never fail. */
	{"Script", FIELD_SEEN, AT(unoffered)},
	{"Args", FIELD_SEEN, AT(unoffered)},
	{"ScriptArgs", FIELD_SEEN, AT(unoffered)},
	{"DockerContainerID", FIELD_SEEN, AT(unoffered)},
	{"UDP", FIELD_SEEN, AT(unoffered)},
	{"H2PING", FIELD_SEEN, AT(unoffered)},
	{"AliasService", FIELD_SEEN, AT(unoffered)},
	{"AliasNode", FIELD_SEEN, AT(unoffered)},
	{"OSService", FIELD_SEEN, AT(unoffered)},
};

int decode_raw_check(struct decode *decode, const char *path, json_t *object, struct decode_raw_check *ret)
{
	struct decode_raw_check raw = {
		.check_id = "",
		.id = "",
		.node = "",
		.name = "",
		.notes = "",
		.status = "",
		.output = "",
		.service_id = "",
		.http = "",
		.method = "",
		.body = "",
		.tcp = "",
		.grpc = "",
		.tls_server_name = "",
	};
	int error;

	error = fields_fill(&decode->fields, path, object, check_fields,
		sizeof(check_fields) / sizeof(check_fields[0]), &raw);
	if (error)
		return error;
	*ret = raw;
	return 0;
}

/* {"name": ["value", ...]}: a pair for each value. */
static int fill_headers(
	struct decode *decode, const char *path, json_t *object, struct registry_check_definition *ret)
{
	struct registry_pair *headers = NULL;
	size_t count = 0, i;
	const char *key;
	json_t *values, *value;

	json_object_foreach(object, key, values) {
		if (json_is_null(values))
			continue;
		if (!json_is_array(values))
			return fields_mistyped(
				&decode->fields, path, "Header", values, "map[string][]string");
		json_array_foreach(values, i, value) {
			if (!json_is_string(value))
				return fields_mistyped(
					&decode->fields, path, "Header", value, "map[string][]string");
			headers = arena_grow(decode->fields.arena, headers, count, sizeof(*headers));
			headers[count].key = arena_strdup(decode->fields.arena, key);
			headers[count++].value = arena_strdup(decode->fields.arena, json_string_value(value));
		}
	}
	ret->headers = headers;
	ret->header_count = count;
	return 0;
}

/* Numbers that their place in the definition cannot hold; the registry judges the rest. */
static int check_numbers(struct decode *decode, const char *path, const struct decode_raw_check *raw)
{
	const struct {
		const char *name;
		int64_t value, max;
	} numbers[] = {
		{"SuccessBeforePassing", raw->success_before_passing, THRESHOLD_MAX},
		{"FailuresBeforeWarning", raw->failures_before_warning, THRESHOLD_MAX},
		{"FailuresBeforeCritical", raw->failures_before_critical, THRESHOLD_MAX},
		{"OutputMaxSize", raw->output_max_size, INT32_MAX},
	};

	if (raw->output_max_size < 0)
		return fields_fail(&decode->fields, "Invalid check: MaxOutputMaxSize must be positive");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value < 0 || numbers[i].value > numbers[i].max)
			return fields_fail(&decode->fields, "Invalid check: field \"%s%s\" is out of range",
				path, numbers[i].name);
	return 0;
}

/* Which probe runs if several are given: Consul's order. */
static int choose_kind(struct decode *decode, const char *path, const struct decode_raw_check *raw,
	struct registry_check_definition *ret)
{
	if (raw->unoffered)
		return fields_fail(&decode->fields,
			"Invalid check: field \"%s%s\": checks of this kind are not offered; offered are "
			"TTL, TCP, HTTP and GRPC",
			path, raw->unoffered);
	if (raw->tcp_tls)
		return fields_fail(&decode->fields,
			"Invalid check: field \"%sTCPUseTLS\": TLS is offered for HTTP (https://) "
			"and GRPC checks only",
			path);
	if (raw->ttl > 0) {
		ret->type = REGISTRY_CHECK_TTL;
	} else if (*raw->http) {
		ret->type = REGISTRY_CHECK_HTTP;
		ret->target = raw->http;
	} else if (*raw->tcp) {
		ret->type = REGISTRY_CHECK_TCP;
		ret->target = raw->tcp;
	} else if (*raw->grpc) {
		ret->type = REGISTRY_CHECK_GRPC;
		ret->target = raw->grpc;
		ret->use_tls = raw->grpc_tls;
	} else {
		return fields_fail(&decode->fields, "Invalid check: TTL must be > 0 for TTL checks");
	}
	return 0;
}

int decode_definition(struct decode *decode, const char *path, const struct decode_raw_check *raw,
	struct registry_check_definition *ret)
{
	struct registry_check_definition definition = {
		.target = "",
		.method = raw->method,
		.body = raw->body,
		.tls_server_name = raw->tls_server_name,
		.tls_skip_verify = raw->tls_skip_verify,
		.interval_ns = raw->interval,
		.timeout_ns = raw->timeout,
		.ttl_ns = raw->ttl,
		.deregister_after_ns = raw->deregister_after,
		.success_before_passing = (uint32_t)raw->success_before_passing,
		.failures_before_warning = (uint32_t)raw->failures_before_warning,
		.failures_before_critical = (uint32_t)raw->failures_before_critical,
		.output_max_size = (uint32_t)raw->output_max_size,
	};
	int error;

	error = choose_kind(decode, path, raw, &definition);
	if (!error)
		error = check_numbers(decode, path, raw);
	if (!error && raw->header)
		error = fill_headers(decode, path, raw->header, &definition);
	if (!error)
		*ret = definition;
	return error;
}
