/* test_server.c -- the HTTP server over real sockets: replies, order, parking, streams, and who is cut off
 * when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"
#include "sidecar/server_private.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static int64_t now(void)
{
	return clock_now(clock_system());
}

static bool is_parked(struct pump *pump, void *ctx)
{
	(void)ctx;
	return pump->parked != NULL;
}

static bool has_left(struct pump *pump, void *ctx)
{
	return pump->left == *(unsigned *)ctx;
}

static bool has_open(struct pump *pump, void *ctx)
{
	return server_open_connections(pump->server) == *(unsigned *)ctx;
}

static bool has_handled(struct pump *pump, void *ctx)
{
	return pump->handled == *(unsigned *)ctx;
}

static void until_left(struct pump *pump, unsigned left)
{
	pump_until(pump, has_left, &left);
}

static void until_open(struct pump *pump, unsigned open)
{
	pump_until(pump, has_open, &open);
}

static void park(struct pump *pump, int fd)
{
	pump_text(pump, fd, GET("/park"));
	pump_until(pump, is_parked, NULL);
}

static void reply(struct pump *pump, const char *text)
{
	struct server_request *request = pump->parked;

	pump->parked = NULL;
	server_reply(request, &(struct server_reply){.status = 200,
				      .content_type = "text/plain",
				      .body = text,
				      .body_size = strlen(text)});
}

/* True if the loop sleeps when nothing happens: no event is ready over and over again. */
static void expect_no_spin(struct pump *pump)
{
	int64_t start;

	pump_idle(pump);
	start = now();
	pump_wait(pump, 30);
	assert_true(now() - start > 20 * CLOCK_NS_PER_MS);
}

static void reply_is_whole(void **state)
{
	struct pump pump;
	char head[4096], body[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "PUT /a/b?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
	assert_int_equal(pump_reply(&pump, fd, head, body), 200);
	assert_string_equal(head, "HTTP/1.1 200 OK\r\n"
				  "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				  "Content-Type: text/plain\r\n"
				  "X-Content-Type-Options: nosniff\r\n"
				  "Cache-Control: no-store\r\n"
				  "Content-Length: 15\r\n"
				  "\r\n");
	assert_string_equal(body, "PUT /a/b|x=1|{}");
	clock_manual_advance(&pump.clock, CLOCK_NS_PER_S);
	pump_text(&pump, fd, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_int_equal(pump_reply(&pump, fd, head, body), 200);
	assert_non_null(strstr(head, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"));
	assert_string_equal(body, "OPTIONS *|");
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REQUESTS_2XX), 2);
	close(fd);
	pump_stop(&pump);
}

static void reply_without_body(void **state)
{
	struct pump pump;
	char head[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n" GET("/204"));
	assert_int_equal(pump_reply_head(&pump, fd, head), 200);
	assert_non_null(strstr(head, "\r\nContent-Length: 8\r\n"));
	assert_int_equal(pump_reply(&pump, fd, head, NULL), 204);
	assert_null(strstr(head, "Content-Length"));
	pump_alive(&pump, fd, "/");
	close(fd);
	pump_stop(&pump);
}

static void reply_headers_are_safe(void **state)
{
	struct pump pump;
	char head[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/evil"));
	assert_int_equal(pump_reply(&pump, fd, head, NULL), 404);
	assert_non_null(strstr(head, "\r\nX-Evil: a  Injected: b\r\n"));
	assert_non_null(strstr(head, "\r\nCache-Control: max-age=1\r\n"));
	assert_null(strstr(head, "no-store"));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REQUESTS_4XX), 1);
	close(fd);
	pump_stop(&pump);
}

static void connection_ends_when_asked(void **state)
{
	struct pump pump;
	char head[4096], body[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/close") GET("/"));
	assert_int_equal(pump_reply(&pump, fd, head, body), 200);
	assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
	assert_string_equal(body, "bye");
	assert_true(pump_closed(&pump, fd));
	assert_int_equal(pump.handled, 1);
	close(fd);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/none"));
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 500);
	close(fd);
	until_open(&pump, 0);
	pump_stop(&pump);
}

/* More requests in one segment than one turn answers: all are, in order, and others get their turn. */
static void pipelined_in_order(void **state)
{
	struct pump pump;
	struct buf text = {0};
	char body[4096], expected[32];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	for (int i = 0; i < 200; i++)
		buf_printf(&text, "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", i);
	pump_send(&pump, fd, text.data, text.size);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
		snprintf(expected, sizeof(expected), "GET /%d|", i);
		assert_string_equal(body, expected);
	}
	buf_finish(&text);
	close(fd);
	pump_stop(&pump);
}

static void parked_is_answered_in_order(void **state)
{
	struct pump pump;
	char body[4096];
	unsigned two = 2;
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/park") GET("/next"));
	pump_until(&pump, is_parked, NULL);
	pump_idle(&pump);
	assert_int_equal(pump.handled, 1);
	reply(&pump, "late");
	/* The handler is never called from within server_reply(). */
	assert_int_equal(pump.handled, 1);
	pump_until(&pump, has_handled, &two);
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "late");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "GET /next|");
	assert_int_equal(pump.left, 0);
	close(fd);
	pump_stop(&pump);
}

/* Four ways to leave, all noticed within a second: FIN, FIN behind unread bytes, RST, RST behind unread
 * bytes. */
static void leaving_while_parked(void **state)
{
	const struct linger reset = {.l_onoff = 1};
	struct pump pump;
	int64_t start;
	int fds[4];

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	for (int i = 0; i < 4; i++) {
		fds[i] = pump_connect(&pump, false);
		pump.parked = NULL;
		park(&pump, fds[i]);
		if (i % 2)
			pump_text(&pump, fds[i], "some bytes");
		pump_idle(&pump);
	}
	start = now();
	for (int i = 0; i < 4; i++) {
		if (i >= 2)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fds[i]);
	}
	until_left(&pump, 4);
	assert_true(now() - start < CLOCK_NS_PER_S);
	assert_int_equal(server_open_connections(pump.server), 0);
	pump_stop(&pump);
}

static void half_closed_still_gets_its_reply(void **state)
{
	struct pump pump;
	char body[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	park(&pump, fd);
	shutdown(fd, SHUT_WR);
	expect_no_spin(&pump);
	assert_non_null(pump.parked);
	reply(&pump, "still here");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "still here");
	assert_true(pump_closed(&pump, fd));
	assert_int_equal(pump.left, 0);
	close(fd);
	/* And one whose request and FIN come together, as by `nc -N`. */
	fd = pump_connect(&pump, false);
	assert_true(send(fd, GET("/x"), sizeof(GET("/x")) - 1, 0) > 0);
	shutdown(fd, SHUT_WR);
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_true(pump_closed(&pump, fd));
	close(fd);
	pump_stop(&pump);
}

/* A megabyte sent behind a parked request: the loop sleeps, others are served, and the request gets its
 * reply. */
static void bytes_while_parked(void **state)
{
	static const char junk[4096];
	struct pump pump;
	char body[4096];
	int fd, other;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	other = pump_connect(&pump, false);
	park(&pump, fd);
	for (int i = 0; i < 256; i++) {
		if (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) < 0)
			break;
		event_base_loop(pump.base, EVLOOP_NONBLOCK);
	}
	expect_no_spin(&pump);
	pump_alive(&pump, other, "/other");
	assert_non_null(pump.parked);
	reply(&pump, "done");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "done");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 400);
	close(fd);
	close(other);
	pump_stop(&pump);
}

static void stream_in_chunks(void **state)
{
	static const char expected[] = "5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n";
	struct pump pump;
	char head[4096], body[sizeof(expected)] = "";
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/stream"));
	assert_int_equal(pump_reply(&pump, fd, head, NULL), 200);
	assert_non_null(strstr(head, "\r\nTransfer-Encoding: chunked\r\n"));
	assert_null(strstr(head, "Content-Length"));
	server_stream_data(pump.parked, "hello", 5);
	server_stream_data(pump.parked, "", 0);
	server_stream_data(pump.parked, "abc", 3);
	server_stream_end(pump.parked);
	pump_read(&pump, fd, body, sizeof(expected) - 1);
	assert_string_equal(body, expected);
	pump_alive(&pump, fd, "/after");
	assert_int_equal(pump.left, 0);
	close(fd);
	pump_stop(&pump);
}

static void stream_without_chunks(void **state)
{
	struct pump pump;
	char head[4096], body[6] = "";
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_int_equal(pump_reply_head(&pump, fd, head), 200);
	assert_null(strstr(head, "Transfer-Encoding"));
	assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
	server_stream_data(pump.parked, "hello", 5);
	server_stream_end(pump.parked);
	pump_read(&pump, fd, body, 5);
	assert_string_equal(body, "hello");
	assert_true(pump_closed(&pump, fd));
	close(fd);
	/* HEAD of a stream is its head and the end. */
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_int_equal(pump_reply_head(&pump, fd, head), 200);
	assert_true(pump_closed(&pump, fd));
	assert_int_equal(pump.left, 1);
	close(fd);
	pump_stop(&pump);
}

static void stream_is_left(void **state)
{
	struct pump pump;
	int64_t start;
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/stream"));
	pump_until(&pump, is_parked, NULL);
	start = now();
	close(fd);
	until_left(&pump, 1);
	assert_true(now() - start < CLOCK_NS_PER_S);
	pump_stop(&pump);
}

/* A stream's client that reads nothing is cut off at write_buffer, and `gone` comes from the loop. */
static void stream_is_not_read(void **state)
{
	static const char block[65536];
	struct pump pump;
	unsigned rejected;
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, true);
	pump_text(&pump, fd, GET("/stream"));
	pump_until(&pump, is_parked, NULL);
	rejected = pump_count(&pump, METRIC_HTTP_REJECTED);
	for (int i = 0; i < 200 && pump_count(&pump, METRIC_HTTP_REJECTED) == rejected; i++)
		server_stream_data(pump.parked, block, sizeof(block));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), rejected + 1);
	assert_int_equal(pump.left, 0);
	server_stream_data(pump.parked, block, sizeof(block)); /* ignored by now */
	until_left(&pump, 1);
	assert_int_equal(server_open_connections(pump.server), 0);
	close(fd);
	pump_stop(&pump);
}

static void expect_head_limit(
	struct pump *pump, const char *before, size_t fill, const char *after, int status)
{
	struct buf text = {0};
	int fd = pump_connect(pump, false);

	buf_str(&text, before);
	for (size_t i = 0; i < fill; i++)
		buf_add(&text, "x", 1);
	buf_str(&text, after);
	pump_send(pump, fd, text.data, text.size);
	assert_int_equal(pump_reply(pump, fd, NULL, NULL), status);
	if (status >= 400)
		assert_true(pump_closed(pump, fd));
	buf_finish(&text);
	close(fd);
}

static void head_limits(void **state)
{
	static const char tail[] = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char start[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
	struct pump pump;
	struct buf many = {0};

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	/* header_size is 4096: the request line may have half of it, the head exactly all. */
	expect_head_limit(&pump, "GET /", 2000, tail, 200);
	expect_head_limit(&pump, "GET /", 2100, tail, 414);
	expect_head_limit(&pump, "GET /", 300000, tail, 414);
	expect_head_limit(&pump, start, 4096 - (sizeof(start) - 1) - 4, "\r\n\r\n", 200);
	expect_head_limit(&pump, start, 4096 - (sizeof(start) - 1) - 3, "\r\n\r\n", 431);
	expect_head_limit(&pump, start, 300000, "\r\n\r\n", 431);
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		buf_printf(&many, "X: %d\r\n", i);
	buf_str(&many, "\r\n");
	expect_head_limit(&pump, "GET / HTTP/1.1\r\nHost: localhost\r\n", 0, many.data, 431);
	expect_head_limit(&pump, "GET / HTTP/1.0\r\n", 0, many.data, 200);
	buf_finish(&many);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), 5);
	pump.config.header_size = 8192;
	server_reconfigure(pump.server, &pump.config);
	expect_head_limit(&pump, start, 4096, "\r\n\r\n", 200);
	pump_stop(&pump);
}

static void body_limits(void **state)
{
	static const char chunked[] =
		"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char length[] = "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
	struct pump pump;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	expect_head_limit(
		&pump, "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65536\r\n\r\n", 65536, "", 200);
	expect_head_limit(&pump, length, 0, "65537\r\n\r\n", 413);
	expect_head_limit(&pump, length, 0, "1000000\r\nExpect: 100-continue\r\n\r\n", 413);
	expect_head_limit(&pump, chunked, 0, "10001\r\n", 413);
	expect_head_limit(&pump, chunked, 0, "5\r\nhello\r\nfffc\r\n", 413);
	pump_stop(&pump);
}

static void expectation(void **state)
{
	struct pump pump;
	char body[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd,
		"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 100);
	pump_text(&pump, fd, "{}");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "PUT /|{}");
	pump_text(&pump, fd,
		"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: "
		"100-continue\r\n\r\n");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 100);
	pump_text(&pump, fd, "2\r\n{}\r\n0\r\n\r\n");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "PUT /|{}");
	close(fd);
	pump_stop(&pump);
}

/* The deadline is for the whole head: bytes that keep coming do not move it. */
static void slow_head(void **state)
{
	struct pump pump;
	int64_t start, last;
	char byte = 'x';
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.header_timeout_ns = 60 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
	start = last = now();
	while (pump_count(&pump, METRIC_HTTP_REJECTED) == 0 && now() - start < 3 * CLOCK_NS_PER_S) {
		if (now() - last > 5 * CLOCK_NS_PER_MS) {
			pump_send(&pump, fd, &byte, 1);
			last = now();
		}
		pump_wait(&pump, 5);
	}
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 408);
	assert_true(pump_closed(&pump, fd));
	close(fd);
	/* A connection that never says anything has no longer; nobody reads an answer there. */
	fd = pump_connect(&pump, false);
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 0);
	close(fd);
	pump_stop(&pump);
}

/* The second of two pipelined requests has a deadline of its own. */
static void slow_second_head(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.header_timeout_ns = 60 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/") "GET / HTTP/1.1\r\nHo");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 200);
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 408);
	assert_int_equal(pump.handled, 1);
	close(fd);
	pump_stop(&pump);
}

static void slow_body(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.body_timeout_ns = 40 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 408);
	assert_true(pump_closed(&pump, fd));
	assert_int_equal(pump.handled, 0);
	close(fd);
	pump_stop(&pump);
}

static void idle_too_long(void **state)
{
	struct pump pump;
	int fd, parked;

	(void)state;
	pump_init(&pump);
	pump.config.idle_timeout_ns = 40 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	parked = pump_connect(&pump, false);
	pump_alive(&pump, parked, "/");
	park(&pump, parked);
	pump_alive(&pump, fd, "/");
	assert_true(pump_closed(&pump, fd));
	/* Waiting for a reply is not idling. */
	assert_non_null(pump.parked);
	assert_int_equal(server_open_connections(pump.server), 1);
	close(fd);
	close(parked);
	pump_stop(&pump);
	assert_int_equal(pump.left, 1); /* told at the server's end, at the latest */
}

static void slow_reader(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.write_timeout_ns = 40 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, true);
	pump_text(&pump, fd, GET("/big"));
	until_open(&pump, 1);
	until_open(&pump, 0);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), 1);
	close(fd);
	pump_stop(&pump);
}

/* Those who have taken nothing for a second go when too much waits; a reader that keeps reading gets it all.
 */
static void slow_readers_share_a_budget(void **state)
{
	static char body[65536];
	struct pump pump;
	char head[4096];
	unsigned one = 1;
	int slow, quick;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	slow = pump_connect(&pump, true);
	quick = pump_connect(&pump, false);
	pump_text(&pump, slow, GET("/big"));
	pump_until(&pump, has_handled, &one);
	pump_idle(&pump);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), 0);
	clock_manual_advance(&pump.clock, 2 * CLOCK_NS_PER_S);
	pump_text(&pump, quick, GET("/big"));
	assert_int_equal(pump_reply_head(&pump, quick, head), 200);
	for (int i = 0; i < 128; i++)
		pump_read(&pump, quick, body, sizeof(body));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), 1);
	until_open(&pump, 1);
	pump_alive(&pump, quick, "/");
	close(slow);
	close(quick);
	pump_stop(&pump);
}

static void too_many_of_one_address(void **state)
{
	struct pump pump;
	char head[4096];
	int fds[4], again;

	(void)state;
	pump_init(&pump);
	pump.config.connections_per_address = 3;
	pump_start(&pump);
	for (int i = 0; i < 4; i++)
		fds[i] = pump_connect(&pump, false);
	assert_int_equal(pump_reply(&pump, fds[3], head, NULL), 429);
	assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
	assert_true(pump_closed(&pump, fds[3]));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED), 1);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_CONNECTIONS), 3);
	/* Those who wait for an answer are not sent away, whatever comes; who idles gives way after a second.
	 */
	park(&pump, fds[0]);
	pump_alive(&pump, fds[1], "/");
	clock_manual_advance(&pump.clock, 2 * CLOCK_NS_PER_S);
	pump_alive(&pump, fds[2], "/");
	again = pump_connect(&pump, false);
	pump_alive(&pump, again, "/");
	assert_true(pump_closed(&pump, fds[1]));
	pump_alive(&pump, fds[2], "/");
	assert_int_equal(pump.left, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(again);
	until_open(&pump, 0);
	again = pump_connect(&pump, false);
	pump_alive(&pump, again, "/");
	close(again);
	pump_stop(&pump);
}

static void too_many_in_all(void **state)
{
	struct pump pump;
	int fds[3];

	(void)state;
	pump_init(&pump);
	pump.config.connections = 2;
	pump_start(&pump);
	for (int i = 0; i < 3; i++)
		fds[i] = pump_connect(&pump, false);
	assert_int_equal(pump_reply(&pump, fds[2], NULL, NULL), 429);
	close(fds[2]);
	clock_manual_advance(&pump.clock, 2 * CLOCK_NS_PER_S);
	fds[2] = pump_connect(&pump, false);
	pump_alive(&pump, fds[2], "/");
	assert_true(pump_closed(&pump, fds[0]));
	pump_alive(&pump, fds[1], "/");
	assert_int_equal(server_open_connections(pump.server), 2);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	pump_stop(&pump);
}

/* Out of descriptors: the loop sleeps instead of spinning on the listener, who is connected is served, and
 * who waits is let in as soon as there are descriptors again. */
static void no_descriptors(void **state)
{
	struct rlimit limit, none;
	struct pump pump;
	int open_one, waiting;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	open_one = pump_connect(&pump, false);
	pump_alive(&pump, open_one, "/");
	waiting = pump_connect(&pump, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)dup(waiting);
	close((int)none.rlim_cur);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_no_spin(&pump);
	pump_alive(&pump, open_one, "/");
	assert_int_equal(server_open_connections(pump.server), 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pump_alive(&pump, waiting, "/");
	close(open_one);
	close(waiting);
	pump_stop(&pump);
}

static void draining(void **state)
{
	struct pump pump;
	char head[4096];
	int idle, parked, late;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	idle = pump_connect(&pump, false);
	parked = pump_connect(&pump, false);
	pump_alive(&pump, idle, "/");
	park(&pump, parked);
	server_drain(pump.server);
	assert_true(pump_closed(&pump, idle));
	late = pump_connect(&pump, false);
	pump_idle(&pump);
	assert_int_equal(server_open_connections(pump.server), 1);
	reply(&pump, "last");
	assert_int_equal(pump_reply(&pump, parked, head, NULL), 200);
	assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
	assert_true(pump_closed(&pump, parked));
	close(parked);
	until_open(&pump, 0);
	close(idle);
	close(late);
	pump_stop(&pump);
}

/* An idle connection is to hold less than 4 KiB; libevent's two buffers are about 300 bytes. */
_Static_assert(sizeof(struct server_connection) < 2048, "an idle connection has grown too large");

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_is_whole),
		cmocka_unit_test(reply_without_body),
		cmocka_unit_test(reply_headers_are_safe),
		cmocka_unit_test(connection_ends_when_asked),
		cmocka_unit_test(pipelined_in_order),
		cmocka_unit_test(parked_is_answered_in_order),
		cmocka_unit_test(leaving_while_parked),
		cmocka_unit_test(half_closed_still_gets_its_reply),
		cmocka_unit_test(bytes_while_parked),
		cmocka_unit_test(stream_in_chunks),
		cmocka_unit_test(stream_without_chunks),
		cmocka_unit_test(stream_is_left),
		cmocka_unit_test(stream_is_not_read),
		cmocka_unit_test(head_limits),
		cmocka_unit_test(body_limits),
		cmocka_unit_test(expectation),
		cmocka_unit_test(slow_head),
		cmocka_unit_test(slow_second_head),
		cmocka_unit_test(slow_body),
		cmocka_unit_test(idle_too_long),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(slow_readers_share_a_budget),
		cmocka_unit_test(too_many_of_one_address),
		cmocka_unit_test(too_many_in_all),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
