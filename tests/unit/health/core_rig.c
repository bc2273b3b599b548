#include "core_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int start(const struct health_check_type *type, const struct health_probe_request *request, void *ctx,
	struct health_probe **ret)
{
	struct rig *f = ctx;
	struct health_probe *probe;

	f->started++;
	if (f->start_error)
		return f->start_error;
	if (f->at_once) {
		request->done(&(struct health_result){.output = "busy"}, request->ctx);
		return 0;
	}
	probe = calloc(1, sizeof(*probe));
	probe->request = *request;
	snprintf(probe->target, sizeof(probe->target), "%s", request->definition->target);
	probe->next = f->running;
	f->running = probe;
	*ret = probe;
	return 0;
}

static void unlink_probe(struct rig *f, struct health_probe *probe)
{
	struct health_probe **at = &f->running;

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
}

static void cancel(const struct health_check_type *type, struct health_probe *probe, void *ctx)
{
	struct rig *f = ctx;

	f->cancelled++;
	unlink_probe(f, probe);
	free(probe);
}

static int look_up(
	const char *node, const char *check_id, struct arena *arena, struct registry_check *ret, void *ctx)
{
	const struct rig *f = ctx;

	*ret = (struct registry_check){.status = f->stored, .checked = true, .output = "beat"};
	return 0;
}

static void submit(struct registry_command *command, void *ctx)
{
	struct rig *f = ctx;

	assert_null(f->command); /* one check, one command at a time */
	f->command = command;
	f->commands++;
}

void rig_answer(struct rig *f, int error)
{
	struct registry_command *command = f->command;

	assert_non_null(command);
	f->command = NULL;
	if (!error && command->op == REGISTRY_SET_STATUS)
		f->stored = command->status;
	command->error = error;
	command->changed = error == 0;
	command->done(command, command->ctx);
	registry_command_destroy(command);
}

int rig_setup(void **state)
{
	struct rig *f = calloc(1, sizeof(*f));
	struct health_core_config config = {
		.tuning = {.in_flight = 2,
			.interval_min_ns = 1 * S,
			.interval_default_ns = 10 * S,
			.timeout_default_ns = 10 * S,
			.timeout_max_ns = 600 * S,
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

int rig_teardown(void **state)
{
	struct rig *f = *state;

	health_core_finish(&f->core);
	assert_null(f->running);
	registry_command_destroy(f->command);
	registry_live_destroy(f->live);
	free(f);
	return 0;
}

struct registry_check rig_tcp_row(const char *id, int64_t interval_ns)
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

struct registry_check rig_ttl_row(const char *id, int64_t ttl_ns)
{
	struct registry_check row = rig_tcp_row(id, 0);

	row.definition.type = REGISTRY_CHECK_TTL;
	row.definition.target = "";
	row.definition.ttl_ns = ttl_ns;
	return row;
}

void rig_put(struct rig *f, struct registry_check row, bool fresh)
{
	row.modify_index = ++f->index;
	health_core_put(&f->core, &row, fresh);
}

void rig_end(struct rig *f, enum registry_status status, const char *output)
{
	struct health_probe *probe = f->running;
	const struct health_result result = {.judged = true, .status = status, .output = output};

	assert_non_null(probe);
	unlink_probe(f, probe);
	probe->request.done(&result, probe->request.ctx);
	free(probe);
}

void rig_pass(struct rig *f, int64_t ns)
{
	while (ns > 0) {
		int64_t step = ns < 100 * MS ? ns : 100 * MS;

		clock_manual_advance(&f->clock, step);
		health_core_step(&f->core);
		ns -= step;
	}
}

void rig_stop_for(struct rig *f, int64_t ns)
{
	clock_manual_advance(&f->clock, ns);
	health_core_step(&f->core);
}

uint64_t rig_count(const struct rig *f, enum metric metric)
{
	return atomic_load(&f->metrics.values[metric]);
}

uint64_t rig_checks(const struct rig *f)
{
	return rig_count(f, METRIC_HEALTH_CHECKS_PASSING) + rig_count(f, METRIC_HEALTH_CHECKS_WARNING) +
	       rig_count(f, METRIC_HEALTH_CHECKS_CRITICAL) + rig_count(f, METRIC_HEALTH_CHECKS_WAITING);
}

void rig_expect_command(struct rig *f, enum registry_op op, enum registry_status status, const char *output)
{
	assert_non_null(f->command);
	assert_int_equal(f->command->op, op);
	if (op != REGISTRY_SET_STATUS)
		return;
	assert_int_equal(f->command->status, status);
	assert_string_equal(f->command->output, output);
}

void rig_heartbeat(struct rig *f, const char *id, enum registry_status status)
{
	if (registry_live_heartbeat(f->live, "node", id, status, "beat", clock_now(&f->clock.clock)) ==
		REGISTRY_LIVE_CHANGED) {
		registry_live_set_status(f->live, "node", id, status);
		f->stored = status;
		health_core_changed(&f->core, "node", id);
	}
}
