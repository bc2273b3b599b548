/* pump.c -- see pump.h. */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listen.h"

#include <event2/event_struct.h>

static const char big[8 << 20];

static void on_gone(struct http_request *request, void *ctx)
{
	struct pump *pump = ctx;

	pump->left++;
	if (pump->parked == request)
		pump->parked = NULL;
}

static void reply_text(struct http_request *request, int status, const char *text, size_t size, bool close)
{
	http_reply(request, &(struct http_reply){.status = status,
				    .content_type = "text/plain",
				    .body = text,
				    .body_size = size,
				    .close = close});
}

static void describe(struct pump *pump, const struct http_request *request)
{
	struct buf text = {0};

	buf_printf(&text, "%s %s", request->method, request->path);
	for (size_t i = 0; i < request->query_count; i++)
		buf_printf(&text, "|%s%s%s", request->query[i].name, request->query[i].has_value ? "=" : "",
			request->query[i].value);
	buf_printf(&text, "|%s", request->body);
	snprintf(pump->last, sizeof(pump->last), "%s", text.data);
	buf_finish(&text);
}

static void handle(struct http_request *request, void *ctx)
{
	static const struct http_header evil[] = {
		{"X-Evil", "a\r\nInjected: b"}, {"Cache-Control", "max-age=1"}};
	struct pump *pump = ctx;

	pump->handled++;
	describe(pump, request);
	if (strcmp(request->path, "/park") == 0) {
		pump->parked = request;
		http_park(request, on_gone, pump);
	} else if (strcmp(request->path, "/stream") == 0) {
		pump->parked = request;
		http_stream_begin(request,
			&(struct http_reply){.status = 200, .content_type = "text/event-stream"}, on_gone,
			pump);
	} else if (strcmp(request->path, "/big") == 0) {
		reply_text(request, 200, big, sizeof(big), false);
	} else if (strcmp(request->path, "/close") == 0) {
		reply_text(request, 200, "bye", 3, true);
	} else if (strcmp(request->path, "/204") == 0) {
		http_reply(request, &(struct http_reply){.status = 204});
	} else if (strcmp(request->path, "/evil") == 0) {
		http_reply(request, &(struct http_reply){.status = 404, .headers = evil, .header_count = 2});
	} else if (strcmp(request->path, "/none") != 0) {
		reply_text(request, 200, pump->last, strlen(pump->last), false);
	}
}

void pump_init(struct pump *pump)
{
	memset(pump, 0, sizeof(*pump));
	/* The date of the example in RFC 9110 5.6.7. */
	clock_manual_init(&pump->clock, CLOCK_NS_PER_S, INT64_C(784111777) * CLOCK_NS_PER_S);
	pump->metrics = calloc(1, sizeof(*pump->metrics));
	assert_non_null(pump->metrics);
	pump->config = (struct http_server_config){
		.clock = &pump->clock.clock,
		.metrics = pump->metrics,
		.limits = {.header_timeout_ns = 20 * CLOCK_NS_PER_S,
			.body_timeout_ns = 20 * CLOCK_NS_PER_S,
			.idle_timeout_ns = 20 * CLOCK_NS_PER_S,
			.write_timeout_ns = 20 * CLOCK_NS_PER_S,
			.header_size = 4096,
			.body_size = 65536,
			.connections = 100,
			.connections_per_address = 100,
			.write_buffer = 65536},
		.handle = handle,
		.ctx = pump,
	};
}

void pump_start(struct pump *pump)
{
	assert_int_equal(net_addr_parse("127.0.0.1:0", 0, &pump->addr), 0);
	assert_int_equal(net_listen_tcp(&pump->addr, 128, false, &pump->listener), 0);
	pump->base = event_base_new();
	assert_non_null(pump->base);
	pump->config.listen_fds = &pump->listener;
	pump->config.listen_count = 1;
	assert_int_equal(http_server_create(pump->base, &pump->config, &pump->server), 0);
}

void pump_stop(struct pump *pump)
{
	http_server_destroy(pump->server);
	event_base_free(pump->base);
	close(pump->listener);
	assert_int_equal(pump_count(pump, METRIC_HTTP_CONNECTIONS), 0);
	free(pump->metrics);
}

int pump_connect(struct pump *pump, bool small)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;

	assert_true(fd >= 0);
	if (small)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_int_equal(connect(fd, &pump->addr.any, pump->addr.size), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

int64_t pump_now(void)
{
	return clock_now(clock_system());
}

static void on_nothing(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
}

void pump_wait(struct pump *pump, int milliseconds)
{
	struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
	struct event timer;

	evtimer_assign(&timer, pump->base, on_nothing, NULL);
	evtimer_add(&timer, &limit);
	event_base_loop(pump->base, EVLOOP_ONCE);
	event_del(&timer);
}

/* Nanoseconds for what must happen; a busy machine is slow. */
#define PATIENCE (20 * CLOCK_NS_PER_S)

/* One turn of the loop on the way to something that must happen before `deadline`. */
static void turn(struct pump *pump, int64_t deadline)
{
	assert_true(pump_now() < deadline);
	pump_wait(pump, 2);
}

void pump_until(struct pump *pump, bool (*done)(struct pump *pump, void *ctx), void *ctx)
{
	int64_t deadline = pump_now() + PATIENCE;

	while (!done(pump, ctx))
		turn(pump, deadline);
}

void pump_idle(struct pump *pump)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(pump->base, EVLOOP_NONBLOCK);
}

void pump_send(struct pump *pump, int fd, const void *bytes, size_t size)
{
	int64_t deadline = pump_now() + PATIENCE;
	const char *from = bytes;

	while (size > 0) {
		ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return; /* the server has had enough; what it answered is still to be read */
		if (sent > 0) {
			from += sent;
			size -= (size_t)sent;
		} else {
			turn(pump, deadline);
		}
	}
}

void pump_text(struct pump *pump, int fd, const char *text)
{
	pump_send(pump, fd, text, strlen(text));
}

/* Reads up to `size` bytes: their number, 0 at the end, -1 if the connection was reset. */
static ssize_t read_some(struct pump *pump, int fd, char *ret, size_t size)
{
	int64_t deadline = pump_now() + PATIENCE;

	for (;;) {
		ssize_t got = recv(fd, ret, size, 0);

		if (got >= 0 || errno != EAGAIN)
			return got;
		turn(pump, deadline);
	}
}

void pump_read(struct pump *pump, int fd, char *ret, size_t size)
{
	while (size > 0) {
		ssize_t got = read_some(pump, fd, ret, size);

		assert_true(got > 0);
		ret += got;
		size -= (size_t)got;
	}
}

int pump_reply_head(struct pump *pump, int fd, char head[4096])
{
	size_t size = 0;
	int status = 0;

	do {
		ssize_t got = read_some(pump, fd, head + size, 1);

		if (got <= 0) {
			assert_int_equal(size, 0); /* never half a reply */
			return (int)got;
		}
		size++;
		assert_true(size < 4095);
	} while (size < 4 || memcmp(head + size - 4, "\r\n\r\n", 4) != 0);
	head[size] = '\0';
	assert_int_equal(sscanf(head, "HTTP/1.1 %3d ", &status), 1);
	return status;
}

int pump_reply(struct pump *pump, int fd, char head[4096], char body[4096])
{
	char own_head[4096], own_body[4096];
	const char *length;
	size_t size;
	int status;

	head = head ? head : own_head;
	body = body ? body : own_body;
	status = pump_reply_head(pump, fd, head);
	body[0] = '\0';
	length = status > 0 ? strstr(head, "\r\nContent-Length: ") : NULL;
	if (!length) {
		assert_true(status <= 0 || status == 100 || status == 204 ||
			    strstr(head, "\r\nTransfer-Encoding: "));
		return status;
	}
	size = (size_t)strtoul(length + 18, NULL, 10);
	assert_true(size < 4096);
	pump_read(pump, fd, body, size);
	body[size] = '\0';
	return status;
}

const char *pump_received(struct pump *pump, int fd, void (*look)(void *ctx), void *ctx)
{
	static char text[1 << 20];
	size_t size = 0;
	ssize_t got;

	do {
		look(ctx);
		pump_idle(pump);
		got = recv(fd, text + size, sizeof(text) - 1 - size, MSG_DONTWAIT);
		size += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	text[size] = '\0';
	return text;
}

unsigned pump_times(const char *text, const char *what)
{
	unsigned count = 0;

	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

bool pump_closed(struct pump *pump, int fd)
{
	char byte;

	return read_some(pump, fd, &byte, 1) <= 0;
}

void pump_alive(struct pump *pump, int fd, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	pump_text(pump, fd, text);
	assert_int_equal(pump_reply(pump, fd, NULL, NULL), 200);
}

unsigned pump_count(const struct pump *pump, enum metric id)
{
	return (unsigned)atomic_load(&pump->metrics->values[id]);
}

bool pump_is_parked(struct pump *pump, void *ctx)
{
	(void)ctx;
	return pump->parked != NULL;
}

bool pump_has_handled(struct pump *pump, void *ctx)
{
	return pump->handled == *(unsigned *)ctx;
}

static bool has_left(struct pump *pump, void *ctx)
{
	return pump->left == *(unsigned *)ctx;
}

static bool has_open(struct pump *pump, void *ctx)
{
	return http_server_open_connections(pump->server) == *(unsigned *)ctx;
}

void pump_until_left(struct pump *pump, unsigned left)
{
	pump_until(pump, has_left, &left);
}

void pump_left_at_once(struct pump *pump, unsigned left)
{
	for (int turns = 0; turns < 200 && pump->left < left; turns++)
		pump_wait(pump, 2);
	assert_int_equal(pump->left, left);
}

void pump_until_open(struct pump *pump, unsigned open)
{
	pump_until(pump, has_open, &open);
}

void pump_park(struct pump *pump, int fd)
{
	pump_text(pump, fd, GET("/park"));
	pump_until(pump, pump_is_parked, NULL);
}

void pump_answer(struct pump *pump, const char *text)
{
	struct http_request *request = pump->parked;

	pump->parked = NULL;
	reply_text(request, 200, text, strlen(text), false);
}

void pump_no_spin(struct pump *pump)
{
	int64_t start;
	int turns = 0;

	/* Something late may still happen, or a timer ring. */
	do {
		assert_true(turns++ < 20);
		pump_idle(pump);
		start = pump_now();
		pump_wait(pump, 30);
	} while (pump_now() - start < 20 * CLOCK_NS_PER_MS);
}
