/* probe_rig.h -- probes on a loop that the test turns, against real sockets. */
#pragma once

#include <event2/event.h>

#include "health/check_types.h"
#include "health/dial.h"

struct fixture {
	struct health_probe_env env;
	struct health_dialer dialer;
	struct health_probe *probe;
	struct health_result result;
	char output[8192];
	unsigned results;
};

/* cmocka's setup and teardown. */
int probe_setup(void **state);
int probe_teardown(void **state);

/* Starts a probe of a check; what its start() returns. */
int probe_start(struct fixture *f, const struct registry_check_definition *definition, long timeout_ms);

/* Turns the loop until there is a result, unless it came from within the start. */
void probe_wait(struct fixture *f);

/* Both, and the result must be a verdict. */
void probe_run(struct fixture *f, const struct registry_check_definition *definition, long timeout_ms);

/* A listener whose queue is full drops further SYNs, as a dead host would. */
struct full_listener {
	int fd, filler[8];
	char target[64];
};

/* Opens one and fills its queue. */
void full_listener_open(struct full_listener *full);

/* Makes room for a SYN that comes again. */
void full_listener_drain(struct full_listener *full);
