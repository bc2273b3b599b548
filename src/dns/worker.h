/* worker.h -- one thread of a worker as its transport, udp.c or tcp.c, sees it. Private to the dns room.
 *
 * dns.c owns the struct and runs the thread; the transport hangs its sockets on the event base. All fields
 * belong to that thread once it runs; what other threads want is told by the server's bell. */
#pragma once

#include "base/clock.h"
#include "base/siphash.h"
#include "base/trace.h"
#include "dns/respond.h"

struct event;
struct event_base;

/* What may change while the server runs: a checked copy of the live part of struct dns_config. */
struct dns_settings {
	uint16_t udp_size; /* WIRE_UDP_MIN to UDP_ANSWER_MAX */
	char nsid[129];    /* RFC 5001 sets no limit; the option does */
	unsigned tcp_connections, tcp_connections_per_address;
	size_t tcp_write_buffer;
	int64_t tcp_idle_ns, tcp_io_ns;
};

/* A thread's way to the relay. */
struct worker_relay {
	int link;
	unsigned in_flight; /* queries of the thread that may be there */
	int64_t timeout_ns;
};

struct dns_worker {
	struct dns_context context;
	struct dns_settings settings;
	struct event_base *base;
	const struct clock *clock;
	const struct siphash_key *key; /* the server's: the same client has the same hash in every worker */
	bool time_next;                /* set twice a second: the next queries to be answered are timed */
	const _Atomic uint32_t *listeners; /* who wants to hear of queries; NULL: nobody ever */
	struct trace_ring *ring;           /* where they hear of them */
};

/* What an answer may depend on of its client: transport, family, and the hash of the address (not the port).
 */
struct dns_source worker_client(const struct dns_worker *worker, const struct sockaddr *client, bool tcp);

/* Behind `count` answers to what was received at `since_ns`: if they are to be timed, counts them in the
 * histogram `id`. With one clock in half a second the query path pays nothing for it, whether or not
 * clock_gettime() is a system call here. */
void worker_timed(struct dns_worker *worker, enum metric id, int64_t since_ns, unsigned count);

/* event_new() on the worker's base; out of memory ends the process. Free with event_free(). */
struct event *worker_event(const struct dns_worker *worker, int fd, short what,
	void (*callback)(int fd, short what, void *arg), void *arg);
