/* long_reads.h -- reads that would hold up everybody else: on a thread of their own, one after the other.
 *
 * Private to the sidecar room. A list of a hundred thousand instances takes half a second, in which the loop
 * would hear of no heartbeat and no registration. What a read on the loop cannot have in call_read()'s few
 * milliseconds begins anew here. While the thread has a call it may change all of it and read its request and
 * the config; so the loop leaves both alone until it has the call back: a new config waits, and so does the
 * memory of a request whose client has left. Blocking queries (ROUTE_QUERY) that asked the same before a read
 * began share its reply.
 *
 * Clients take turns: one that asks for a hundred lists holds up nobody but itself. While more waits for
 * readers than http.write_buffer allows, no list is begun; if that lasts for http.write_timeout, in which
 * whoever takes nothing of its reply is cut off, those that wait are answered 503.
 *
 * All functions are for the loop's thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"

struct call;
struct sidecar;

/* A call's part in it. */
struct long_read {
	TAILQ_ENTRY(call) link;
	enum { LONG_READ_NONE, LONG_READ_WAITS, LONG_READ_RUNS } state;
	uint64_t number; /* in the order of coming */
	uint64_t turn;   /* behind all of lower ones; its client has no other of the same */
	bool abandoned;  /* it runs, and the client has left */
	struct buf key;  /* what it asks, if it may share the reply */
};

struct long_reads {
	TAILQ_HEAD(long_read_queue, call) queue; /* those that wait, by turn and number */
	struct call *running;                    /* that the thread has */
	uint64_t number, started;                /* of the newest; the newest when the one that runs began */
	uint64_t turn;                           /* of the one that began last */
	int64_t full_ns; /* since when there is no room for a long reply; 0: there is */
	bool has_thread;
	pthread_t thread;
	pthread_cond_t wanted;
	atomic_bool stop; /* ends what runs */
	/* Under sidecar->mutex. */
	struct call *handed; /* to be read */
	struct call *done;   /* has been read, with `error` */
	int error;
	bool quit;
};

/* None. */
void long_reads_init(struct long_reads *long_reads);

/* Joins the thread, whose read ends as soon as it can. No call is with it afterwards; they are still to be
 * ended. */
void long_reads_finish(struct sidecar *sidecar);

/* A call has to wait for its turn; call_read_done() comes later. */
void long_reads_add(struct call *call);

/* True if a query waits or runs that asks the same as `call`. */
bool long_reads_has_like(const struct call *call);

/* The call ends. */
void long_reads_leave(struct call *call);

/* The call's client has left: true if the thread has the call, which then goes on and is ended behind it. Its
 * request is to be kept. */
bool long_reads_keep(struct call *call);

/* True while the thread has a call. */
bool long_reads_running(const struct sidecar *sidecar);

/* Answers what is done. */
void long_reads_answer(struct sidecar *sidecar);

/* Gives the thread the next call, if it has none and there is room for a long reply; refuses those that have
 * waited too long for that. Each second, and when something has changed. */
void long_reads_next(struct sidecar *sidecar);

/* What runs ends soon, with -ECANCELED, and whatever comes as well. */
void long_reads_stop(struct sidecar *sidecar);
