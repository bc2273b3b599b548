/* verdict.c -- what a result means: the status, the writer's part in it, and the end of an instance. */
#include "health/core.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define RETRY_NS (1 * CLOCK_NS_PER_S) /* after the writer failed, or while something must be waited for */

/* What comes back with a command. The check may be gone or another by then, so it is looked up again. */
struct errand {
	struct health_core *core;
	uint64_t generation;
	int64_t at_ns;
};

static struct registry_command *command_for(struct health_core *core, struct health_check *check,
	enum registry_op op, void (*done)(struct registry_command *command, void *ctx))
{
	struct registry_command *command = registry_command_create(op);
	struct errand *errand = arena_alloc(command->arena, sizeof(*errand));

	*errand = (struct errand){core, check->generation, core->last_ns};
	command->node_name = arena_strdup(command->arena, check->row->node);
	command->check_id = arena_strdup(command->arena, check->row->id);
	command->done = done;
	command->ctx = errand;
	return command;
}

/* What the registry has now; a change of state is counted once. */
static void take_stored(struct health_core *core, struct health_check *check, enum registry_status status)
{
	static const enum metric metrics[] = {
		METRIC_HEALTH_TO_PASSING, METRIC_HEALTH_TO_WARNING, METRIC_HEALTH_TO_CRITICAL};

	if (!check->checked || check->stored != status)
		metrics_add(core->config.metrics, metrics[status], 1);
	check->stored = status;
	check->checked = true;
	health_core_count(core, check);
}

/* The output of an active check that changed is shown with its new status, not before. */
static void show_output(
	struct health_core *core, const struct health_check *check, const struct registry_command *command)
{
	const struct errand *errand = command->ctx;

	registry_live_output(
		core->config.live, check->row->node, check->row->id, command->output, errand->at_ns);
}

/* The registry could not be written: what live was told in advance goes back, and we try again. */
static void on_not_stored(
	struct health_core *core, struct health_check *check, const struct registry_command *command)
{
	const struct registry_check *row = check->row;
	struct registry_live_check live;
	struct arena *arena;

	log_warn("the status of a check could not be stored", "check", row->id, "status",
		registry_status_name(command->status), "error", err_str(command->error));
	if (check->type->start) {
		show_output(core, check, command);
		health_scheduler_alarm_at(
			&core->scheduler, &check->timers[HEALTH_TIMER_RETRY], core->last_ns + RETRY_NS);
		return;
	}
	arena = arena_create();
	if (registry_live_get(core->config.live, row->node, row->id, arena, &live) &&
		live.status == command->status)
		registry_live_set_status(core->config.live, row->node, row->id, check->before);
	arena_destroy(arena);
	check->expired = false; /* so that the next look judges again, unless a heartbeat came */
	health_scheduler_alarm_at(
		&core->scheduler, &check->timers[HEALTH_TIMER_WORK], core->last_ns + RETRY_NS);
}

static void on_stored(struct registry_command *command, void *ctx)
{
	const struct errand *errand = ctx;
	struct health_core *core = errand->core;
	struct health_check *check = health_checks_find(&core->checks, command->node_name, command->check_id);
	bool same = check && check->generation == errand->generation;

	if (!check || command->error == -ENOENT) /* word that it is gone is on its way */
		return;
	if (same)
		check->pending = false;
	if (command->error < 0) {
		if (same)
			on_not_stored(core, check, command);
		return;
	}
	take_stored(core, check, command->status);
	if (!same)
		return;
	check->sure = true;
	if (check->type->start) {
		registry_live_set_status(
			core->config.live, command->node_name, command->check_id, command->status);
		show_output(core, check, command);
	} else { /* its live status is ahead of us; heartbeats that came meanwhile were not looked at */
		health_scheduler_alarm_at(&core->scheduler, &check->timers[HEALTH_TIMER_WORK], core->last_ns);
	}
	if (check->state.status != command->status)
		health_verdict_store(core, check);
}

/* True if the writer was given something. */
static bool store(struct health_core *core, struct health_check *check, const char *output)
{
	struct registry_command *command;

	if (check->pending || (check->sure && check->checked && check->stored == check->state.status))
		return false;
	command = command_for(core, check, REGISTRY_SET_STATUS, on_stored);
	command->status = check->state.status;
	command->output = arena_strdup(command->arena, output);
	command->reason = command->output;
	check->pending = true;
	health_scheduler_disarm(&check->timers[HEALTH_TIMER_RETRY]);
	core->config.submit(command, core->config.ctx);
	return true;
}

void health_verdict_store(struct health_core *core, struct health_check *check)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	bool known = registry_live_get(core->config.live, check->row->node, check->row->id, arena, &live);

	store(core, check, known && live.output ? live.output : "");
	arena_destroy(arena);
}

static void on_reaped(struct registry_command *command, void *ctx)
{
	const struct errand *errand = ctx;
	struct health_core *core = errand->core;
	struct health_check *check = health_checks_find(&core->checks, command->node_name, command->check_id);

	if (command->error == 0 && command->changed)
		metrics_add(core->config.metrics, METRIC_HEALTH_REAPED, 1);
	if (!check || check->generation != errand->generation)
		return;
	check->reaping = false;
	if ((command->error == 0 && command->changed) || command->error == -ENOENT)
		return;
	if (command->error < 0)
		log_warn("an instance could not be deregistered", "instance", check->row->instance_id,
			"error", err_str(command->error));
	check->sure = false; /* perhaps it is not critical there: the next result is written in any case */
	health_scheduler_alarm_at(
		&core->scheduler, &check->timers[HEALTH_TIMER_REAP], core->last_ns + RETRY_NS);
}

void health_verdict_reap(struct health_core *core, struct health_check *check)
{
	struct health_timer *timer = &check->timers[HEALTH_TIMER_REAP];
	int64_t at = health_state_deregister_at(&check->state, &check->row->definition);
	struct registry_command *command;
	char after[32];

	if (at == HEALTH_NEVER || !*check->row->instance_id) {
		health_scheduler_disarm(timer);
		return;
	}
	if (check->reaping)
		return;
	if (core->last_ns < at) {
		health_scheduler_alarm_at(&core->scheduler, timer, at);
		return;
	}
	if (check->unconfirmed || check->pending || check->stored != REGISTRY_CRITICAL) {
		health_scheduler_alarm_at(&core->scheduler, timer, core->last_ns + RETRY_NS);
		return;
	}
	check->reaping = true;
	command = command_for(core, check, REGISTRY_REAP, on_reaped);
	command->instance_id = arena_strdup(command->arena, check->row->instance_id);
	command->reason = arena_printf(command->arena, "check %s was critical for longer than %s",
		check->row->id, str_format_duration(check->row->definition.deregister_after_ns, after));
	core->config.submit(command, core->config.ctx);
}

void health_verdict_result(
	struct health_core *core, struct health_check *check, enum registry_status result, const char *output)
{
	health_state_result(&check->state, &check->row->definition, result, core->last_ns);
	check->unconfirmed = false;
	if (!store(core, check, output))
		registry_live_output(
			core->config.live, check->row->node, check->row->id, output, core->last_ns);
	health_verdict_reap(core, check);
}

/* The time of a TTL check is over. The writer is told before live is: a heartbeat that comes between the two
 * is taken for no change by the http thread, so it is looked for afterwards and undoes this. */
static void expire(
	struct health_core *core, struct health_check *check, const struct registry_live_check *live)
{
	const struct registry_check *row = check->row;
	struct registry_live_check after;
	struct arena *arena = arena_create();
	const char *output = health_ttl_expired_output(arena, live->output);

	check->expired = true;
	check->unconfirmed = false;
	metrics_add(core->config.metrics, METRIC_HEALTH_EXPIRED, 1);
	check->before = live->status;
	if (live->status != REGISTRY_CRITICAL)
		check->sure = false;
	health_state_set(&check->state, REGISTRY_CRITICAL, core->last_ns);
	store(core, check, output);
	registry_live_set_status(core->config.live, row->node, row->id, REGISTRY_CRITICAL);
	if (registry_live_get(core->config.live, row->node, row->id, arena, &after) &&
		after.deadline_ns != check->deadline_ns) {
		check->expired = false;
		health_state_set(&check->state, live->status, core->last_ns);
		registry_live_set_status(core->config.live, row->node, row->id, live->status);
	} else {
		registry_live_output(core->config.live, row->node, row->id, output, live->heartbeat_ns);
	}
	arena_destroy(arena);
}

/* Hears the heartbeats since the last look. Most change no status, so this is all that is known of them. */
static void listen(
	struct health_core *core, struct health_check *check, const struct registry_live_check *live)
{
	if (live->deadline_ns == check->deadline_ns) /* each heartbeat moves it */
		return;
	check->deadline_ns = live->deadline_ns;
	check->expired = false;
	check->unconfirmed = false;
	if (!check->pending && check->checked && live->status == check->stored)
		health_state_set(&check->state, check->stored, core->last_ns);
}

/* The http thread tells live what it wrote when it hears of it, which may be after we wrote something else:
 * then live says what the registry no longer does, and a heartbeat would be taken for no change. */
static void settle_live(struct health_core *core, const struct health_check *check,
	const struct registry_check *row, const struct registry_live_check *live)
{
	if (live->status != row->status)
		registry_live_set_status(core->config.live, check->row->node, check->row->id, row->status);
}

void health_verdict_changed(struct health_core *core, struct health_check *check)
{
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct registry_check row;

	/* While a status of ours is with the writer, what comes after it will be told after it. */
	if (!check->pending &&
		core->config.look_up(check->row->node, check->row->id, arena, &row, core->config.ctx) == 0 &&
		row.checked) {
		take_stored(core, check, row.status);
		health_state_set(&check->state, row.status, core->last_ns);
		check->sure = true;
		if (registry_live_get(core->config.live, check->row->node, check->row->id, arena, &live))
			settle_live(core, check, &row, &live);
		health_verdict_reap(core, check);
	}
	health_scheduler_alarm_at(&core->scheduler, &check->timers[HEALTH_TIMER_WORK], core->last_ns);
	arena_destroy(arena);
}

void health_verdict_ttl(struct health_core *core, struct health_check *check)
{
	int64_t ttl = check->row->definition.ttl_ns, deadline;
	struct arena *arena = arena_create();
	struct registry_live_check live;
	struct registry_check row;

	deadline = core->last_ns + (ttl > RETRY_NS ? ttl : RETRY_NS); /* once it is expired, or not there */
	if (registry_live_get(core->config.live, check->row->node, check->row->id, arena, &live)) {
		int64_t end = live.deadline_ns > check->grace_ns ? live.deadline_ns : check->grace_ns;

		listen(core, check, &live);
		if (!check->pending && check->checked && live.status != check->stored &&
			core->config.look_up(
				check->row->node, check->row->id, arena, &row, core->config.ctx) == 0)
			settle_live(core, check, &row, &live);
		if (core->last_ns < end)
			deadline = end;
		else if (!check->expired)
			expire(core, check, &live);
		else
			check->unconfirmed = false; /* silent for one more TTL since we were stopped */
		health_verdict_reap(core, check);
	}
	health_scheduler_alarm_at(&core->scheduler, &check->timers[HEALTH_TIMER_WORK], deadline);
	arena_destroy(arena);
}
