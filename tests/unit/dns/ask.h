/* ask.h -- one query through dns_respond(), into memory of exactly the size that it may use.
 *
 * AddressSanitizer watches both ends of query and answer. The reply is checked by packet.h. One thread. */
#pragma once

#include "dns/dns.h"
#include "packet.h"

struct ask {
	struct view *view;
	struct dns_context context;
	struct dns_source source;
	struct metrics metrics;
	size_t capacity; /* of the answer's memory; 0: 1232 over UDP, 65535 over TCP */
	bool quick;      /* for sweeps: read the reply's header only; its text is empty */
	uint8_t query[65536], answer[65536];
	size_t query_size, answer_size;
	struct reply reply;
};

/* A server that shows `view`, which stays the caller's: NSID "n1", 1232 bytes, keepalive 10 s. */
struct ask *ask_create(struct view *view);

void ask_destroy(struct ask *ask);

/* Sends a packet written as packet_parse() reads it. Fails the test if the reply is not well formed or too
 * large; returns the reply as text. What it points at lives until the next call. */
const char *ask_packet(struct ask *ask, const char *text);

/* Sends a query for `name` without EDNS, or with the given EDNS size if that is not 0. */
const char *ask_name(struct ask *ask, const char *name, uint16_t type, uint16_t edns_size);

/* Sends what stands in ask->query. */
const char *ask_again(struct ask *ask);

/* Records of a section of the last reply, as ldns sees them. */
ldns_rr_list *ask_answers(const struct ask *ask);
