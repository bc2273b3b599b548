/* test_query.c -- messages into queries: every field, every way to be malformed, each in memory of its exact
 * size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

/* Parses a copy that ends where the heap block ends, so that a byte too far is found. */
static enum wire_verdict parse(const void *bytes, size_t size, struct wire_query *ret)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	enum wire_verdict verdict = wire_query_parse(copy, size, ret);
	if (verdict == WIRE_ANSWER && ret->edns.options)
		ret->edns.options = (const uint8_t *)bytes + (ret->edns.options - copy);
	free(copy);
	return verdict;
}

#define HEAD(flags, qd, an, ns, ar) "\xAB\xCD" flags "\0" qd "\0" an "\0" ns "\0" ar
#define WEB "\3wEb\7service\5LOCAL\0"
#define QUESTION WEB "\0\x21\0\1"
#define OPT "\0\0\x29\x04\xD0\0\0\x80\0\0\0"
#define RECORD "\xC0\x0C\0\1\0\1\0\0\0\5\0\4\1\2\3\4"

static void test_fields(void **state)
{
	static const char packet[] =
		HEAD("\1\x10", "\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xD0\0\0\x80\0\0\x06\0\3\0\2hi";
	struct wire_query query;
	const uint8_t *value;
	size_t position = 0, size;

	assert_int_equal(parse(packet, sizeof packet - 1, &query), WIRE_ANSWER);
	assert_int_equal(query.id, 0xABCD);
	assert_int_equal(query.flags, 0x0110);
	assert_int_equal(query.rcode, 0);
	assert_int_equal(query.type, WIRE_SRV);
	assert_int_equal(query.klass, WIRE_CLASS_IN);
	assert_int_equal(query.question_size, 23);
	assert_int_equal(query.name_size, 19);
	assert_int_equal(query.label_count, 3);
	assert_memory_equal(query.name, "\3web\7service\5local\0", 19);
	assert_memory_equal(query.label_at, "\0\4\14\22", 4);
	assert_true(query.edns.present && query.edns.dnssec_ok);
	assert_int_equal(query.edns.version, 0);
	assert_int_equal(query.edns.udp_size, 1232);
	assert_int_equal(query.edns.options_size, 6);
	assert_int_equal(wire_edns_next(&query.edns, &position, &value, &size), WIRE_OPTION_NSID);
	assert_int_equal(size, 2);
	assert_memory_equal(value, "hi", 2);
	assert_int_equal(wire_edns_next(&query.edns, &position, &value, &size), -1);
}

#define ROW(bytes, verdict, rcode, question, edns)                                                           \
	{                                                                                                    \
		bytes, sizeof bytes - 1, verdict, rcode, question, edns                                      \
	}

static void test_verdicts(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		enum wire_verdict verdict;
		uint16_t rcode, question_size;
		bool edns;
	} rows[] = {
		ROW("", WIRE_DROP, 0, 0, false),
		ROW("\0\0\0\0\0\0\0\0\0\0\0", WIRE_DROP, 0, 0, false),
		ROW(HEAD("\x80\0", "\1", "\0", "\0", "\0") QUESTION, WIRE_DROP, 0, 0, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") QUESTION, WIRE_ANSWER, 0, 23, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") QUESTION "tail", WIRE_ANSWER, 0, 23, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION OPT, WIRE_ANSWER, 0, 23, true),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\2") QUESTION RECORD OPT, WIRE_ANSWER, 0, 23, true),
		ROW(HEAD("\0\0", "\0", "\0", "\0", "\0"), WIRE_BAD_HEADER, WIRE_FORMERR, 0, false),
		ROW(HEAD("\0\0", "\0", "\0", "\0", "\1") OPT, WIRE_BAD_HEADER, WIRE_FORMERR, 0, true),
		ROW(HEAD("\0\0", "\2", "\0", "\0", "\1") QUESTION QUESTION OPT, WIRE_BAD_HEADER, WIRE_FORMERR,
			0, true),
		ROW(HEAD("\x78\0", "\0", "\0", "\0", "\0"), WIRE_BAD_HEADER, WIRE_NOTIMP, 0, false),
		ROW(HEAD("\x28\0", "\1", "\1", "\1", "\1") QUESTION RECORD RECORD OPT, WIRE_BAD_HEADER,
			WIRE_NOTIMP, 0, true),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") "\3web", WIRE_BAD_HEADER, WIRE_FORMERR, 0, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") "\3web\0\0\1\0", WIRE_BAD_HEADER, WIRE_FORMERR, 0,
			false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") "\xC0\x0C\0\1\0\1", WIRE_BAD_HEADER, WIRE_FORMERR, 0,
			false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\0") "\x40web\0\0\1\0\1", WIRE_BAD_HEADER, WIRE_FORMERR,
			0, false),
		ROW(HEAD("\0\0", "\1", "\1", "\0", "\0") QUESTION RECORD, WIRE_BAD_QUESTION, WIRE_FORMERR, 23,
			false),
		ROW(HEAD("\0\0", "\1", "\1", "\0", "\1") QUESTION RECORD OPT, WIRE_BAD_QUESTION, WIRE_FORMERR,
			23, true),
		ROW(HEAD("\0\0", "\1", "\0", "\1", "\0") QUESTION RECORD, WIRE_BAD_QUESTION, WIRE_FORMERR, 23,
			false),
		ROW(HEAD("\0\0", "\1", "\0", "\1", "\0") WEB "\0\xFB\0\1" RECORD, WIRE_ANSWER, 0, 23, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION, WIRE_BAD_QUESTION, WIRE_FORMERR, 23,
			false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\xC0", WIRE_BAD_QUESTION, WIRE_FORMERR, 23,
			false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\x80\0\1\0\1\0\0\0\0\0\0",
			WIRE_BAD_QUESTION, WIRE_FORMERR, 23, false),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\2") QUESTION OPT OPT, WIRE_BAD_QUESTION, WIRE_FORMERR,
			23, true),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\1x" OPT, WIRE_BAD_QUESTION, WIRE_FORMERR,
			23, true),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xD0\0\0\0\0\0\5\0\1\0\2x",
			WIRE_BAD_QUESTION, WIRE_FORMERR, 23, true),
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xD0\0\1\0\0\0\0",
			WIRE_BAD_QUESTION, WIRE_BADVERS, 23, true),
		/* The options of another version are not looked into. */
		ROW(HEAD("\0\0", "\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xD0\0\xFF\0\0\0\3\1\2\3",
			WIRE_BAD_QUESTION, WIRE_BADVERS, 23, true),
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wire_query query = {0};
		enum wire_verdict verdict = parse(rows[i].bytes, rows[i].size, &query);
		if (verdict != rows[i].verdict || query.rcode != rows[i].rcode ||
			query.edns.present != rows[i].edns || query.question_size != rows[i].question_size)
			fail_msg("row %u: verdict %d rcode %d edns %d question %d", i, (int)verdict,
				query.rcode, query.edns.present, query.question_size);
	}
}

/* A valid query with every record kind, cut at every byte: never an answer, and OPT only once it was seen. */
static void test_cut(void **state)
{
	static const char packet[] =
		HEAD("\0\0", "\1", "\0", "\0", "\3") QUESTION RECORD "\4name\0\0\xFA\0\xFF\0\0\0\0\0\2xx"
								     "\0\0\x29\x04\xD0\0\0\0\0\0\6\0\3\0\2hi";
	struct wire_query query;

	assert_int_equal(parse(packet, sizeof packet - 1, &query), WIRE_ANSWER);
	for (size_t cut = 0; cut < sizeof packet - 1; cut++) {
		enum wire_verdict verdict = parse(packet, cut, &query);
		assert_int_equal(verdict, cut < 12   ? WIRE_DROP
					  : cut < 35 ? WIRE_BAD_HEADER
						     : WIRE_BAD_QUESTION);
		if (cut >= 12)
			assert_int_equal(query.edns.present, cut >= sizeof packet - 1 - 6);
	}
}

/* Names at their limits, through both doors. */
static void test_names(void **state)
{
	uint8_t name[300];
	struct wire_query query;

	for (unsigned i = 0; i < 128; i++)
		memcpy(name + 2 * i, "\1X", 2);
	name[254] = 0;
	assert_true(wire_query_name(name, 255, &query));
	assert_int_equal(query.name_size, 255);
	assert_int_equal(query.label_count, 127);
	assert_int_equal(query.label_at[127], 254);
	assert_int_equal(query.name[253], 'x');
	assert_false(wire_query_name(name, 254, &query));
	name[254] = 1;
	name[256] = 0;
	assert_false(wire_query_name(name, 257, &query));
	assert_true(wire_query_name((const uint8_t *)"", 1, &query));
	assert_int_equal(query.name_size, 1);
	assert_int_equal(query.label_count, 0);
	assert_false(wire_query_name((const uint8_t *)"", 0, &query));
	assert_false(wire_query_name((const uint8_t *)"\xC0\x0C", 2, &query));
	/* 255 bytes whose last label is too long by one. */
	memset(name, 'a', sizeof name);
	name[0] = name[64] = name[128] = 63;
	name[192] = 62;
	name[255] = 0;
	assert_false(wire_query_name(name, 256, &query));
	name[192] = 61;
	name[254] = 0;
	assert_true(wire_query_name(name, 255, &query));
}

static void test_options(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool valid;
	} rows[] = {{"", 0, true}, {"\0\3\0\0", 4, true}, {"\0\3\0\1x", 5, true},
		{"\0\3\0\1x\0\4\0\0", 9, true}, {"\0", 1, false}, {"\0\3\0", 3, false},
		{"\0\3\0\1", 4, false}, {"\0\3\0\0\0", 5, false}, {"\0\3\xFF\xFFx", 5, false}};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(
			wire_edns_options_valid((const uint8_t *)rows[i].bytes, rows[i].size), rows[i].valid);
}

/* The reader remembers its first failure, and does not move behind it. */
static void test_cursor(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct wire_cursor c = {.data = bytes, .size = sizeof bytes};

	assert_int_equal(wire_read8(&c), 1);
	assert_int_equal(wire_read16(&c), 0x0203);
	assert_int_equal(wire_read32(&c), 0x04050607);
	assert_int_equal(wire_read16(&c), 0);
	assert_true(c.failed);
	assert_int_equal(c.position, 7);
	assert_int_equal(wire_read8(&c), 0);
	assert_null(wire_read(&c, 0));
	assert_int_equal(c.position, 7);
	c = (struct wire_cursor){.data = bytes, .size = sizeof bytes, .position = 4};
	assert_ptr_equal(wire_read(&c, 4), bytes + 4);
	assert_ptr_equal(wire_read(&c, 0), bytes + 8);
	assert_false(c.failed);
	assert_null(wire_read(&c, SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
