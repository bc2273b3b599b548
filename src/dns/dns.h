/* dns.h -- the door of the dns room: packets in, packets out.
 *
 * dns_respond() (respond.h) is the answer, and the only one. A worker is two threads, each with an event loop
 * of its own and no state that it shares with another: one has a UDP socket for each address, the other a TCP
 * listener, so whatever TCP clients do costs UDP nothing. Until the view is whole nothing is read from the
 * sockets, so queries wait in the kernel; after `load_patience_ns` they get SERVFAIL with EDE 14.
 *
 * With a relay (dns_relay) queries for names in none of our zones are handed to another process over a link
 * (net/link.h), if the client may have that, and the answer is sent on when it comes: from the same socket,
 * or on the same connection. Names in our zones never take that way.
 */
#pragma once

#include "base/clock.h"
#include "base/page.h"
#include "dns/respond.h"

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
	unsigned relay_in_flight; /* queries that each thread may hand over; the relay bounds their sum */
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
