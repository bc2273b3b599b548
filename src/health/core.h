/* core.h -- the health thread without its thread: what is due, what a result means, what the writer is told.
 *
 * Everything that touches the world is handed in (the clock, the prober, the way to the writer), so scenario
 * tests turn time by hand. One thread. Whoever owns the core calls health_core_step() when it said it wants
 * to be called, and at least once a second: a longer gap than `stopped_ns` between two calls means that the
 * process was stopped.
 *
 *   put, gone, changed  <- commits        start, cancel -> prober -> health_core_result()
 *   SET_STATUS, REAP    -> submit -> the writer -> done, by the inbox, in the order of the commits
 *
 * Live state: an active check's status goes to registry/live when the writer has stored it. A TTL check that
 * expires goes there at once, so that the next heartbeat is a change, and back if the writer fails. */
#pragma once

#include "base/clock.h"
#include "base/metrics.h"
#include "health/check_types.h"
#include "health/checks.h"
#include "health/scheduler.h"
#include "registry/registry.h"

struct health_core_tuning { /* what a reload may change; see health.h */
	unsigned in_flight;
	int64_t interval_min_ns, interval_default_ns, timeout_default_ns, timeout_max_ns;
	int64_t restart_spread_ns, stopped_ns;
	uint32_t output_size;
};

struct health_core_config {
	struct health_core_tuning tuning;
	uint64_t seed; /* of the jitter */
	const struct clock *clock;
	struct registry_live *live;
	struct metrics *metrics;
	/* Runs a probe as health_check_type's start() and cancel(). `ctx` is given to all three. */
	int (*start)(const struct health_check_type *type, const struct health_probe_request *request,
		void *ctx, struct health_probe **ret);
	void (*cancel)(const struct health_check_type *type, struct health_probe *probe, void *ctx);
	/* The stored row of a check, in `arena`: 0, -ENOENT or another negative errno. */
	int (*look_up)(const char *node, const char *check_id, struct arena *arena,
		struct registry_check *ret, void *ctx);
	/* Takes over a command; its done() comes later, on this thread. */
	void (*submit)(struct registry_command *command, void *ctx);
	/* A probe ended outside of a step: another may take its place, or something is due earlier than it
	 * was, so step again soon; not from within the call. May be NULL. */
	void (*again)(void *ctx);
	void *ctx;
};

struct health_core {
	struct health_core_config config;
	struct health_scheduler scheduler;
	struct health_checks checks;
	uint64_t generation;
	int64_t last_ns; /* when we last saw the clock */
	bool stepping;
	unsigned at_once; /* probes of this step that ended within their start */
};

/* An empty core. `config` is copied; what it points to stays the caller's. */
void health_core_init(struct health_core *core, const struct health_core_config *config);

/* Cancels all probes and frees all. Commands that are with the writer must not come back afterwards. */
void health_core_finish(struct health_core *core);

/* Takes over new values, for what starts from now on. */
void health_core_tune(struct health_core *core, const struct health_core_tuning *tuning);

/* A check as the registry has it: loaded at the start, or put by a commit. `fresh`: new or changed, so probed
 * at once; a known one that is not fresh was registered again as it stood, which counts as a sign of life and
 * changes nothing else. A row older than the one that is known is ignored. Types that never run are
 * forgotten. */
void health_core_put(struct health_core *core, const struct registry_check *row, bool fresh);

/* A check is no longer in the registry. */
void health_core_gone(struct health_core *core, const char *node, const char *check_id);

/* Something was committed about a check, perhaps a heartbeat's status: a TTL check takes over what is stored.
 */
void health_core_changed(struct health_core *core, const char *node, const char *check_id);

/* All of a commit, as the inbox hands it out. */
void health_core_commit(struct health_core *core, const struct registry_commit *commit);

/* Does what is due, or a good part of it. Returns when it wants to be called next (monotonic), HEALTH_NEVER
 * if nothing is armed. */
int64_t health_core_step(struct health_core *core);

/* Private to core.c and verdict.c. */

/* Counts the check among those of its stored status, after that has changed. */
void health_core_count(struct health_core *core, struct health_check *check);

/* The result of an active check: judged, recorded, and told to the writer if the status changes. */
void health_verdict_result(struct health_core *core, struct health_check *check, enum registry_status result,
	const char *output);

/* Looks at a TTL check's live state: hears its heartbeats, and ends it when its time is over. */
void health_verdict_ttl(struct health_core *core, struct health_check *check);

/* Takes over the stored status of a TTL check, which somebody else may have written: the http thread for a
 * heartbeat. */
void health_verdict_changed(struct health_core *core, struct health_check *check);

/* Gives the writer the status that ours is, unless it is stored or on its way. */
void health_verdict_store(struct health_core *core, struct health_check *check);

/* Arms or disarms the deregister timer after a result, or gives the writer the REAP if it is due. */
void health_verdict_reap(struct health_core *core, struct health_check *check);
