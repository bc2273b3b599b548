/* test_truncation.c -- what is sent of a set that does not fit: exactly as much as fits, and who gets which
 * part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ask.h"
#include "fake_view.h"

#define OPT_SIZE 11

/* Set sizes around what 512 and 1232 bytes hold, and every EDNS size in between: whole without TC as long as
 * it fits to the byte, else as many records as fit and TC; never empty. */
static void check_grid(struct ask *ask, uint16_t type, const unsigned *counts, size_t record)
{
	char service[16], name[64];

	for (; *counts; counts++) {
		snprintf(service, sizeof service, "s%03u", *counts);
		snprintf(name, sizeof name, "s%03u.service.local", *counts);
		size_t frame = 12 + strlen(name) + 2 + 4 + OPT_SIZE;
		for (unsigned size = 512; size <= 1232; size++) {
			ask->quick = size % 16 != 0;
			ask_name(ask, name, type, (uint16_t)size);
			size_t fit = (size - frame) / record;
			bool whole = fit >= *counts;
			if (ask->reply.truncated == whole ||
				ask->reply.counts[1] != (whole ? *counts : fit) || ask->answer_size > size)
				fail_msg("%s type %u size %u: %s, %zu bytes", name, type, size,
					ask->reply.text, ask->answer_size);
			assert_true(ask->reply.opt);
			if (!whole)
				assert_int_equal(ask->reply.counts[3], 1);
		}
	}
}

static void test_grid(void **state)
{
	struct ask *ask = *state;
	static const unsigned flat[] = {1, 28, 29, 30, 50, 73, 74, 75, 0},
			      srv[] = {1, 10, 11, 12, 20, 26, 27, 28, 0};
	static const unsigned all[] = {1, 10, 11, 12, 20, 26, 27, 28, 29, 30, 50, 73, 74, 75};
	char service[16];

	for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
		snprintf(service, sizeof service, "s%03u", all[i]);
		fake_view_service(ask->view, service, all[i]);
	}
	check_grid(ask, WIRE_A, flat, 16);
	check_grid(ask, WIRE_SRV, srv, 12 + 6 + strlen("i000.s000.service.local") + 2);
}

/* Exactly at the limit, and one byte behind it, for both sizes that a client may mean. */
static void test_boundaries(void **state)
{
	struct ask *ask = *state;
	static const struct {
		uint16_t edns, limit;
	} rows[] = {{0, 512}, {512, 512}, {1232, 1232}};
	char label[64], name[100];

	for (unsigned row = 0; row < 3; row++) {
		for (unsigned length = 1; length <= 63; length++) {
			snprintf(label, sizeof label, "%0*u", (int)length, row);
			snprintf(name, sizeof name, "%s.service.local", label);
			size_t frame = 12 + strlen(name) + 2 + 4 + (rows[row].edns ? OPT_SIZE : 0);
			unsigned count = (unsigned)((rows[row].limit - frame) / 16);
			bool exact = (rows[row].limit - frame) % 16 == 0;
			/* Of names one byte apart, one in 16 fills the limit to the byte. */
			if (!exact)
				continue;
			fake_view_service(ask->view, label, count);
			ask_name(ask, name, WIRE_A, rows[row].edns);
			assert_int_equal(ask->answer_size, rows[row].limit);
			assert_false(ask->reply.truncated);
			assert_int_equal(ask->reply.counts[1], count);
			snprintf(label, sizeof label, "%0*u", (int)length, row + 3);
			snprintf(name, sizeof name, "%s.service.local", label);
			fake_view_service(ask->view, label, count + 1);
			ask_name(ask, name, WIRE_A, rows[row].edns);
			assert_true(ask->reply.truncated);
			assert_int_equal(ask->reply.counts[1], count);
		}
	}
}

static unsigned port_at(const struct ask *ask, unsigned i)
{
	return ldns_rdf2native_int16(ldns_rr_rdf(ldns_rr_list_rr(ask_answers(ask), i), 2)) - 1000u;
}

/* One client sees the same part whatever the rotation is, in the order of the set; all clients together see
 * all. */
static void test_part_by_client(void **state)
{
	struct ask *ask = *state;
	bool seen[60] = {false};

	for (uint32_t client = 0; client < 120; client++) {
		uint8_t first[1232];
		size_t size = 0;
		ask->source.hash = client * UINT32_C(2654435761);
		for (unsigned again = 0; again < 3; again++) {
			ask_name(ask, "big.service.local", WIRE_SRV, 1232);
			if (again)
				assert_memory_equal(ask->answer, first, size);
			size = ask->answer_size;
			memcpy(first, ask->answer, size);
		}
		unsigned start = port_at(ask, 0);
		assert_int_equal(start, ask->source.hash % 60);
		for (unsigned i = 0; i < ask->reply.counts[1]; i++) {
			assert_int_equal(port_at(ask, i), (start + i) % 60);
			seen[port_at(ask, i)] = true;
		}
	}
	for (unsigned i = 0; i < 60; i++)
		assert_true(seen[i]);
}

/* What does not fit first is passed over as long as the answer is empty. */
static void test_never_empty(void **state)
{
	struct ask *ask = *state;

	for (uint32_t client = 0; client < 4; client++) {
		ask->source.hash = client;
		assert_string_equal(ask_name(ask, "txt.service.local", WIRE_TXT, 0), "NOERROR aa tc 1/1/0/0");
	}
}

/* The size is the least of three: the client's, ours, and the memory that there is. */
static void test_limits(void **state)
{
	struct ask *ask = *state;
	static const struct {
		uint16_t client, own, capacity, expected;
	} rows[] = {{0, 1232, 1232, 512}, {4096, 1232, 1232, 1232}, {600, 1232, 1232, 600},
		{1232, 900, 1232, 900}, {1232, 1232, 700, 700}, {1232, 100, 1232, 512},
		{100, 1232, 1232, 512}, {1232, 1232, 512, 512}};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask->context.udp_size = rows[i].own;
		ask->capacity = rows[i].capacity;
		ask_name(ask, "big.service.local", WIRE_SRV, rows[i].client);
		assert_true(ask->reply.truncated);
		assert_true(ask->answer_size <= rows[i].expected && ask->answer_size + 42 > rows[i].expected);
	}
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
		TEST(test_grid),
		TEST(test_boundaries),
		TEST(test_part_by_client),
		TEST(test_never_empty),
		TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
