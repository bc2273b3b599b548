/* test_parked.c -- requests whose reply comes later, and streams: order, and clients that leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"

static unsigned epoll_changes;

/* Instead of libc's, to count libevent's calls. */
int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	epoll_changes++;
	return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
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
	pump_until(&pump, pump_is_parked, NULL);
	pump_idle(&pump);
	assert_int_equal(pump.handled, 1);
	pump_answer(&pump, "late");
	/* The handler is never called from within http_reply(). */
	assert_int_equal(pump.handled, 1);
	pump_until(&pump, pump_has_handled, &two);
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "late");
	assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
	assert_string_equal(body, "GET /next|");
	assert_int_equal(pump.left, 0);
	close(fd);
	pump_stop(&pump);
}

/* One request after the other on a connection, parked or not, changes nothing in the epoll set. */
static void requests_leave_epoll_alone(void **state)
{
	struct pump pump;
	char body[4096];
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_alive(&pump, fd, "/first");
	epoll_changes = 0;
	for (int i = 0; i < 3; i++) {
		pump_park(&pump, fd);
		pump_answer(&pump, "late");
		assert_int_equal(pump_reply(&pump, fd, NULL, body), 200);
		pump_alive(&pump, fd, "/next");
	}
	assert_int_equal(epoll_changes, 0);
	close(fd);
	pump_until_open(&pump, 0);
	assert_true(epoll_changes > 0);
	pump_stop(&pump);
}

/* Four ways to leave, all noticed within a second: FIN, FIN behind unread bytes, RST, RST behind unread
 * bytes. */
static void leaving_while_parked(void **state)
{
	const struct linger reset = {.l_onoff = 1};
	struct pump pump;
	int fds[4];

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	for (int i = 0; i < 4; i++) {
		fds[i] = pump_connect(&pump, false);
		pump.parked = NULL;
		pump_park(&pump, fds[i]);
		if (i % 2)
			pump_text(&pump, fds[i], "some bytes");
		pump_idle(&pump);
	}
	for (int i = 0; i < 4; i++) {
		if (i >= 2)
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fds[i]);
	}
	pump_left_at_once(&pump, 4);
	assert_int_equal(http_server_open_connections(pump.server), 0);
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
	pump_park(&pump, fd);
	shutdown(fd, SHUT_WR);
	pump_no_spin(&pump);
	assert_non_null(pump.parked);
	pump_answer(&pump, "still here");
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
	pump_park(&pump, fd);
	for (int i = 0; i < 256; i++) {
		if (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) < 0)
			break;
		event_base_loop(pump.base, EVLOOP_NONBLOCK);
	}
	pump_no_spin(&pump);
	pump_alive(&pump, other, "/other");
	assert_non_null(pump.parked);
	pump_answer(&pump, "done");
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
	http_stream_data(pump.parked, "hello", 5);
	http_stream_data(pump.parked, "", 0);
	http_stream_data(pump.parked, "abc", 3);
	http_stream_end(pump.parked);
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
	http_stream_data(pump.parked, "hello", 5);
	http_stream_end(pump.parked);
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
	int fd;

	(void)state;
	pump_init(&pump);
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd, GET("/stream"));
	pump_until(&pump, pump_is_parked, NULL);
	close(fd);
	pump_left_at_once(&pump, 1);
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
	pump_until(&pump, pump_is_parked, NULL);
	rejected = pump_count(&pump, METRIC_HTTP_REJECTED_SLOW);
	for (int i = 0; i < 200 && pump_count(&pump, METRIC_HTTP_REJECTED_SLOW) == rejected; i++)
		http_stream_data(pump.parked, block, sizeof(block));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_SLOW), rejected + 1);
	assert_int_equal(pump.left, 0);
	http_stream_data(pump.parked, block, sizeof(block)); /* ignored by now */
	pump_until_left(&pump, 1);
	assert_int_equal(http_server_open_connections(pump.server), 0);
	close(fd);
	pump_stop(&pump);
}

static struct http_request *kept;

static void keep(struct http_request *request, void *ctx)
{
	struct pump *pump = ctx;

	http_request_keep(request);
	kept = request;
	pump->left++;
	pump->parked = NULL;
}

static void park_to_keep(struct http_request *request, void *ctx)
{
	((struct pump *)ctx)->parked = request;
	http_park(request, keep, ctx);
}

/* Who still works on a request when its client leaves may keep what was asked. */
static void a_request_outlives_its_client(void **state)
{
	struct pump pump;
	int fd;

	(void)state;
	pump_init(&pump);
	pump.config.handle = park_to_keep;
	pump_start(&pump);
	fd = pump_connect(&pump, false);
	pump_text(&pump, fd,
		"PUT /kept?a=b HTTP/1.1\r\nHost: localhost\r\nX-Also: yes\r\nContent-Length: 4\r\n\r\nbody");
	pump_until(&pump, pump_is_parked, NULL);
	close(fd);
	pump_until_left(&pump, 1);
	pump_until_open(&pump, 0);
	assert_string_equal(kept->path, "/kept");
	assert_string_equal(http_request_query(kept, "a"), "b");
	assert_string_equal(http_request_header(kept, "x-also"), "yes");
	assert_int_equal(kept->body_size, 0);
	http_request_free(kept);
	pump_stop(&pump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parked_is_answered_in_order),
		cmocka_unit_test(requests_leave_epoll_alone),
		cmocka_unit_test(leaving_while_parked),
		cmocka_unit_test(half_closed_still_gets_its_reply),
		cmocka_unit_test(bytes_while_parked),
		cmocka_unit_test(stream_in_chunks),
		cmocka_unit_test(stream_without_chunks),
		cmocka_unit_test(stream_is_left),
		cmocka_unit_test(a_request_outlives_its_client),
		cmocka_unit_test(stream_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
