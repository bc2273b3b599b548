/* When probes start, what their results do, and what becomes of it when the writer fails. */
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

static void a_fresh_check_is_probed_at_once_and_then_each_interval(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	assert_int_equal(rig_checks(f), 1);
	assert_int_equal(rig_count(f, METRIC_HEALTH_CHECKS_WAITING), 1);
	health_core_step(&f->core);
	assert_int_equal(f->started, 1);
	assert_int_equal(f->running->request.timeout_ns, 10 * S); /* the default */
	rig_end(f, REGISTRY_PASSING, "fine");
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING, "fine");
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 1);
	assert_int_equal(rig_checks(f), 1);
	assert_int_equal(rig_count(f, METRIC_HEALTH_CHECKS_PASSING), 1);
	rig_pass(f, 9 * S - 100 * MS);
	assert_int_equal(f->started, 1);
	rig_pass(f, 1 * S + 100 * MS);
	assert_int_equal(f->started, 2);
	rig_end(f, REGISTRY_PASSING, "still fine");
	assert_null(f->command); /* nothing changed: nothing to write */
	assert_int_equal(f->commands, 1);
	assert_int_equal(rig_count(f, METRIC_HEALTH_PROBES), 2);
}

/* In portions: the loop hears of other things in between. */
static void probes_may_end_within_their_start(void **state)
{
	struct rig *f = *state;
	int64_t now = clock_now(&f->clock.clock);
	unsigned steps = 0;
	char id[16];

	f->at_once = true;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "check-%u", i);
		rig_put(f, rig_tcp_row(id, 10 * S), true);
	}
	do
		steps++;
	while (health_core_step(&f->core) <= now);
	assert_int_equal(f->started, 200);
	assert_true(steps > 2);
	assert_int_equal(f->core.scheduler.in_flight, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_PROBES), 200);
	assert_int_equal(rig_count(f, METRIC_HEALTH_IN_FLIGHT), 0);
	rig_pass(f, 10 * S);
	assert_int_equal(f->started, 400);
}

static void outputs_go_to_live_even_without_a_change(void **state)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_PASSING, "one");
	rig_answer(f, 0);
	rig_pass(f, 1 * S);
	rig_end(f, REGISTRY_PASSING, "two");
	assert_true(registry_live_get(f->live, "node", "a", arena, &live));
	assert_string_equal(live.output, "two");
	assert_int_equal(live.status, REGISTRY_PASSING);
	assert_true(live.checked);
	arena_destroy(arena);
}

static void intervals_are_raised_to_the_least(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 1 * MS), true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_PASSING, "");
	rig_answer(f, 0);
	rig_pass(f, 800 * MS);
	assert_int_equal(f->started, 1);
	rig_pass(f, 200 * MS);
	assert_int_equal(f->started, 2);
}

static void no_more_probes_run_than_the_cap(void **state)
{
	static const char *const ids[] = {"a", "b", "c", "d"};
	struct rig *f = *state;

	for (size_t i = 0; i < 4; i++)
		rig_put(f, rig_tcp_row(ids[i], 10 * S), true);
	health_core_step(&f->core);
	assert_int_equal(f->started, 2);
	assert_int_equal(rig_count(f, METRIC_HEALTH_IN_FLIGHT), 2);
	assert_string_equal(f->running->target, "b"); /* in the order in which they came */
	rig_end(f, REGISTRY_CRITICAL, "");
	rig_answer(f, 0);
	health_core_step(&f->core);
	assert_int_equal(f->started, 3);
	assert_string_equal(f->running->target, "c");
	health_core_tune(&f->core,
		&(struct health_core_tuning){.in_flight = 10, .stopped_ns = 2 * S, .output_size = 1});
	health_core_step(&f->core);
	assert_int_equal(f->started, 4);
}

static void a_check_that_goes_takes_its_probe_along(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	health_core_gone(&f->core, "NODE", "A"); /* names compare without case */
	assert_int_equal(f->cancelled, 1);
	assert_int_equal(rig_checks(f), 0);
	rig_pass(f, 30 * S);
	assert_int_equal(f->started, 1);
}

static void an_answer_for_a_check_that_is_gone_is_dropped(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_PASSING, "");
	health_core_gone(&f->core, "node", "a");
	rig_answer(f, -ENOENT);
	rig_pass(f, 5 * S);
	assert_null(f->command);
}

static void loaded_checks_are_spread_and_keep_their_status(void **state)
{
	struct rig *f = *state;
	struct registry_check row = rig_tcp_row("a", 60 * S);

	row.status = REGISTRY_PASSING;
	row.checked = true;
	rig_put(f, row, false);
	health_core_step(&f->core);
	rig_pass(f, 10 * S);
	assert_int_equal(f->started, 1); /* within ten seconds, whatever its interval */
	rig_end(f, REGISTRY_PASSING, "fine");
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING,
		"fine"); /* once, to be sure; the writer finds it so */
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 0);
}

static void registering_again_as_it_stood_changes_nothing(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	rig_put(f, rig_tcp_row("a", 10 * S), false);
	assert_int_equal(f->cancelled, 0);
	rig_end(f, REGISTRY_PASSING, "");
	rig_answer(f, 0);
	rig_put(f, rig_tcp_row("a", 10 * S), false);
	rig_pass(f, 8 * S);
	assert_int_equal(f->started, 1);
}

static void a_changed_definition_is_probed_at_once(void **state)
{
	struct registry_check row = rig_tcp_row("a", 10 * S);
	struct rig *f = *state;

	rig_put(f, row, true);
	health_core_step(&f->core);
	row.definition.target = "elsewhere";
	rig_put(f, row, true);
	assert_int_equal(f->cancelled, 1);
	health_core_step(&f->core);
	assert_string_equal(f->running->target, "elsewhere");
}

static void a_check_may_change_its_kind(void **state)
{
	struct rig *f = *state;
	struct registry_check none = rig_tcp_row("a", 10 * S);

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	rig_put(f, rig_ttl_row("a", 5 * S), true);
	assert_int_equal(f->cancelled, 1);
	rig_heartbeat(f, "a", REGISTRY_PASSING);
	rig_pass(f, 3 * S);
	assert_null(f->command);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 1);
	none.definition.type = REGISTRY_CHECK_NONE;
	rig_put(f, none, true);
	assert_int_equal(rig_checks(f), 0);
	rig_pass(f, 10 * S);
	assert_null(f->command);
}

static void a_status_that_cannot_be_stored_is_tried_again(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 60 * S), true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_PASSING, "fine");
	rig_answer(f, -ENOSPC);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 0);
	rig_pass(f, 900 * MS);
	assert_null(f->command);
	rig_pass(f, 200 * MS);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING, "fine");
	rig_answer(f, -ENOSPC);
	rig_pass(f, 1100 * MS);
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 1);
	rig_pass(f, 5 * S);
	assert_null(f->command);
}

static void a_result_while_the_writer_is_busy_is_not_lost(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_PASSING, "up");
	rig_pass(f, 1 * S);
	rig_end(f, REGISTRY_CRITICAL, "down"); /* the first is still with the writer */
	assert_int_equal(f->commands, 1);
	rig_answer(f, 0);
	rig_expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "down");
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_CRITICAL), 1);
}

static void what_we_lack_ourselves_is_no_result(void **state)
{
	struct rig *f = *state;

	f->start_error = -EMFILE;
	rig_put(f, rig_tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	assert_null(f->command);
	assert_int_equal(f->core.scheduler.in_flight, 0);
	f->start_error = -EINVAL; /* the target's fault */
	rig_pass(f, 1 * S);
	assert_int_equal(f->started, 2);
	assert_non_null(f->command);
	assert_int_equal(f->command->status, REGISTRY_CRITICAL);
}

static void an_instance_that_stays_critical_is_removed_on_time(void **state)
{
	struct registry_check row = rig_tcp_row("a", 1 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	rig_put(f, row, true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_CRITICAL, "down");
	rig_answer(f, 0);
	for (int i = 0; i < 29; i++) {
		rig_pass(f, 100 * MS);
		assert_null(f->command);
		if (f->running)
			rig_end(f, REGISTRY_CRITICAL, "down");
	}
	rig_pass(f, 100 * MS);
	rig_expect_command(f, REGISTRY_REAP, 0, NULL);
	assert_string_equal(f->command->check_id, "a");
	rig_answer(f, 0);
	assert_int_equal(rig_count(f, METRIC_HEALTH_REAPED), 1);
}

static void a_good_result_ends_the_deregister_clock(void **state)
{
	struct registry_check row = rig_tcp_row("a", 1 * S);
	struct rig *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	rig_put(f, row, true);
	health_core_step(&f->core);
	for (int i = 0; i < 20; i++) { /* up and down: never three seconds of it */
		rig_end(f, i % 2 ? REGISTRY_PASSING : REGISTRY_CRITICAL, "");
		rig_expect_command(f, REGISTRY_SET_STATUS, i % 2 ? REGISTRY_PASSING : REGISTRY_CRITICAL, "");
		rig_answer(f, 0);
		rig_pass(f, 1 * S);
	}
	assert_int_equal(rig_count(f, METRIC_HEALTH_REAPED), 0);
}

static void a_check_of_the_node_removes_nothing(void **state)
{
	struct registry_check row = rig_tcp_row("a", 60 * S);
	struct rig *f = *state;

	row.instance_id = row.service = "";
	row.definition.deregister_after_ns = 1 * S;
	rig_put(f, row, true);
	health_core_step(&f->core);
	rig_end(f, REGISTRY_CRITICAL, "");
	rig_answer(f, 0);
	rig_pass(f, 10 * S);
	assert_null(f->command);
}

static void a_heartbeat_of_a_node_is_heard(void **state)
{
	const struct registry_change change = {
		.kind = REGISTRY_NODE_CHANGED, .node = "node", .check_id = "t"};
	const struct registry_commit commit = {.index = 2, .changes = &change, .count = 1};
	struct registry_check row = rig_ttl_row("t", 10 * S);
	struct rig *f = *state;

	row.instance_id = row.service = "";
	rig_put(f, row, true);
	f->stored = REGISTRY_PASSING;
	health_core_commit(&f->core, &commit);
	assert_int_equal(rig_count(f, METRIC_HEALTH_TO_PASSING), 1);
}

static void no_probe_holds_its_place_for_ever(void **state)
{
	struct registry_check row = rig_tcp_row("a", 10 * S);
	struct rig *f = *state;

	row.definition.timeout_ns = 1000000 * S;
	rig_put(f, row, true);
	health_core_step(&f->core);
	assert_true(f->running->request.timeout_ns <= 600 * S);
}

static void an_older_row_does_not_undo_a_newer_one(void **state)
{
	struct registry_check row = rig_tcp_row("a", 60 * S);
	struct rig *f = *state;

	row.modify_index = 9;
	health_core_put(&f->core, &row, false);
	row.modify_index = 8;
	row.definition.target = "old";
	health_core_put(&f->core, &row, true);
	rig_pass(f, 10 * S);
	assert_string_equal(f->running->target, "a");
}

static void a_probe_is_timed(void **state)
{
	struct rig *f = *state;

	rig_put(f, rig_tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	clock_manual_advance(&f->clock, 30 * MS);
	rig_end(f, REGISTRY_PASSING, "fine");
	assert_int_equal(rig_count(f, METRIC_HEALTH_DURATION_TCP_SUM), 30 * MS);
	/* 1, 2, 5, 10, 20 us ... 10, 20, 50 ms: the fifteenth bucket. */
	assert_int_equal(rig_count(f, METRIC_HEALTH_DURATION_TCP + 14), 1);
	assert_int_equal(rig_count(f, METRIC_HEALTH_DURATION_HTTP_SUM), 0);
}

static void many_checks_are_found_again(void **state)
{
	struct rig *f = *state;
	char id[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "Check-%d", i);
		rig_put(f, rig_ttl_row(id, 60 * S), true);
	}
	assert_int_equal(rig_checks(f), 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "cHECK-%d", i);
		assert_non_null(health_checks_find(&f->core.checks, "node", id));
		health_core_gone(&f->core, "node", id);
		assert_null(health_checks_find(&f->core.checks, "node", id));
	}
	assert_int_equal(rig_checks(f), 0);
	assert_int_equal(health_core_step(&f->core), HEALTH_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_check_is_probed_at_once_and_then_each_interval),
		TEST(probes_may_end_within_their_start),
		TEST(outputs_go_to_live_even_without_a_change),
		TEST(intervals_are_raised_to_the_least),
		TEST(no_more_probes_run_than_the_cap),
		TEST(a_check_that_goes_takes_its_probe_along),
		TEST(an_answer_for_a_check_that_is_gone_is_dropped),
		TEST(loaded_checks_are_spread_and_keep_their_status),
		TEST(registering_again_as_it_stood_changes_nothing),
		TEST(a_changed_definition_is_probed_at_once),
		TEST(a_check_may_change_its_kind),
		TEST(a_status_that_cannot_be_stored_is_tried_again),
		TEST(a_result_while_the_writer_is_busy_is_not_lost),
		TEST(what_we_lack_ourselves_is_no_result),
		TEST(an_instance_that_stays_critical_is_removed_on_time),
		TEST(a_good_result_ends_the_deregister_clock),
		TEST(a_check_of_the_node_removes_nothing),
		TEST(a_heartbeat_of_a_node_is_heard),
		TEST(no_probe_holds_its_place_for_ever),
		TEST(an_older_row_does_not_undo_a_newer_one),
		TEST(a_probe_is_timed),
		TEST(many_checks_are_found_again),
	};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
