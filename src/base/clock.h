/* clock.h -- time as something that is handed in, so that tests turn it by hand.
 *
 * Intervals are measured on the monotonic clock only; the wall clock is for logs, for the first index of a
 * new registry and for the time stamps of the changelog. Any thread. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_S INT64_C(1000000000)

struct clock {
	int64_t (*monotonic)(const struct clock *clock); /* nanoseconds since some fixed moment */
	int64_t (*wall)(const struct clock *clock);      /* nanoseconds since 1970 */
};

/* A clock that stands still until it is moved; `clock` is its first member, so a pointer to it serves. */
struct clock_manual {
	struct clock clock;
	_Atomic int64_t monotonic_ns;
	_Atomic int64_t wall_ns;
};

/* The system's clocks; static storage. */
const struct clock *clock_system(void);

/* Sets up a manual clock at the given times (nanoseconds). */
void clock_manual_init(struct clock_manual *clock, int64_t monotonic_ns, int64_t wall_ns);

/* Moves both times of a manual clock forward. */
void clock_manual_advance(struct clock_manual *clock, int64_t ns);

/* Nanoseconds on the monotonic clock. */
static inline int64_t clock_now(const struct clock *clock)
{
	return clock->monotonic(clock);
}

/* Nanoseconds since 1970. */
static inline int64_t clock_wall(const struct clock *clock)
{
	return clock->wall(clock);
}
