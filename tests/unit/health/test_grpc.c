/* gRPC probes: what is sent, byte by byte, and what each reply of a server is taken for. The peer's replies
 * are frames of HTTP/2 (RFC 9113 section 4) with heads in HPACK's plainest form (RFC 7541). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "health/check_types.h"
#include "http/client.h"
#include "probe_peer.h"

#define DATA 0
#define HEADERS 1
#define SETTINGS 4
#define END_STREAM 1
#define END_HEADERS 4

struct fixture {
	struct health_probe_env env;
	enum registry_status status;
	bool judged;
	char output[512];
	unsigned results;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->env.base = event_base_new();
	assert_int_equal(http_client_create(f->env.base, &f->env.http), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_client_destroy(f->env.http);
	event_base_free(f->env.base);
	free(f);
	return 0;
}

static void on_done(const struct health_result *result, void *ctx)
{
	struct fixture *f = ctx;

	f->status = result->status;
	f->judged = result->judged;
	snprintf(f->output, sizeof(f->output), "%s", result->output);
	f->results++;
	event_base_loopbreak(f->env.base);
}

static struct health_probe *start(struct fixture *f, const char *target, long timeout_ms)
{
	const struct health_check_type *type = health_check_type_find(REGISTRY_CHECK_GRPC);
	const struct registry_check_definition definition = {.type = REGISTRY_CHECK_GRPC, .target = target};
	const struct health_probe_request request = {
		.definition = &definition,
		.timeout_ns = timeout_ms * CLOCK_NS_PER_MS,
		.output_size = sizeof(f->output) - 1,
		.done = on_done,
		.ctx = f,
	};
	struct health_probe *probe;

	f->results = 0;
	assert_int_equal(type->start(&f->env, &request, &probe), 0);
	assert_int_equal(f->results, 0); /* never from within start */
	return probe;
}

/* Runs a probe of 127.0.0.1:port<behind>; returns the output behind "gRPC check <target>: ". */
static const char *run(struct fixture *f, uint16_t port, const char *behind, long timeout_ms)
{
	char target[600], expected[640];

	snprintf(target, sizeof(target), "127.0.0.1:%u%s", port, behind);
	start(f, target, timeout_ms);
	event_base_dispatch(f->env.base);
	assert_int_equal(f->results, 1);
	assert_true(f->judged);
	snprintf(expected, sizeof(expected), "gRPC check %s: ", target);
	assert_memory_equal(f->output, expected, strlen(expected));
	return f->output + strlen(expected);
}

/* A frame on `stream`. */
static void frame(
	struct buf *out, uint8_t type, uint8_t flags, uint8_t stream, const void *payload, size_t size)
{
	const uint8_t head[9] = {
		(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags, 0, 0, 0, stream};

	buf_add(out, (const char *)head, sizeof(head));
	buf_add(out, payload, size);
}

/* A literal header field without indexing. */
static void field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%c%c%s%c%s", '@', (char)strlen(name), name, (char)strlen(value), value);
	out->data[out->size - strlen(name) - strlen(value) - 3] = 0;
}

struct reply_row {
	const char *message; /* the DATA; NULL for none: "trailers only" */
	size_t size;
	const char *status, *text; /* grpc-status and grpc-message; NULL for none */
	enum registry_status verdict;
	const char *output;
};

/* The frames of a reply; the caller frees them with buf_finish(). */
static struct buf reply(const struct reply_row *row)
{
	struct buf out = {0}, head = {0}, trailers = {0};

	buf_add(&head, "\x88", 1); /* :status 200, from the static table */
	field(&head, "content-type", "application/grpc");
	if (row->status)
		field(row->message ? &trailers : &head, "grpc-status", row->status);
	if (row->text)
		field(row->message ? &trailers : &head, "grpc-message", row->text);
	frame(&out, SETTINGS, 0, 0, "", 0);
	frame(&out, HEADERS, row->message ? END_HEADERS : END_HEADERS | END_STREAM, 1, head.data, head.size);
	if (row->message) {
		frame(&out, DATA, trailers.size ? 0 : END_STREAM, 1, row->message, row->size);
		if (trailers.size)
			frame(&out, HEADERS, END_HEADERS | END_STREAM, 1, trailers.data, trailers.size);
	}
	buf_finish(&head);
	buf_finish(&trailers);
	return out;
}

#define ROW(message) message, sizeof(message) - 1

static const struct reply_row rows[] = {
	{ROW("\0\0\0\0\2\x08\1"), "0", NULL, REGISTRY_PASSING, "success"},
	{ROW("\0\0\0\0\2\x08\2"), "0", NULL, REGISTRY_CRITICAL, "NOT_SERVING"},
	{ROW("\0\0\0\0\2\x08\3"), "0", NULL, REGISTRY_CRITICAL, "SERVICE_UNKNOWN"},
	{ROW("\0\0\0\0\3\x08\x80\1"), "0", NULL, REGISTRY_CRITICAL, "status 128"},
	/* Nothing in it is UNKNOWN, proto3's default. */
	{ROW("\0\0\0\0\0"), "0", NULL, REGISTRY_CRITICAL, "UNKNOWN"},
	/* Fields that we do not know: bytes, 8 and 4 of them, a varint; the last value of a field counts. */
	{ROW("\0\0\0\0\x19\x12\2xy\x19"
	     "12345678\x25"
	     "1234\x28\xff\1\x08\2\x08\1"),
		"0", NULL, REGISTRY_PASSING, "success"},
	/* The trailer has the last word. */
	{ROW("\0\0\0\0\2\x08\1"), "13", "broke later", REGISTRY_CRITICAL,
		"rpc error: code = Internal desc = broke later"},
	{ROW("\0\0\0\0\2\x08\1"), NULL, NULL, REGISTRY_CRITICAL,
		"not gRPC: HTTP status 200 without grpc-status"},
	{ROW("\0\0\0\0\2\x08\1"), "x", NULL, REGISTRY_CRITICAL,
		"not gRPC: HTTP status 200 without grpc-status"},
	{NULL, 0, "5", "unknown service", REGISTRY_CRITICAL,
		"rpc error: code = NotFound desc = unknown service"},
	{NULL, 0, "12", NULL, REGISTRY_CRITICAL, "rpc error: code = Unimplemented desc = "},
	{NULL, 0, "99", NULL, REGISTRY_CRITICAL, "rpc error: code = 99 desc = "},
	/* OK, and no message or none that is one. */
	{NULL, 0, "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\1\0\0\0\2\x08\1"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\3\x08\1"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\xff\xff\xff\xff\x08\1"), "0", NULL, REGISTRY_CRITICAL,
		"the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\1\x08"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\2\x08\x81"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\2\x12\x7f"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\2\x13\0"), "0", NULL, REGISTRY_CRITICAL, "the reply is no HealthCheckResponse"},
	{ROW("\0\0\0\0\x0c\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\x08"), "0", NULL, REGISTRY_CRITICAL,
		"the reply is no HealthCheckResponse"},
};

static void replies(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf bytes = reply(&rows[i]);
		struct peer *peer = peer_create(f->env.base, bytes.data, bytes.size, 0);
		const char *output = run(f, peer_port(peer), "", 5000);

		assert_string_equal(output, rows[i].output);
		assert_int_equal(f->status, rows[i].verdict);
		peer_destroy(peer);
		buf_finish(&bytes);
	}
}

/* True if the request has these bytes in it. */
static bool has(const struct peer *peer, const void *bytes, size_t size)
{
	return memmem(peer_request(peer), peer_request_size(peer), bytes, size);
}

static void the_request_names_the_service(void **state)
{
	struct fixture *f = *state;
	struct buf bytes = reply(&rows[0]), name = {0};
	char behind[302] = "/";

	for (size_t length = 0; length <= 300; length += 150) { /* a varint of one byte, and of two */
		struct peer *peer = peer_create(f->env.base, bytes.data, bytes.size, 0);
		uint8_t head[] = {0, 0, 0, (uint8_t)((length + 3) >> 8), (uint8_t)(length + 3), 0x0a,
			(uint8_t)(length | 0x80), (uint8_t)(length >> 7)};
		struct buf message = {0};

		memset(behind + 1, 's', length);
		behind[length + 1] = '\0';
		run(f, peer_port(peer), behind, 5000);
		assert_int_equal(f->status, REGISTRY_PASSING);
		assert_memory_equal(peer_request(peer), "PRI * HTTP/2.0\r\n", 16);
		if (length)
			buf_add(&message, (const char *)head, sizeof(head));
		else
			buf_add(&message, "\0\0\0\0\0", 5);
		buf_printf(&message, "%s", behind + 1);
		buf_clear(&name);
		frame(&name, DATA, END_STREAM, 1, message.data, message.size);
		assert_true(has(peer, name.data, name.size));
		buf_finish(&message);
		peer_destroy(peer);
	}
	buf_finish(&name);
	buf_finish(&bytes);
}

static void a_server_without_http2_is_critical(void **state)
{
	static const char http1[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	static const char *const texts[] = {http1, "garbage\r\n\r\n", ""};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct peer *peer = peer_create(f->env.base, texts[i], strlen(texts[i]), 0);

		assert_string_not_equal(run(f, peer_port(peer), "", 5000), "success");
		assert_int_equal(f->status, REGISTRY_CRITICAL);
		peer_destroy(peer);
	}
}

/* More than a HealthCheckResponse can be ends the probe, however much is sent. */
static void a_large_reply_is_critical(void **state)
{
	struct fixture *f = *state;
	struct reply_row row = {calloc(1, 16000), 16000, "0", NULL, REGISTRY_CRITICAL, ""};
	struct buf bytes = reply(&row);
	struct peer *peer = peer_create(f->env.base, bytes.data, bytes.size, 0);

	run(f, peer_port(peer), "", 5000);
	assert_int_equal(f->status, REGISTRY_CRITICAL);
	peer_destroy(peer);
	buf_finish(&bytes);
	free((void *)(uintptr_t)row.message);
}

static void silence_and_refusal(void **state)
{
	struct fixture *f = *state;
	struct peer *silent = peer_create(f->env.base, NULL, 0, 0);
	int fd;
	uint16_t port = peer_closed_port(&fd);

	assert_non_null(strcasestr(run(f, peer_port(silent), "", 60), "timed out"));
	assert_int_equal(f->status, REGISTRY_CRITICAL);
	assert_non_null(strcasestr(run(f, port, "/x", 5000), "connect"));
	assert_int_equal(f->status, REGISTRY_CRITICAL);
	close(fd);
	peer_destroy(silent);
}

static void a_cancelled_probe_says_nothing(void **state)
{
	const struct timeval moment = {.tv_usec = 20000};
	struct fixture *f = *state;
	struct peer *peer = peer_create(f->env.base, NULL, 0, 0);
	char target[64];

	snprintf(target, sizeof(target), "127.0.0.1:%u", peer_port(peer));
	health_check_type_find(REGISTRY_CHECK_GRPC)->cancel(start(f, target, 1000));
	event_base_loopexit(f->env.base, &moment);
	event_base_dispatch(f->env.base);
	assert_int_equal(f->results, 0);
	peer_destroy(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replies, setup, teardown),
		cmocka_unit_test_setup_teardown(the_request_names_the_service, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_without_http2_is_critical, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_reply_is_critical, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_and_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_probe_says_nothing, setup, teardown),
	};

	log_setup("test", LOG_ERROR); /* ignores SIGPIPE too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
