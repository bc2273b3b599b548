/* test_server.c -- the HTTP server over real sockets: replies, order, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server_private.h"
#include "pump.h"

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
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REQUESTS_OTHER_2XX), 2);
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
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REQUESTS_OTHER_4XX), 1);
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
	pump_until_open(&pump, 0);
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
	while (pump.handled == 0)
		event_base_loop(pump.base, EVLOOP_ONCE);
	assert_in_range(pump.handled, 1, SERVER_TURN);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
		snprintf(expected, sizeof(expected), "GET /%d|", i);
		assert_string_equal(body, expected);
	}
	buf_finish(&text);
	close(fd);
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
	pump_park(&pump, parked);
	http_server_drain(pump.server);
	assert_true(pump_closed(&pump, idle));
	late = pump_connect(&pump, false);
	pump_idle(&pump);
	assert_int_equal(http_server_open_connections(pump.server), 1);
	pump_answer(&pump, "last");
	assert_int_equal(pump_reply(&pump, parked, head, NULL), 200);
	assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
	assert_true(pump_closed(&pump, parked));
	close(parked);
	pump_until_open(&pump, 0);
	close(idle);
	close(late);
	pump_stop(&pump);
}

/* An idle connection is to hold less than 4 KiB; libevent's two buffers are about 300 bytes. */
_Static_assert(sizeof(struct http_connection) < 2048, "an idle connection has grown too large");

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_is_whole),
		cmocka_unit_test(reply_without_body),
		cmocka_unit_test(reply_headers_are_safe),
		cmocka_unit_test(connection_ends_when_asked),
		cmocka_unit_test(pipelined_in_order),
		cmocka_unit_test(expectation),
		cmocka_unit_test(draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
