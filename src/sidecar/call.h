/* call.h -- one request on its way: routed, read or written, perhaps parked, held at the gate, answered.
 *
 * Private to the sidecar room; the loop's thread. A handler ends in exactly one of call_text(), call_send(),
 * call_read() or call_write(), or hands the request on: to a stream, an errand or the DNS client. It must not
 * touch the call afterwards.
 *
 * call_read(): a snapshot, [parked until the index moves, a new snapshot]*, rendered, gate, reply.
 * call_write(): the writer, done on our loop, gate, reply.
 *
 * A client may leave at any point. Parked and held calls end there; one whose commands are with the writer
 * lives on without its request until they are done. */
#pragma once

#include "http/http.h"
#include "registry/registry.h"
#include "sidecar/blocking.h"
#include "sidecar/context.h"
#include "sidecar/encode.h"
#include "sidecar/publish.h"
#include "sidecar/routes.h"

/* How a read works: fetch copies rows inside a read transaction, render writes them behind it. */
struct call_read {
	enum registry_resource resource; /* whose index counts; routes without ROUTE_QUERY have none */
	/* Rows into `arena`. 0, -ENOENT (call->refusal is sent with 404), or another error: 503. */
	int (*fetch)(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret);
	/* Writes the body; may set call->status and call->content_type. */
	void (*render)(struct call *call, struct encode *encode, const void *rows);
};

struct call {
	struct sidecar *sidecar;
	struct call *next, *previous; /* all calls that have not ended */
	struct http_request *request; /* NULL once the client is gone */
	const struct route *route;
	struct arena *arena; /* the request's: good while `request` is */
	const char *rest;    /* what follows the route's prefix, decoded */
	int64_t arrival_ns;  /* monotonic */
	bool parked;         /* the server knows that the reply comes later */
	bool pretty;

	const char *consistency; /* "leader", "stale" or "consistent" */
	uint64_t seen;           /* ?index= */
	int64_t wait_ns;         /* ?wait=, 0 if it was not given */
	const struct call_read *read;
	bool woken; /* it was parked */
	struct blocking_wait blocking;
	struct long_read long_read;

	bool writing; /* its command is with the writer */
	int error;    /* what came back */
	char message[512];
	const char *unknown;                /* the text for -ENOENT; in `arena`, NULL for the writer's own */
	void (*written)(struct call *call); /* runs before the reply of a write, also of one that failed with
					       `error`; may be NULL */
	bool unknown_is_fine;               /* -ENOENT counts as success (catalog/deregister) */
	/* A heartbeat: what `written` records; own memory, for the client may be gone by then. */
	char *check_id, *output;
	enum registry_status check_status;
	bool unrecorded; /* the live table did not know the check when it came */

	/* The reply. */
	int status;
	const char *content_type;
	const char *refusal;
	const char *extra_name, *extra_value; /* one more header; value in `arena` or static */
	struct buf body;
	struct http_body *shared; /* the body instead, if not NULL */
	int file; /* whose first file_size bytes are the body instead, if it is above 0; the reply closes it
		   */
	size_t file_size;
	uint64_t index; /* X-Consul-Index, 0 for none; and what DNS must show, with `gate` */
	uint64_t gate;
	bool unpublished;
	struct publish_wait publish;
};

/* A request from the server: guard, route, handler. */
void call_begin(struct sidecar *sidecar, struct http_request *request);

/* The client of a parked request is gone; for http_park(). */
void call_gone(struct http_request *request, void *ctx);

/* Takes the call out of all queues and frees it; its request has been answered or is gone. */
void call_end(struct call *call);

/* Tells the server, once, that the reply comes later. */
void call_later(struct call *call);

/* A plain text as the whole reply, without newline as Consul's, by call_send(); 503 and 429 get Retry-After.
 */
void call_text(struct call *call, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sends call->body (may be empty) with call->status and content_type once DNS shows call->gate. */
void call_send(struct call *call);

/* Reads and replies, or parks as ?index= says. */
void call_read(struct call *call, const struct call_read *read);

/* Replies with call->refusal, 404 and an index, behind the wait that ?index= asks for: nothing of this kind
 * is kept, so nothing ever changes. */
void call_read_nothing(struct call *call);

/* Looks again at a query that was parked and is ready. */
void call_resume(struct call *call);

/* The whole of a long read, on a connection of its own: leaves call->shared and what else belongs to the
 * reply. 0, -ENOENT, -ECANCELED if *stop became true, or another negative errno. For the thread of
 * long_reads.h. */
int call_read_long(struct call *call, const atomic_bool *stop);

/* Replies with what another query that asks the same was answered; holds its body. */
void call_read_shared(struct call *call, const struct sharing_reply *reply);

/* Replies with what a read has left, or with what its error means. */
void call_read_done(struct call *call, int error);

/* Shows in the metrics how many queries are parked. */
void call_count_parked(struct sidecar *sidecar);

/* Hands a command to the writer, and replies with call->body when it is done, or with what was wrong.
 * call->unknown and the like are set before. */
void call_write(struct call *call, struct registry_command *command);

/* The value of a query parameter, NULL if it is not there. */
const char *call_query(const struct call *call, const char *name);
