/* tcp_private.h -- a worker's TCP connections, as tcp.c (messages) and tcp_accept.c (who may come) see them.
 *
 * Private to the two. All on the worker's TCP thread. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "dns/handover.h"
#include "dns/tcp.h"
#include "dns/tcp_hosts.h"

/* What a connection does; each state has a list, ordered by `since`. RELAYED: it has nothing to do but to
 * wait for the relay. */
enum state { IDLE, RELAYED, READING, WRITING, STATES };

struct connection {
	TAILQ_ENTRY(connection) link;
	struct tcp *tcp;
	struct tcp_host *host;
	struct event readable, writable;
	/* IDLE and RELAYED: of the last answer, or of what it waits for if that is newer. READING: of the
	 * first byte. WRITING: of the last progress. */
	int64_t since;
	struct buf in;  /* the beginning of a message, or messages that wait for room; empty when idle */
	struct buf out; /* framed answers that the socket did not take; empty when idle */
	size_t out_at;  /* of `out`, sent already */
	struct sockaddr_in6 client; /* holds a sockaddr_in as well */
	struct dns_source source;   /* with `client` */
	unsigned relayed;           /* its queries that are with the relay */
	int fd;
	uint8_t state; /* enum state */
	bool ended;    /* nothing more is read: FIN or a bad frame; closed when all is answered and sent */
	bool held;     /* not read from until the socket is writable: no room, or its turn was over */
};

/* A list of connections. */
TAILQ_HEAD(connections, connection);

struct tcp {
	struct dns_worker *worker;
	struct tcp_hosts *hosts;
	struct connections lists[STATES];
	unsigned count;
	bool draining;
	struct handover *handover; /* NULL without a relay */
	uint8_t *input;            /* FRAME_MAX bytes, for one read */
	uint8_t *output;           /* OUTPUT_SIZE bytes, answers of the connection whose turn it is */
	size_t output_size;
	size_t turn;       /* what is left of TURN_COST */
	unsigned answered; /* messages, in this turn */
	int64_t now;       /* when this turn began */
	struct event *sweep, *backoff;
	size_t listener_count;
	struct event *listeners[];
};

/* Starts to read from a connection whose tcp, host, fd, client and source are set. */
void tcp_connection_start(struct connection *c);

/* Closes and frees it; what the relay answers for it will be dropped. */
void tcp_connection_close(struct connection *c);

/* Hangs the listening sockets on the event loop; tcp_open() starts to accept. */
void tcp_accept_init(struct tcp *tcp, const int *fds);

/* Stops to accept. */
void tcp_accept_stop(struct tcp *tcp);

/* Frees what tcp_accept_init() made. */
void tcp_accept_finish(struct tcp *tcp);
