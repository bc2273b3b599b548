/* test_conformance.c -- every row of the table, and sweeps over all types, classes and header bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ask.h"
#include "conformance_rows.h"
#include "fake_view.h"

static void test_rows(void **state)
{
	struct ask *ask = *state;
	unsigned wrong = 0;

	for (unsigned i = 0; i < conformance_row_count; i++) {
		const struct conformance_row *row = &conformance_rows[i];
		ask->source.tcp = row->tcp;
		const char *said = ask_packet(ask, row->stimulus);
		if (strcmp(said, row->expected) == 0)
			continue;
		wrong++;
		print_error("row %u: %s\n  expected \"%s\"\n  got      \"%s\"\n", row->number, row->stimulus,
			row->expected, said);
	}
	assert_int_equal(wrong, 0);
}

/* All rows handed over together get the bytes that each gets alone. */
static void test_rows_together(void **state)
{
	enum { QUERY_MAX = 8192, ROWS_MAX = 512 };
	struct ask *ask = *state;
	static struct dns_message messages[ROWS_MAX];
	static uint8_t queries[ROWS_MAX][QUERY_MAX], answers[ROWS_MAX][QUERY_MAX];
	unsigned count = conformance_row_count;

	assert_true(count > 64 && count <= ROWS_MAX);
	for (unsigned i = 0; i < count; i++)
		messages[i] = (struct dns_message){.source = {.tcp = conformance_rows[i].tcp, .hash = i},
			.query = queries[i],
			.query_size = packet_parse(conformance_rows[i].stimulus, queries[i], QUERY_MAX),
			.answer = answers[i],
			.capacity = QUERY_MAX};
	ask->context.rotation = 0;
	dns_respond(&ask->context, messages, count);
	ask->context.rotation = 0;
	for (unsigned i = 0; i < count; i++) {
		struct dns_message alone = messages[i];
		alone.answer = ask->answer;
		dns_respond(&ask->context, &alone, 1);
		assert_int_equal(alone.answer_size, messages[i].answer_size);
		assert_memory_equal(ask->answer, answers[i], alone.answer_size);
	}
}

/* Each row again in pieces: whatever is cut off, the reply is well formed or there is none. */
static void test_rows_cut(void **state)
{
	struct ask *ask = *state;

	for (unsigned i = 0; i < conformance_row_count; i++) {
		uint8_t whole[8192];
		size_t size = packet_parse(conformance_rows[i].stimulus, whole, sizeof whole);
		size_t step = size > 600 ? 37 : 1;
		for (size_t cut = 0; cut < size; cut += step) {
			memcpy(ask->query, whole, cut);
			ask->query_size = cut;
			ask_again(ask);
			assert_true((ask->answer_size == 0) == (cut < 12 || whole[2] & 0x80));
		}
	}
}

/* The question's bytes come back in the spelling in which they came (the 0x20 trick). */
static void test_echo(void **state)
{
	struct ask *ask = *state;

	assert_string_equal(ask_name(ask, "wEB.SeRvIcE.LOCAL", 1, 0), "NOERROR aa 1/2/0/0");
	assert_memory_equal(ask->answer + 12, "\3wEB\7SeRvIcE\5LOCAL\0\0\1\0\1", 23);
	assert_memory_equal(ask->answer + 35, "\xC0\x0C", 2);
}

/* What a type deserves, written down once more from the RFCs. */
static const char *expected_for(unsigned type)
{
	switch (type) {
	case 1:
	case 255:
		return "NOERROR aa 1/2/0/0";
	case 33:
		return "NOERROR aa 1/2/0/2";
	case 41:
	case 249:
	case 250:
		return "FORMERR 1/0/0/0";
	case 251:
	case 252:
		return "REFUSED 1/0/0/0";
	default:
		return "NOERROR aa 1/0/1/0";
	}
}

/* The types that anyone has heard of one by one; all others get, but for the type, the reply of the last. */
static void test_every_type(void **state)
{
	struct ask *ask = *state;

	for (unsigned type = 0; type <= 65535; type = type == 1023 ? 65535 : type + 1) {
		const char *said = ask_name(ask, "web.service.local", (uint16_t)type, 0);
		if (strcmp(said, expected_for(type)) != 0)
			fail_msg("type %u: %s", type, said);
	}
	uint8_t *query = ask->query, *type_at = query + ask->query_size - 4, answer[1232];
	for (unsigned type = 1024; type <= 65535; type++) {
		type_at[0] = (uint8_t)(type >> 8);
		type_at[1] = (uint8_t)type;
		struct dns_message message = {.source = ask->source,
			.query = query,
			.query_size = ask->query_size,
			.answer = answer,
			.capacity = sizeof answer};
		dns_respond(&ask->context, &message, 1);
		memcpy(ask->answer + (type_at - query), type_at, 2);
		if (message.answer_size != ask->answer_size ||
			memcmp(answer, ask->answer, message.answer_size) != 0)
			fail_msg("type %u has a reply of its own", type);
	}
}

static void test_every_class(void **state)
{
	struct ask *ask = *state;

	ask_name(ask, "web.service.local", 1, 0);
	for (unsigned klass = 0; klass <= 65535; klass += klass < 512 ? 1 : 67) {
		ask->query[ask->query_size - 2] = (uint8_t)(klass >> 8);
		ask->query[ask->query_size - 1] = (uint8_t)klass;
		const char *said = ask_again(ask);
		if (strcmp(said, klass == 1 ? "NOERROR aa 1/2/0/0" : "REFUSED 1/0/0/0") != 0)
			fail_msg("class %u: %s", klass, said);
	}
}

/* QR decides about silence, the opcode about NOTIMP, RD is copied, and nothing else in the flags matters. */
static void test_every_flag(void **state)
{
	struct ask *ask = *state;
	char expected[64];

	ask_name(ask, "web.service.local", 1, 0);
	for (unsigned flags = 0; flags <= 65535; flags += 13) {
		unsigned opcode = flags >> 11 & 15;
		ask->query[2] = (uint8_t)(flags >> 8);
		ask->query[3] = (uint8_t)flags;
		if (flags & 0x8000)
			snprintf(expected, sizeof expected, "%s", "");
		else if (opcode)
			snprintf(expected, sizeof expected, "NOTIMP opcode=%u 0/0/0/0", opcode);
		else
			snprintf(expected, sizeof expected, "NOERROR aa %s1/2/0/0",
				flags & 0x100 ? "rd " : "");
		const char *said = ask_again(ask);
		if (strcmp(said, expected) != 0)
			fail_msg("flags %04x: %s", flags, said);
	}
}

/* A message of 64 KiB whose header claims as many records as it can, and one that is full of the smallest
 * records: both are read once. */
static void test_counts_bound_nothing(void **state)
{
	struct ask *ask = *state;

	assert_string_equal(ask_packet(ask, "1234 0000 0001 0000 0000 ffff <web.service.local> 0001 0001"),
		"FORMERR 1/0/0/0");
	assert_string_equal(ask_packet(ask, "1234 0000 0001 0000 0000 1700 <web.service.local> 0001 0001 "
					    "5888*0000010001000000050000"),
		"NOERROR aa 1/2/0/0");
	assert_string_equal(
		ask_packet(ask, "1234 0000 ffff ffff ffff ffff 13000*0000010001"), "FORMERR 0/0/0/0");
}

static int set_up(void **state)
{
	*state = ask_create(fake_view_conformance());
	return 0;
}

static int tear_down(void **state)
{
	struct ask *ask = *state;

	fake_view_destroy(ask->view);
	ask_destroy(ask);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rows),
		TEST(test_rows_together),
		TEST(test_rows_cut),
		TEST(test_echo),
		TEST(test_every_type),
		TEST(test_every_class),
		TEST(test_every_flag),
		TEST(test_counts_bound_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
