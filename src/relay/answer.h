/* answer.h -- what a client of the relay gets, in wire form. Private to the relay room.
 *
 * Pure functions; the answers echo id and question byte for byte, carry RA, and never pass their limit. */
#pragma once

#include "wire/wire.h"

/* A query as it was handed over. */
struct answer_query {
	struct wire_query parsed;
	const uint8_t *bytes; /* the whole message */
	size_t limit;         /* of the answer, at least 512 */
	uint16_t udp_size;    /* that we advertise */
};

/* Writes the answer that a response from upstream gives into `ret` of `limit` bytes. Records that only DNSSEC
 * needs are left out unless DO is set or they were asked for (RFC 4035 section 3.2.1). Of what does not fit
 * the records at the front are in it, with TC; not all clients ask again by TCP. TC is kept: libunbound cuts
 * what it cannot write in 65,535 bytes with few compressed names. Returns the size, or -EBADMSG if the
 * response is not one. */
int answer_write(const struct answer_query *query, const uint8_t *packet, size_t size, uint8_t *ret);

/* Writes an answer without records: a response code, and why (RFC 8914). Returns the size. */
int answer_fail(
	const struct answer_query *query, uint16_t rcode, enum wire_ede ede, const char *why, uint8_t *ret);
