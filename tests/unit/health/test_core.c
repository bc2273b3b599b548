/* The core without loop, sockets or registry: a clock turned by hand, probes that the test ends, a writer
 * that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "health/core.h"

#define S CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

struct health_probe {
	struct health_probe *next;
	struct health_probe_request request;
	char target[64];
};

struct fixture {
	struct health_core core;
	struct clock_manual clock;
	struct registry_live *live;
	struct metrics metrics;
	struct health_probe *running;
	unsigned started, cancelled;
	int start_error;
	struct registry_command *command; /* that was submitted last and is not yet answered */
	unsigned commands;
	enum registry_status stored; /* what the registry says of the TTL check */
	uint64_t index;
};

static int start(const struct health_check_type *type, const struct health_probe_request *request, void *ctx,
	struct health_probe **ret)
{
	struct fixture *f = ctx;
	struct health_probe *probe;

	f->started++;
	if (f->start_error)
		return f->start_error;
	probe = calloc(1, sizeof(*probe));
	probe->request = *request;
	snprintf(probe->target, sizeof(probe->target), "%s", request->definition->target);
	probe->next = f->running;
	f->running = probe;
	*ret = probe;
	return 0;
}

static void unlink_probe(struct fixture *f, struct health_probe *probe)
{
	struct health_probe **at = &f->running;

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
}

static void cancel(const struct health_check_type *type, struct health_probe *probe, void *ctx)
{
	struct fixture *f = ctx;

	f->cancelled++;
	unlink_probe(f, probe);
	free(probe);
}

static int look_up(
	const char *node, const char *check_id, struct arena *arena, struct registry_check *ret, void *ctx)
{
	const struct fixture *f = ctx;

	*ret = (struct registry_check){.status = f->stored, .checked = true, .output = "beat"};
	return 0;
}

static void submit(struct registry_command *command, void *ctx)
{
	struct fixture *f = ctx;

	assert_null(f->command); /* one check, one command at a time */
	f->command = command;
	f->commands++;
}

static void answer(struct fixture *f, int error)
{
	struct registry_command *command = f->command;

	assert_non_null(command);
	f->command = NULL;
	command->error = error;
	command->changed = error == 0;
	command->done(command, command->ctx);
	registry_command_destroy(command);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct health_core_config config = {
		.tuning = {.in_flight = 2,
			.interval_min_ns = 1 * S,
			.interval_default_ns = 10 * S,
			.timeout_default_ns = 10 * S,
			.restart_spread_ns = 10 * S,
			.stopped_ns = 2 * S,
			.output_size = 4096},
		.seed = 1,
		.start = start,
		.cancel = cancel,
		.look_up = look_up,
		.submit = submit,
		.ctx = f,
	};

	clock_manual_init(&f->clock, 1000 * S, 0);
	f->live = registry_live_create(4096);
	f->index = 1;
	config.clock = &f->clock.clock;
	config.live = f->live;
	config.metrics = &f->metrics;
	health_core_init(&f->core, &config);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	health_core_finish(&f->core);
	assert_null(f->running);
	registry_command_destroy(f->command);
	registry_live_destroy(f->live);
	free(f);
	return 0;
}

static struct registry_check tcp_row(const char *id, int64_t interval_ns)
{
	return (struct registry_check){
		.node = "node",
		.id = id,
		.name = "",
		.notes = "",
		.instance_id = "web-1",
		.service = "web",
		.status = REGISTRY_CRITICAL,
		.output = "",
		.definition = {.type = REGISTRY_CHECK_TCP,
			.target = id,
			.method = "",
			.body = "",
			.tls_server_name = "",
			.interval_ns = interval_ns},
		.create_index = 1,
		.modify_index = 1,
	};
}

static struct registry_check ttl_row(const char *id, int64_t ttl_ns)
{
	struct registry_check row = tcp_row(id, 0);

	row.definition.type = REGISTRY_CHECK_TTL;
	row.definition.target = "";
	row.definition.ttl_ns = ttl_ns;
	return row;
}

static void put(struct fixture *f, struct registry_check row, bool fresh)
{
	row.modify_index = ++f->index;
	health_core_put(&f->core, &row, fresh);
}

static void end(struct fixture *f, enum registry_status status, const char *output)
{
	struct health_probe *probe = f->running;
	const struct health_result result = {.judged = true, .status = status, .output = output};

	assert_non_null(probe);
	unlink_probe(f, probe);
	probe->request.done(&result, probe->request.ctx);
	free(probe);
}

/* Time passes as in life: the loop turns at least once a second. */
static void pass(struct fixture *f, int64_t ns)
{
	while (ns > 0) {
		int64_t step = ns < 100 * MS ? ns : 100 * MS;

		clock_manual_advance(&f->clock, step);
		health_core_step(&f->core);
		ns -= step;
	}
}

static void stop_for(struct fixture *f, int64_t ns)
{
	clock_manual_advance(&f->clock, ns);
	health_core_step(&f->core);
}

static uint64_t count(const struct fixture *f, enum metric metric)
{
	return atomic_load(&f->metrics.values[metric]);
}

static void expect_command(
	struct fixture *f, enum registry_op op, enum registry_status status, const char *output)
{
	assert_non_null(f->command);
	assert_int_equal(f->command->op, op);
	if (op != REGISTRY_SET_STATUS)
		return;
	assert_int_equal(f->command->status, status);
	assert_string_equal(f->command->output, output);
}

static void heartbeat(struct fixture *f, const char *id, enum registry_status status)
{
	/* As the http thread does it. */
	if (registry_live_heartbeat(f->live, "node", id, status, "beat", clock_now(&f->clock.clock)) ==
		REGISTRY_LIVE_CHANGED) {
		registry_live_set_status(f->live, "node", id, status);
		f->stored = status;
		health_core_changed(&f->core, "node", id);
	}
}

static void a_fresh_check_is_probed_at_once_and_then_each_interval(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 10 * S), true);
	assert_int_equal(count(f, METRIC_HEALTH_CHECKS), 1);
	health_core_step(&f->core);
	assert_int_equal(f->started, 1);
	assert_int_equal(f->running->request.timeout_ns, 10 * S); /* the default */
	end(f, REGISTRY_PASSING, "fine");
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING, "fine");
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 1);
	pass(f, 9 * S - 100 * MS);
	assert_int_equal(f->started, 1);
	pass(f, 1 * S + 100 * MS);
	assert_int_equal(f->started, 2);
	end(f, REGISTRY_PASSING, "still fine");
	assert_null(f->command); /* nothing changed: nothing to write */
	assert_int_equal(f->commands, 1);
	assert_int_equal(count(f, METRIC_HEALTH_PROBES), 2);
}

static void outputs_go_to_live_even_without_a_change(void **state)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct fixture *f = *state;

	put(f, tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	end(f, REGISTRY_PASSING, "one");
	answer(f, 0);
	pass(f, 1 * S);
	end(f, REGISTRY_PASSING, "two");
	assert_true(registry_live_get(f->live, "node", "a", arena, &live));
	assert_string_equal(live.output, "two");
	assert_int_equal(live.status, REGISTRY_PASSING);
	assert_true(live.checked);
	arena_destroy(arena);
}

static void intervals_are_raised_to_the_least(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 1 * MS), true);
	health_core_step(&f->core);
	end(f, REGISTRY_PASSING, "");
	answer(f, 0);
	pass(f, 800 * MS);
	assert_int_equal(f->started, 1);
	pass(f, 200 * MS);
	assert_int_equal(f->started, 2);
}

static void no_more_probes_run_than_the_cap(void **state)
{
	static const char *const ids[] = {"a", "b", "c", "d"};
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++)
		put(f, tcp_row(ids[i], 10 * S), true);
	health_core_step(&f->core);
	assert_int_equal(f->started, 2);
	assert_int_equal(count(f, METRIC_HEALTH_IN_FLIGHT), 2);
	assert_string_equal(f->running->target, "b"); /* in the order in which they came */
	end(f, REGISTRY_CRITICAL, "");
	answer(f, 0);
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
	struct fixture *f = *state;

	put(f, tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	health_core_gone(&f->core, "NODE", "A"); /* names compare without case */
	assert_int_equal(f->cancelled, 1);
	assert_int_equal(count(f, METRIC_HEALTH_CHECKS), 0);
	pass(f, 30 * S);
	assert_int_equal(f->started, 1);
}

static void an_answer_for_a_check_that_is_gone_is_dropped(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	end(f, REGISTRY_PASSING, "");
	health_core_gone(&f->core, "node", "a");
	answer(f, -ENOENT);
	pass(f, 5 * S);
	assert_null(f->command);
}

static void loaded_checks_are_spread_and_keep_their_status(void **state)
{
	struct fixture *f = *state;
	struct registry_check row = tcp_row("a", 60 * S);

	row.status = REGISTRY_PASSING;
	row.checked = true;
	put(f, row, false);
	health_core_step(&f->core);
	pass(f, 10 * S);
	assert_int_equal(f->started, 1); /* within ten seconds, whatever its interval */
	end(f, REGISTRY_PASSING, "fine");
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING,
		"fine"); /* once, to be sure; the writer finds it so */
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 0);
}

static void registering_again_as_it_stood_changes_nothing(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	put(f, tcp_row("a", 10 * S), false);
	assert_int_equal(f->cancelled, 0);
	end(f, REGISTRY_PASSING, "");
	answer(f, 0);
	put(f, tcp_row("a", 10 * S), false);
	pass(f, 8 * S);
	assert_int_equal(f->started, 1);
}

static void a_changed_definition_is_probed_at_once(void **state)
{
	struct registry_check row = tcp_row("a", 10 * S);
	struct fixture *f = *state;

	put(f, row, true);
	health_core_step(&f->core);
	row.definition.target = "elsewhere";
	put(f, row, true);
	assert_int_equal(f->cancelled, 1);
	health_core_step(&f->core);
	assert_string_equal(f->running->target, "elsewhere");
}

static void a_check_may_change_its_kind(void **state)
{
	struct fixture *f = *state;
	struct registry_check none = tcp_row("a", 10 * S);

	put(f, tcp_row("a", 10 * S), true);
	health_core_step(&f->core);
	put(f, ttl_row("a", 5 * S), true);
	assert_int_equal(f->cancelled, 1);
	heartbeat(f, "a", REGISTRY_PASSING);
	pass(f, 3 * S);
	assert_null(f->command);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 1);
	none.definition.type = REGISTRY_CHECK_NONE;
	put(f, none, true);
	assert_int_equal(count(f, METRIC_HEALTH_CHECKS), 0);
	pass(f, 10 * S);
	assert_null(f->command);
}

static void a_status_that_cannot_be_stored_is_tried_again(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 60 * S), true);
	health_core_step(&f->core);
	end(f, REGISTRY_PASSING, "fine");
	answer(f, -ENOSPC);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 0);
	pass(f, 900 * MS);
	assert_null(f->command);
	pass(f, 200 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_PASSING, "fine");
	answer(f, -ENOSPC);
	pass(f, 1100 * MS);
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 1);
	pass(f, 5 * S);
	assert_null(f->command);
}

static void a_result_while_the_writer_is_busy_is_not_lost(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	end(f, REGISTRY_PASSING, "up");
	pass(f, 1 * S);
	end(f, REGISTRY_CRITICAL, "down"); /* the first is still with the writer */
	assert_int_equal(f->commands, 1);
	answer(f, 0);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "down");
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_CRITICAL), 1);
}

static void what_we_lack_ourselves_is_no_result(void **state)
{
	struct fixture *f = *state;

	f->start_error = -EMFILE;
	put(f, tcp_row("a", 1 * S), true);
	health_core_step(&f->core);
	assert_null(f->command);
	assert_int_equal(f->core.scheduler.in_flight, 0);
	f->start_error = -EINVAL; /* the target's fault */
	pass(f, 1 * S);
	assert_int_equal(f->started, 2);
	assert_non_null(f->command);
	assert_int_equal(f->command->status, REGISTRY_CRITICAL);
}

static void an_instance_that_stays_critical_is_removed_on_time(void **state)
{
	struct registry_check row = tcp_row("a", 1 * S);
	struct fixture *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	put(f, row, true);
	health_core_step(&f->core);
	end(f, REGISTRY_CRITICAL, "down");
	answer(f, 0);
	for (int i = 0; i < 29; i++) {
		pass(f, 100 * MS);
		assert_null(f->command);
		if (f->running)
			end(f, REGISTRY_CRITICAL, "down");
	}
	pass(f, 100 * MS);
	expect_command(f, REGISTRY_REAP, 0, NULL);
	assert_string_equal(f->command->check_id, "a");
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_REAPED), 1);
}

static void a_good_result_ends_the_deregister_clock(void **state)
{
	struct registry_check row = tcp_row("a", 1 * S);
	struct fixture *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	put(f, row, true);
	health_core_step(&f->core);
	for (int i = 0; i < 20; i++) { /* up and down: never three seconds of it */
		end(f, i % 2 ? REGISTRY_PASSING : REGISTRY_CRITICAL, "");
		expect_command(f, REGISTRY_SET_STATUS, i % 2 ? REGISTRY_PASSING : REGISTRY_CRITICAL, "");
		answer(f, 0);
		pass(f, 1 * S);
	}
	assert_int_equal(count(f, METRIC_HEALTH_REAPED), 0);
}

static void a_check_of_the_node_removes_nothing(void **state)
{
	struct registry_check row = tcp_row("a", 60 * S);
	struct fixture *f = *state;

	row.instance_id = row.service = "";
	row.definition.deregister_after_ns = 1 * S;
	put(f, row, true);
	health_core_step(&f->core);
	end(f, REGISTRY_CRITICAL, "");
	answer(f, 0);
	pass(f, 10 * S);
	assert_null(f->command);
}

static void a_ttl_expires_once_and_a_heartbeat_brings_it_back(void **state)
{
	struct fixture *f = *state;

	put(f, ttl_row("t", 2 * S), true);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 1 * S);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 1);
	heartbeat(f, "t", REGISTRY_PASSING); /* nothing new, but it moves the end */
	pass(f, 1900 * MS);
	assert_null(f->command);
	pass(f, 100 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_CRITICAL), 1);
	pass(f, 10 * S);
	assert_null(f->command);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 100 * MS);
	assert_int_equal(count(f, METRIC_HEALTH_TO_PASSING), 2);
	pass(f, 1900 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	answer(f, 0);
	assert_int_equal(count(f, METRIC_HEALTH_TO_CRITICAL), 2);
}

static void a_ttl_that_was_never_passed_expires_too(void **state)
{
	struct fixture *f = *state;

	put(f, ttl_row("t", 100 * MS), true);
	pass(f, 100 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	answer(f, 0);
}

static void a_ttl_that_was_registered_again_starts_anew(void **state)
{
	struct fixture *f = *state;

	put(f, ttl_row("t", 2 * S), true);
	heartbeat(f, "t", REGISTRY_PASSING);
	for (int i = 0; i < 5; i++) {
		pass(f, 1500 * MS);
		put(f, ttl_row("t", 2 * S), false);
	}
	assert_null(f->command);
	pass(f, 2 * S);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
}

static void an_end_of_ttl_that_cannot_be_stored_goes_back(void **state)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct fixture *f = *state;

	put(f, ttl_row("t", 2 * S), true);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 2 * S);
	assert_true(registry_live_get(f->live, "node", "t", arena, &live));
	assert_int_equal(live.status, REGISTRY_CRITICAL); /* so that a heartbeat now is a change */
	answer(f, -ENOSPC);
	assert_true(registry_live_get(f->live, "node", "t", arena, &live));
	assert_int_equal(live.status, REGISTRY_PASSING); /* as DNS still says */
	assert_int_equal(count(f, METRIC_HEALTH_TO_CRITICAL), 0);
	pass(f, 1 * S);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	answer(f, -ENOSPC);
	heartbeat(f, "t", REGISTRY_PASSING); /* it lives, after all */
	pass(f, 1900 * MS);
	assert_null(f->command);
	assert_int_equal(count(f, METRIC_HEALTH_TO_CRITICAL), 0);
	arena_destroy(arena);
}

static void a_heartbeat_of_failure_starts_the_deregister_clock(void **state)
{
	struct registry_check row = ttl_row("t", 60 * S);
	struct fixture *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	put(f, row, true);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 5 * S);
	heartbeat(f, "t", REGISTRY_CRITICAL);
	pass(f, 2 * S);
	assert_null(f->command);
	heartbeat(f, "t", REGISTRY_CRITICAL); /* still: the clock runs on */
	pass(f, 1100 * MS);
	expect_command(f, REGISTRY_REAP, 0, NULL);
	answer(f, 0);
}

static void a_restart_gives_a_ttl_check_one_full_ttl_and_a_new_clock(void **state)
{
	struct registry_check row = ttl_row("t", 5 * S);
	struct fixture *f = *state;

	row.status = REGISTRY_CRITICAL;
	row.checked = true;
	row.definition.deregister_after_ns = 2 * S;
	put(f, row, false);
	pass(f, 4900 * MS);
	assert_null(f->command); /* critical on disk for who knows how long: that does not count */
	pass(f, 100 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL, "TTL expired");
	answer(f, 0);
	pass(f, 1900 * MS);
	assert_null(f->command);
	pass(f, 200 * MS);
	expect_command(f, REGISTRY_REAP, 0, NULL);
	answer(f, 0);
}

static void a_stopped_process_expires_no_ttl(void **state)
{
	struct registry_check row = ttl_row("t", 2 * S);
	struct fixture *f = *state;

	row.definition.deregister_after_ns = 1 * S;
	put(f, row, true);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 1900 * MS);
	stop_for(f, 30 * S);
	assert_null(f->command);
	pass(f, 1900 * MS); /* a full TTL to be heard again, not what was left of it */
	assert_null(f->command);
	heartbeat(f, "t", REGISTRY_PASSING);
	pass(f, 1900 * MS);
	assert_null(f->command);
	pass(f, 200 * MS);
	expect_command(f, REGISTRY_SET_STATUS, REGISTRY_CRITICAL,
		"TTL expired (last output before timeout follows): beat");
	answer(f, 0);
}

static void a_stopped_process_probes_again_before_it_judges(void **state)
{
	struct registry_check row = tcp_row("a", 1 * S);
	struct fixture *f = *state;

	row.definition.deregister_after_ns = 3 * S;
	put(f, row, true);
	health_core_step(&f->core);
	end(f, REGISTRY_CRITICAL, "down");
	answer(f, 0);
	pass(f, 1 * S);
	assert_int_equal(f->started, 2);
	clock_manual_advance(&f->clock, 30 * S);
	end(f, REGISTRY_CRITICAL, "i/o timeout"); /* the first thing that the loop sees on waking */
	health_core_step(&f->core);
	assert_null(f->command);
	assert_int_equal(f->started, 3);
	assert_non_null(f->running);
	pass(f, 2500 * MS); /* the deregister time is over, but the new round has not said anything */
	assert_null(f->command);
	end(f, REGISTRY_CRITICAL, "down");
	expect_command(f, REGISTRY_REAP, 0, NULL);
	answer(f, 0);
}

static void a_stopped_process_cancels_what_runs(void **state)
{
	struct fixture *f = *state;

	put(f, tcp_row("a", 60 * S), true);
	put(f, tcp_row("b", 60 * S), true);
	health_core_step(&f->core);
	stop_for(f, 5 * S);
	assert_int_equal(f->cancelled, 2);
	assert_int_equal(f->started, 4);
	assert_int_equal(f->core.scheduler.in_flight, 2);
}

static void what_is_registered_on_waking_is_probed_at_once(void **state)
{
	struct registry_check row = tcp_row("a", 60 * S);
	const struct registry_change change = {
		.kind = REGISTRY_CHECK_PUT, .node = "node", .check_id = "a", .check = &row, .fresh = true};
	const struct registry_commit commit = {.index = 2, .changes = &change, .count = 1};
	struct fixture *f = *state;

	health_core_step(&f->core);
	clock_manual_advance(&f->clock, 30 * S);
	health_core_commit(&f->core, &commit); /* it lay in the inbox */
	health_core_step(&f->core);
	assert_int_equal(f->started, 1);
}

static void an_older_row_does_not_undo_a_newer_one(void **state)
{
	struct registry_check row = tcp_row("a", 60 * S);
	struct fixture *f = *state;

	row.modify_index = 9;
	health_core_put(&f->core, &row, false);
	row.modify_index = 8;
	row.definition.target = "old";
	health_core_put(&f->core, &row, true);
	pass(f, 10 * S);
	assert_string_equal(f->running->target, "a");
}

static void many_checks_are_found_again(void **state)
{
	struct fixture *f = *state;
	char id[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "Check-%d", i);
		put(f, ttl_row(id, 60 * S), true);
	}
	assert_int_equal(count(f, METRIC_HEALTH_CHECKS), 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "cHECK-%d", i);
		assert_non_null(health_checks_find(&f->core.checks, "node", id));
		health_core_gone(&f->core, "node", id);
		assert_null(health_checks_find(&f->core.checks, "node", id));
	}
	assert_int_equal(count(f, METRIC_HEALTH_CHECKS), 0);
	assert_int_equal(health_core_step(&f->core), HEALTH_NEVER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_check_is_probed_at_once_and_then_each_interval),
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
		TEST(a_ttl_expires_once_and_a_heartbeat_brings_it_back),
		TEST(a_ttl_that_was_never_passed_expires_too),
		TEST(a_ttl_that_was_registered_again_starts_anew),
		TEST(an_end_of_ttl_that_cannot_be_stored_goes_back),
		TEST(a_heartbeat_of_failure_starts_the_deregister_clock),
		TEST(a_restart_gives_a_ttl_check_one_full_ttl_and_a_new_clock),
		TEST(a_stopped_process_expires_no_ttl),
		TEST(a_stopped_process_probes_again_before_it_judges),
		TEST(a_stopped_process_cancels_what_runs),
		TEST(what_is_registered_on_waking_is_probed_at_once),
		TEST(an_older_row_does_not_undo_a_newer_one),
		TEST(many_checks_are_found_again),
	};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
