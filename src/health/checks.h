/* checks.h -- the checks that the health thread knows, found by node and id.
 *
 * A table of one thread. Each check owns an arena with its row. Names compare without ASCII case, as
 * everywhere in the registry. */
#pragma once

#include "health/scheduler.h"
#include "health/state.h"
#include "registry/registry.h"

struct health_check_type;
struct health_core;
struct health_probe;

/* Kinds of health_timer. */
enum health_timer_kind {
	HEALTH_TIMER_WORK,  /* the next probe; of a TTL check: the next look at its deadline */
	HEALTH_TIMER_REAP,  /* DeregisterCriticalServiceAfter */
	HEALTH_TIMER_RETRY, /* a status that could not be stored */
	HEALTH_TIMERS
};

struct health_check {
	struct health_check *next; /* in its bucket */
	uint64_t hash;
	uint64_t generation; /* differs whenever the row was replaced */
	struct health_core *core;
	struct arena *arena;
	const struct registry_check *row;
	const struct health_check_type *type;

	struct health_state state;   /* what our results say */
	enum registry_status stored; /* what the registry says, as far as we know */
	bool checked;                /* the registry knows of a result */
	bool sure;                   /* `stored` is certain; else the next result is written whatever it is */
	bool pending;                /* a SET_STATUS of ours is with the writer */
	bool reaping;                /* a REAP of ours is with the writer */
	bool unconfirmed;            /* no result since we were stopped: nothing may be removed for it */
	bool expired;                /* TTL: its end was judged; a heartbeat begins anew */
	enum registry_status before; /* TTL: what live said before our pending SET_STATUS */
	int64_t grace_ns;            /* TTL: not judged before this moment */
	int64_t deadline_ns;         /* TTL: the deadline that was last seen in live */
	struct health_timer timers[HEALTH_TIMERS];
	struct health_probe *probe; /* running, or NULL */
	int64_t probed_ns;          /* when it was started */
	enum metric counted;        /* the gauge of checks by status that counts this one; 0 for none yet */
};

struct health_checks {
	struct health_check **buckets;
	size_t bucket_count, count;
	uint64_t key[2];
};

/* An empty table. */
void health_checks_init(struct health_checks *checks);

/* Frees all checks (they hold neither probe nor armed timer by then) and the table. */
void health_checks_finish(struct health_checks *checks);

/* The check, or NULL. */
struct health_check *health_checks_find(const struct health_checks *checks, const char *node, const char *id);

/* Adds a check with a copy of `row`; there is none of that node and id yet. Zeroed but for row and timers. */
struct health_check *health_checks_add(struct health_checks *checks, const struct registry_check *row);

/* Replaces the row of a check by a copy of `row` (the same node and id). */
void health_checks_replace(struct health_check *check, const struct registry_check *row);

/* Takes a check out and frees it. */
void health_checks_remove(struct health_checks *checks, struct health_check *check);

/* Calls `visit` for each check; it must neither add nor remove. */
void health_checks_each(
	const struct health_checks *checks, void (*visit)(struct health_check *check, void *ctx), void *ctx);
