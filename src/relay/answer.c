/* answer.c -- see answer.h. ldns takes the response apart and puts it together again, because a record that
 * is left out may be what names behind it point to. */
#include "relay/answer.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <string.h>

static void begin(const struct answer_query *query, struct wire_response *r, uint8_t *ret)
{
	wire_response_begin(r, ret, query->limit, &query->parsed, query->bytes);
	r->flags |= WIRE_FLAG_RA | (query->parsed.flags & WIRE_FLAG_CD);
}

static bool for_dnssec_only(ldns_rr_type type)
{
	return type == LDNS_RR_TYPE_RRSIG || type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3;
}

/* Moves the records of a section, but for those that this client must not get. */
static void move(ldns_rr_list *from, ldns_pkt *to, ldns_pkt_section section, const struct wire_query *query)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(from); i++) {
		ldns_rr *rr = ldns_rr_list_rr(from, i);
		ldns_rr_type type = ldns_rr_get_type(rr);
		bool asked = query->edns.dnssec_ok || query->type == WIRE_ANY || query->type == type;
		if ((asked || !for_dnssec_only(type)) && ldns_pkt_push_rr(to, section, rr))
			continue;
		ldns_rr_free(rr);
	}
	ldns_rr_list_set_rr_count(from, 0);
}

/* The response without what the client must not get and without OPT, in wire form; free it. NULL if it cannot
 * be read. */
static uint8_t *rewrite(const struct wire_query *query, const uint8_t *packet, size_t size, size_t *ret_size)
{
	ldns_pkt *from, *to = ldns_pkt_new();
	uint8_t *wire = NULL;
	if (!to || ldns_wire2pkt(&from, packet, size) != LDNS_STATUS_OK) {
		ldns_pkt_free(to);
		return NULL;
	}
	move(ldns_pkt_question(from), to, LDNS_SECTION_QUESTION, query);
	move(ldns_pkt_answer(from), to, LDNS_SECTION_ANSWER, query);
	move(ldns_pkt_authority(from), to, LDNS_SECTION_AUTHORITY, query);
	move(ldns_pkt_additional(from), to, LDNS_SECTION_ADDITIONAL, query);
	ldns_pkt_free(from);
	if (ldns_pkt2wire(&wire, to, ret_size) != LDNS_STATUS_OK)
		wire = NULL;
	ldns_pkt_free(to);
	return wire;
}

/* Where the record at `at` ends. ldns has written it, so it is one. */
static size_t record_end(const uint8_t *wire, size_t at)
{
	while (wire[at] != 0 && wire[at] < 0xC0)
		at += 1u + wire[at];
	at += wire[at] == 0 ? 1 : 2;
	return at + 10 + wire_get16(wire + at + 8);
}

/* Copies the records that begin at `at`, as many as fit. Names point backward only, so those at the front
 * stand without the rest; what is additional may be missing without a word (RFC 2181 section 9). */
static void put_records(struct wire_response *r, const uint8_t *wire, size_t at)
{
	for (enum wire_section section = WIRE_ANSWER_SECTION; section <= WIRE_ADDITIONAL_SECTION; section++)
		for (unsigned left = wire_get16(wire + 6 + 2 * section); left > 0; left--) {
			size_t size = record_end(wire, at) - at;
			uint8_t *record = wire_response_claim(r, section, size, 1);
			if (!record && section != WIRE_ADDITIONAL_SECTION)
				r->flags |= WIRE_FLAG_TC;
			if (!record)
				return;
			memcpy(record, wire + at, size);
			at += size;
		}
}

int answer_write(const struct answer_query *query, const uint8_t *packet, size_t size, uint8_t *ret)
{
	struct wire_response r;
	struct wire_query echo;
	size_t front = WIRE_HEADER_SIZE + (size_t)query->parsed.question_size, whole;
	uint8_t *wire = rewrite(&query->parsed, packet, size, &whole);
	/* The question has the same size in all spellings, so names in the records still point to it. */
	if (!wire || whole < front || wire_get16(wire + 4) != 1 ||
		!wire_query_name(wire + WIRE_HEADER_SIZE, whole - WIRE_HEADER_SIZE, &echo) ||
		!wire_name_equal(echo.name, echo.name_size, query->parsed.name, query->parsed.name_size)) {
		free(wire);
		return -EBADMSG;
	}
	begin(query, &r, ret);
	r.rcode = packet[3] & 0xF;
	r.flags |= wire_get16(packet + 2) & WIRE_FLAG_TC;
	put_records(&r, wire, front);
	free(wire);
	return (int)wire_response_end(&r, query->parsed.id, query->udp_size);
}

int answer_fail(
	const struct answer_query *query, uint16_t rcode, enum wire_ede ede, const char *why, uint8_t *ret)
{
	struct wire_response r;
	begin(query, &r, ret);
	r.rcode = rcode;
	wire_response_ede(&r, ede, why, strlen(why));
	return (int)wire_response_end(&r, query->parsed.id, query->udp_size);
}
