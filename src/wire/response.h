/* response.h -- a reply being written: header, question, records, OPT.
 *
 * The writer never passes its limit: a record that does not fit is not begun. Room for the OPT record is set
 * aside at the start, because OPT must be the last additional record (HAProxy stops reading at a root name). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/header.h"
#include "wire/query.h"

enum wire_section { WIRE_ANSWER_SECTION, WIRE_AUTHORITY_SECTION, WIRE_ADDITIONAL_SECTION };

struct wire_response {
	uint8_t *data;
	size_t size;     /* bytes written */
	size_t limit;    /* the whole message may not be larger */
	size_t reserved; /* set aside for OPT */
	uint16_t flags;
	uint16_t rcode; /* extended */
	uint16_t counts[3];
	uint8_t options[256]; /* options of the reply's OPT, in wire form */
	uint16_t options_size;
	bool edns; /* the reply carries OPT */
	bool dnssec_ok;
};

/* Starts a reply to `query`: header space and, if question_size is not 0, the question echoed byte for byte
 * from `message`. With query->edns.present the reply carries OPT. `limit` counts the whole message. */
void wire_response_begin(struct wire_response *r, uint8_t *data, size_t limit, const struct wire_query *query,
	const uint8_t *message);

/* Adds an option to the reply's OPT; does nothing without EDNS or when `options` is full. Before records. */
void wire_response_option(struct wire_response *r, uint16_t code, const void *value, size_t size);

/* Adds an Extended DNS Error (RFC 8914); the text is cut to what fits. */
void wire_response_ede(struct wire_response *r, enum wire_ede code, const char *text);

/* Bytes that still fit in front of the reserved OPT. */
static inline size_t wire_response_room(const struct wire_response *r)
{
	size_t used = r->size + r->reserved;
	return used < r->limit ? r->limit - used : 0;
}

/* Ends the reply: writes OPT and the header. `udp_size` is the size that we advertise. Returns the size of the
 * whole message. */
size_t wire_response_end(struct wire_response *r, uint16_t id, uint16_t udp_size);
