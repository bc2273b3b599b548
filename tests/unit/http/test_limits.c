/* test_limits.c -- what the HTTP server refuses, and whom it cuts off when. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_private.h"
#include "pump.h"

/* Nanoseconds until who goes on and on is cut off. */
static int64_t time_of_flood(struct pump *pump, const char *head)
{
	static const char body[1 << 20];
	int fd = pump_connect(pump, false);
	int64_t start = pump_now();

	pump_text(pump, fd, head);
	pump_until_open(pump, 1);
	pump_send(pump, fd, body, sizeof(body));
	pump_until_open(pump, 0);
	close(fd);
	return pump_now() - start;
}

/* What is refused is answered so that the client can read it: the rest of what it sends is taken in, up to a
 * bound, and then comes FIN, not RST. Who goes on and on is cut off before the time is over. */
static void refusals_can_be_read(void **state)
{
	static const char head[] = "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n";
	static const char body[40000];
	struct pump pump;
	int64_t took;
	char byte;
	int fd, tries = 0;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, head);
	pump_send(&pump, fd, body, sizeof(body));
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 413);
	pump_idle(&pump);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	pump_until_open(&pump, 0);
	do /* a busy machine may hold us up, but not every time */
		took = time_of_flood(&pump, head);
	while (took >= SERVER_LINGER_NS * 7 / 10 && ++tries < 10);
	assert_true(took < SERVER_LINGER_NS * 7 / 10);
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
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_MALFORMED), 5);
	pump.config.limits.header_size = 8192;
	http_server_set_limits(pump.server, &pump.config.limits);
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

/* The deadline is for the whole head: bytes that keep coming do not move it. */
static void slow_head(void **state)
{
	struct pump pump;
	int64_t start, last;
	char byte = 'x';
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.limits.header_timeout_ns = 60 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
	start = last = pump_now();
	while (pump_count(&pump, METRIC_HTTP_REJECTED_SLOW) == 0 && pump_now() - start < 3 * CLOCK_NS_PER_S) {
		if (pump_now() - last > 5 * CLOCK_NS_PER_MS) {
			pump_send(&pump, fd, &byte, 1);
			last = pump_now();
		}
		pump_wait(&pump, 5);
	}
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_SLOW), 1);
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 408);
	assert_true(pump_closed(&pump, fd));
	close(fd);
	/* A connection that never says anything has no longer; nobody reads an answer there. */
	fd = pump_connect(&pump, false);
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 0);
	close(fd);
	pump_stop(&pump);
}

static struct http_connection *only_connection(struct pump *pump)
{
	return LINK_OWNER(link_first(&pump->server->all), struct http_connection, all);
}

static int64_t deadline_of(struct pump *pump)
{
	return only_connection(pump)->deadline;
}

/* When the timer of the only connection rings. */
static int64_t ring_of(struct pump *pump)
{
	struct timeval time = {0};

	assert_true(event_pending(&only_connection(pump)->timer, EV_TIMEOUT, &time));
	return time.tv_sec * INT64_C(1000000) + time.tv_usec;
}

/* Each request on a connection has a deadline of its own, also if it begins in the segment that ends the one
 * before; and more bytes of one head do not move it. */
static void deadline_is_each_heads_own(void **state)
{
	struct pump pump;
	int64_t first;
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, "GET / HTTP/1.1\r\n");
	pump_idle(&pump);
	first = deadline_of(&pump);
	pump_wait(&pump, 5);
	pump_text(&pump, fd, "Host: localhost\r\n");
	pump_idle(&pump);
	assert_true(deadline_of(&pump) == first);
	pump_text(&pump, fd, "\r\nGET / HT");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 200);
	assert_true(deadline_of(&pump) > first);
	close(fd);
	pump_stop(&pump);
}

/* The second of two pipelined requests has a deadline, too. */
static void slow_second_head(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.limits.header_timeout_ns = 60 * CLOCK_NS_PER_MS;
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
	pump.config.limits.body_timeout_ns = 40 * CLOCK_NS_PER_MS;
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
	pump.config.limits.idle_timeout_ns = 40 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	parked = pump_connect(&pump, false);
	pump_alive(&pump, parked, "/");
	pump_park(&pump, parked);
	pump_alive(&pump, fd, "/");
	assert_true(pump_closed(&pump, fd));
	/* Waiting for a reply is not idling. */
	assert_non_null(pump.parked);
	assert_int_equal(http_server_open_connections(pump.server), 1);
	close(fd);
	close(parked);
	pump_stop(&pump);
	assert_int_equal(pump.left, 1); /* told at the server's end, at the latest */
}

/* The timer is not touched by each request: it rings early, and is set for the rest. */
static void idling_starts_anew_with_each_request(void **state)
{
	struct pump pump;
	int64_t first, ring;
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_alive(&pump, fd, "/");
	first = deadline_of(&pump);
	ring = ring_of(&pump);
	pump_wait(&pump, 5);
	pump_alive(&pump, fd, "/");
	assert_true(deadline_of(&pump) > first);
	assert_true(ring_of(&pump) == ring);
	connection_on_timer(-1, EV_TIMEOUT, only_connection(&pump));
	assert_true(ring_of(&pump) > ring);
	pump_alive(&pump, fd, "/");
	close(fd);
	pump_stop(&pump);
}

static bool waits_by(struct pump *pump, void *ctx)
{
	const enum connection_timer *kind = ctx;

	return http_server_open_connections(pump->server) == 1 && only_connection(pump)->timer_kind == *kind;
}

/* A connection that waits by the timer `kind`, since the client sent `text`. */
static int connect_waiting(struct pump *pump, const char *text, enum connection_timer kind)
{
	int fd = pump_connect(pump, false);

	pump_text(pump, fd, text);
	if (kind == TIMER_IDLE)
		assert_int_equal(pump_reply(pump, fd, NULL, NULL), 200);
	pump_until(pump, waits_by, &kind);
	return fd;
}

/* The client sends `text`, and the server hears that the time is over before it has looked. */
static void let_it_be_late(struct pump *pump, int fd, const char *text)
{
	struct http_connection *connection = only_connection(pump);
	struct pollfd arrival = {.fd = connection->fd, .events = POLLIN};

	pump_text(pump, fd, text);
	assert_int_equal(poll(&arrival, 1, 10000), 1);
	connection->deadline = 0;
	connection_on_timer(-1, EV_TIMEOUT, connection);
}

/* After a stop (SIGSTOP, a suspended machine) all deadlines are over at once. What has come by then is a
 * request nevertheless, and closing on it would be a RST. */
static void what_came_while_we_were_stopped_counts(void **state)
{
	static const struct {
		const char *before, *late;
		enum connection_timer kind;
	} cases[] = {
		{"", GET("/"), TIMER_FIRST},
		{GET("/"), GET("/"), TIMER_IDLE},
		{"GET / HTTP/1.1\r\nHo", "st: localhost\r\n\r\n", TIMER_HEAD},
		{"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab", "cd", TIMER_BODY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pump pump;
		int fd;

		pump_init(&pump);
		pump_start(&pump);
		fd = connect_waiting(&pump, cases[i].before, cases[i].kind);
		let_it_be_late(&pump, fd, cases[i].late);
		assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 200);
		pump_alive(&pump, fd, "/");
		close(fd);
		pump_stop(&pump);
	}
}

/* One read is all that a late byte gains: the time for what is still not whole stays over. */
static void trickling_gains_nothing(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.limits.header_timeout_ns = 3600 * CLOCK_NS_PER_S;
	pump_start(&pump);
	fd = connect_waiting(&pump, "GET / HTTP/1.1\r\nHo", TIMER_HEAD);
	let_it_be_late(&pump, fd, "s");
	pump_text(&pump, fd, "t");
	assert_int_equal(pump_reply(&pump, fd, NULL, NULL), 408);
	assert_true(pump_closed(&pump, fd));
	assert_int_equal(pump.handled, 0);
	close(fd);
	pump_stop(&pump);
}

static void slow_reader(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.limits.write_timeout_ns = 40 * CLOCK_NS_PER_MS;
	pump_start(&pump);
	fd = pump_connect(&pump, true);
	pump_text(&pump, fd, GET("/big"));
	pump_until_open(&pump, 1);
	pump_until_open(&pump, 0);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_SLOW), 1);
	close(fd);
	pump_stop(&pump);
}

/* A long reply goes out in portions, between which others have their turn. */
static void one_portion_at_a_time(void **state)
{
	struct pump pump;
	unsigned one = 1;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.limits.write_buffer = 8 << 20;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/big"));
	pump_until(&pump, pump_has_handled, &one);
	/* With the reply, and when the loop looks whether there is more to send. */
	assert_in_range(pump.server->pending, (8 << 20) - 2 * SERVER_PORTION, 8 << 20);
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
	pump_until(&pump, pump_has_handled, &one);
	pump_idle(&pump);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_SLOW), 0);
	clock_manual_advance(&pump.clock, 2 * CLOCK_NS_PER_S);
	pump_text(&pump, quick, GET("/big"));
	assert_int_equal(pump_reply_head(&pump, quick, head), 200);
	for (int i = 0; i < 128; i++)
		pump_read(&pump, quick, body, sizeof(body));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_SLOW), 1);
	pump_until_open(&pump, 1);
	pump_alive(&pump, quick, "/");
	close(slow);
	close(quick);
	pump_stop(&pump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_limits),
		cmocka_unit_test(body_limits),
		cmocka_unit_test(refusals_can_be_read),
		cmocka_unit_test(slow_head),
		cmocka_unit_test(deadline_is_each_heads_own),
		cmocka_unit_test(slow_second_head),
		cmocka_unit_test(slow_body),
		cmocka_unit_test(idle_too_long),
		cmocka_unit_test(idling_starts_anew_with_each_request),
		cmocka_unit_test(what_came_while_we_were_stopped_counts),
		cmocka_unit_test(trickling_gains_nothing),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(one_portion_at_a_time),
		cmocka_unit_test(slow_readers_share_a_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
