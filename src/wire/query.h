/* query.h -- one query, parsed and judged. RFC 1035, 6891, 8906, 9619; the table is doc/RFCS.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/edns.h"
#include "wire/name.h"

/* What a message deserves before anyone has looked at names. */
enum wire_verdict {
	WIRE_ANSWER,      /* a well-formed query with one question: all fields are set */
	WIRE_DROP,        /* no reply ever: shorter than a header, or QR set (reflection loops) */
	WIRE_BAD_HEADER,  /* FORMERR or NOTIMP without the question: `rcode` says which; edns may be set */
	WIRE_BAD_QUESTION /* FORMERR or BADVERS that echoes the question: name, type and class are set */
};

struct wire_query {
	uint16_t id;
	uint16_t flags; /* as received */
	uint16_t rcode; /* for the BAD verdicts: what to answer, extended */
	uint16_t type;
	uint16_t klass;
	uint16_t question_size; /* bytes of the question section (name, type, class), starting at byte 12 */
	uint8_t name_size;      /* wire size of the name with its root label */
	uint8_t label_count;    /* without the root label */
	uint8_t name[WIRE_NAME_MAX]; /* lower case; the query itself keeps the spelling for the echo */
	uint8_t label_at[WIRE_LABELS_MAX + 1]; /* where each label's length byte stands in name */
	struct wire_edns edns;
};

/* Parses `size` bytes into *ret and says what they deserve. Work is bounded by the number of bytes, never by
 * the counts that the header claims (RFC 9267). Records in the answer section, or in the authority section of
 * anything but IXFR, are a FORMERR; an additional record other than OPT is skipped; bytes behind the message
 * are ignored. WIRE_DROP sets nothing. A malformed OPT sets edns.present too: the reply to it must carry one
 * (RFC 6891 section 7). */
enum wire_verdict wire_query_parse(const uint8_t *query, size_t size, struct wire_query *ret);

/* Reads the uncompressed wire name at `name` (at most `size` bytes, ended by the root label) into the name
 * fields of *ret (name, name_size, label_count, label_at) as wire_query_parse() does, and sets no other
 * field. False if it is not one. */
bool wire_query_name(const uint8_t *name, size_t size, struct wire_query *ret);
