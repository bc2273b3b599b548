/* test_trace.c -- what is told of a query: read from its bytes, and from those of its reply. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/trace.h"
#include "packet.h"

#define NOW INT64_C(1700000000123456789)

struct rig {
	struct dns_worker worker;
	_Atomic uint32_t listeners;
	struct trace_ring ring;
	uint64_t cursor;
};

static int set_up(void **state)
{
	struct rig *rig = aligned_alloc(64, sizeof(*rig));

	memset(rig, 0, sizeof(*rig));
	rig->worker.listeners = &rig->listeners;
	rig->worker.ring = &rig->ring;
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* What the ring says of one exchange; false if nothing. */
static bool trace(struct rig *rig, struct dns_message message, const char *query, const char *reply,
	const char *client, struct trace_entry *ret)
{
	uint8_t query_bytes[512], reply_bytes[512];
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(5353)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(5353)};
	bool is_v4 = inet_pton(AF_INET, client, &v4.sin_addr) == 1;
	uint64_t lost = 0;

	if (!is_v4)
		assert_int_equal(inet_pton(AF_INET6, client, &v6.sin6_addr), 1);
	message.query = query_bytes;
	message.query_size = packet_parse(query, query_bytes, sizeof(query_bytes));
	message.answer = reply_bytes;
	message.answer_size = packet_parse(reply, reply_bytes, sizeof(reply_bytes));
	dns_trace(&rig->worker, &message, is_v4 ? (const void *)&v4 : (const void *)&v6, NOW);
	return trace_get(&rig->ring, &rig->cursor, ret, &lost);
}

static void only_while_somebody_listens(void **state)
{
	struct rig *rig = *state;
	const struct dns_worker without = {.listeners = NULL};

	assert_false(dns_trace_wanted(&without));
	assert_false(dns_trace_wanted(&rig->worker));
	rig->listeners = 2;
	assert_true(dns_trace_wanted(&rig->worker));
}

static void an_answer(void **state)
{
	static const char name[] = "\3web\7service\5local";
	const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7};
	struct trace_entry entry;

	assert_true(trace(*state, (struct dns_message){.answer_size = 0},
		"1234 0100 0001 0000 0000 0000 <WEB.Service.local> 0021 0001",
		"1234 8700 0001 0003 0000 0002 <WEB.Service.local> 0021 0001 99*00", "10.0.0.7", &entry));
	assert_int_equal(entry.time_ns, NOW);
	assert_memory_equal(entry.address, mapped, 16);
	assert_int_equal(entry.port, 5353);
	assert_int_equal(entry.type, 33);
	assert_int_equal(entry.rcode, 0);
	assert_int_equal(entry.answers, 3);
	assert_int_equal(entry.size, 12 + 23 + 99);
	assert_int_equal(entry.flags, TRACE_TRUNCATED);
	assert_int_equal(entry.name_size, sizeof(name));
	assert_memory_equal(entry.name, name, sizeof(name));
}

static void by_tcp_from_v6(void **state)
{
	const uint8_t address[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	struct trace_entry entry;

	assert_true(trace(*state, (struct dns_message){.source.tcp = true},
		"1234 0100 0001 0000 0000 0000 <no.service.local> 0001 0001",
		"1234 8503 0001 0000 0001 0000 <no.service.local> 0001 0001", "2001:db8::1", &entry));
	assert_memory_equal(entry.address, address, 16);
	assert_int_equal(entry.rcode, 3);
	assert_int_equal(entry.answers, 0);
	assert_int_equal(entry.flags, TRACE_TCP);
}

static void what_was_refused_as_a_whole(void **state)
{
	struct trace_entry entry;

	/* EDNS version 1: BADVERS is 16, of which the header has four bits. */
	assert_true(trace(*state, (struct dns_message){.answer_size = 0},
		"1234 0100 0001 0000 0000 0001 <a.b> 0001 0001 00 0029 04d0 00 01 0000 0000",
		"1234 8100 0001 0000 0000 0001 <a.b> 0001 0001 00 0029 04d0 01 00 0000 0000", "10.0.0.7",
		&entry));
	assert_int_equal(entry.rcode, 16);
	assert_int_equal(entry.name_size, 5);
	/* Two questions: none is told. */
	assert_true(trace(*state, (struct dns_message){.answer_size = 0},
		"1234 0100 0002 0000 0000 0000 <a.b> 0001 0001 <a.b> 0001 0001", "1234 8101 8*00", "10.0.0.7",
		&entry));
	assert_int_equal(entry.rcode, 1);
	assert_int_equal(entry.name_size, 0);
	assert_int_equal(entry.flags, TRACE_NO_QUESTION);
	/* A response, and what is shorter than a header, is no query. */
	assert_false(trace(*state, (struct dns_message){.answer_size = 0},
		"1234 8100 0001 0000 0000 0000 <a.b> 0001 0001", "", "10.0.0.7", &entry));
	assert_false(trace(*state, (struct dns_message){.answer_size = 0}, "1234", "", "10.0.0.7", &entry));
}

static void what_the_relay_has(void **state)
{
	struct trace_entry entry;

	assert_true(trace(*state, (struct dns_message){.relay = true},
		"1234 0100 0001 0000 0000 0000 <example.org> 0001 0001",
		"1234 8182 0001 0000 0000 0000 <example.org> 0001 0001", "10.0.0.7", &entry));
	assert_int_equal(entry.flags, TRACE_RELAYED);
	assert_int_equal(entry.rcode, 0); /* the SERVFAIL is for the case that no answer comes */
	assert_int_equal(entry.size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_while_somebody_listens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(by_tcp_from_v6, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_refused_as_a_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_relay_has, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
