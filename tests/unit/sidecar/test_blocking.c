/* test_blocking.c -- who is woken by what, and when it is time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sidecar/blocking.h"

static int setup(void **state)
{
	*state = blocking_create();
	return 0;
}

static int teardown(void **state)
{
	blocking_destroy(*state);
	return 0;
}

static void park(struct blocking *blocking, struct blocking_wait *wait, enum registry_resource resource,
	const char *name, uint64_t index, int64_t deadline_ns)
{
	*wait = (struct blocking_wait){
		.resource = resource, .name = name, .index = index, .deadline_ns = deadline_ns};
	blocking_park(blocking, wait);
}

static void wakes_its_service_only(void **state)
{
	struct blocking *blocking = *state;
	struct blocking_wait web, Web, db, services;

	park(blocking, &web, REGISTRY_RESOURCE_SERVICE, "web", 5, 100);
	park(blocking, &Web, REGISTRY_RESOURCE_SERVICE, "WEB", 7, 100);
	park(blocking, &db, REGISTRY_RESOURCE_SERVICE, "db", 5, 100);
	park(blocking, &services, REGISTRY_RESOURCE_SERVICES, "", 5, 100);
	assert_int_equal(blocking_count(blocking), 4);
	assert_true(blocking_watched(blocking, REGISTRY_RESOURCE_SERVICE, "wEb"));
	assert_false(blocking_watched(blocking, REGISTRY_RESOURCE_SERVICE, "cache"));
	assert_false(blocking_watched(blocking, REGISTRY_RESOURCE_NODES, ""));

	blocking_wake(blocking, REGISTRY_RESOURCE_SERVICE, "Web", 6);
	assert_ptr_equal(blocking_next_ready(blocking), &web);
	assert_null(blocking_next_ready(blocking)); /* the other has seen 7 */
	blocking_wake(blocking, REGISTRY_RESOURCE_SERVICE, "web", 8);
	assert_ptr_equal(blocking_next_ready(blocking), &Web);
	assert_null(blocking_next_ready(blocking));
	blocking_wake(blocking, REGISTRY_RESOURCE_SERVICES, "", 6);
	assert_ptr_equal(blocking_next_ready(blocking), &services);
	assert_int_equal(blocking_count(blocking), 1);
	blocking_leave(blocking, &db);
	assert_int_equal(blocking_count(blocking), 0);
	assert_int_equal(blocking_next(blocking), INT64_MAX);
}

static void an_index_that_was_seen_wakes_nobody(void **state)
{
	struct blocking *blocking = *state;
	struct blocking_wait wait;

	park(blocking, &wait, REGISTRY_RESOURCE_CHECKS, "", 5, 100);
	blocking_wake(blocking, REGISTRY_RESOURCE_CHECKS, "", 5);
	assert_null(blocking_next_ready(blocking));
	blocking_wake(blocking, REGISTRY_RESOURCE_CHECKS, "", UINT64_MAX);
	assert_ptr_equal(blocking_next_ready(blocking), &wait);
}

static void deadlines_come_in_order(void **state)
{
	struct blocking *blocking = *state;
	struct blocking_wait waits[3];

	park(blocking, &waits[0], REGISTRY_RESOURCE_SERVICE, "a", 1, 300);
	park(blocking, &waits[1], REGISTRY_RESOURCE_SERVICE, "b", 1, 100);
	park(blocking, &waits[2], REGISTRY_RESOURCE_SERVICE, "a", 1, 200);
	assert_int_equal(blocking_next(blocking), 100);
	blocking_expire(blocking, 99);
	assert_null(blocking_next_ready(blocking));
	blocking_expire(blocking, 200);
	assert_ptr_equal(blocking_next_ready(blocking), &waits[1]);
	assert_ptr_equal(blocking_next_ready(blocking), &waits[2]);
	assert_null(blocking_next_ready(blocking));
	assert_int_equal(blocking_next(blocking), 300);
	blocking_expire(blocking, INT64_MAX); /* the end: everybody */
	assert_ptr_equal(blocking_next_ready(blocking), &waits[0]);
}

static void who_leaves_is_not_woken(void **state)
{
	struct blocking *blocking = *state;
	struct blocking_wait waits[4], never = {0};

	for (int i = 0; i < 4; i++)
		park(blocking, &waits[i], REGISTRY_RESOURCE_SERVICE, "web", 1, 100 + i);
	blocking_leave(blocking, &waits[1]); /* parked */
	blocking_leave(blocking, &never);
	blocking_wake(blocking, REGISTRY_RESOURCE_SERVICE, "web", 2);
	blocking_leave(blocking, &waits[3]); /* ready, at either end of the queue, and in its middle */
	blocking_leave(blocking, &waits[2]);
	assert_ptr_equal(blocking_next_ready(blocking), &waits[0]);
	assert_null(blocking_next_ready(blocking));
	assert_int_equal(blocking_count(blocking), 0);
	/* Parked again after a look in vain, with the same deadline. */
	blocking_park(blocking, &waits[0]);
	assert_int_equal(blocking_next(blocking), 100);
	blocking_leave(blocking, &waits[0]);
}

static void thousands_in_all_buckets(void **state)
{
	static struct blocking_wait waits[5000];
	static char names[5000][8];
	struct blocking *blocking = *state;
	size_t ready = 0;

	for (int i = 0; i < 5000; i++) {
		for (int digit = 0, n = i; digit < 5; digit++, n /= 10)
			names[i][digit] = (char)('0' + n % 10);
		park(blocking, &waits[i], REGISTRY_RESOURCE_SERVICE, names[i], 1, 1000 - i % 7);
	}
	for (int i = 0; i < 5000; i += 2)
		blocking_wake(blocking, REGISTRY_RESOURCE_SERVICE, names[i], 2);
	for (struct blocking_wait *wait; (wait = blocking_next_ready(blocking));)
		ready += ((wait - waits) % 2 == 0);
	assert_int_equal(ready, 2500);
	assert_int_equal(blocking_count(blocking), 2500);
	blocking_expire(blocking, INT64_MAX);
	while (blocking_next_ready(blocking))
		ready++;
	assert_int_equal(ready, 5000);
}

/* consul.md section 2.2: never longer than wait + wait/16. */
static void duration(void **state)
{
	const int64_t s = CLOCK_NS_PER_S;

	assert_int_equal(blocking_duration(0, 300 * s, 600 * s, 0), 300 * s);
	assert_int_equal(blocking_duration(-5, 300 * s, 600 * s, 0), 300 * s);
	assert_int_equal(blocking_duration(60 * s, 300 * s, 600 * s, 0), 60 * s);
	assert_int_equal(blocking_duration(3600 * s, 300 * s, 600 * s, 0), 600 * s);
	assert_int_equal(blocking_duration(1, 300 * s, 600 * s, 12345), 1);
	for (uint64_t random = 0; random < 1000; random++) {
		int64_t ns =
			blocking_duration(16 * s, 300 * s, 600 * s, random * UINT64_C(0x9e3779b97f4a7c15));

		assert_true(ns >= 16 * s && ns < 17 * s);
	}
	assert_true(blocking_duration(16 * s, 0, 600 * s, UINT64_MAX / 2) > 16 * s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wakes_its_service_only, setup, teardown),
		cmocka_unit_test_setup_teardown(an_index_that_was_seen_wakes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(deadlines_come_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(who_leaves_is_not_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_in_all_buckets, setup, teardown),
		cmocka_unit_test(duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
