/* packet.c -- see packet.h. */
#include "packet.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

struct out {
	uint8_t *data;
	size_t size, capacity;
};

static void emit(struct out *out, unsigned byte)
{
	if (out->size == out->capacity)
		abort();
	out->data[out->size++] = (uint8_t)byte;
}

static const char *emit_name(const char *text, struct out *out)
{
	while (*text != '>') {
		size_t length = strcspn(text, ".>");
		emit(out, (unsigned)length);
		for (size_t i = 0; i < length; i++)
			emit(out, (unsigned char)text[i]);
		text += length + (text[length] == '.');
	}
	emit(out, 0);
	return text + 1;
}

static const char *emit_hex(const char *text, struct out *out)
{
	unsigned byte;

	for (; isxdigit((unsigned char)*text); text += 2) {
		if (!isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1)
			abort();
		emit(out, byte);
	}
	return text;
}

size_t packet_parse(const char *text, uint8_t *ret, size_t capacity)
{
	struct out out = {.data = ret, .capacity = capacity};

	while (*text) {
		size_t digits = strspn(text, "0123456789");
		if (*text == ' ') {
			text++;
		} else if (*text == '<') {
			text = emit_name(text + 1, &out);
		} else if (*text == '\'') {
			for (text++; *text != '\''; text++)
				emit(&out, (unsigned char)*text);
			text++;
		} else if (digits && text[digits] == '*') {
			const char *word = text + digits + 1;
			for (long n = strtol(text, NULL, 10); n > 0; n--)
				text = emit_hex(word, &out);
		} else if (isxdigit((unsigned char)*text)) {
			text = emit_hex(text, &out);
		} else {
			abort();
		}
	}
	return out.size;
}

static void say(struct reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct reply *reply, const char *format, ...)
{
	size_t used = strlen(reply->text);
	va_list args;

	va_start(args, format);
	vsnprintf(reply->text + used, sizeof reply->text - used, format, args);
	va_end(args);
}

static void say_options(struct reply *reply)
{
	const ldns_rdf *data = ldns_pkt_edns_data(reply->packet);
	const uint8_t *p = data ? ldns_rdf_data(data) : NULL;
	size_t size = data ? ldns_rdf_size(data) : 0;

	for (size_t at = 0; at + 4 <= size; at += 4 + get16(p + at + 2)) {
		if (get16(p + at) == 15) {
			say(reply, " ede=%u", get16(p + at + 4));
			continue;
		}
		say(reply, " %u:", get16(p + at));
		for (unsigned i = 0; i < get16(p + at + 2); i++)
			say(reply, "%02x", p[at + 4 + i]);
	}
}

static void say_all(struct reply *reply, const uint8_t *bytes)
{
	static const char *const rcodes[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = {{0x400, "aa"}, {0x200, "tc"}, {0x100, "rd"}, {0x80, "ra"}, {0x40, "z"}, {0x20, "ad"},
		{0x10, "cd"}};
	unsigned all = get16(bytes + 2), rcode = all & 15u;
	unsigned extended = reply->opt ? ldns_pkt_edns_extended_rcode(reply->packet) : 0;

	if (extended == 1 && rcode == 0)
		say(reply, "BADVERS");
	else if (extended || rcode > 5)
		say(reply, "RCODE%u", extended << 4 | rcode);
	else
		say(reply, "%s", rcodes[rcode]);
	if (all >> 11 & 15u)
		say(reply, " opcode=%u", all >> 11 & 15u);
	for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
		if (all & flags[i].bit)
			say(reply, " %s", flags[i].name);
	say(reply, " %u/%u/%u/%u", reply->counts[0], reply->counts[1], reply->counts[2], reply->counts[3]);
	if (!reply->opt)
		return;
	say(reply, " +opt");
	if (ldns_pkt_edns_version(reply->packet))
		say(reply, " version=%u", ldns_pkt_edns_version(reply->packet));
	if (ldns_pkt_edns_do(reply->packet))
		say(reply, " do");
	if (ldns_pkt_edns_z(reply->packet) & 0x7fff)
		say(reply, " mbz=%x", ldns_pkt_edns_z(reply->packet));
	say_options(reply);
}

/* Checks one record that ldns has read from bytes[start..end). */
static const char *check_record(
	const ldns_rr *rr, unsigned section, bool last, const uint8_t *bytes, size_t start)
{
	ldns_rr_type type = ldns_rr_get_type(rr);
	size_t at = start;

	if (type == LDNS_RR_TYPE_OPT)
		return section == 3 && last ? NULL : "OPT is not the last additional record";
	if (section == 3 && type != LDNS_RR_TYPE_A && type != LDNS_RR_TYPE_AAAA)
		return "additional holds something that is not an address";
	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN || ldns_rr_ttl(rr) & 0x80000000u)
		return "class or TTL";
	while (bytes[at] && bytes[at] < 0xC0)
		at += 1u + bytes[at];
	at += bytes[at] ? 2 : 1;
	if (type == LDNS_RR_TYPE_SRV && get16(bytes + at + 8) != 6 + ldns_rdf_size(ldns_rr_rdf(rr, 3)))
		return "SRV target is compressed";
	return NULL;
}

static const char *check_records(struct reply *reply, const uint8_t *bytes, size_t size)
{
	static const ldns_pkt_section sections[] = {
		LDNS_SECTION_QUESTION, LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY, LDNS_SECTION_ADDITIONAL};
	size_t at = 12;

	for (unsigned s = 0; s < 4; s++) {
		for (unsigned i = 0; i < reply->counts[s]; i++) {
			size_t start = at;
			ldns_rr *rr = NULL;
			if (ldns_wire2rr(&rr, bytes, size, &at, sections[s]) != LDNS_STATUS_OK)
				return "a record does not parse";
			const char *wrong =
				s ? check_record(rr, s, i + 1u == reply->counts[s], bytes, start) : NULL;
			reply->opt |= s == 3 && ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT;
			ldns_rr_free(rr);
			if (wrong)
				return wrong;
		}
		if (s == 2 &&
			(reply->rcode == 3 || (reply->rcode == 0 && bytes[2] & 4 && !reply->counts[1])) &&
			!reply->truncated && reply->counts[2] != 1)
			return "a negative answer without SOA";
	}
	return at == size ? NULL : "bytes behind the last record";
}

const char *reply_read(
	const uint8_t *query, size_t query_size, const uint8_t *bytes, size_t size, struct reply *ret)
{
	*ret = (struct reply){0};
	if (size == 0)
		return NULL;
	if (size < 12 || query_size < 12)
		return "less than a header";
	if (memcmp(query, bytes, 2) != 0 || (bytes[2] & 0xf8) != ((query[2] & 0x78) | 0x80))
		return "id, QR or opcode";
	ret->rcode = bytes[3] & 15;
	ret->truncated = bytes[2] & 2;
	for (unsigned i = 0; i < 4; i++)
		ret->counts[i] = (uint16_t)get16(bytes + 4 + 2 * i);
	if (ldns_wire2pkt(&ret->packet, bytes, size) != LDNS_STATUS_OK)
		return "ldns does not parse it";
	if (ret->counts[0] > 1)
		return "more than one question";
	const char *wrong = check_records(ret, bytes, size);
	if (wrong)
		return wrong;
	if (ret->counts[0]) {
		size_t end = 12;
		while (bytes[end])
			end += 1u + bytes[end];
		end += 5;
		if (end > query_size || memcmp(query + 12, bytes + 12, end - 12) != 0)
			return "the question is not echoed byte for byte";
	}
	if (bytes[3] & 0xf0)
		return "RA, Z, AD or CD";
	say_all(ret, bytes);
	return NULL;
}

void reply_finish(struct reply *reply)
{
	ldns_pkt_free(reply->packet);
	reply->packet = NULL;
}
