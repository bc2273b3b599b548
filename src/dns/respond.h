/* respond.h -- the answer, and the only one: UDP, TCP, the fuzzer, the benchmark and the tests call it.
 *
 * Part of the room's door. Everything works in the caller's memory, on the caller's thread. */
#pragma once

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
