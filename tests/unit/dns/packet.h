/* packet.h -- packets of the tests: written as text, and replies read back by another parser than ours
 * (ldns).
 *
 * Nothing here uses src/wire: what it says about a reply is a second opinion. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ldns/ldns.h> /* behind stdbool.h: it makes a bool of its own otherwise */

/* Writes the packet that `text` describes: words of hex digits; <web.service.local> a name; 'text' literal
 * bytes; 12*ab0c the same bytes twelve times. Returns the size; aborts on bad text. */
size_t packet_parse(const char *text, uint8_t *ret, size_t capacity);

struct reply {
	ldns_pkt *packet;
	uint8_t rcode; /* from the header */
	uint16_t counts[4];
	bool truncated, opt;
	/* All that a reply says besides its records: "NOERROR aa rd 1/2/0/3 +opt do 3:6e31 ede=0"; "" for
	 * none. */
	char text[700];
};

/* Reads a reply and checks what holds for every one: it parses to its last byte, its header goes with the
 * query, the question is the query's own bytes, OPT is the last record and comes once, additional holds
 * nothing but addresses and OPT, SRV targets are not compressed, a negative answer has its SOA. NULL if all
 * is well, else what is wrong. An empty reply is well. The caller calls reply_finish() either way. */
const char *reply_read(
	const uint8_t *query, size_t query_size, const uint8_t *bytes, size_t size, struct reply *ret);

void reply_finish(struct reply *reply);
