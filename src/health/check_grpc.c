/* check_grpc.c -- is a gRPC server serving? One call of grpc.health.v1.Health/Check by http/client.
 *
 * A unary call is a POST over HTTP/2 whose body is a frame (a byte for compression, four for the length)
 * around a protobuf message, and whose end is told by the trailer grpc-status
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). HealthCheckRequest and
 * HealthCheckResponse have one field each (doc/health-checking.md there), so both are written and read by
 * hand. The target is what Consul's clients send: host:port, or host:port/service; without a service the
 * server as a whole is asked for. */
#include "health/check_types.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "http/http.h"
#include "net/addr.h"

#define USER_AGENT "grpc-svcdns/" SVCDNS_VERSION " (health check)"
#define METHOD "/grpc.health.v1.Health/Check"
#define FRAME_HEAD 5
#define REPLY_LIMIT 4096 /* bytes: a HealthCheckResponse takes two */

/* The field of both messages: number 1, length-delimited in the request, a varint in the response. */
#define REQUEST_SERVICE 0x0a
#define RESPONSE_STATUS 1

struct health_probe {
	struct arena *arena;
	struct http_transfer *request;
	const char *target;
	size_t output_size;
	void (*done)(const struct health_result *result, void *ctx);
	void *ctx;
};

/* The names of grpc-status, as gRPC's Go has them (doc/statuscodes.md). */
static const char *const codes[] = {"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded",
	"NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
	"OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"};

static const char *const serving[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

#define SERVING 1

/* Reads a varint (protobuf encoding) at *at. 0 or -EPROTO. */
static int read_varint(const uint8_t *bytes, size_t size, size_t *at, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *at < size; shift += 7) {
		uint8_t byte = bytes[(*at)++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return 0;
		}
	}
	return -EPROTO;
}

/* The status in a HealthCheckResponse; fields that we do not know are passed over. 0 or -EPROTO. */
static int read_status(const uint8_t *bytes, size_t size, uint64_t *ret)
{
	uint64_t tag, value, status = 0;

	for (size_t at = 0; at < size;) {
		if (read_varint(bytes, size, &at, &tag) < 0)
			return -EPROTO;
		switch (tag & 7) { /* the wire type */
		case 0:
			if (read_varint(bytes, size, &at, &value) < 0)
				return -EPROTO;
			if (tag >> 3 == RESPONSE_STATUS)
				status = value;
			continue;
		case 1:
			value = 8;
			break;
		case 2:
			if (read_varint(bytes, size, &at, &value) < 0)
				return -EPROTO;
			break;
		case 5:
			value = 4;
			break;
		default:
			return -EPROTO;
		}
		if (value > size - at)
			return -EPROTO;
		at += value;
	}
	*ret = status;
	return 0;
}

/* The status in the one frame of a reply. 0 or -EPROTO. */
static int read_reply(const struct http_client_result *result, uint64_t *ret)
{
	const uint8_t *bytes = (const uint8_t *)result->body;
	size_t size = result->body_size;
	uint32_t length;

	if (size < FRAME_HEAD || bytes[0] != 0) /* compressed, which we did not allow */
		return -EPROTO;
	length = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
	if (length != size - FRAME_HEAD)
		return -EPROTO;
	return read_status(bytes + FRAME_HEAD, length, ret);
}

/* What a reply says: the verdict, and in `arena` the words behind "gRPC check TARGET: ". */
static enum registry_status judge(
	struct arena *arena, const struct http_client_result *result, const char **ret_text)
{
	const char *code = http_client_header(result, "grpc-status");
	const char *message = http_client_header(result, "grpc-message");
	uint64_t number, status;

	*ret_text = "the reply is no HealthCheckResponse";
	if (result->error)
		*ret_text = result->message && *result->message ? result->message : err_str(result->error);
	else if (!code || str_parse_u64(code, UINT32_MAX, &number) < 0)
		*ret_text =
			arena_printf(arena, "not gRPC: HTTP status %ld without grpc-status", result->status);
	else if (number != 0)
		*ret_text = arena_printf(arena, "rpc error: code = %s desc = %s",
			number < sizeof(codes) / sizeof(*codes) ? codes[number] : code,
			message ? message : "");
	else if (read_reply(result, &status) == 0) {
		*ret_text = status == SERVING ? "success"
			    : status < sizeof(serving) / sizeof(*serving)
				    ? serving[status]
				    : arena_printf(arena, "status %llu", (unsigned long long)status);
		return status == SERVING ? REGISTRY_PASSING : REGISTRY_CRITICAL;
	}
	return REGISTRY_CRITICAL;
}

static void on_result(const struct http_client_result *result, void *ctx)
{
	struct health_probe *probe = ctx;
	struct arena *arena = probe->arena;
	struct health_result verdict = {.judged = health_http_is_judged(result)};
	const char *text;

	verdict.status = judge(arena, result, &text);
	text = arena_printf(arena, "gRPC check %s: %s", probe->target, text);
	verdict.output = health_clean_output(arena, text, strlen(text), probe->output_size);
	probe->done(&verdict, probe->ctx);
	arena_destroy(arena); /* holds the probe itself */
}

/* The URL of the call: an IPv6 address gets the brackets that some clients leave out. */
static const char *url(struct arena *arena, const struct registry_check_definition *definition, size_t size)
{
	const char *scheme = definition->use_tls ? "https" : "http";
	char *host = arena_copy(arena, definition->target, size), *colon = strrchr(host, ':');
	uint8_t bytes[16];

	if (!colon)
		return arena_printf(arena, "%s://%s" METHOD, scheme, host);
	*colon = '\0';
	if (net_addr_literal(host, bytes) == AF_INET6)
		return arena_printf(arena, "%s://[%s]:%s" METHOD, scheme, host, colon + 1);
	return arena_printf(arena, "%s://%s:%s" METHOD, scheme, host, colon + 1);
}

/* A frame with a HealthCheckRequest for `service`. */
static const char *frame(struct arena *arena, const char *service, size_t *ret_size)
{
	size_t name = strlen(service), head = 0, length;
	uint8_t fields[16], *bytes;

	if (name) {
		fields[head++] = REQUEST_SERVICE;
		for (length = name; length >= 0x80; length >>= 7)
			fields[head++] = (uint8_t)(length | 0x80);
		fields[head++] = (uint8_t)length;
	}
	length = head + name;
	bytes = arena_alloc(arena, FRAME_HEAD + length);
	bytes[0] = 0;
	for (size_t i = 0; i < 4; i++)
		bytes[1 + i] = (uint8_t)(length >> (24 - 8 * i));
	memcpy(bytes + FRAME_HEAD, fields, head);
	memcpy(bytes + FRAME_HEAD + head, service, name);
	*ret_size = FRAME_HEAD + length;
	return (const char *)bytes;
}

int health_grpc_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret)
{
	const struct registry_check_definition *definition = request->definition;
	size_t host_size = strcspn(definition->target, "/");
	const char *slash = definition->target + host_size;
	long timeout_ms = health_http_timeout_ms(request);
	struct arena *arena = arena_create();
	struct health_probe *probe = arena_alloc(arena, sizeof(*probe));
	const struct http_header headers[] = {
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{"grpc-timeout", arena_printf(arena, "%ldm", timeout_ms > 99999999 ? 99999999 : timeout_ms)},
	};
	struct http_client_request config = {
		.method = "POST",
		.url = url(arena, definition, host_size),
		.headers = headers,
		.header_count = sizeof(headers) / sizeof(*headers),
		.server_name = definition->tls_server_name,
		.insecure = definition->tls_skip_verify,
		.http2 = true,
		.timeout_ms = timeout_ms,
		.body_limit = REPLY_LIMIT,
		.user_agent = USER_AGENT,
	};
	int r = health_want_of_descriptors();

	config.body = frame(arena, *slash ? slash + 1 : "", &config.body_size);
	probe->arena = arena;
	probe->target = arena_strdup(arena, definition->target);
	probe->output_size = request->output_size;
	probe->done = request->done;
	probe->ctx = request->ctx;
	if (r == 0)
		r = http_client_start(env->http, &config, on_result, probe, &probe->request);
	if (r < 0) {
		arena_destroy(arena);
		return r;
	}
	*ret = probe;
	return 0;
}

void health_grpc_cancel(struct health_probe *probe)
{
	http_client_cancel(probe->request);
	arena_destroy(probe->arena);
}
