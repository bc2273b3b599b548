/* dns.h -- the door of the dns room: packets in, packets out.
 *
 * dns_respond() is the answer, and the only one: UDP, TCP, the fuzzer, the benchmark and the tests call it. A
 * worker is two threads, each with an event loop of its own and no state that it shares with another: one has
 * a UDP socket for each address, the other a TCP listener, so whatever TCP clients do costs UDP nothing.
 * Until the view is whole nothing is read from the sockets, so queries wait in the kernel; after
 * `load_patience_ns` they get SERVFAIL with EDE 14.
 *
 * With a relay (dns_relay) queries for names in none of our zones are handed to another process over a link
 * (net/link.h), if the client may have that, and the answer is sent on when it comes: from the same socket,
 * or on the same connection. Names in our zones never take that way.
 */
#pragma once

#include "base/clock.h"
#include "base/page.h"
#include "net/prefix.h"
#include "view/view.h"

/* Whose queries for other names go to the relay. */
struct dns_relay {
	const struct net_prefix *allow, *refuse; /* clients: in `allow`, but not in `refuse` */
	size_t allow_count, refuse_count;
};

/* What an answer depends on besides the query and the view. One for each worker, or for a test. */
struct dns_context {
	const struct view *view;
	const char *nsid;              /* identity for NSID (RFC 5001); NULL or "" for none */
	uint16_t udp_size;             /* our EDNS size, and the largest UDP answer (1232, RFC 9715) */
	uint16_t keepalive;            /* TCP idle timeout for RFC 7828, in units of 100 ms */
	bool loading;                  /* the view is not whole: SERVFAIL with EDE 14 */
	uint32_t rotation;             /* moves by one with each answer, so that the order rotates */
	struct metrics *metrics;       /* the worker's counters */
	const struct dns_relay *relay; /* NULL: names that are not ours are refused, and RA is never set */
};

/* How the query came. */
struct dns_source {
	bool tcp, ipv6;
	uint32_t hash; /* of the client's address: chooses the part of a set that does not fit */
	const struct sockaddr *client; /* asked for with a relay only; NULL: it may not relay */
};

/* A query, and the place for its answer. */
struct dns_message {
	struct dns_source source;
	const uint8_t *query;
	size_t query_size;
	uint8_t *answer;
	size_t capacity;    /* bytes at `answer`, at least 512 */
	size_t answer_size; /* written by dns_respond() */
	/* Written by dns_respond(): the query is for the relay, whose answer may have `limit` bytes; what
	 * stands at `answer` is for the case that the relay cannot have it. */
	bool relay;
	uint16_t limit;
};

/* Answers `count` messages. Over UDP an answer is at most min(client's EDNS size, udp_size, capacity), 512
 * without EDNS; over TCP at most min(capacity, 65535). Its size is 0 if the packet deserves none (RFC 8906
 * section 3: a response, or less than a header). Messages that are handed over together wait for memory
 * together, which is most of what an answer costs. Reads the view: call between view_read_begin() and
 * view_read_end(). */
void dns_respond(struct dns_context *context, struct dns_message *messages, size_t count);

struct dns_config {
	unsigned workers;
	/* Sockets, opened by the supervisor: udp_fds[worker * address_count + address]; tcp_fds likewise
	 * (each worker has its own listener by SO_REUSEPORT). */
	const int *udp_fds, *tcp_fds;
	size_t address_count;
	uint16_t udp_size;
	const char *nsid;
	int64_t load_patience_ns;             /* how long queries wait for the first load; 1 s */
	unsigned tcp_connections;             /* open at most, for each worker */
	unsigned tcp_connections_per_address; /* likewise; an IPv6 /64 counts as one address */
	unsigned tcp_write_buffer;      /* bytes of answers that may wait for a client that does not read */
	int64_t tcp_idle_ns, tcp_io_ns; /* between messages; from a message's first byte to its last */
	/* The relay's links: link_fds[worker] of the UDP threads, then those of the TCP threads; NULL: none.
	 */
	const int *link_fds;
	struct dns_relay relay;   /* with links only; the lists stay the caller's, and must stay */
	unsigned relay_in_flight; /* queries that may be with the relay, for each thread */
	int64_t relay_timeout_ns; /* after which the relay has given up; then we do */
	struct view *view;
	struct page *page; /* threads[PAGE_UDP + n] and [PAGE_TCP + n] are the workers' slots */
	/* While *listeners is not 0, each thread tells of its queries in its ring. NULL: never. */
	const _Atomic uint32_t *listeners;
	struct page_traces *traces;
	const struct clock *clock;
};

struct dns_server;

/* Starts the workers. 0 or negative errno; stop with dns_server_stop(). The descriptors stay the caller's. */
int dns_server_start(const struct dns_config *config, struct dns_server **ret);

/* Takes over what is live in the config (limits, timeouts, nsid, udp_size); any thread. */
void dns_server_reconfigure(struct dns_server *server, const struct dns_config *config);

/* Ends the workers and frees the server: answers that are written are flushed, connections are closed. NULL
 * is fine. */
void dns_server_stop(struct dns_server *server);
