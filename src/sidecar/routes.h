/* routes.h -- the one table of what the API offers.
 *
 * Private to the sidecar room. Adding an endpoint is adding a row. Paths are matched as they came, percent
 * signs and all; only what stands behind a prefix is decoded, once, so ids with slashes and %2F work and
 * nothing is ever redirected (consul.md section 2.1). */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

struct call;

enum route_flags {
	ROUTE_GET = 1,
	ROUTE_PUT = 2,
	ROUTE_QUERY = 4, /* takes index, wait, consistency and dc; replies carry X-Consul-Index */
	ROUTE_PLAIN = 8  /* not of Consul's API: none of its headers and parameters */
};

/* What a request does, for svcdns_api_requests_total; in the order of its rows in base/metrics_table.h. */
enum route_kind {
	ROUTE_OTHER, /* nothing that we offer, or turned away before it was looked at */
	ROUTE_REGISTER,
	ROUTE_DEREGISTER,
	ROUTE_HEARTBEAT,
	ROUTE_MAINTENANCE,
	ROUTE_READ, /* the registry, blocking queries among them */
	ROUTE_EVENTS,
	ROUTE_PAGE,
	ROUTE_STATUS, /* of the server */
	ROUTE_OPERATE
};

struct route {
	const char *path; /* ends in '/': whatever follows is the handler's argument */
	unsigned flags;
	enum route_kind kind;
	void (*handle)(struct call *call);
};

/* The route for a request's path: the longest that matches, NULL if there is none. ret_rest: what follows the
 * prefix, still encoded ("" for a path that matches whole). */
const struct route *routes_find(const char *path, const char **ret_rest);

/* The value of the Allow header: "OPTIONS,GET,PUT" and the like; static storage. */
const char *routes_allow(const struct route *route);

/* True if the route takes this method (GET and PUT; OPTIONS is answered before). */
bool routes_method(const struct route *route, const char *method);

/* Decodes %XX once. NULL if a percent sign is not followed by two hexadecimal digits, or what comes out is no
 * UTF-8 or holds a NUL. */
const char *routes_decode(struct arena *arena, const char *text);
