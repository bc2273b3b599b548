/* records.c -- rendered records into a reply: rotation, truncation, glue. RFC 1035 4.1.4, RFC 2181 section 9.
 */
#include "dns/records.h"

#include <string.h>

#define RDLENGTH_AT 10     /* in a record whose owner is a pointer */
#define GLUE_RDLENGTH_AT 8 /* in a record without owner */
#define POINTER_MAX 0x4000 /* a compression pointer cannot mean a byte from here on */
#define GLUE_LOOK_BACK 16  /* targets before a record that are compared with its own */

/* Maps a counter to 0..count-1. Multiplying by 2^32/phi before scaling spreads any step evenly: a client that
 * sends A and AAAA in turn moves the counter by two, and would see only half of the orders of `rotation %
 * count`. */
static uint32_t spread(uint32_t rotation, uint32_t count)
{
	return (uint32_t)((uint64_t)(rotation * UINT32_C(0x9E3779B1)) * count >> 32);
}

/* The bytes that a record takes in the reply. */
static size_t record_size(const struct view_record *record, const struct view_zone *zone)
{
	return record->size + (record->relative ? (size_t)zone->name_size : 0);
}

/* memcpy for pieces of a few bytes, of which an answer has many: two loads that overlap instead of a call. */
static inline uint8_t *copy(uint8_t *out, const uint8_t *from, size_t size)
{
	enum { LARGE = 32, MIDDLE = 16, SMALL = 8 };

	if (size > 2 * LARGE) {
		memcpy(out, from, size);
	} else if (size >= LARGE) {
		memcpy(out, from, LARGE);
		memcpy(out + size - LARGE, from + size - LARGE, LARGE);
	} else if (size >= MIDDLE) {
		memcpy(out, from, MIDDLE);
		memcpy(out + size - MIDDLE, from + size - MIDDLE, MIDDLE);
	} else if (size >= SMALL) {
		memcpy(out, from, SMALL);
		memcpy(out + size - SMALL, from + size - SMALL, SMALL);
	} else {
		for (size_t i = 0; i < size; i++)
			out[i] = from[i];
	}
	return out + size;
}

/* The bytes of a set without stride, or 0 if it does not fit whole. It looks at no more records than there is
 * room for. */
static size_t whole_size(const struct view_rrset *set, const struct view_zone *zone, size_t room)
{
	size_t size = 0;

	for (uint32_t i = 0; i < set->count && size <= room; i++)
		size += record_size(view_rrset_record(set, i), zone);
	return size <= room ? size : 0;
}

/* Writes one record, and returns where the next one goes. */
static uint8_t *write_record(
	uint8_t *out, const struct view_record *record, const struct view_zone *zone, uint16_t owner)
{
	uint8_t *end = copy(out, record->bytes, record->size);

	wire_set16(out, owner);
	if (!record->relative)
		return end;
	wire_set16(out + RDLENGTH_AT, (uint16_t)(wire_get16(out + RDLENGTH_AT) + zone->name_size));
	return copy(end, zone->name, zone->name_size);
}

/* Puts `put->count` records of equal size; they fit. */
static void put_flat(
	struct dns_exchange *x, const struct view_rrset *set, uint16_t owner, const struct dns_put *put)
{
	size_t stride = set->stride;
	uint32_t tail = set->count - put->start, first = put->count < tail ? put->count : tail;
	uint8_t *out = wire_response_claim(&x->reply, WIRE_ANSWER_SECTION, put->count * stride, put->count);

	memcpy(out, set->flat + put->start * stride, first * stride);
	memcpy(out + first * stride, set->flat, (put->count - first) * stride);
	if (owner == WIRE_POINTER_TO_QNAME)
		return;
	for (uint32_t i = 0; i < put->count; i++)
		wire_set16(out + i * stride, owner);
}

/* Puts all records of a set, `size` bytes in all, from put->start on. */
static void put_whole(struct dns_exchange *x, const struct view_rrset *set, uint16_t owner,
	struct dns_put *put, size_t size)
{
	uint8_t *out = wire_response_claim(&x->reply, WIRE_ANSWER_SECTION, size, set->count);

	for (uint32_t i = put->start; i < set->count; i++)
		out = write_record(out, view_rrset_record(set, i), x->zone, owner);
	for (uint32_t i = 0; i < put->start; i++)
		out = write_record(out, view_rrset_record(set, i), x->zone, owner);
	put->count = set->count;
}

/* Puts records one by one from put->start on, until one does not fit behind another; the first may be one
 * that comes later, because a truncated answer must not be empty while any record fits. */
static void put_some(
	struct dns_exchange *x, const struct view_rrset *set, uint16_t owner, struct dns_put *put)
{
	uint32_t at = put->start;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct view_record *record = view_rrset_record(set, at);
		uint8_t *out =
			wire_response_claim(&x->reply, WIRE_ANSWER_SECTION, record_size(record, x->zone), 1);

		if (!out && put->count)
			return;
		if (out) {
			write_record(out, record, x->zone, owner);
			if (put->count++ == 0)
				put->start = at;
		}
		at = at + 1 < set->count ? at + 1 : 0;
	}
}

struct dns_put dns_put_set(struct dns_exchange *x, const struct view_rrset *set, uint16_t owner)
{
	struct dns_put put = {.at = x->reply.size};
	size_t room = wire_response_room(&x->reply);
	size_t size = set->stride ? (size_t)set->stride * set->count : whole_size(set, x->zone, room);
	bool whole = size && size <= room;

	if (whole) {
		put.start = set->count > 1 ? spread(x->context->rotation, set->count) : 0;
	} else {
		put.start = x->message->source.hash % set->count;
		x->reply.flags |= WIRE_FLAG_TC;
	}
	if (set->stride) {
		put.count = whole ? set->count : (uint32_t)(room / set->stride);
		put_flat(x, set, owner, &put);
	} else if (whole) {
		put_whole(x, set, owner, &put, size);
	} else {
		put_some(x, set, owner, &put);
	}
	return put;
}

/* The record after number `i` of a set, with wrap-around. */
static uint32_t next_of(const struct view_rrset *set, uint32_t i)
{
	return i + 1 < set->count ? i + 1 : 0;
}

/* Writes the addresses of a record's target under the pointer `owner`; returns where the next ones go. */
static uint8_t *write_glue(uint8_t *out, const struct view_record *record, uint16_t owner)
{
	const uint8_t *glue = view_record_glue(record);
	size_t left = record->glue_size;

	while (left > 0) {
		size_t size = GLUE_RDLENGTH_AT + 2 + (size_t)wire_get16(glue + GLUE_RDLENGTH_AT);
		wire_set16(out, owner);
		out = copy(out + 2, glue, size);
		glue += size;
		left -= size;
	}
	return out;
}

/* Puts the addresses of all targets. False, and nothing is put, if they do not all fit, or if a target stands
 * where no pointer can mean it. */
static bool put_all_glue(struct dns_exchange *x, const struct view_rrset *set, const struct dns_put *put)
{
	size_t size = 0, at = put->at;
	uint32_t number = put->start;
	unsigned count = 0;

	for (uint32_t i = 0; i < put->count; i++, number = next_of(set, number)) {
		const struct view_record *record = view_rrset_record(set, number);
		size += record->glue_size;
		count += record->glue_count;
	}
	uint8_t *out = x->reply.size > POINTER_MAX ? NULL
						   : wire_response_claim(&x->reply, WIRE_ADDITIONAL_SECTION,
							     size + 2 * (size_t)count, count);
	if (!out)
		return false;
	for (uint32_t i = 0; i < put->count; i++, number = next_of(set, number)) {
		const struct view_record *record = view_rrset_record(set, number);
		out = write_glue(out, record, dns_pointer(at + record->target_at));
		at += record_size(record, x->zone);
	}
	return true;
}

/* Puts the addresses of the target of the record at byte `at` of the reply, if they fit. */
static void put_glue(struct dns_exchange *x, const struct view_record *record, size_t at)
{
	size_t target = at + record->target_at;
	const uint8_t *name = x->reply.data + target, *glue = view_record_glue(record);
	bool pointer = target < POINTER_MAX;
	size_t owner_size = pointer ? 2 : record_size(record, x->zone) - record->target_at;
	uint8_t *out = wire_response_claim(&x->reply, WIRE_ADDITIONAL_SECTION,
		record->glue_size + record->glue_count * owner_size, record->glue_count);

	if (!out)
		return;
	if (pointer) {
		write_glue(out, record, dns_pointer(target));
		return;
	}
	for (unsigned i = 0; i < record->glue_count; i++) {
		size_t size = GLUE_RDLENGTH_AT + 2 + (size_t)wire_get16(glue + GLUE_RDLENGTH_AT);
		out = copy(copy(out, name, owner_size), glue, size);
		glue += size;
	}
}

/* True if one of the records shortly before the one at `position` of what has been put has the same target.
 * It looks back a little only, so that a large set costs no more than its size; glue twice is harmless. */
static bool target_seen(const struct dns_exchange *x, const struct view_rrset *set, const struct dns_put *put,
	uint32_t position)
{
	const struct view_record *record = view_rrset_record(set, (put->start + position) % set->count);
	size_t size = (size_t)record->size - record->target_at;

	for (uint32_t back = 1; back <= position && back <= GLUE_LOOK_BACK; back++) {
		const struct view_record *other =
			view_rrset_record(set, (put->start + position - back) % set->count);
		if (other->target_at == 0 || other->relative != record->relative)
			continue;
		if (wire_name_equal(record->bytes + record->target_at, size, other->bytes + other->target_at,
			    (size_t)other->size - other->target_at))
			return true;
	}
	return false;
}

void dns_put_glue(
	struct dns_exchange *x, const struct view_rrset *set, const struct dns_put *put, bool unique)
{
	size_t at = put->at;
	uint32_t number = put->start;

	if (!unique && put_all_glue(x, set, put))
		return;
	for (uint32_t i = 0; i < put->count; i++, number = next_of(set, number)) {
		const struct view_record *record = view_rrset_record(set, number);
		if (record->glue_count && !(unique && target_seen(x, set, put, i)))
			put_glue(x, record, at);
		at += record_size(record, x->zone);
	}
}

void dns_put_soa(struct dns_exchange *x, enum wire_section section, uint16_t owner)
{
	const struct view_zone *zone = x->zone;
	uint8_t *out = wire_response_claim(&x->reply, section, 2u + zone->soa_size, 1);

	if (!out) {
		x->reply.flags |= WIRE_FLAG_TC;
		return;
	}
	wire_set16(out, owner);
	memcpy(out + 2, zone->soa, zone->soa_size);
	wire_set32(out + 2 + zone->soa_serial_at, view_zone_serial(zone, view_index(x->context->view)));
}
