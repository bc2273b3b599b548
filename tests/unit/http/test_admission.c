/* test_admission.c -- whom the HTTP server lets in, and who gives way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server.h"
#include "pump.h"

static void too_many_of_one_address(void **state)
{
	struct pump pump;
	char head[4096];
	int fds[4], again;

	(void)state;
	pump_init(&pump);
	pump.config.limits.connections_per_address = 3;
	pump_start(&pump);
	for (int i = 0; i < 4; i++)
		fds[i] = pump_connect(&pump, false);
	assert_int_equal(pump_reply(&pump, fds[3], head, NULL), 429);
	assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
	assert_true(pump_closed(&pump, fds[3]));
	assert_int_equal(pump_count(&pump, METRIC_HTTP_REJECTED_CONNECTIONS), 1);
	assert_int_equal(pump_count(&pump, METRIC_HTTP_CONNECTIONS), 3);
	/* Those who wait for an answer are not sent away, whatever comes; who idles gives way after a second.
	 */
	pump_park(&pump, fds[0]);
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
	pump_until_open(&pump, 0);
	again = pump_connect(&pump, false);
	pump_alive(&pump, again, "/");
	close(again);
	pump_stop(&pump);
}

/* Who came first but asks again and again has not idled the longest. */
static void a_request_ends_idling(void **state)
{
	struct pump pump;
	int fds[3];

	(void)state;
	pump_init(&pump);
	pump.config.limits.connections = 2;
	pump_start(&pump);
	for (int i = 0; i < 2; i++) {
		fds[i] = pump_connect(&pump, false);
		pump_alive(&pump, fds[i], "/");
	}
	clock_manual_advance(&pump.clock, 2 * CLOCK_NS_PER_S);
	pump_alive(&pump, fds[0], "/");
	fds[2] = pump_connect(&pump, false);
	pump_alive(&pump, fds[2], "/");
	assert_true(pump_closed(&pump, fds[1]));
	pump_alive(&pump, fds[0], "/");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	pump_stop(&pump);
}

static void too_many_in_all(void **state)
{
	struct pump pump;
	int fds[3];

	(void)state;
	pump_init(&pump);
	pump.config.limits.connections = 2;
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
	assert_int_equal(http_server_open_connections(pump.server), 2);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	pump_stop(&pump);
}

static unsigned starved_with;

static void on_starved(int error, unsigned connections, void *ctx)
{
	(void)ctx;
	assert_int_equal(error, -EMFILE);
	assert_int_equal(starved_with, 0);
	starved_with = connections;
}

/* Out of descriptors: that is told once, the loop sleeps instead of spinning on the listener, who is
 * connected is served, and who waits is let in as soon as there are descriptors again. */
static void no_descriptors(void **state)
{
	struct rlimit limit, none;
	struct pump pump;
	int open_one, waiting;

	(void)state;
	pump_init(&pump);
	pump.config.starved = on_starved;
	pump_start(&pump);
	open_one = pump_connect(&pump, false);
	pump_alive(&pump, open_one, "/");
	waiting = pump_connect(&pump, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)dup(waiting);
	close((int)none.rlim_cur);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	pump_no_spin(&pump);
	pump_alive(&pump, open_one, "/");
	assert_int_equal(http_server_open_connections(pump.server), 1);
	assert_int_equal(starved_with, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pump_alive(&pump, waiting, "/");
	close(open_one);
	close(waiting);
	pump_stop(&pump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_of_one_address),
		cmocka_unit_test(a_request_ends_idling),
		cmocka_unit_test(too_many_in_all),
		cmocka_unit_test(no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
