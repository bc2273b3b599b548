/* test_answer.c -- responses from upstream rewritten for a client: echo, limit, DNSSEC records, nonsense. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/answer.h"

static const uint8_t question[] = "\3wWw\7eXample\3com\0\0\1\0\1";
static const uint8_t a_record[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\1";
static const uint8_t nsec_record[] = "\xc0\x0c\0\x2f\0\1\0\0\0\x3c\0\6\1a\0\0\1\x40";
static const uint8_t opt_record[] = "\0\0\x29\4\xd0\0\0\0\0\0\0";

struct bytes {
	uint8_t data[4096];
	size_t size;
};

static void add(struct bytes *to, const void *data, size_t size)
{
	assert_true(to->size + size <= sizeof(to->data));
	memcpy(to->data + to->size, data, size);
	to->size += size;
}

/* A message with the question and so many records of each kind. */
static struct bytes message(uint16_t flags, unsigned a, unsigned nsec, unsigned opt)
{
	struct bytes m = {.size = WIRE_HEADER_SIZE};
	wire_set16(m.data, 0x1234);
	wire_set16(m.data + 2, flags);
	wire_set16(m.data + 4, 1);
	wire_set16(m.data + 6, (uint16_t)a);
	wire_set16(m.data + 8, (uint16_t)nsec);
	wire_set16(m.data + 10, (uint16_t)opt);
	add(&m, question, sizeof(question) - 1);
	for (unsigned i = 0; i < a; i++) {
		add(&m, a_record, sizeof(a_record) - 1);
		wire_set16(m.data + m.size - 2, (uint16_t)i);
	}
	for (unsigned i = 0; i < nsec; i++)
		add(&m, nsec_record, sizeof(nsec_record) - 1);
	for (unsigned i = 0; i < opt; i++)
		add(&m, opt_record, sizeof(opt_record) - 1);
	return m;
}

static struct answer_query query_of(const struct bytes *m, size_t limit)
{
	struct answer_query query = {.bytes = m->data, .limit = limit, .udp_size = 1232};
	assert_int_equal(wire_query_parse(m->data, m->size, &query.parsed), WIRE_ANSWER);
	return query;
}

static void echo(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD | WIRE_FLAG_CD, 0, 0, 1),
		     response = message(0x85a3, 1, 0, 1);
	struct answer_query query = query_of(&asked, 512);
	uint8_t answer[512];
	memcpy(response.data + 12, "\3www\7example\3com", 16);
	wire_set16(response.data, 0xFFFF);
	int size = answer_write(&query, response.data, response.size, answer);
	assert_int_equal(size, 12 + sizeof(question) - 1 + sizeof(a_record) - 1 + 11);
	assert_int_equal(wire_get16(answer), 0x1234);
	assert_int_equal(wire_get16(answer + 2), 0x8193); /* QR RD RA CD NXDOMAIN: no AA, no AD */
	assert_memory_equal(answer + 12, question, sizeof(question) - 1);
	assert_memory_equal(answer + 4, "\0\1\0\1\0\0\0\1", 8);
}

/* Without EDNS in the query there is none in the answer. */
static void no_edns(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 0), response = message(0x8180, 2, 0, 1);
	struct answer_query query = query_of(&asked, 512);
	uint8_t answer[512];
	assert_true(answer_write(&query, response.data, response.size, answer) > 0);
	assert_memory_equal(answer + 4, "\0\1\0\2\0\0\0\0", 8);
}

static void dnssec(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 1), response = message(0x8180, 0, 1, 0);
	uint8_t answer[512];
	struct answer_query query = query_of(&asked, 512);
	assert_true(answer_write(&query, response.data, response.size, answer) > 0);
	assert_int_equal(wire_get16(answer + 8), 0);
	query.parsed.edns.dnssec_ok = true;
	assert_true(answer_write(&query, response.data, response.size, answer) > 0);
	assert_int_equal(wire_get16(answer + 8), 1);
}

/* At each limit: whole, or TC and what fits; never more bytes than allowed. */
static void limit(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 1), response = message(0x8180, 60, 0, 0);
	size_t whole = 12 + sizeof(question) - 1 + 60 * (sizeof(a_record) - 1) + 11;
	for (size_t size = 512; size < whole + 3; size++) {
		uint8_t answer[2048];
		struct answer_query query = query_of(&asked, size);
		memset(answer, 0xEE, sizeof(answer));
		int written = answer_write(&query, response.data, response.size, answer);
		assert_true(written > 0 && (size_t)written <= size && answer[size] == 0xEE);
		size_t fit = (size - (whole - 60 * (sizeof(a_record) - 1))) / (sizeof(a_record) - 1);
		assert_int_equal(wire_get16(answer + 6), fit < 60 ? fit : 60);
		assert_int_equal(wire_get16(answer + written - 13), (fit < 60 ? fit : 60) - 1);
		assert_int_equal((answer[2] & 2) != 0, size < whole);
	}
}

/* What is additional may be missing; what says that there is nothing may not. */
static void what_may_be_missing(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 0), additional = message(0x8180, 40, 0, 0),
		     authority = additional;
	struct answer_query query = query_of(&asked, 512);
	uint8_t answer[512];
	memcpy(additional.data + 6, "\0\1\0\0\0\47", 6);
	assert_true(answer_write(&query, additional.data, additional.size, answer) > 0);
	assert_int_equal(answer[2] & 2, 0);
	assert_memory_equal(answer + 6, "\0\1\0\0\0\34", 6);
	memcpy(authority.data + 6, "\0\0\0\50\0\0", 6);
	assert_true(answer_write(&query, authority.data, authority.size, answer) > 0);
	assert_int_equal(answer[2] & 2, 2);
	assert_memory_equal(answer + 6, "\0\0\0\35\0\0", 6);
}

/* What libunbound has cut is not the whole answer. */
static void cut_before(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 1), response = message(0x8380, 0, 0, 0);
	struct answer_query query = query_of(&asked, WIRE_MESSAGE_MAX);
	uint8_t answer[512];
	assert_true(answer_write(&query, response.data, response.size, answer) > 0);
	assert_int_equal(wire_get16(answer + 2), 0x8380);
}

/* What upstream sends is cut at each byte, and has each byte changed: an answer within the limit, or none. */
static void nonsense(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 1), response = message(0x8180, 2, 1, 1);
	struct answer_query query = query_of(&asked, 512);
	uint8_t answer[513] = {[512] = 0xEE};
	for (size_t size = WIRE_HEADER_SIZE; size < response.size; size++)
		assert_true(answer_write(&query, response.data, size, answer) <= 512);
	for (size_t at = 0; at < response.size; at++)
		for (unsigned value = 0; value < 256; value++) {
			struct bytes changed = response;
			changed.data[at] = (uint8_t)value;
			int size = answer_write(&query, changed.data, changed.size, answer);
			assert_true(size == -EBADMSG || (size >= WIRE_HEADER_SIZE && size <= 512));
		}
	assert_int_equal(answer[512], 0xEE);
	memcpy(response.data + 13, "abc", 3); /* an answer to another question */
	assert_int_equal(answer_write(&query, response.data, response.size, answer), -EBADMSG);
}

static void failure(void **state)
{
	struct bytes asked = message(WIRE_FLAG_RD, 0, 0, 1);
	struct answer_query query = query_of(&asked, 512);
	uint8_t answer[512];
	int size = answer_fail(&query, WIRE_SERVFAIL, WIRE_EDE_NO_REACHABLE_AUTHORITY, "why", answer);
	assert_int_equal(wire_get16(answer + 2), 0x8182);
	assert_memory_equal(answer + size - 9, "\0\x0f\0\5\0\x16why", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo),
		cmocka_unit_test(no_edns),
		cmocka_unit_test(dnssec),
		cmocka_unit_test(limit),
		cmocka_unit_test(what_may_be_missing),
		cmocka_unit_test(cut_before),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
