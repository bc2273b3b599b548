/* test_response.c -- replies at every limit: the heap block ends where the limit is, so one byte too far is
 * found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

#define PACKET "\x12\x34\1\0\0\1\0\0\0\0\0\1\3wEb\7service\5LOCAL\0\0\1\0\1\0\0\x29\x04\xD0\0\0\x80\0\0\0"
#define QUESTION_SIZE 23

static const uint8_t packet[] = PACKET;

static struct wire_query parse(bool edns)
{
	struct wire_query query;

	assert_int_equal(wire_query_parse(packet, sizeof packet - 1, &query), WIRE_ANSWER);
	query.edns.present = edns;
	return query;
}

/* Fills a reply of `limit` bytes with records of `record` bytes, with options of `option` bytes in front. */
static void fill(size_t limit, bool edns, size_t record, size_t option)
{
	struct wire_query query = parse(edns);
	struct wire_response r;
	uint8_t *data = malloc(limit), value[256] = {7};
	unsigned records = 0;
	uint8_t *p;

	assert_non_null(data);
	wire_response_begin(&r, data, limit, &query, packet);
	bool question = limit >= 12 + QUESTION_SIZE, opt = edns && limit >= r.size + 11;
	assert_int_equal(r.question, question);
	assert_int_equal(r.edns, opt);
	bool added = wire_response_option(&r, 65001, value, option);
	assert_int_equal(added, opt && 4 + option <= 256 && limit >= r.size + 11 + 4 + option);
	size_t frame = r.size + (opt ? 11 : 0) + (added ? 4 + option : 0);
	while ((p = wire_response_claim(&r, WIRE_ANSWER_SECTION, record, 1)) != NULL) {
		memset(p, (int)records, record);
		records++;
	}
	assert_int_equal(records, (limit - frame) / record);
	size_t size = wire_response_end(&r, 0x1234, 1400);
	assert_int_equal(size, frame + records * record);
	assert_true(size <= limit);
	assert_int_equal(wire_get16(data + 4), question);
	assert_int_equal(wire_get16(data + 6), records);
	assert_int_equal(wire_get16(data + 8), 0);
	assert_int_equal(wire_get16(data + 10), opt);
	if (question)
		assert_memory_equal(data + 12, packet + 12, QUESTION_SIZE);
	if (opt) {
		const uint8_t *o = data + size - 11 - (added ? 4 + option : 0);
		assert_memory_equal(o, "\0\0\x29\x05\x78\0\0\x80\0", 9);
		assert_int_equal(wire_get16(o + 9), added ? 4 + option : 0);
	}
	free(data);
}

static void test_every_limit(void **state)
{
	for (size_t limit = 12; limit <= 1300; limit++) {
		fill(limit, false, 16, 0);
		fill(limit, true, 16, 0);
		fill(limit, true, 41, 30);
		fill(limit, true, 1, 252);
		fill(limit, true, 300, 253);
	}
}

/* The text of an EDE takes what is left, and never half of a character. */
static void test_ede_at_every_limit(void **state)
{
	static const char text[] = "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 end";
	static const size_t whole[] = {0, 1, 2, 3, 5, 6, 9, 10, 14, 15, 16, 17, 18};
	size_t frame = 12 + QUESTION_SIZE + 11 + 6;

	assert_int_equal(sizeof text - 1, 18);
	for (size_t limit = 12; limit <= 100; limit++) {
		struct wire_query query = parse(true);
		struct wire_response r;
		uint8_t *data = malloc(limit);
		assert_non_null(data);
		wire_response_begin(&r, data, limit, &query, packet);
		bool added = wire_response_ede(&r, WIRE_EDE_NOT_READY, text, sizeof text - 1);
		assert_int_equal(
			added, limit >= frame || (limit >= 12 + 11 + 6 && limit < 12 + QUESTION_SIZE));
		size_t size = wire_response_end(&r, 0, 1232);
		assert_true(size <= limit);
		if (limit >= frame) {
			size_t room = limit - frame, expected = 0;
			for (unsigned i = 0; i < sizeof whole / sizeof *whole; i++)
				if (whole[i] <= room)
					expected = whole[i];
			assert_int_equal(size, frame + expected);
			assert_memory_equal(data + size - expected, text, expected);
			assert_memory_equal(data + size - expected - 2, "\0\x0E", 2);
		}
		free(data);
	}
}

/* The options of a reply are bounded on their own, however large the reply may be. */
static void test_options_are_bounded(void **state)
{
	struct wire_query query = parse(true);
	struct wire_response r;
	uint8_t data[1232], value[600] = {0};

	wire_response_begin(&r, data, sizeof data, &query, packet);
	assert_false(wire_response_option(&r, 3, value, 253));
	assert_false(wire_response_option(&r, 3, value, 600));
	assert_false(wire_response_option(&r, 3, value, SIZE_MAX));
	assert_true(wire_response_option(&r, 3, value, 244));
	assert_true(wire_response_ede(&r, WIRE_EDE_OTHER, "some words", 10));
	assert_false(wire_response_ede(&r, WIRE_EDE_OTHER, "", 0));
	assert_int_equal(wire_response_end(&r, 1, 1232), 12 + QUESTION_SIZE + 11 + 256);
	assert_memory_equal(data + 12 + QUESTION_SIZE + 11 + 248, "\0\x0F\0\4\0\0so", 8);
}

static void test_no_options_without_edns(void **state)
{
	struct wire_query query = parse(false);
	struct wire_response r;
	uint8_t data[512];

	wire_response_begin(&r, data, sizeof data, &query, packet);
	assert_false(wire_response_option(&r, 3, "x", 1));
	assert_false(wire_response_ede(&r, WIRE_EDE_OTHER, "x", 1));
	assert_int_equal(wire_response_end(&r, 1, 1232), 12 + QUESTION_SIZE);
}

/* Id, opcode and RD of a query come back, and nothing else of its header. */
static void test_header(void **state)
{
	struct wire_query query = parse(false);
	struct wire_response r;
	uint8_t data[512];

	for (unsigned flags = 0; flags < 0x8000; flags += 7) {
		query.flags = (uint16_t)flags;
		wire_response_begin(&r, data, sizeof data, &query, packet);
		wire_response_end(&r, (uint16_t)flags, 1232);
		assert_int_equal(wire_get16(data), flags);
		assert_int_equal(wire_get16(data + 2),
			0x8000 | (flags & 0x7800) | (flags & 0x7800 ? 0 : flags & 0x0100));
	}
}

static void test_extended_rcode(void **state)
{
	struct wire_query query = parse(true);
	struct wire_response r;
	uint8_t data[512];

	wire_response_begin(&r, data, sizeof data, &query, packet);
	r.rcode = WIRE_BADVERS;
	size_t size = wire_response_end(&r, 1, 1232);
	assert_int_equal(wire_get16(data + 2) & 15, 0);
	assert_memory_equal(data + size - 11, "\0\0\x29\x04\xD0\1\0\x80\0\0\0", 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_limit),
		cmocka_unit_test(test_ede_at_every_limit),
		cmocka_unit_test(test_options_are_bounded),
		cmocka_unit_test(test_no_options_without_edns),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_extended_rcode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
