/* server.h -- HTTP/1.1, strictly: request in, reply out; a reply may come later; a client may be gone.
 *
 * Our own small parser on plain
 * events and evbuffers, because evhttp 2.1.12 neither notices a client that leaves while its request is
 * parked nor refuses what conformance.md section 1 lists. Everything runs on the loop's thread.
 *
 * A request handler does one of: http_reply() at once, http_park() and later http_reply(), or
 * http_stream_begin() and then http_stream_data() until it is gone. Whoever parks gives a `gone`
 * callback, which tells (within a second) that the client has left; afterwards the request must not be
 * touched. Pipelined requests on one connection are answered in order, one at a time. What a client sends
 * while its request is parked stays in the kernel: it can hold up nobody but itself.
 *
 * `handle` and `gone` are called from the loop (and from http_server_destroy()), never from within another
 * function of this header, so a list of parked requests may be walked while its members are answered.
 *
 * A client that shut down its sending side while its request is parked looks like one that left. It gets half
 * a second for its reply (enough for a write that waits for DNS), then counts as gone.
 *
 * Every reply carries Date, `X-Content-Type-Options: nosniff`, `Cache-Control: no-store` unless it has one of
 * its own, and the right Content-Length; a reply to HEAD has its headers only. What never reaches the handler
 * (a malformed head, a limit) is answered with text/plain and the bare message, and the connection is closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/body.h"
#include "http/field.h"
#include "net/addr.h"

struct event_base;
struct http_server;

struct http_query {
	const char *name, *value; /* percent-decoded; value "" if there was no '=' */
	bool has_value;
};

/* One request; lives until its reply was given or it is gone. Text is NUL-terminated, in the request's arena.
 */
struct http_request {
	struct arena *arena;
	const char *method;
	const char *target; /* as received */
	const char *path;   /* the target's path, still percent-encoded (routes decode the remainder once) */
	const struct http_query *query;
	size_t query_count;
	const struct http_header *headers;
	size_t header_count;
	const char *body;
	size_t body_size;
	struct net_addr client;
	void *user;                         /* the handler's */
	unsigned kind;                      /* likewise: under which kind its reply is counted, 0 for none */
	struct http_connection *connection; /* the server's own */
};

struct http_reply {
	int status;
	const char *content_type; /* NULL if there is no body */
	const struct http_header *headers;
	size_t header_count;
	const char *body;
	size_t body_size;
	struct http_body *shared; /* if not NULL: what to send instead of `body` */
	int file;   /* above 0: its first body_size bytes are the body; from now on the server's, which closes
		       it */
	bool close; /* end the connection behind this reply */
};

/* What a client may take. */
struct http_limits {
	/* From a request's first byte to the end of its head, in all (408); and how long a new connection may
	 * be silent. */
	int64_t header_timeout_ns;
	int64_t body_timeout_ns;  /* from the end of the head to the end of the body, in all */
	int64_t idle_timeout_ns;  /* between requests */
	int64_t write_timeout_ns; /* a client that takes no byte for this long is cut off */
	unsigned header_size;     /* bytes of a head: 431; half of it for the request line: 414 */
	unsigned body_size;       /* bytes of a body: 413 */
	/* Open at once, in all and from one address (an IPv6 client is its /64). At the limit the longest
	 * idle connection is closed; if none is idle, the new one is answered 429. */
	unsigned connections, connections_per_address;
	/* Bytes of a stream that may wait for its client; replies that wait may take eight times as much in
	 * all before those whose clients read nothing are cut off. */
	unsigned write_buffer;
};

struct http_server_config {
	const int *listen_fds;
	size_t listen_count;
	const struct clock *clock;
	struct metrics *metrics;
	struct http_limits limits;
	/* A whole, well-formed request. */
	void (*handle)(struct http_request *request, void *ctx);
	/* There is no descriptor or memory for another connection (`error`: -EMFILE, ...), beside those that
	 * are open; who asks now waits in the kernel. Called once until one is accepted again. */
	void (*starved)(int error, unsigned connections, void *ctx);
	void *ctx;
};

/* A server on `base`. 0 or negative errno (-ENOTSUP: a base without EV_CLOSED and EV_ET, that is, not epoll).
 * The descriptors must be non-blocking listeners and stay the caller's; `clock` and `metrics` must outlive
 * the server. */
int http_server_create(
	struct event_base *base, const struct http_server_config *config, struct http_server **ret);

/* From now on these limits hold; a time that runs already stays as it is. */
void http_server_set_limits(struct http_server *server, const struct http_limits *limits);

/* The beginning of an orderly end: stops accepting, closes idle connections, and lets all others close behind
 * their reply. Streams and parked requests stay the caller's to end. */
void http_server_drain(struct http_server *server);

/* Connections that are open now. */
unsigned http_server_open_connections(const struct http_server *server);

/* True if more of replies waits for clients than may: bytes that several clients wait for count once. Whoever
 * can put off a long reply should. */
bool http_server_is_full(const struct http_server *server);

/* True if both come from one client address (an IPv6 client is its /64). For requests whose clients have not
 * left. */
bool http_same_client(const struct http_request *a, const struct http_request *b);

/* Closes all connections (calling `gone` for what is parked) and frees the server. NULL is fine. */
void http_server_destroy(struct http_server *server);

/* Answers; everything in `reply` is copied, but for `shared`, which is held until it has gone out. The
 * request must not be touched afterwards. */
void http_reply(struct http_request *request, const struct http_reply *reply);

/* The reply comes later (http_reply() or http_stream_begin()): from now on the server watches for the
 * client leaving and then calls `gone`. */
void http_park(
	struct http_request *request, void (*gone)(struct http_request *request, void *ctx), void *ctx);

/* From within `gone`: the request's memory stays for whoever still works on it (its body does not), until
 * http_request_free(). */
void http_request_keep(struct http_request *request);

/* Frees a request that was kept. */
void http_request_free(struct http_request *request);

/* Starts a reply without an end (chunked): headers now, data later; `gone` as in http_park(). */
void http_stream_begin(struct http_request *request, const struct http_reply *head,
	void (*gone)(struct http_request *request, void *ctx), void *ctx);

/* Sends a piece. A client that does not read is cut off at write_buffer (then `gone` is called, later). */
void http_stream_data(struct http_request *request, const void *data, size_t size);

/* Bytes of a stream that its client has not taken. */
size_t http_stream_waiting(const struct http_request *request);

/* Cuts a stream's client off, for it does not read: `gone` is called, later. */
void http_stream_cut(struct http_request *request);

/* Ends a stream. */
void http_stream_end(struct http_request *request);

/* The value of a header (name compared without case), NULL if it is not there. */
const char *http_request_header(const struct http_request *request, const char *name);

/* The last value of a query parameter (exact name), NULL if it is not there. */
const char *http_request_query(const struct http_request *request, const char *name);
