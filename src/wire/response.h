/* response.h -- a reply being written: header, question, records, OPT.
 *
 * The writer never passes its limit: a record that does not fit is not begun. Room for the OPT record is set
 * aside at the start, because OPT must be the last additional record (HAProxy stops reading at a root name).
 */
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
	bool question; /* the question stands behind the header */
	bool edns;     /* the reply carries OPT */
	bool dnssec_ok;
};

/* Starts a reply to `query`: header space and, if question_size is not 0, the question echoed byte for byte
 * from `message`. With query->edns.present the reply carries OPT. `limit` (at least 12) counts the whole
 * message; what of question and OPT does not fit is left out, which cannot happen from 512 on. */
void wire_response_begin(struct wire_response *r, uint8_t *data, size_t limit, const struct wire_query *query,
	const uint8_t *message);

/* Adds an option to the reply's OPT. False, and nothing is added, without EDNS or when there is no room. What
 * is added before the records is taken from their room. */
bool wire_response_option(struct wire_response *r, uint16_t code, const void *value, size_t size);

/* Adds an Extended DNS Error (RFC 8914) with `size` bytes of UTF-8; the text is cut to what fits. False, and
 * nothing is added, without EDNS or when not even the code fits. */
bool wire_response_ede(struct wire_response *r, enum wire_ede code, const char *text, size_t size);

/* Bytes that still fit in front of the reserved OPT. */
static inline size_t wire_response_room(const struct wire_response *r)
{
	size_t used = r->size + r->reserved;
	return used < r->limit ? r->limit - used : 0;
}

/* Claims `size` bytes behind what is written, for `count` records of `section`: the caller writes them. NULL,
 * and nothing is claimed, if they do not fit. Sections are written in their order. */
static inline uint8_t *wire_response_claim(
	struct wire_response *r, enum wire_section section, size_t size, unsigned count)
{
	uint8_t *start = r->data + r->size;

	if (size > wire_response_room(r))
		return NULL;
	r->size += size;
	r->counts[section] += (uint16_t)count;
	return start;
}

/* Ends the reply: writes OPT and the header. `udp_size` is the size that we advertise. Returns the size of
 * the whole message. */
size_t wire_response_end(struct wire_response *r, uint16_t id, uint16_t udp_size);
