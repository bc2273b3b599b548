/* health.h -- the door of the health room: is it alive?
 *
 * One thread. It learns of checks from the registry (a load at its start, then each commit), runs TCP, HTTP,
 * HTTPS and gRPC probes and TTL deadlines on a libevent base, judges results by thresholds, and gives the
 * writer a command when a status changes. No redirect is followed and no command is ever run.
 */
#pragma once

#include "base/clock.h"
#include "base/page.h"
#include "registry/registry.h"

struct health_config {
	const char *registry_path; /* for the load at the start */
	struct registry_writer *writer;
	struct registry_live *live;
	unsigned in_flight;      /* probes that may run at once */
	int64_t interval_min_ns; /* shorter intervals are raised to this */
	int64_t interval_default_ns, timeout_default_ns;
	int64_t timeout_max_ns;    /* a probe holds its place no longer than this, whatever its check says */
	int64_t restart_spread_ns; /* loaded checks are first probed within min(interval, this): 10 s */
	int64_t stopped_ns;   /* a gap in our own clock longer than this means that we were stopped: 2 s */
	uint32_t output_size; /* bytes of a probe's output that are kept */
	const struct clock *clock;
	struct page_thread *thread; /* our slot, for ticks and counters */
};

struct health;

/* Creates the room's inbox as an observer of the writer, loads the checks and starts the thread. Before the
 * first command is submitted. 0 or negative errno (then the process is expected to end); stop with
 * health_stop(). */
int health_start(const struct health_config *config, struct health **ret);

/* Takes over what is live in the config (in_flight, all times, output_size). Any thread. */
void health_reconfigure(struct health *health, const struct health_config *config);

/* Ends the thread; from here on the writer gets no command from us. The order of an end is health_stop(),
 * registry_writer_stop(), health_destroy(), because the writer may still have something for our inbox. NULL
 * is fine. */
void health_stop(struct health *health);

/* Cancels the probes that ran, and frees all; after the writer has ended. NULL is fine. */
void health_destroy(struct health *health);
