/* The order in which probes start, the cap, and where jitter may put them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/scheduler.h"

#define S CLOCK_NS_PER_S

static int setup(void **state)
{
	struct health_scheduler *scheduler = calloc(1, sizeof(*scheduler));

	health_scheduler_init(scheduler, 2, 7);
	*state = scheduler;
	return 0;
}

static int teardown(void **state)
{
	health_scheduler_finish(*state);
	free(*state);
	return 0;
}

static void probes_come_in_due_order_below_the_cap(void **state)
{
	struct health_scheduler *s = *state;
	struct health_timer a = {0}, b = {0}, c = {0};

	health_scheduler_probe_at(s, &c, 30);
	health_scheduler_probe_at(s, &a, 10);
	health_scheduler_probe_at(s, &b, 20);
	assert_int_equal(health_scheduler_next(s), 10);
	assert_null(health_scheduler_take_probe(s, 9));
	assert_ptr_equal(health_scheduler_take_probe(s, 40), &a);
	assert_null(a.heap);
	assert_ptr_equal(health_scheduler_take_probe(s, 40), &b);
	assert_null(health_scheduler_take_probe(s, 40)); /* two run */
	assert_int_equal(health_scheduler_next(s), HEALTH_NEVER);
	health_scheduler_finished(s);
	assert_int_equal(health_scheduler_next(s), 30);
	assert_ptr_equal(health_scheduler_take_probe(s, 40), &c);
	assert_int_equal(s->in_flight, 2);
}

static void alarms_have_no_cap(void **state)
{
	struct health_scheduler *s = *state;
	struct health_timer probe[3] = {0}, alarm[3] = {0};

	for (int i = 0; i < 3; i++) {
		health_scheduler_probe_at(s, &probe[i], i);
		health_scheduler_alarm_at(s, &alarm[i], 100 + i);
	}
	assert_non_null(health_scheduler_take_probe(s, 50));
	assert_non_null(health_scheduler_take_probe(s, 50));
	assert_null(health_scheduler_take_probe(s, 50));
	assert_int_equal(health_scheduler_next(s), 100);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(health_scheduler_take_alarm(s, 200), &alarm[i]);
	assert_null(health_scheduler_take_alarm(s, 200));
}

static void equal_due_times_keep_their_turn(void **state)
{
	struct health_scheduler *s = *state;
	struct health_timer timers[20] = {0};

	for (int i = 0; i < 20; i++)
		health_scheduler_alarm_at(s, &timers[i], 5);
	for (int i = 0; i < 20; i++)
		assert_ptr_equal(health_scheduler_take_alarm(s, 5), &timers[i]);
}

/* Against the plain way of doing it: arm, move and disarm at random, and compare with a scan for the least.
 */
static void the_heap_agrees_with_a_scan(void **state)
{
	enum { COUNT = 100 };
	struct health_scheduler *s = *state;
	struct health_timer timers[COUNT] = {0};
	unsigned random = 1;

	for (int round = 0; round < 5000; round++) {
		struct health_timer *timer, *least = NULL;

		random = random * 1103515245u + 12345u;
		timer = &timers[(random >> 16) % COUNT];
		random = random * 1103515245u + 12345u;
		if ((random >> 16) % 4 == 0)
			health_scheduler_disarm(timer);
		else
			health_scheduler_alarm_at(s, timer, (random >> 8) % 1000);
		for (int i = 0; i < COUNT; i++)
			if (timers[i].heap && (!least || timers[i].due_ns < least->due_ns ||
						      (timers[i].due_ns == least->due_ns &&
							      timers[i].order < least->order)))
				least = &timers[i];
		assert_int_equal(health_scheduler_next(s), least ? least->due_ns : HEALTH_NEVER);
		if (round % 3 == 0)
			assert_ptr_equal(health_scheduler_take_alarm(s, 1000), least);
	}
}

static void a_shift_moves_all(void **state)
{
	struct health_scheduler *s = *state;
	struct health_timer probe = {0}, alarm = {0};

	health_scheduler_probe_at(s, &probe, 10);
	health_scheduler_alarm_at(s, &alarm, 20);
	health_scheduler_shift(s, 1000);
	assert_null(health_scheduler_take_probe(s, 1009));
	assert_ptr_equal(health_scheduler_take_probe(s, 1010), &probe);
	assert_ptr_equal(health_scheduler_take_alarm(s, 1020), &alarm);
}

static void a_fresh_check_is_probed_at_once_and_a_loaded_one_within_the_spread(void **state)
{
	struct health_scheduler *s = *state;
	int64_t least = INT64_MAX, most = 0;

	assert_int_equal(health_scheduler_first(s, true, 60 * S, 10 * S, 5 * S), 5 * S);
	for (int i = 0; i < 1000; i++) {
		int64_t at = health_scheduler_first(s, false, 60 * S, 10 * S, 5 * S);

		least = at < least ? at : least;
		most = at > most ? at : most;
		at = health_scheduler_first(s, false, 2 * S, 10 * S, 0);
		assert_in_range(at, 0, 2 * S - 1);
	}
	assert_in_range(least, 5 * S, 6 * S);
	assert_in_range(most, 14 * S, 15 * S - 1);
}

static void jitter_only_shortens_an_interval(void **state)
{
	struct health_scheduler *s = *state;
	int64_t least = INT64_MAX, most = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t at = health_scheduler_again(s, 10 * S, 100 * S);

		least = at < least ? at : least;
		most = at > most ? at : most;
	}
	assert_in_range(least, 109 * S, 109 * S + S / 10);
	assert_in_range(most, 110 * S - S / 10, 110 * S);
	assert_int_equal(health_scheduler_again(s, 1, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(probes_come_in_due_order_below_the_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(alarms_have_no_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(equal_due_times_keep_their_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(the_heap_agrees_with_a_scan, setup, teardown),
		cmocka_unit_test_setup_teardown(a_shift_moves_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_fresh_check_is_probed_at_once_and_a_loaded_one_within_the_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(jitter_only_shortens_an_interval, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
