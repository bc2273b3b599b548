/* exchange.h -- inside the dns room: one query on its way to its reply.
 *
 * The exchange lives on the stack of dns_respond(), in the worker's thread, and points at what the caller and
 * the view own; nothing in it outlives the call. */
#pragma once

#include "dns/respond.h"

struct dns_refusal;

struct dns_exchange {
	struct dns_context *context;
	struct dns_message *message;
	enum wire_verdict verdict;
	const struct dns_refusal *refusal; /* why no name is looked up; NULL: one is */
	const struct view_zone *zone;      /* the nearest zone above the question's name */
	uint16_t zone_owner;               /* compression pointer to its name inside the question's name */
	struct view_search search;         /* for the question's name */
	const struct view_answer *answer;  /* what stands there */
	struct wire_query query;
	struct wire_response reply;
};

/* A compression pointer to byte `at` of the message. RFC 1035 section 4.1.4. */
static inline uint16_t dns_pointer(size_t at)
{
	return (uint16_t)(0xC000 | at);
}

/* Counts an answer by its response code (extended) and TC, in the calling thread's counters. */
static inline void dns_count_response(struct metrics *metrics, unsigned rcode, bool truncated)
{
	unsigned row = rcode <= WIRE_REFUSED ? rcode : WIRE_REFUSED + 1u;

	metrics_add(metrics, METRIC_DNS_RESPONSES_NOERROR + row, 1);
	if (truncated)
		metrics_add(metrics, METRIC_DNS_TRUNCATED, 1);
}
