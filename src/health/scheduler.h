/* scheduler.h -- what is due next.
 *
 * Pure: two binary heaps of due times, a cap, and a generator for jitter. It knows no check and no clock;
 * whoever calls says what time it is (monotonic nanoseconds). Probes wait in the one heap and are handed out
 * in due order while fewer than `limit` run; alarms (TTL deadlines, deregister times, retries) wait in the
 * other and have no cap. A timer is part of its owner's memory and must be disarmed before that is freed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEALTH_NEVER INT64_MAX

struct health_heap;

struct health_timer {
	void *owner; /* the owner's */
	int kind;    /* the owner's */
	int64_t due_ns;
	uint64_t order;           /* of equal due times the one that was armed first goes first */
	struct health_heap *heap; /* NULL: not armed */
	size_t position;
};

struct health_heap {
	struct health_timer **timers;
	size_t count, capacity;
};

struct health_scheduler {
	struct health_heap probes, alarms;
	unsigned in_flight, limit;
	uint64_t order, random;
};

/* An empty scheduler that lets `limit` probes run at once; `seed` starts the jitter. */
void health_scheduler_init(struct health_scheduler *scheduler, unsigned limit, uint64_t seed);

/* Frees the heaps; timers are the owners'. */
void health_scheduler_finish(struct health_scheduler *scheduler);

/* Arms a probe's timer, or moves it. */
void health_scheduler_probe_at(
	struct health_scheduler *scheduler, struct health_timer *timer, int64_t due_ns);

/* Arms an alarm, or moves it. */
void health_scheduler_alarm_at(
	struct health_scheduler *scheduler, struct health_timer *timer, int64_t due_ns);

/* Disarms a timer; fine if it is not armed. */
void health_scheduler_disarm(struct health_timer *timer);

/* The probe that is due first, if it is due at `now_ns` and the cap allows one more: disarmed and counted as
 * running until health_scheduler_finished(). Else NULL. */
struct health_timer *health_scheduler_take_probe(struct health_scheduler *scheduler, int64_t now_ns);

/* The alarm that is due first, if it is due: disarmed. Else NULL. */
struct health_timer *health_scheduler_take_alarm(struct health_scheduler *scheduler, int64_t now_ns);

/* A probe that was taken is over. */
void health_scheduler_finished(struct health_scheduler *scheduler);

/* When the next timer can be taken; HEALTH_NEVER if there is none, or only probes that wait for the cap. */
int64_t health_scheduler_next(const struct health_scheduler *scheduler);

/* Moves every armed timer by `ns`: the process was stopped for that long. */
void health_scheduler_shift(struct health_scheduler *scheduler, int64_t ns);

/* When a check that was just registered (`fresh`: at once) or loaded at the start (a random moment within the
 * lesser of interval and spread) is first probed. */
int64_t health_scheduler_first(struct health_scheduler *scheduler, bool fresh, int64_t interval_ns,
	int64_t spread_ns, int64_t now_ns);

/* When a check whose probe ended at `now_ns` is probed again: after its interval or up to a tenth less.
 * Jitter only shortens, so that "within its interval" stays true. */
int64_t health_scheduler_again(struct health_scheduler *scheduler, int64_t interval_ns, int64_t now_ns);
