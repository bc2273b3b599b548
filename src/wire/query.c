/* query.c -- one pass over a message, bounded by its bytes. RFC 1035 section 4, RFC 6891, RFC 9267. */
#include "wire/query.h"

#include "wire/cursor.h"

/* Reads a name without compression. A question has nothing in front of it that a pointer could mean, so a
 * pointer there is an error, as is any other length above 63. */
static bool read_name(struct wire_cursor *c, struct wire_query *ret)
{
	const uint8_t *start = c->data + c->position;
	size_t size = 0;
	unsigned labels = 0;

	for (;;) {
		uint8_t length = wire_read8(c);
		if (c->failed || length > WIRE_LABEL_MAX || size + length >= WIRE_NAME_MAX)
			return false;
		ret->label_at[labels] = (uint8_t)size;
		size += 1u + length;
		if (length == 0)
			break;
		labels++;
		wire_read(c, length);
	}
	wire_name_lower(start, size, ret->name);
	ret->name_size = (uint8_t)size;
	ret->label_count = (uint8_t)labels;
	return true;
}

static bool read_question(struct wire_cursor *c, struct wire_query *ret)
{
	size_t start = c->position;

	if (!read_name(c, ret))
		return false;
	uint16_t type = wire_read16(c), klass = wire_read16(c);
	if (c->failed)
		return false;
	ret->type = type;
	ret->klass = klass;
	ret->question_size = (uint16_t)(c->position - start);
	return true;
}

/* Moves behind a name that may end in a pointer, without following it. True if it is the root label alone. */
static bool skip_name(struct wire_cursor *c)
{
	size_t start = c->position;
	uint8_t length;

	while ((length = wire_read8(c)) != 0) {
		if (length >= 0xC0) {
			wire_read8(c);
			return false;
		}
		if (length > WIRE_LABEL_MAX)
			c->failed = true;
		wire_read(c, length);
	}
	return c->position - start == 1;
}

/* Reads one record and skips it, unless it is the OPT record of the additional section. False if that is not
 * as RFC 6891 section 6.1 wants it; `edns` is then set nevertheless, because section 7 asks for an OPT record
 * in the reply to tell this error from a server without EDNS. */
static bool read_record(struct wire_cursor *c, bool additional, struct wire_edns *edns)
{
	bool root = skip_name(c);
	uint16_t type = wire_read16(c), klass = wire_read16(c);
	uint32_t ttl = wire_read32(c);
	uint16_t size = wire_read16(c);
	bool opt = type == WIRE_OPT && additional && !c->failed;
	const uint8_t *data = wire_read(c, size);

	if (!opt)
		return !c->failed;
	bool second = edns->present;
	edns->present = true;
	edns->version = (uint8_t)(ttl >> 16);
	edns->dnssec_ok = ttl & 0x8000;
	edns->udp_size = klass;
	if (!data || !root || second)
		return false;
	if (edns->version != 0)
		return true; /* options of another version may look otherwise */
	if (!wire_edns_options_valid(data, size))
		return false;
	edns->options = data;
	edns->options_size = size;
	return true;
}

/* Reads all records; each takes bytes or fails, so the counts bound nothing. */
static bool read_records(struct wire_cursor *c, const uint8_t *message, struct wire_edns *edns)
{
	unsigned front = (unsigned)wire_get16(message + 6) + wire_get16(message + 8);
	unsigned all = front + wire_get16(message + 10);
	bool good = true;

	for (unsigned i = 0; i < all && !c->failed; i++)
		good &= read_record(c, i >= front, edns);
	return good && !c->failed;
}

bool wire_query_name(const uint8_t *name, size_t size, struct wire_query *ret)
{
	struct wire_cursor c = {.data = name, .size = size};

	return read_name(&c, ret);
}

static enum wire_verdict bad(struct wire_query *ret, uint16_t rcode, enum wire_verdict verdict)
{
	ret->rcode = rcode;
	return verdict;
}

/* A message that we answer with a header: its sections are read only for the OPT record (RFC 6891 6.1.1). */
static enum wire_verdict bad_header(
	struct wire_cursor *c, unsigned questions, uint16_t rcode, struct wire_query *ret)
{
	for (unsigned i = 0; i < questions && !c->failed; i++) {
		skip_name(c);
		wire_read(c, 4);
	}
	read_records(c, c->data, &ret->edns);
	return bad(ret, rcode, WIRE_BAD_HEADER);
}

enum wire_verdict wire_query_parse(const uint8_t *query, size_t size, struct wire_query *ret)
{
	struct wire_cursor c = {.data = query, .size = size, .position = WIRE_HEADER_SIZE};

	if (size < WIRE_HEADER_SIZE || query[2] & WIRE_FLAG_QR >> 8)
		return WIRE_DROP;
	unsigned questions = wire_get16(query + 4);

	ret->id = wire_get16(query);
	ret->flags = wire_get16(query + 2);
	ret->rcode = WIRE_NOERROR;
	ret->type = ret->klass = ret->question_size = 0;
	ret->name_size = ret->label_count = 0;
	ret->edns = (struct wire_edns){0};
	if (ret->flags & WIRE_OPCODE_MASK)
		return bad_header(&c, questions, WIRE_NOTIMP, ret);
	if (questions != 1)
		return bad_header(&c, questions, WIRE_FORMERR, ret); /* RFC 9619 */
	if (!read_question(&c, ret))
		return bad(ret, WIRE_FORMERR, WIRE_BAD_HEADER);
	bool answers = wire_get16(query + 6) != 0;
	bool authority = wire_get16(query + 8) != 0 && ret->type != WIRE_IXFR; /* RFC 1995 section 3 */
	if (!read_records(&c, query, &ret->edns) || answers || authority)
		return bad(ret, WIRE_FORMERR, WIRE_BAD_QUESTION);
	if (ret->edns.version != 0)
		return bad(ret, WIRE_BADVERS, WIRE_BAD_QUESTION);
	return WIRE_ANSWER;
}
