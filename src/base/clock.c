#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

static int64_t system_monotonic(const struct clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_wall(const struct clock *clock)
{
	(void)clock;
	return read_clock(CLOCK_REALTIME);
}

const struct clock *clock_system(void)
{
	static const struct clock system = {system_monotonic, system_wall};

	return &system;
}

static int64_t manual_monotonic(const struct clock *clock)
{
	return atomic_load(&((const struct clock_manual *)clock)->monotonic_ns);
}

static int64_t manual_wall(const struct clock *clock)
{
	return atomic_load(&((const struct clock_manual *)clock)->wall_ns);
}

void clock_manual_init(struct clock_manual *clock, int64_t monotonic_ns, int64_t wall_ns)
{
	clock->clock = (struct clock){manual_monotonic, manual_wall};
	atomic_init(&clock->monotonic_ns, monotonic_ns);
	atomic_init(&clock->wall_ns, wall_ns);
}

void clock_manual_advance(struct clock_manual *clock, int64_t ns)
{
	atomic_fetch_add(&clock->monotonic_ns, ns);
	atomic_fetch_add(&clock->wall_ns, ns);
}
