/* resolve.h -- host names of TCP checks into addresses, without blocking the loop.
 *
 * getaddrinfo() blocks, so it runs in up to HEALTH_RESOLVE_THREADS threads, which are started when they are
 * needed; answers come back on the loop of the thread that asked. libc may take many seconds for a name whose
 * server is silent: a request that is cancelled is forgotten by the asker at once and by its thread when libc
 * is through, and destroying the resolver waits for no thread. HTTP checks do not come here: libcurl has its
 * own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/addr.h"

#define HEALTH_RESOLVE_THREADS 4
#define HEALTH_RESOLVE_ADDRESSES 8 /* of one name; more are left out */

struct event_base;
struct health_resolver;
struct health_resolve;

/* What became of a name: either addresses in libc's order (RFC 6724), or none and why. */
struct health_resolve_result {
	const struct net_addr *addrs;
	size_t count;
	const char *error; /* in words */
	bool own_fault; /* for want of a thread, memory or descriptors here: it says nothing about the name */
};

/* A resolver that answers on `base`. 0 or negative errno; destroy with health_resolver_destroy(). */
int health_resolver_create(struct event_base *base, struct health_resolver **ret);

/* Forgets all requests without calling their callbacks. NULL is fine. */
void health_resolver_destroy(struct health_resolver *resolver);

/* Asks for the addresses of `host`, with `port` put in. `done` is called exactly once, from the loop and
 * never from within this call, unless the request is cancelled first. */
void health_resolve_start(struct health_resolver *resolver, const char *host, uint16_t port,
	void (*done)(const struct health_resolve_result *result, void *ctx), void *ctx,
	struct health_resolve **ret);

/* Forgets a request; `done` is not called. */
void health_resolve_cancel(struct health_resolve *request);

/* True while no thread has begun with a request, because slow names keep them all busy. */
bool health_resolve_waits(const struct health_resolve *request);
