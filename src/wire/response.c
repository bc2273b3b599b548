/* response.c -- the frame of a reply: header and question in front, OPT at the end. RFC 1035 4.1, RFC 6891.
 */
#include "wire/response.h"

#include <string.h>

#define OPT_SIZE 11 /* root, type, size, extended rcode and flags, RDLENGTH */
#define OPT_DNSSEC_OK 0x8000u

void wire_response_begin(struct wire_response *r, uint8_t *data, size_t limit, const struct wire_query *query,
	const uint8_t *message)
{
	uint16_t opcode = query->flags & WIRE_OPCODE_MASK;

	r->data = data;
	r->size = WIRE_HEADER_SIZE;
	r->limit = limit;
	r->reserved = 0;
	/* RD is a field of QUERY; what is in its place in another opcode is not ours to copy (RFC
	 * 8906 8.1.4). */
	r->flags = WIRE_FLAG_QR | opcode | (opcode == WIRE_OPCODE_QUERY ? query->flags & WIRE_FLAG_RD : 0);
	r->rcode = WIRE_NOERROR;
	memset(r->counts, 0, sizeof r->counts);
	r->options_size = 0;
	r->question = query->question_size && query->question_size <= wire_response_room(r);
	if (r->question) {
		memcpy(data + r->size, message + WIRE_HEADER_SIZE, query->question_size);
		r->size += query->question_size;
	}
	r->edns = query->edns.present && OPT_SIZE <= wire_response_room(r);
	r->dnssec_ok = query->edns.dnssec_ok;
	if (r->edns)
		r->reserved = OPT_SIZE;
}

/* Room for the value of one more option, given its header. */
static size_t option_room(const struct wire_response *r)
{
	size_t room = wire_response_room(r), left = sizeof r->options - r->options_size;

	if (!r->edns)
		return 0;
	if (left < room)
		room = left;
	return room < 4 ? 0 : room - 4;
}

bool wire_response_option(struct wire_response *r, uint16_t code, const void *value, size_t size)
{
	size_t whole = 4 + size;

	if (!r->edns || size > sizeof r->options || whole > sizeof r->options - r->options_size ||
		whole > wire_response_room(r))
		return false;
	uint8_t *p = r->options + r->options_size;
	wire_set16(p, code);
	wire_set16(p + 2, (uint16_t)size);
	if (size)
		memcpy(p + 4, value, size);
	r->options_size += (uint16_t)whole;
	r->reserved += whole;
	return true;
}

bool wire_response_ede(struct wire_response *r, enum wire_ede code, const char *text, size_t size)
{
	uint8_t value[sizeof r->options];
	size_t room = option_room(r);

	if (room < 2)
		return false;
	if (size > room - 2) {
		size = room - 2;
		while (size && ((uint8_t)text[size] & 0xC0) == 0x80)
			size--; /* EXTRA-TEXT is UTF-8: no character is cut in two */
	}
	wire_set16(value, (uint16_t)code);
	if (size)
		memcpy(value + 2, text, size);
	return wire_response_option(r, WIRE_OPTION_EDE, value, 2 + size);
}

static void write_opt(struct wire_response *r, uint16_t udp_size)
{
	uint8_t *p = r->data + r->size;

	p[0] = 0;
	wire_set16(p + 1, WIRE_OPT);
	wire_set16(p + 3, udp_size);
	wire_set32(p + 5, (uint32_t)(r->rcode >> 4) << 24 | (r->dnssec_ok ? OPT_DNSSEC_OK : 0));
	wire_set16(p + 9, r->options_size);
	memcpy(p + OPT_SIZE, r->options, r->options_size);
	r->size += OPT_SIZE + (size_t)r->options_size;
	r->reserved = 0;
	r->counts[WIRE_ADDITIONAL_SECTION]++;
}

size_t wire_response_end(struct wire_response *r, uint16_t id, uint16_t udp_size)
{
	if (r->edns)
		write_opt(r, udp_size);
	wire_set16(r->data, id);
	wire_set16(r->data + 2, (uint16_t)(r->flags | (r->rcode & 0xF)));
	wire_set16(r->data + 4, r->question);
	for (unsigned i = 0; i < 3; i++)
		wire_set16(r->data + 6 + 2 * i, r->counts[i]);
	return r->size;
}
