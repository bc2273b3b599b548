/* test_sharing.c -- which woken queries get one reply, and who holds it how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"
#include "sidecar/call.h"
#include "sidecar/sharing.h"

static const struct route service = {"/v1/health/service/", ROUTE_GET | ROUTE_QUERY, ROUTE_READ, NULL},
			  catalog = {"/v1/catalog/service/", ROUTE_GET | ROUTE_QUERY, ROUTE_READ, NULL};

/* What is asked: a route, the rest of its path, up to three parameters. */
struct question {
	const struct route *route;
	const char *rest;
	struct http_query query[3];
	size_t query_count;
};

static const struct sharing_reply *find(struct sharing *sharing, const struct question *question)
{
	struct http_request request = {.query = question->query, .query_count = question->query_count};
	struct call call = {.request = &request, .route = question->route, .rest = question->rest};

	return sharing_find(sharing, &call);
}

static void keep(struct sharing *sharing, const struct question *question, struct http_body *body)
{
	struct http_request request = {.query = question->query, .query_count = question->query_count};
	struct call call = {.request = &request, .route = question->route, .rest = question->rest};

	sharing_keep(sharing, &call, &(struct sharing_reply){.index = 7, .status = 200, .body = body});
}

static struct http_body *make_body(const char *text)
{
	struct buf bytes = {0};

	buf_str(&bytes, text);
	return http_body_create(&bytes);
}

static const struct question asked = {
	&service, "web", {{"passing", "", false}, {"index", "5", true}, {"wait", "5m", true}}, 3};

static void the_same_question_shares(void **state)
{
	static const struct question same[] = {
		{&service, "web", {{"passing", "", false}, {"index", "6", true}}, 2},
		{&service, "web", {{"stale", "", false}, {"passing", "", false}, {"dc", "dc1", true}}, 3},
	};
	struct sharing sharing = {0};
	struct http_body *body = make_body("[]");

	(void)state;
	assert_null(find(&sharing, &asked));
	keep(&sharing, &asked, body);
	assert_int_equal(body->holders, 2);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_non_null(find(&sharing, &same[i]));
		assert_ptr_equal(find(&sharing, &same[i])->body, body);
	}
	sharing_clear(&sharing);
	assert_null(find(&sharing, &asked));
	assert_int_equal(body->holders, 1);
	http_body_release(body);
	sharing_finish(&sharing);
}

static void another_question_does_not(void **state)
{
	static const struct question others[] = {
		{&catalog, "web", {{"passing", "", false}}, 1},
		{&service, "db", {{"passing", "", false}}, 1},
		{&service, "web", {{"", "", false}}, 0},
		{&service, "web", {{"passing", "0", true}}, 1},
		{&service, "web", {{"passing", "", false}, {"pretty", "", false}}, 2},
		{&service, "web", {{"passing", "", false}, {"tag", "a", true}}, 2},
		{&service, "web", {{"tag", "passing", true}}, 1},
		{&service, "webpassing", {{"", "", false}}, 0},
	};
	struct sharing sharing = {0};
	struct http_body *body = make_body("[]");

	(void)state;
	keep(&sharing, &asked, body);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(find(&sharing, &others[i]));
	http_body_release(body);
	sharing_finish(&sharing);
}

static void no_more_than_a_few_are_kept(void **state)
{
	struct sharing sharing = {0};
	struct http_body *body = make_body("[]");
	char name[16];

	(void)state;
	for (unsigned i = 0; i < SHARING_KEPT + 1; i++) {
		snprintf(name, sizeof(name), "web%u", i);
		keep(&sharing, &(struct question){.route = &service, .rest = name}, body);
	}
	assert_non_null(find(&sharing, &(struct question){.route = &service, .rest = "web0"}));
	assert_null(find(&sharing, &(struct question){.route = &service, .rest = name}));
	assert_int_equal(body->holders, SHARING_KEPT + 1);
	sharing_finish(&sharing);
	assert_int_equal(body->holders, 1);
	http_body_release(body);
}

/* Two clients that read nothing hold the body; one leaves in the middle of it, the other gets it whole. */
static void a_slow_client_holds_the_body(void **state)
{
	enum { SIZE = 4 << 20 };
	static char received[SIZE];
	struct buf bytes = {0};
	struct http_limits limits;
	struct http_body *body;
	struct pump pump;
	char end[4] = {0};
	int fds[2];

	(void)state;
	for (size_t i = 0; i < SIZE; i += 4)
		buf_add(&bytes, &(const uint32_t){(uint32_t)i}, 4);
	body = http_body_create(&bytes);
	pump_init(&pump);
	pump.config.limits.write_buffer = SIZE;
	limits = pump.config.limits;
	pump_start(&pump);
	for (int i = 0; i < 2; i++) {
		fds[i] = pump_connect(&pump, true);
		pump.parked = NULL;
		pump_park(&pump, fds[i]);
		http_reply(pump.parked, &(struct http_reply){.status = 200, .shared = body});
		assert_int_equal(body->holders, 2 + i);
	}
	/* Two wait for it, and it counts once. */
	limits.write_buffer = SIZE / 7;
	http_server_set_limits(pump.server, &limits);
	assert_false(http_server_is_full(pump.server));
	close(fds[0]);
	pump_until_open(&pump, 1);
	assert_int_equal(body->holders, 2);
	limits.write_buffer = SIZE / 9;
	http_server_set_limits(pump.server, &limits);
	assert_true(http_server_is_full(pump.server));
	/* The head, byte by byte, to the empty line. */
	do {
		memmove(end, end + 1, 3);
		pump_read(&pump, fds[1], end + 3, 1);
	} while (memcmp(end, "\r\n\r\n", 4) != 0);
	pump_read(&pump, fds[1], received, SIZE);
	assert_memory_equal(received, body->bytes.data, SIZE);
	pump_idle(&pump);
	assert_int_equal(body->holders, 1);
	assert_false(http_server_is_full(pump.server));
	close(fds[1]);
	http_body_release(body);
	pump_stop(&pump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_question_shares),
		cmocka_unit_test(another_question_does_not),
		cmocka_unit_test(no_more_than_a_few_are_kept),
		cmocka_unit_test(a_slow_client_holds_the_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
