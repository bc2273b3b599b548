/* policy.h -- inside the dns room: what is refused before any name is looked up, and how large a reply may
 * be.
 *
 * Pure functions of the query and the context; any thread. */
#pragma once

#include "dns/exchange.h"

/* Why a query gets no answer: a response code, and the reason for people (RFC 8914). */
struct dns_refusal {
	uint16_t rcode; /* enum wire_rcode */
	uint16_t ede;   /* enum wire_ede */
	const char *text;
};

extern const struct dns_refusal
	dns_not_our_zone;                       /* the name is in none of our zones (RFC 1034 4.3.2, 8906) */
extern const struct dns_refusal dns_not_loaded; /* it is, but the view is not whole yet */
extern const struct dns_refusal dns_not_known;  /* it is, but a file that cannot be read may say more */
extern const struct dns_refusal dns_relay_full; /* it is for the relay, which cannot take it now */

/* Judges class and type. NULL if the query may be answered; static storage. */
const struct dns_refusal *dns_policy_judge(const struct wire_query *query);

/* Bytes that the whole reply may have at most: over UDP the least of what the client takes (RFC 6891 section
 * 6.2.5; 512 without EDNS or if it asks for less), what we send, and `capacity`. */
size_t dns_policy_limit(const struct dns_context *context, const struct dns_source *source,
	const struct wire_query *query, size_t capacity);

/* True if the client may ask for names that are not ours: there is a relay, and it is allowed to. */
bool dns_policy_may_relay(const struct dns_context *context, const struct dns_source *source);

/* What happens to a query for a name in none of our zones: dns_relay_full (also static storage) if it is for
 * the relay, else why it is refused. Names under local. are never for the relay (RFC 6762 section 22.1), and
 * exist nowhere unless one of our zones stands below them. */
const struct dns_refusal *dns_policy_other_name(
	const struct dns_context *context, const struct dns_source *source, const struct wire_query *query);
