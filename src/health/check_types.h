/* check_types.h -- the kinds of check: one row each.
 *
 * An active kind starts a probe on the health thread's loop, which ends with one call of `done`; a passive
 * one (TTL) is judged by what arrives in registry/live. Adding a kind is adding a row and a file
 * check_<kind>.c. */
#pragma once

#include "base/metrics.h"
#include "registry/registry.h"

struct event_base;
struct health_dialer;
struct health_resolver;
struct http_client;
struct http_client_result;

/* What probes are made with; lives longer than each of them. */
struct health_probe_env {
	struct event_base *base;
	struct http_client *http;
	struct health_resolver *resolver;
	struct health_dialer *dialer;
};

/* How a probe ended. */
struct health_result {
	bool judged; /* false: we could not ask (no descriptor left ...), which says nothing about the target
		      */
	enum registry_status status;
	const char *output; /* UTF-8 */
};

/* One probe to run. Everything in it is copied, or outlives the probe. */
struct health_probe_request {
	const struct registry_check_definition *definition;
	int64_t timeout_ns; /* for everything, from the start to the verdict */
	size_t output_size; /* bytes of output that are kept */
	/* The verdict: called exactly once, from the loop or from within start(), unless the probe is
	 * cancelled. The probe is over then and frees itself. `result` lives until `done` returns. */
	void (*done)(const struct health_result *result, void *ctx);
	void *ctx;
};

struct health_probe;

struct health_check_type {
	enum registry_check_type type;
	const char *name;
	enum metric duration; /* the histogram of its probes */
	/* 0 or negative errno (then `done` is not called): the target's if health_own_fault() says no. *ret
	 * is NULL if `done` was called already. NULL for a passive kind. */
	int (*start)(const struct health_probe_env *env, const struct health_probe_request *request,
		struct health_probe **ret);
	/* Ends a probe without calling `done`. */
	void (*cancel)(struct health_probe *probe);
};

/* The row of a type; NULL for one that is stored but never run. */
const struct health_check_type *health_check_type_find(enum registry_check_type type);

/* True if a negative errno tells of our own want (descriptors, memory, ports), not of the target. */
bool health_own_fault(int error);

/* Connects to host:port (dial.h); no byte is sent. A name is resolved in another thread, its addresses are
 * tried in turn. */
int health_tcp_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret);

/* Ends a TCP probe without a verdict. */
void health_tcp_cancel(struct health_probe *probe);

/* One request: 2xx is passing, 429 warning, all else (redirects too, which are not followed) critical. */
int health_http_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret);

/* Ends an HTTP probe without a verdict. */
void health_http_cancel(struct health_probe *probe);

/* One call of grpc.health.v1.Health/Check over HTTP/2: SERVING is passing, all else critical. */
int health_grpc_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret);

/* Ends a gRPC probe without a verdict. */
void health_grpc_cancel(struct health_probe *probe);

/* 0, or the negative errno of our own want of descriptors: neither libcurl nor libc always tells that from a
 * target that does not answer, or from a name that is not there. */
int health_want_of_descriptors(void);

/* False if a request failed for a want of our own, which says nothing about the target. */
bool health_http_is_judged(const struct http_client_result *result);

/* The deadline of a probe as http/client has it: milliseconds, rounded up. */
long health_http_timeout_ms(const struct health_probe_request *request);

/* The output of a TTL check whose time is over, in `arena`, from the last output ("" if none). */
const char *health_ttl_expired_output(struct arena *arena, const char *last);

/* The first output_size bytes of a text from outside, as UTF-8 without control characters but line ends and
 * tabs, in `arena`; what is not UTF-8 becomes '?'. Cut at a character's boundary. */
const char *health_clean_output(struct arena *arena, const char *bytes, size_t size, size_t output_size);
