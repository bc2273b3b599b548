#include "health/core.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define AT_ONCE 64 /* probes that may end within one step before the loop hears of anything else */

static struct health_timer *work_timer(struct health_check *check)
{
	return &check->timers[HEALTH_TIMER_WORK];
}

static int64_t interval_ns(const struct health_core *core, const struct health_check *check)
{
	int64_t interval = check->row->definition.interval_ns;

	if (interval <= 0)
		interval = core->config.tuning.interval_default_ns;
	return interval < core->config.tuning.interval_min_ns ? core->config.tuning.interval_min_ns
							      : interval;
}

/* A probe that hangs holds one of the places in flight, so nobody may hold one for longer. */
static int64_t timeout_ns(const struct health_core *core, const struct health_check *check)
{
	int64_t timeout = check->row->definition.timeout_ns;

	if (timeout <= 0)
		timeout = core->config.tuning.timeout_default_ns;
	return timeout < core->config.tuning.timeout_max_ns ? timeout : core->config.tuning.timeout_max_ns;
}

static size_t output_size(const struct health_core *core, const struct health_check *check)
{
	uint32_t own = check->row->definition.output_max_size, all = core->config.tuning.output_size;

	return own && own < all ? own : all;
}

static void count_running(struct health_core *core)
{
	metrics_set(core->config.metrics, METRIC_HEALTH_IN_FLIGHT, core->scheduler.in_flight);
}

void health_core_count(struct health_core *core, struct health_check *check)
{
	static const enum metric by_status[] = {
		METRIC_HEALTH_CHECKS_PASSING, METRIC_HEALTH_CHECKS_WARNING, METRIC_HEALTH_CHECKS_CRITICAL};
	enum metric now = check->checked ? by_status[check->stored] : METRIC_HEALTH_CHECKS_WAITING;

	if (now == check->counted)
		return;
	if (check->counted)
		metrics_add(core->config.metrics, check->counted, -1);
	metrics_add(core->config.metrics, now, 1);
	check->counted = now;
}

static void cancel_probe(struct health_core *core, struct health_check *check)
{
	if (!check->probe)
		return;
	core->config.cancel(check->type, check->probe, core->config.ctx);
	check->probe = NULL;
	health_scheduler_finished(&core->scheduler);
}

struct gap {
	struct health_core *core;
	int64_t ns, since_ns;
};

static void survive_gap(struct health_check *check, void *ctx)
{
	const struct gap *gap = ctx;

	check->unconfirmed = true;
	check->grace_ns = gap->core->last_ns + check->row->definition.ttl_ns;
	check->deadline_ns += gap->ns;
	health_state_shift(&check->state, gap->ns);
	if (check->probe) {
		cancel_probe(gap->core, check);
		health_scheduler_probe_at(&gap->core->scheduler, work_timer(check), gap->core->last_ns);
	}
}

/* Looks at the clock. A gap means that we did not run: nobody's silence in that time says anything, so every
 * deadline from before it moves by the gap, probes that were under way start again, and nothing is expired or
 * removed before it had a new round. Returns true if there was a gap. */
static bool watch_clock(struct health_core *core)
{
	int64_t now = clock_now(core->config.clock);
	struct gap gap = {core, now - core->last_ns, core->last_ns};

	core->last_ns = now;
	if (gap.ns <= core->config.tuning.stopped_ns)
		return false;
	log_warn("this process did not run for a while: no check expires before a new round", "seconds",
		log_fmt("%.3f", (double)gap.ns / (double)CLOCK_NS_PER_S));
	registry_live_shift(core->config.live, gap.ns, gap.since_ns);
	health_scheduler_shift(&core->scheduler, gap.ns);
	health_checks_each(&core->checks, survive_gap, &gap);
	return true;
}

static void on_probe_done(const struct health_result *result, void *ctx)
{
	struct health_check *check = ctx;
	struct health_core *core = check->core;

	check->probe = NULL;
	health_scheduler_finished(&core->scheduler);
	metrics_add(core->config.metrics, METRIC_HEALTH_PROBES, 1);
	metrics_observe_time(core->config.metrics, check->type->duration,
		clock_now(core->config.clock) - check->probed_ns, 1);
	count_running(core);
	if (core->stepping)
		core->at_once++;
	else if (core->config.again)
		core->config.again(core->config.ctx);
	if (watch_clock(core)) { /* the probe's timeout ran while nobody worked at it: ask again */
		health_scheduler_probe_at(&core->scheduler, work_timer(check), core->last_ns);
		return;
	}
	health_scheduler_probe_at(&core->scheduler, work_timer(check),
		health_scheduler_again(&core->scheduler, interval_ns(core, check), core->last_ns));
	if (result->judged)
		health_verdict_result(core, check, result->status, result->output);
	else
		log_warn("a check could not be made", "check", check->row->id, "reason", result->output);
}

static void start_probe(struct health_core *core, struct health_check *check)
{
	struct health_probe_request request = {
		.definition = &check->row->definition,
		.timeout_ns = timeout_ns(core, check),
		.output_size = output_size(core, check),
		.done = on_probe_done,
		.ctx = check,
	};
	struct health_probe *probe = NULL;
	check->probed_ns = clock_now(core->config.clock);
	int r = core->config.start(check->type, &request, core->config.ctx, &probe);

	if (r < 0) {
		on_probe_done(&(struct health_result){.judged = !health_own_fault(r),
				      .status = REGISTRY_CRITICAL,
				      .output = log_fmt("the check cannot be started: %s", err_str(r))},
			check);
		return;
	}
	check->probe = probe;
	count_running(core);
}

static void ring(struct health_core *core, struct health_check *check, enum health_timer_kind kind)
{
	switch (kind) {
	case HEALTH_TIMER_WORK:
		health_verdict_ttl(core, check);
		break;
	case HEALTH_TIMER_REAP:
		health_verdict_reap(core, check);
		break;
	case HEALTH_TIMER_RETRY:
		health_verdict_store(core, check);
		break;
	case HEALTH_TIMERS:
		break;
	}
}

int64_t health_core_step(struct health_core *core)
{
	struct health_timer *timer;

	watch_clock(core);
	core->stepping = true;
	core->at_once = 0;
	while ((timer = health_scheduler_take_alarm(&core->scheduler, core->last_ns)))
		ring(core, timer->owner, (enum health_timer_kind)timer->kind);
	while (core->at_once < AT_ONCE &&
		(timer = health_scheduler_take_probe(&core->scheduler, core->last_ns)))
		start_probe(core, timer->owner);
	core->stepping = false;
	return health_scheduler_next(&core->scheduler);
}

/* When a TTL check that was just put expires, if no heartbeat comes: it gets one full TTL. */
static void arm_ttl(struct health_core *core, struct health_check *check, int64_t deadline_ns)
{
	check->expired = false;
	check->grace_ns = 0;
	check->deadline_ns = deadline_ns;
	health_scheduler_alarm_at(&core->scheduler, work_timer(check), deadline_ns);
}

/* A check's first schedule, or a new one because a client registered it (again). */
static void begin(struct health_core *core, struct health_check *check, bool fresh)
{
	const struct registry_check *row = check->row;
	int64_t now = clock_now(core->config.clock), deadline = now + row->definition.ttl_ns;

	health_state_init(&check->state, &row->definition, row->status, row->checked && !fresh);
	health_scheduler_disarm(&check->timers[HEALTH_TIMER_REAP]);
	check->unconfirmed = false;
	if (check->type->start) {
		registry_live_put(core->config.live, row, 0);
		health_scheduler_probe_at(&core->scheduler, work_timer(check),
			health_scheduler_first(&core->scheduler, fresh, interval_ns(core, check),
				core->config.tuning.restart_spread_ns, now));
	} else {
		registry_live_put(core->config.live, row, deadline);
		arm_ttl(core, check, deadline);
	}
}

/* Registered again as it stood, as some clients do for a heartbeat: a TTL starts anew. */
static void touch(struct health_core *core, struct health_check *check)
{
	const struct registry_check *row = check->row;
	struct arena *arena = arena_create();
	struct registry_live_check live;

	if (!check->type->start && registry_live_get(core->config.live, row->node, row->id, arena, &live))
		registry_live_heartbeat(core->config.live, row->node, row->id, live.status, live.output,
			clock_now(core->config.clock));
	arena_destroy(arena);
}

void health_core_put(struct health_core *core, const struct registry_check *row, bool fresh)
{
	struct health_check *check = health_checks_find(&core->checks, row->node, row->id);
	const struct health_check_type *type = health_check_type_find(row->definition.type);

	if (check && row->modify_index < check->row->modify_index)
		return;
	if (check && !fresh) {
		touch(core, check);
		return;
	}
	if (!type) {
		health_core_gone(core, row->node, row->id);
		return;
	}
	if (check) {
		cancel_probe(core, check);
		health_scheduler_disarm(&check->timers[HEALTH_TIMER_RETRY]);
		health_checks_replace(check, row);
	} else {
		check = health_checks_add(&core->checks, row);
		check->core = core;
	}
	check->type = type;
	check->generation = ++core->generation;
	check->stored = row->status;
	check->checked = row->checked;
	check->sure = check->pending = check->reaping = false;
	begin(core, check, fresh);
	health_core_count(core, check);
}

void health_core_gone(struct health_core *core, const char *node, const char *check_id)
{
	struct health_check *check = health_checks_find(&core->checks, node, check_id);

	if (!check)
		return;
	registry_live_remove(core->config.live, node, check_id);
	cancel_probe(core, check);
	count_running(core);
	for (int kind = 0; kind < HEALTH_TIMERS; kind++)
		health_scheduler_disarm(&check->timers[kind]);
	metrics_add(core->config.metrics, check->counted, -1);
	health_checks_remove(&core->checks, check);
}

void health_core_changed(struct health_core *core, const char *node, const char *check_id)
{
	struct health_check *check = health_checks_find(&core->checks, node, check_id);

	if (check && !check->type->start)
		health_verdict_changed(core, check);
}

void health_core_commit(struct health_core *core, const struct registry_commit *commit)
{
	watch_clock(core); /* first: what is armed from here on is not part of a gap */
	for (size_t i = 0; i < commit->count; i++) {
		const struct registry_change *change = &commit->changes[i];

		switch (change->kind) {
		case REGISTRY_CHECK_PUT:
			health_core_put(core, change->check, change->fresh);
			break;
		case REGISTRY_CHECK_GONE:
			health_core_gone(core, change->node, change->check_id);
			break;
		case REGISTRY_SERVICE_CHANGED:
		case REGISTRY_NODE_CHANGED:
			if (change->check_id)
				health_core_changed(core, change->node, change->check_id);
			break;
		}
	}
}

void health_core_tune(struct health_core *core, const struct health_core_tuning *tuning)
{
	core->config.tuning = *tuning;
	core->scheduler.limit = tuning->in_flight;
}

void health_core_init(struct health_core *core, const struct health_core_config *config)
{
	*core = (struct health_core){.config = *config, .last_ns = clock_now(config->clock)};
	health_scheduler_init(&core->scheduler, config->tuning.in_flight, config->seed);
	health_checks_init(&core->checks);
}

static void stop_probe(struct health_check *check, void *ctx)
{
	cancel_probe(ctx, check);
}

void health_core_finish(struct health_core *core)
{
	health_checks_each(&core->checks, stop_probe, core);
	health_scheduler_finish(&core->scheduler);
	health_checks_finish(&core->checks);
}
