/* test_relay.c -- which queries are for the relay, and when RA is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ask.h"
#include "fake_view.h"
#include "net/addr.h"

enum { RD = 0x0100, RA = 0x0080 };

/* A server on a view, and its clients. */
struct rig {
	struct view *view;
	struct metrics metrics;
	struct net_prefix allow[2], refuse[1];
	struct dns_relay relay;
	struct dns_context context;
	struct net_addr client;
	uint8_t answer[1232];
	struct dns_message message;
};

static void ask(struct rig *rig, const char *name, uint16_t type, uint16_t flags)
{
	uint8_t query[512];
	char text[400];
	snprintf(text, sizeof(text),
		"1234 %04x 0001 0000 0000 0001 <%s> %04x 0001 00 0029 04d0 00000000 0000", flags, name, type);
	rig->message = (struct dns_message){.source.client = rig->client.size ? &rig->client.any : NULL,
		.query = query,
		.query_size = packet_parse(text, query, sizeof(query)),
		.answer = rig->answer,
		.capacity = sizeof(rig->answer)};
	dns_respond(&rig->context, &rig->message, 1);
	assert_true(rig->message.answer_size >= WIRE_HEADER_SIZE);
}

static unsigned rcode(const struct rig *rig)
{
	return rig->answer[3] & 0xFu;
}

static bool has_ra(const struct rig *rig)
{
	return (rig->answer[3] & RA) != 0;
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	rig->view = fake_view_conformance();
	net_prefix_parse("127.0.0.0/8", &rig->allow[0]);
	net_prefix_parse("10.0.0.0/8", &rig->allow[1]);
	net_prefix_parse("10.0.0.53", &rig->refuse[0]);
	rig->relay = (struct dns_relay){
		.allow = rig->allow, .allow_count = 2, .refuse = rig->refuse, .refuse_count = 1};
	rig->context = (struct dns_context){
		.view = rig->view, .udp_size = 1232, .metrics = &rig->metrics, .relay = &rig->relay};
	net_addr_parse("127.0.0.1:999", 0, &rig->client);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	fake_view_destroy(rig->view);
	free(rig);
	return 0;
}

static void which_names(void **state)
{
	static const struct {
		const char *name;
		bool relay;
		unsigned rcode; /* of the answer at hand */
	} rows[] = {
		{"www.example.com", true, WIRE_SERVFAIL},
		{"com", true, WIRE_SERVFAIL},
		{"test", true, WIRE_SERVFAIL}, /* above our zone other.test, which is not all of it */
		{"service.local.example.com", true, WIRE_SERVFAIL},
		{"xlocal", true, WIRE_SERVFAIL},
		{"1.0.168.192.in-addr.arpa", true, WIRE_SERVFAIL},
		{"web.service.local", false, WIRE_NOERROR},
		{"WEB.Service.LOCAL", false, WIRE_NOERROR},
		{"nothing.service.local", false, WIRE_NXDOMAIN},
		{"a.b.c.d.nothing.service.local", false, WIRE_NXDOMAIN},
		{"service.local", false, WIRE_NOERROR},
		{"nothing.other.test", false, WIRE_NXDOMAIN},
		{"printer.local", false, WIRE_NXDOMAIN},
		{"xservice.local", false, WIRE_NXDOMAIN},
		{"local", false, WIRE_REFUSED},
		{"LOCAL", false, WIRE_REFUSED},
		{"corp.local", false, WIRE_REFUSED}, /* above our zone svc.dev.corp.local */
		{"Dev.Corp.Local", false, WIRE_REFUSED},
		{"svc.dev.corp.local", false, WIRE_NOERROR},
		{"www.corp.local", false, WIRE_NXDOMAIN},
		{"xcorp.local", false, WIRE_NXDOMAIN},
	};
	static const uint16_t types[] = {WIRE_A, WIRE_SOA, WIRE_SRV, 65};
	struct rig *rig = *state;
	fake_view_zone(rig->view, "svc.dev.corp.local", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			ask(rig, rows[i].name, types[k], RD);
			if (rig->message.relay != rows[i].relay || rcode(rig) != rows[i].rcode ||
				!has_ra(rig))
				fail_msg("%s type %u: relay %d, rcode %u, RA %d", rows[i].name, types[k],
					rig->message.relay, rcode(rig), has_ra(rig));
		}
}

static void while_loading(void **state)
{
	struct rig *rig = *state;
	rig->context.loading = true;
	ask(rig, "web.service.local", WIRE_A, RD);
	assert_false(rig->message.relay);
	assert_int_equal(rcode(rig), WIRE_SERVFAIL);
	ask(rig, "www.example.com", WIRE_A, RD);
	assert_true(rig->message.relay);
}

/* Refused types, other classes and queries without RD are what they are without a relay. */
static void what_is_not_relayed(void **state)
{
	struct rig *rig = *state;
	ask(rig, "www.example.com", WIRE_A, 0);
	assert_false(rig->message.relay);
	assert_int_equal(rcode(rig), WIRE_REFUSED);
	ask(rig, "example.com", WIRE_AXFR, RD);
	assert_false(rig->message.relay);
	assert_int_equal(rcode(rig), WIRE_REFUSED);
}

static void which_clients(void **state)
{
	static const struct {
		const char *client;
		bool may;
	} rows[] = {{"127.9.9.9:1", true}, {"10.1.1.1:1", true}, {"10.0.0.53:1", false},
		{"192.0.2.1:1", false}, {"[::1]:1", false}, {"[::ffff:10.1.1.1]:1", true},
		{"[::ffff:10.0.0.53]:1", false}};
	struct rig *rig = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		net_addr_parse(rows[i].client, 0, &rig->client);
		ask(rig, "www.example.com", WIRE_A, RD);
		if (rig->message.relay != rows[i].may || has_ra(rig) != rows[i].may ||
			rcode(rig) != (rows[i].may ? WIRE_SERVFAIL : WIRE_REFUSED))
			fail_msg("%s: relay %d, RA %d", rows[i].client, rig->message.relay, has_ra(rig));
		ask(rig, "web.service.local", WIRE_A, RD);
		assert_int_equal(has_ra(rig), rows[i].may);
		assert_int_equal(rcode(rig), WIRE_NOERROR);
	}
	rig->client.size = 0; /* nobody knows whose it is */
	ask(rig, "www.example.com", WIRE_A, RD);
	assert_false(rig->message.relay);
}

static void without_a_relay(void **state)
{
	struct rig *rig = *state;
	rig->context.relay = NULL;
	ask(rig, "www.example.com", WIRE_A, RD);
	assert_false(rig->message.relay || has_ra(rig));
	assert_int_equal(rcode(rig), WIRE_REFUSED);
	ask(rig, "printer.local", WIRE_A, RD);
	assert_int_equal(rcode(rig), WIRE_REFUSED);
	ask(rig, "web.service.local", WIRE_A, RD);
	assert_false(has_ra(rig));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(which_names),
		TEST(while_loading),
		TEST(what_is_not_relayed),
		TEST(which_clients),
		TEST(without_a_relay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
