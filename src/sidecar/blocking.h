/* blocking.h -- blocking queries: who waits for a change of what, and until when.
 *
 * Private to the sidecar room; the loop's thread. A parked query knows the resource that it watches and the
 * index that its client has seen. A commit wakes those whose resource has a higher index; a wake-up says only
 * "look again", so one too many does no harm, and whoever looked in vain parks again with the same deadline.
 * Nothing here reads the registry or writes to a client. */
#pragma once

#include "registry/registry.h"
#include "sidecar/heap.h"

/* One parked query; a member of whatever is parked. Zeroed: not parked. */
struct blocking_wait {
	enum registry_resource resource;
	const char *name;    /* SERVICE: the service, any case; else "". Must live while parked. */
	uint64_t index;      /* what the client has seen */
	int64_t deadline_ns; /* monotonic */
	uint64_t hash;
	enum { BLOCKING_IDLE, BLOCKING_PARKED, BLOCKING_READY } state;
	struct heap_node timer;
	struct blocking_wait *next, *previous;
};

struct blocking;

/* An empty set of parked queries. */
struct blocking *blocking_create(void);

/* Frees the set; what is parked in it must have left before. NULL is fine. */
void blocking_destroy(struct blocking *blocking);

/* How many are parked or about to be looked at again. */
size_t blocking_count(const struct blocking *blocking);

/* Parks `wait`, whose resource, name, index and deadline are set. */
void blocking_park(struct blocking *blocking, struct blocking_wait *wait);

/* Takes a query out, wherever it stands; fine for one that is not parked. */
void blocking_leave(struct blocking *blocking, struct blocking_wait *wait);

/* True if somebody watches this resource; `name` as in struct blocking_wait. */
bool blocking_watched(const struct blocking *blocking, enum registry_resource resource, const char *name);

/* Makes ready those who watch this resource and have seen less than `index`. */
void blocking_wake(
	struct blocking *blocking, enum registry_resource resource, const char *name, uint64_t index);

/* Makes ready those whose deadline has come at monotonic time `now_ns`; INT64_MAX means everybody. */
void blocking_expire(struct blocking *blocking, int64_t now_ns);

/* Takes the next ready query out of the set, NULL if there is none. */
struct blocking_wait *blocking_next_ready(struct blocking *blocking);

/* The next deadline, INT64_MAX if nobody is parked. */
int64_t blocking_next(const struct blocking *blocking);

/* How long a query may block: `wait_ns` (0: not given) within default and maximum, plus `random` spread over
 * a sixteenth of it (consul.md section 2.2), so that clients do not come back all at once. */
int64_t blocking_duration(int64_t wait_ns, int64_t default_ns, int64_t max_ns, uint64_t random);
