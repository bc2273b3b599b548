/* respond.h -- inside the dns room: one query on its way to its reply.
 *
 * The exchange lives on the stack of dns_respond(), in the worker's thread, and points at what the caller and
 * the view own; nothing in it outlives the call. */
#pragma once

#include "dns/dns.h"

struct dns_exchange {
	struct dns_context *context;
	const struct dns_source *source;
	struct wire_query query;
	struct wire_response reply;
	const struct view_zone *zone; /* the nearest zone above the question's name; set once it is known */
	uint16_t zone_owner;          /* compression pointer to the zone's name inside the question's name */
};

/* A compression pointer to byte `at` of the message. RFC 1035 section 4.1.4. */
static inline uint16_t dns_pointer(size_t at)
{
	return (uint16_t)(0xC000 | at);
}
