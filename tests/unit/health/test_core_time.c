/* What ends by the clock: TTL checks, and how a process that was stopped treats them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "core_rig.h"

/* The TTL check "t" of 2 s, one second after its first heartbeat. */
static void put_heard(struct rig *f)
{
	rig_put(f, rig_ttl_row("t", 2 * S), true);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 1 * S);
}

static void a_ttl_expires_once_and_a_heartbeat_brings_it_back(void **state)
{
	struct rig *f = *state;

	put_heard(f);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 1);
	rig_heartbeat(f, "t", REGISTRY_PASSING); /* nothing new, but it moves the end */
	rig_pass(f, 1900 * MS);
	assert_null(f->command);
	rig_pass(f, 100 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_CRITICAL), 1);
	rig_pass(f, 10 * S);
	assert_null(f->command);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 100 * MS);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 2);
	rig_pass(f, 1900 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_CRITICAL), 2);
}

static void a_ttl_that_was_never_passed_expires_too(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_ttl_row("t", 100 * MS), true);
	rig_pass(f, 100 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	rig_answer(f, 0);
}

static void a_ttl_that_was_registered_again_starts_anew(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_ttl_row("t", 2 * S), true);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	for (int i = 0; i < 5; i++) {
		rig_pass(f, 1500 * MS);
		rig_put(f, rig_ttl_row("t", 2 * S), false);
	}
	assert_null(f->command);
	rig_pass(f, 2 * S);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
}

static void an_end_of_ttl_that_cannot_be_stored_goes_back(void **state)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct rig *f = *state;

	rig_put(f, rig_ttl_row("t", 2 * S), true);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 2 * S);
	assert_true(registry_live_get(f->live, "node", "t", arena, &live));
	assert_int_equal(live.status, REGISTRY_CRITICAL); /* so that a heartbeat now is a change */
	rig_answer(f, -ENOSPC);
	assert_true(registry_live_get(f->live, "node", "t", arena, &live));
	assert_int_equal(live.status, REGISTRY_PASSING); /* as DNS still says */
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_CRITICAL), 0);
	rig_pass(f, 1 * S);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	rig_answer(f, -ENOSPC);
	rig_heartbeat(f, "t", REGISTRY_PASSING); /* it lives, after all */
	rig_pass(f, 1900 * MS);
	assert_null(f->command);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_CRITICAL), 0);
	arena_destroy(arena);
}

static void a_heartbeat_of_failure_starts_the_deregister_clock(void **state)
{
	struct registry_check row = rig_ttl_row("t", 60 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	rig_put(f, row, true);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 5 * S);
	rig_heartbeat(f, "t", REGISTRY_CRITICAL);
	rig_pass(f, 2 * S);
	assert_null(f->command);
	rig_heartbeat(f, "t", REGISTRY_CRITICAL); /* still: the clock runs on */
	rig_pass(f, 1100 * MS);
	rig_expect_command(f, REGISTRY_REAP, 0, NULL);
	rig_answer(f, 0);
}

static void a_restart_gives_a_ttl_check_one_full_ttl_and_a_new_clock(void **state)
{
	struct registry_check row = rig_ttl_row("t", 5 * S);
	struct rig *f = *state;

	row.status = REGISTRY_CRITICAL;
	row.checked = true;
	row.definition.deregister_after_ns = 2 * S;
	rig_put(f, row, false);
	rig_pass(f, 4900 * MS);
	assert_null(f->command); /* critical on disk for who knows how long: that does not count */
	rig_pass(f, 100 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	rig_answer(f, 0);
	rig_pass(f, 1900 * MS);
	assert_null(f->command);
	rig_pass(f, 200 * MS);
	rig_expect_command(f, REGISTRY_REAP, 0, NULL);
	rig_answer(f, 0);
}

static void a_stopped_process_expires_no_ttl(void **state)
{
	struct registry_check row = rig_ttl_row("t", 2 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 1 * S;
	rig_put(f, row, true);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 1900 * MS);
	rig_stop_for(f, 30 * S);
	assert_null(f->command);
	rig_pass(f, 1900 * MS); /* a full TTL to be heard again, not what was left of it */
	assert_null(f->command);
	rig_heartbeat(f, "t", REGISTRY_PASSING);
	rig_pass(f, 1900 * MS);
	assert_null(f->command);
	rig_pass(f, 200 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	rig_answer(f, 0);
}

static void a_heartbeat_heard_on_waking_counts_from_then(void **state)
{
	struct rig *f = *state;

	put_heard(f);
	clock_manual_advance(&f->clock, 3600 * S);
	rig_heartbeat(f, "t", REGISTRY_PASSING); /* the http thread is the first to run */
	health_core_step(&f->core);
	rig_pass(f, 1900 * MS);
	assert_null(f->command);
	rig_pass(f, 100 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	rig_answer(f, 0);
}

static void a_stopped_process_still_removes_what_had_expired(void **state)
{
	struct registry_check row = rig_ttl_row("t", 2 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 10 * S;
	rig_put(f, row, true);
	rig_pass(f, 3 * S);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	rig_answer(f, 0);
	rig_stop_for(f, 60 * S);
	rig_pass(f, 5 * S);
	assert_null(f->command);
	rig_pass(f, 10 * S);
	rig_expect_command(f, REGISTRY_REAP, 0, NULL);
	assert_string_equal(f->command->instance_id, "web-1");
}

/* What the next heartbeat would be taken for. */
static enum registry_live_verdict beat(struct rig *f)
{
	return registry_live_heartbeat(
		f->live, "node", "t", REGISTRY_PASSING, "", clock_now(&f->clock.clock));
}

static void a_heartbeat_stored_late_does_not_hide_the_end_of_its_ttl(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_ttl_row("t", 2 * S), true);
	assert_int_equal(beat(f), REGISTRY_LIVE_CHANGED); /* its write waits for a slow disk */
	rig_pass(f, 3 * S);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	registry_live_set_status(
		f->live, "node", "t", REGISTRY_PASSING); /* both are stored; http hears first */
	rig_answer(f, 0);
	health_core_changed(&f->core, "node", "t");
	assert_int_equal(beat(f), REGISTRY_LIVE_CHANGED);
}

static void nor_when_the_http_thread_hears_last(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_ttl_row("t", 2 * S), true);
	assert_int_equal(beat(f), REGISTRY_LIVE_CHANGED);
	rig_pass(f, 3 * S);
	rig_answer(f, 0);
	health_core_changed(&f->core, "node", "t");
	registry_live_set_status(f->live, "node", "t", REGISTRY_PASSING);
	assert_int_equal(beat(f), REGISTRY_LIVE_SAME); /* lost, but not those that follow */
	for (int i = 0; i < 3; i++) {
		rig_pass(f, 1 * S);
		beat(f);
	}
	assert_int_equal(beat(f), REGISTRY_LIVE_CHANGED);
}

static void a_stopped_process_probes_again_before_it_judges(void **state)
{
	struct registry_check row = rig_tcp_row("a", 1 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	rig_put(f, row, true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_CRITICAL, "down");
	rig_answer(f, 0);
	rig_pass(f, 1 * S);
	assert_int_equal(f->started, 2);
	clock_manual_advance(&f->clock, 30 * S);
	rig_end(f, REGISTRY_CRITICAL, "i/o timeout"); /* the first thing that the loop sees on waking */
	health_core_step(&f->core);
	assert_null(f->command);
	assert_int_equal(f->started, 3);
	assert_non_null(f->running);
	rig_pass(f, 2500 * MS); /* the deregister time is over, but the new round has not said anything */
	assert_null(f->command);
	rig_end(f, REGISTRY_CRITICAL, "down");
	rig_expect_command(f, REGISTRY_REAP, 0, NULL);
	rig_answer(f, 0);
}

static void a_stopped_process_cancels_what_runs(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 60 * S), true);
	rig_put(f, rig_tcp_row("b", 60 * S), true);
	health_core_step(&f->core);
	rig_stop_for(f, 5 * S);
	assert_int_equal(f->cancelled, 2);
	assert_int_equal(f->started, 4);
	assert_int_equal(f->core.scheduler.in_flight, 2);
}

static void what_is_registered_on_waking_is_probed_at_once(void **state)
{
	struct registry_check row = rig_tcp_row("a", 60 * S);
	const struct registry_change change = {
		.kind = REGISTRY_CHECK_PUT, .node = "node", .check_id = "a", .check = &row, .fresh = true};
	const struct registry_commit commit = {.index = 2, .changes = &change, .count = 1};
	struct rig *f = *state;

	health_core_step(&f->core);
	clock_manual_advance(&f->clock, 30 * S);
	health_core_commit(&f->core, &commit); /* it lay in the inbox */
	health_core_step(&f->core);
	assert_int_equal(f->started, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ttl_expires_once_and_a_heartbeat_brings_it_back),
		TEST(a_ttl_that_was_never_passed_expires_too),
		TEST(a_ttl_that_was_registered_again_starts_anew),
		TEST(an_end_of_ttl_that_cannot_be_stored_goes_back),
		TEST(a_heartbeat_of_failure_starts_the_deregister_clock),
		TEST(a_restart_gives_a_ttl_check_one_full_ttl_and_a_new_clock),
		TEST(a_stopped_process_expires_no_ttl),
		TEST(a_heartbeat_heard_on_waking_counts_from_then),
		TEST(a_stopped_process_still_removes_what_had_expired),
		TEST(a_heartbeat_stored_late_does_not_hide_the_end_of_its_ttl),
		TEST(nor_when_the_http_thread_hears_last),
		TEST(a_stopped_process_probes_again_before_it_judges),
		TEST(a_stopped_process_cancels_what_runs),
		TEST(what_is_registered_on_waking_is_probed_at_once),
	};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
