/* test_respond.c -- what an answer holds: bytes, order, glue, aliases, negatives, counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ask.h"
#include "fake_view.h"

#define A WIRE_A
#define AAAA WIRE_AAAA
#define SRV WIRE_SRV

/* The last reply's bytes are those of `text`, as packet_parse() reads it. */
static void assert_bytes(const struct ask *ask, const char *text)
{
	uint8_t expected[2048];
	size_t size = packet_parse(text, expected, sizeof expected);

	assert_int_equal(ask->answer_size, size);
	assert_memory_equal(ask->answer, expected, size);
}

static void test_srv_bytes(void **state)
{
	struct ask *ask = *state;

	ask->context.rotation = 0;
	ask_name(ask, "web.service.local", SRV, 1232);
	assert_bytes(ask, "1234 8400 0001 0002 0000 0003 <web.service.local> 0021 0001 "
			  "c00c 0021 0001 00000005 001c 0001 0001 1f90 <i1.web.service.local> "
			  "c00c 0021 0001 00000005 001c 0001 0001 1f91 <i2.web.service.local> "
			  "c035 0001 0001 00000005 0004 c0000201 c05d 0001 0001 00000005 0004 c0000202 "
			  "00 0029 04d0 00000000 0000");
}

static void test_negative_bytes(void **state)
{
	struct ask *ask = *state;

	ask_name(ask, "nope.SERVICE.local", A, 0);
	assert_bytes(ask, "1234 8403 0001 0000 0001 0000 <nope.SERVICE.local> 0001 0001 "
			  "c011 0006 0001 00000005 003b <ns1.service.local> <host.service.local> "
			  "00000007 00000e10 00000258 00015180 00000005");
	ask_name(ask, "service.local", WIRE_SOA, 0);
	assert_bytes(ask, "1234 8400 0001 0001 0000 0000 <service.local> 0006 0001 "
			  "c00c 0006 0001 00000005 003b <ns1.service.local> <host.service.local> "
			  "00000007 00000e10 00000258 00015180 00000005");
}

static void test_alias_bytes(void **state)
{
	struct ask *ask = *state;

	ask->context.rotation = 0;
	ask_name(ask, "www.service.local", A, 0);
	assert_bytes(ask, "1234 8400 0001 0003 0000 0000 <www.service.local> 0001 0001 "
			  "c00c 0005 0001 00000005 0013 <WEB.service.local> "
			  "c02f 0001 0001 00000005 0004 c0000201 c02f 0001 0001 00000005 0004 c0000202");
	ask_name(ask, "www.service.local", SRV, 0);
	for (unsigned i = 1; i <= 2; i++) {
		char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ask_answers(ask), i)));
		assert_string_equal(owner, "WEB.service.local.");
		free(owner);
	}
	ask_name(ask, "gone.service.local", A, 0);
	assert_bytes(ask, "1234 8403 0001 0001 0001 0000 <gone.service.local> 0001 0001 "
			  "c00c 0005 0001 00000005 0014 <nope.service.local> "
			  "c011 0006 0001 00000005 003b <ns1.service.local> <host.service.local> "
			  "00000007 00000e10 00000258 00015180 00000005");
}

/* A reload of the zones between an alias and its target cuts no answer short. */
static void test_alias_while_reloading(void **state)
{
	struct ask *ask = *state;

	fake_view_reload(ask->view);
	ask_name(ask, "www.service.local", A, 0);
	assert_int_equal(ldns_rr_list_rr_count(ask_answers(ask)), 3);
}

/* The serial is the greater of the file's and the index, in the arithmetic of RFC 1982. */
static void test_serial(void **state)
{
	struct ask *ask = *state;
	static const struct {
		uint64_t index;
		uint32_t expected;
	} rows[] = {{0, 7}, {7, 7}, {8, 8}, {UINT64_C(0x80000006), 0x80000006}, {UINT64_C(0x80000008), 7},
		{UINT64_C(0xFFFFFFFF), 7}, {UINT64_C(0x100000009), 9}};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		fake_view_set_index(ask->view, rows[i].index);
		ask_name(ask, "service.local", WIRE_SOA, 0);
		assert_int_equal(wire_get32(ask->answer + ask->answer_size - 20), rows[i].expected);
	}
}

/* The number of the first record: in the last byte of an address, or in an SRV record's port. */
static unsigned first_number(const struct ask *ask)
{
	const uint8_t *record = ask->answer + 12;

	while (*record)
		record += 1u + *record;
	record += 5;
	return wire_get16(record + 2) == WIRE_SRV ? wire_get16(record + 16) - 1000u : wire_get16(record + 14);
}

/* 1000 queries, `step` apart in the worker's count: each record is first in its share, and none is missing.
 */
static void check_rotation(struct ask *ask, const char *name, uint16_t type, unsigned count, unsigned step)
{
	unsigned firsts[64] = {0}, rounds = 1000;

	ask->context.rotation = 0xFFFFFF00u;
	ask->quick = true;
	for (unsigned i = 0; i < rounds; i++) {
		ask_name(ask, name, type, 1232);
		assert_int_equal(ask->reply.counts[1], count);
		firsts[first_number(ask)]++;
		ask->context.rotation += step - 1;
	}
	ask->quick = false;
	for (unsigned i = 0; i < count; i++) {
		double share = (double)firsts[i] * count / rounds;
		if (share < 0.95 || share > 1.05)
			fail_msg("%s type %u: record %u is first %u times of %u", name, type, i, firsts[i],
				rounds);
	}
}

static void test_rotation(void **state)
{
	struct ask *ask = *state;
	static const unsigned counts[] = {2, 3, 7, 10, 13};
	char service[16], name[64];

	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
		snprintf(service, sizeof service, "r%u", counts[i]);
		snprintf(name, sizeof name, "r%u.service.local", counts[i]);
		fake_view_service(ask->view, service, counts[i]);
		check_rotation(ask, name, A, counts[i], 1);
		check_rotation(ask, name, SRV, counts[i], 1);
		check_rotation(ask, name, A, counts[i], 2); /* a client that sends A and AAAA in turn */
		check_rotation(ask, name, A, counts[i], 4);
	}
}

/* A rotated answer is the set in its order from some record on, with wrap-around. */
static void test_rotation_keeps_order(void **state)
{
	struct ask *ask = *state;

	for (unsigned i = 0; i < 50; i++) {
		ask_name(ask, "mid.service.local", i & 1 ? A : SRV, 1232);
		unsigned first = first_number(ask);
		for (unsigned k = 0; k < 10; k++) {
			const ldns_rr *rr = ldns_rr_list_rr(ask_answers(ask), k);
			unsigned number = i & 1 ? ldns_rdf_data(ldns_rr_rdf(rr, 0))[3]
						: ldns_rdf2native_int16(ldns_rr_rdf(rr, 2)) - 1000u;
			assert_int_equal(number, (first + k) % 10);
		}
	}
}

/* Glue belongs to the targets in the order of the answer: owner, type and address. */
static void check_glue(const struct ask *ask, unsigned from_count)
{
	const ldns_rr_list *glue = ldns_pkt_additional(ask->reply.packet);

	for (unsigned i = 0; i < ldns_rr_list_rr_count(glue); i++) {
		const ldns_rr *srv = ldns_rr_list_rr(ask_answers(ask), i), *rr = ldns_rr_list_rr(glue, i);
		assert_int_equal(ldns_dname_compare(ldns_rr_rdf(srv, 3), ldns_rr_owner(rr)), 0);
		unsigned number = ldns_rdf2native_int16(ldns_rr_rdf(srv, 2)) - 1000u;
		const uint8_t *address = ldns_rdf_data(ldns_rr_rdf(rr, 0));
		assert_int_equal(address[2] << 8 | address[3], number);
		assert_true(number < from_count);
	}
}

static void test_glue(void **state)
{
	struct ask *ask = *state;

	ask_name(ask, "mid.service.local", SRV, 1232);
	assert_string_equal(ask->reply.text, "NOERROR aa 1/10/0/11 +opt");
	check_glue(ask, 10);
	ask_name(ask, "mid.service.local", SRV, 0); /* as much as fits */
	assert_string_equal(ask->reply.text, "NOERROR aa 1/10/0/3");
	check_glue(ask, 10);
}

/* The addresses of one target come together or not at all; a smaller one behind it may still fit. */
static void test_glue_whole(void **state)
{
	struct ask *ask = *state;
	unsigned seen[3] = {0};

	fake_view_name(ask->view, NULL, "pair", VIEW_SERVICE, NULL);
	for (unsigned i = 0; i < 10; i++) {
		char target[16];
		snprintf(target, sizeof target, "t%u.pair", i);
		fake_view_srv(ask->view, NULL, "pair", (uint16_t)(1000 + i), target, "10.0.0.1",
			i == 4 ? NULL : "2001:db8::1");
	}
	ask->context.rotation = 0;
	for (unsigned size = 512; size <= 1232; size++) {
		ask_name(ask, "pair.service.local", SRV, (uint16_t)size);
		unsigned a = 0, aaaa = 0;
		for (unsigned i = 0; i < ldns_rr_list_rr_count(ldns_pkt_additional(ask->reply.packet)); i++) {
			ldns_rr_type type =
				ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_additional(ask->reply.packet), i));
			a += type == LDNS_RR_TYPE_A;
			aaaa += type == LDNS_RR_TYPE_AAAA;
		}
		assert_false(ask->reply.truncated);
		assert_int_equal(ask->reply.counts[1], 10);
		assert_true(a - aaaa <= 1); /* the single address of t4 */
		seen[a - aaaa]++;
	}
	assert_true(seen[0] && seen[1]);
}

/* Over TCP a large set is whole; behind byte 16384 no pointer can mean a target, so its glue spells it out.
 */
static void test_large_tcp(void **state)
{
	struct ask *ask = *state;

	fake_view_service(ask->view, "huge", 700);
	ask->source.tcp = true;
	assert_string_equal(ask_name(ask, "huge.service.local", SRV, 0), "NOERROR aa 1/700/0/700");
	assert_true(ask->answer_size > 2 * 16384);
	check_glue(ask, 700);
	assert_string_equal(ask_name(ask, "huge.service.local", A, 0), "NOERROR aa 1/700/0/0");
}

/* A set that is too large for any message: as many records as fit, TC, and nothing wraps. */
static void test_too_large_for_tcp(void **state)
{
	struct ask *ask = *state;

	fake_view_service(ask->view, "vast", 4200);
	ask->source.tcp = true;
	ask->source.hash = 4199;
	ask_name(ask, "vast.service.local", SRV, 0);
	assert_true(ask->reply.truncated);
	assert_true(ask->answer_size > 65535 - 45 && ask->answer_size <= 65535);
	assert_int_equal(first_number(ask), 4199);
	ask_name(ask, "vast.service.local", A, 0);
	assert_string_equal(ask->reply.text, "NOERROR aa tc 1/4093/0/0");
	ask->capacity = 2000;
	ask_name(ask, "vast.service.local", A, 0);
	assert_int_equal(ask->reply.counts[1], (2000 - 12 - 24) / 16);
}

static void test_loading(void **state)
{
	struct ask *ask = *state;

	ask->context.loading = true;
	assert_string_equal(ask_name(ask, "web.service.local", A, 1232), "SERVFAIL 1/0/0/1 +opt ede=14");
	assert_string_equal(ask_name(ask, "service.local", WIRE_SOA, 0), "SERVFAIL 1/0/0/0");
	assert_string_equal(ask_name(ask, "web.example.com", A, 1232), "REFUSED 1/0/0/1 +opt ede=20");
	assert_string_equal(ask_name(ask, "web.service.local", WIRE_AXFR, 0), "REFUSED 1/0/0/0");
	ask->context.loading = false;
	assert_string_equal(ask_name(ask, "web.service.local", A, 1232), "NOERROR aa 1/2/0/1 +opt");
}

/* The zone's file cannot be read: nobody knows what it says, and it is not denied. */
static void test_incomplete_zone(void **state)
{
	struct ask *ask = *state;
	static const uint16_t types[] = {A, AAAA, WIRE_MX, WIRE_NS, WIRE_TXT, 65};

	fake_view_zone(ask->view, "left.test", 1)->incomplete = true;
	for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
		assert_string_equal(
			ask_name(ask, "left.test", types[i], 1232), "SERVFAIL 1/0/0/1 +opt ede=14");
		assert_string_equal(ask_name(ask, "left.test", types[i], 0), "SERVFAIL 1/0/0/0");
		assert_string_equal(
			ask_name(ask, "ns1.left.test", types[i], 1232), "SERVFAIL 1/0/0/1 +opt ede=14");
	}
	assert_string_equal(ask_name(ask, "left.test", WIRE_SOA, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_name(ask, "web.left.test", A, 0), "NOERROR aa 1/2/0/0");
	assert_string_equal(ask_name(ask, "web.left.test", AAAA, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_name(ask, "b.ent.left.test", A, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_name(ask, "service.local", WIRE_MX, 0), "NOERROR aa 1/0/1/0");
}

/* The text of the EDE option at the end of the reply. */
static const char *ede_text(const struct ask *ask, char text[256])
{
	const ldns_rdf *data = ldns_pkt_edns_data(ask->reply.packet);
	size_t size = data ? ldns_rdf_size(data) : 0;

	assert_true(size >= 6 && size <= 256);
	memcpy(text, ldns_rdf_data(data) + 6, size - 6);
	text[size - 6] = '\0';
	return text;
}

static void test_reason(void **state)
{
	struct ask *ask = *state;
	char text[256];

	assert_string_equal(ask_name(ask, "down.service.local", A, 1232), "NOERROR aa 1/0/1/1 +opt ede=0");
	assert_string_equal(ede_text(ask, text), "down: 0 of 3 healthy");
	assert_string_equal(ask_name(ask, "web.service.local", AAAA, 1232), "NOERROR aa 1/0/1/1 +opt");
}

/* The reason takes what the SOA leaves, and is cut between characters. */
static void test_reason_is_cut(void **state)
{
	struct ask *ask = *state;
	char reason[600], name[600], text[256];

	for (unsigned i = 0; i < sizeof reason - 1; i += 2)
		memcpy(reason + i, "\xC3\xA9", 2);
	reason[598] = '\0';
	for (unsigned size = 1; size <= 60; size++) {
		snprintf(name, sizeof name, "%060u.%060u.%.*s", 0, 0, (int)size,
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		fake_view_name(ask->view, NULL, name, VIEW_SERVICE, reason);
		strcat(name, ".service.local");
		assert_string_equal(ask_name(ask, name, A, 512), "NOERROR aa 1/0/1/1 +opt ede=0");
		ede_text(ask, text);
		assert_true(strlen(text) % 2 == 0 && strlen(text) > 90);
		assert_true(ask->answer_size >= 511 || strlen(text) == 250);
	}
}

/* A negative answer whose SOA does not fit says so, so that the client asks over TCP. */
static void test_soa_does_not_fit(void **state)
{
	struct ask *ask = *state;
	char zone[256], name[300];

	snprintf(zone, sizeof zone, "%060u.%060u.%060u", 1, 2, 3);
	snprintf(name, sizeof name, "nope.%s", zone);
	fake_view_zone(ask->view, zone, 1);
	assert_string_equal(ask_name(ask, name, A, 0), "NXDOMAIN aa tc 1/0/0/0");
	assert_string_equal(ask_name(ask, name, A, 1232), "NXDOMAIN aa 1/0/1/1 +opt");
	ask->source.tcp = true;
	assert_string_equal(ask_name(ask, name, A, 0), "NXDOMAIN aa 1/0/1/0");
}

static void test_nsid(void **state)
{
	struct ask *ask = *state;
	static const char query[] = "1234 0000 0001 0000 0000 0001 <web.service.local> 0001 0001 "
				    "00 0029 04d0 00000000 0004 0003 0000";
	char longest[300];

	ask->context.nsid = NULL;
	assert_string_equal(ask_packet(ask, query), "NOERROR aa 1/2/0/1 +opt");
	ask->context.nsid = "";
	assert_string_equal(ask_packet(ask, query), "NOERROR aa 1/2/0/1 +opt");
	memset(longest, 'n', sizeof longest);
	longest[252] = '\0';
	ask->context.nsid = longest;
	ask_packet(ask, query);
	assert_int_equal(ldns_rdf_size(ldns_pkt_edns_data(ask->reply.packet)), 256);
	longest[252] = 'n'; /* one byte more than there is room for: none, instead of half of one */
	longest[253] = '\0';
	assert_string_equal(ask_packet(ask, query), "NOERROR aa 1/2/0/1 +opt");
}

static void test_counters(void **state)
{
	struct ask *ask = *state;
	static const struct {
		const char *name;
		uint16_t type;
		bool tcp;
		enum metric request, response;
	} rows[] = {
		{"web.service.local", WIRE_A, false, METRIC_DNS_REQUESTS_UDP_A, METRIC_DNS_RESPONSES_NOERROR},
		{"nope.service.local", WIRE_AAAA, false, METRIC_DNS_REQUESTS_UDP_AAAA,
			METRIC_DNS_RESPONSES_NXDOMAIN},
		{"web.example.com", WIRE_SRV, false, METRIC_DNS_REQUESTS_UDP_SRV,
			METRIC_DNS_RESPONSES_REFUSED},
		{"web.service.local", WIRE_OPT, false, METRIC_DNS_REQUESTS_UDP_OTHER,
			METRIC_DNS_RESPONSES_FORMERR},
		{"web.service.local", WIRE_A, true, METRIC_DNS_REQUESTS_TCP_A, METRIC_DNS_RESPONSES_NOERROR},
		{"web.service.local", WIRE_AAAA, true, METRIC_DNS_REQUESTS_TCP_AAAA,
			METRIC_DNS_RESPONSES_NOERROR},
		{"web.service.local", WIRE_SRV, true, METRIC_DNS_REQUESTS_TCP_SRV,
			METRIC_DNS_RESPONSES_NOERROR},
		{"web.service.local", WIRE_TXT, true, METRIC_DNS_REQUESTS_TCP_OTHER,
			METRIC_DNS_RESPONSES_NOERROR},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		memset(&ask->metrics, 0, sizeof ask->metrics);
		ask->source.tcp = rows[i].tcp;
		ask_name(ask, rows[i].name, rows[i].type, 0);
		for (unsigned m = 0; m < METRIC_COUNT; m++)
			assert_int_equal(
				ask->metrics.values[m], m == rows[i].request || m == rows[i].response);
	}
	memset(&ask->metrics, 0, sizeof ask->metrics);
	ask->source = (struct dns_source){.tcp = true, .ipv6 = true};
	ask_name(ask, "web.service.local", WIRE_TXT, 0);
	assert_int_equal(ask->metrics.values[METRIC_DNS_REQUESTS_TCP6_OTHER], 1);
	ask->source = (struct dns_source){.ipv6 = true};
	ask_name(ask, "web.service.local", WIRE_A, 0);
	assert_int_equal(ask->metrics.values[METRIC_DNS_REQUESTS_UDP6_A], 1);
	memset(&ask->metrics, 0, sizeof ask->metrics);
	ask->source = (struct dns_source){0};
	ask_packet(ask, "1234 8000 0000 0000 0000 0000");
	ask_name(ask, "big.service.local", SRV, 0);
	ask_packet(ask, "1234 7800 0000 0000 0000 0000");
	ask_packet(ask, "1234 0000 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00010000 0000");
	assert_int_equal(ask->metrics.values[METRIC_DNS_DROPPED], 1);
	assert_int_equal(ask->metrics.values[METRIC_DNS_TRUNCATED], 1);
	assert_int_equal(ask->metrics.values[METRIC_DNS_RESPONSES_NOTIMP], 1);
	assert_int_equal(ask->metrics.values[METRIC_DNS_RESPONSES_OTHER], 1);
	assert_int_equal(ask->metrics.values[METRIC_DNS_REQUESTS_UDP_OTHER], 1);
	assert_int_equal(ask->metrics.values[METRIC_DNS_REQUESTS_UDP_A], 1);
}

/* Every SRV target of the fixture answers A queries itself (RFC 2782; many clients ignore glue). */
static void test_targets_resolve(void **state)
{
	struct ask *ask = *state;
	char targets[10][64];

	ask_name(ask, "mid.service.local", SRV, 1232);
	for (unsigned i = 0; i < 10; i++) {
		char *text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ask_answers(ask), i), 3));
		snprintf(targets[i], sizeof targets[i], "%.*s", (int)strlen(text) - 1, text);
		free(text);
	}
	for (unsigned i = 0; i < 10; i++)
		assert_string_equal(ask_name(ask, targets[i], A, 0), "NOERROR aa 1/1/0/0");
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
		TEST(test_srv_bytes),
		TEST(test_negative_bytes),
		TEST(test_alias_bytes),
		TEST(test_alias_while_reloading),
		TEST(test_serial),
		TEST(test_rotation),
		TEST(test_rotation_keeps_order),
		TEST(test_glue),
		TEST(test_glue_whole),
		TEST(test_large_tcp),
		TEST(test_too_large_for_tcp),
		TEST(test_loading),
		TEST(test_incomplete_zone),
		TEST(test_reason),
		TEST(test_reason_is_cut),
		TEST(test_soa_does_not_fit),
		TEST(test_nsid),
		TEST(test_counters),
		TEST(test_targets_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
