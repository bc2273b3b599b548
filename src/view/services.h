/* services.h -- the services that the view shows, and how one of them is swapped for its next state.
 *
 * Order within a service: names that are new become visible before the sets that refer to them, and names
 * that went go after the sets that referred to them, so no answer ever points to a name that is not there.
 * Old blocks go onto the pile; the follower frees it once in a step. Its thread only, except where it says
 * otherwise. */
#pragma once

#include "base/metrics.h"
#include "view/names.h"
#include "view/render.h"

struct services {
	struct table table;
	struct names names;
	struct rcu_pile pile;
	void *tree;          /* of struct service by name, without case (tsearch(3)) */
	uint64_t generation; /* of the load that is running or was the last */
	uint64_t count;
	uint64_t by_status[RENDER_STATUSES]; /* instances */
	struct metrics *metrics;             /* may be NULL */
};

/* An empty view of services. `zones` may be NULL, `report` too; both as in struct names. */
void services_init(struct services *services, _Atomic(const struct zones *) *zones,
	void (*report)(enum log_level level, const char *message, const char *name, const char *detail),
	struct metrics *metrics);

/* Removes all services and frees everything; no reader is left. Registered thread. */
void services_finish(struct services *services);

/* Shows a service as `request` says; without instances it goes. Registered thread, offline. */
void services_apply(struct services *services, const struct render_request *request);

/* From here to services_sweep() every service that is to stay is applied again. */
void services_begin_load(struct services *services);

/* Removes the services that were not applied since services_begin_load(). Registered thread, offline. */
void services_sweep(struct services *services);

/* Frees what was replaced, after a grace period. Registered thread, offline. */
void services_reclaim(struct services *services);
