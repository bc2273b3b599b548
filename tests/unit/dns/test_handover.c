/* test_handover.c -- queries on their way to a relay and back: who gets which answer, and what a relay that
 * is full, silent or mad can do. */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dns/handover.h"
#include "net/addr.h"
#include "net/link.h"

enum {
	SLOTS = 3,
	TIMEOUT_MS = 1000,
	GRACE_MS = 250,
	UNASKED_MAX = 256,                      /* as in handover.c */
	MESSAGE = WIRE_HEADER_SIZE + 3 + 2 * 2, /* with a question and nothing else */
};

struct rig {
	struct clock_manual clock;
	struct siphash_key key;
	struct metrics metrics;
	struct dns_worker worker;
	struct handover *handover;
	int link[2];
	unsigned delivered; /* answers */
	uint16_t id;        /* of the last one */
	uint8_t rcode;
	void *owner;
};

static void deliver(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg)
{
	struct rig *rig = arg;
	rig->delivered++;
	rig->id = wire_get16(answer);
	rig->rcode = answer[3] & 0xF;
	rig->owner = slot->owner;
}

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	clock_manual_init(&rig->clock, CLOCK_NS_PER_S, 0);
	rig->key = siphash_key_random();
	rig->worker.clock = &rig->clock.clock;
	rig->worker.key = &rig->key;
	rig->worker.context.metrics = &rig->metrics;
	rig->worker.base = event_base_new();
	assert_int_equal(net_link_create(rig->link), 0);
	rig->handover = handover_create(
		&rig->worker, rig->link[0], SLOTS, TIMEOUT_MS * CLOCK_NS_PER_MS, deliver, rig);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	handover_destroy(rig->handover);
	event_base_free(rig->worker.base);
	close(rig->link[0]);
	close(rig->link[1]);
	free(rig);
	return 0;
}

/* A message of `id` with these flags and the question a. A. */
static void write_message(uint8_t ret[MESSAGE], uint16_t id, uint16_t flags)
{
	memcpy(ret + WIRE_HEADER_SIZE, "\1a\0\0\1\0\1", MESSAGE - WIRE_HEADER_SIZE);
	wire_set16(ret, id);
	wire_set16(ret + 2, flags);
	wire_set16(ret + 4, 1);
}

/* Hands over a query that is answered with SERVFAIL if nothing comes of it. */
static struct handover_slot *pass_from(struct rig *rig, uint16_t id, const struct dns_source *source)
{
	uint8_t query[MESSAGE] = {0}, answer[MESSAGE] = {0};
	write_message(query, id, 0);
	write_message(answer, id, WIRE_FLAG_QR | WIRE_SERVFAIL);
	const struct dns_message message = {.source = *source,
		.query = query,
		.query_size = sizeof(query),
		.answer = answer,
		.answer_size = sizeof(answer),
		.relay = true,
		.limit = 512};
	return handover_pass(rig->handover, &message);
}

static struct handover_slot *pass(struct rig *rig, uint16_t id)
{
	return pass_from(rig, id, &(struct dns_source){.tcp = false});
}

/* What the relay gets next. */
static struct net_link_head receive(struct rig *rig, uint16_t id)
{
	static uint8_t query[NET_LINK_MESSAGE];
	struct net_link_head head;
	assert_int_equal(net_link_receive(rig->link[1], &head, query), MESSAGE);
	assert_int_equal(wire_get16(query), id);
	assert_int_equal(head.limit, 512);
	return head;
}

/* The relay sends this; what dns makes of it has happened when this returns. */
static void answer_bytes(struct rig *rig, uint64_t token, const uint8_t *bytes, size_t size)
{
	const struct net_link_head head = {.token = token};
	assert_int_equal(net_link_send(rig->link[1], &head, bytes, size), 0);
	event_base_loop(rig->worker.base, EVLOOP_NONBLOCK);
}

/* The relay answers with NXDOMAIN in so many bytes. */
static void answer(struct rig *rig, uint64_t token, uint16_t id, size_t size)
{
	uint8_t bytes[1024] = {0};
	write_message(bytes, id, WIRE_FLAG_QR | WIRE_NXDOMAIN);
	answer_bytes(rig, token, bytes, size);
}

static uint64_t metric(const struct rig *rig, enum metric id)
{
	return rig->metrics.values[id];
}

static void answers_find_their_query(void **state)
{
	struct rig *rig = *state;
	int one, two;
	pass(rig, 1)->owner = &one;
	pass(rig, 2)->owner = &two;
	uint64_t first = receive(rig, 1).token, second = receive(rig, 2).token;
	answer(rig, second, 2, 512);
	assert_ptr_equal(rig->owner, &two);
	assert_int_equal(rig->rcode, WIRE_NXDOMAIN);
	answer(rig, first, 1, MESSAGE);
	assert_ptr_equal(rig->owner, &one);
	assert_int_equal(rig->delivered, 2);
	assert_int_equal(metric(rig, METRIC_RELAY_ANSWERED), 2);
	assert_int_equal(metric(rig, METRIC_RELAY_IN_FLIGHT), 0);
	assert_int_equal(metric(rig, METRIC_DNS_RESPONSES_NXDOMAIN), 2);
}

/* An answer to nobody, to somebody else, twice, too large or too short is none. */
static void answers_of_a_mad_relay(void **state)
{
	struct rig *rig = *state;
	pass(rig, 1);
	uint64_t token = receive(rig, 1).token;
	answer(rig, 0, 1, 100);
	answer(rig, UINT64_MAX, 1, 100);
	for (uint64_t i = 1; i < 10; i++) {
		answer(rig, token + i, 1, 100);
		answer(rig, token - i, 1, 100);
	}
	answer(rig, token, 2, 100);
	answer(rig, token, 1, 513);
	answer(rig, token, 1, MESSAGE - 1);
	answer(rig, token, 1, WIRE_HEADER_SIZE - 1);
	answer(rig, token, 1, 0);
	assert_int_equal(send(rig->link[1], "short", 5, 0), 5);
	assert_int_equal(send(rig->link[1], "", 0, 0), 0);
	assert_int_equal(rig->delivered, 0);
	answer(rig, token, 1, 100);
	answer(rig, token, 1, 100);
	assert_int_equal(rig->delivered, 1);
	assert_int_equal(metric(rig, METRIC_RELAY_ANSWERED), 1);
}

/* Neither is one to another question, one that is none, or one that speaks for a zone. */
static void answers_that_are_none(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} rows[] = {{2, 0}, {2, 0x84}, {13, 'b'}, {12, 0}, {15, 2}, {17, 3}};
	struct rig *rig = *state;
	uint8_t bytes[100] = {0};
	pass(rig, 1);
	uint64_t token = receive(rig, 1).token;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_message(bytes, 1, WIRE_FLAG_QR);
		bytes[rows[i].at] = rows[i].byte;
		answer_bytes(rig, token, bytes, sizeof(bytes));
	}
	assert_int_equal(rig->delivered, 0);
	write_message(bytes, 1, WIRE_FLAG_QR);
	answer_bytes(rig, token, bytes, sizeof(bytes));
	assert_int_equal(rig->delivered, 1);
}

/* However much comes that nobody asked for: a little is read, the rest waits for the next sweep, and there is
 * none while nobody waits. */
static void a_relay_that_floods_its_link(void **state)
{
	static uint8_t rest[NET_LINK_MESSAGE];
	const struct net_link_head junk = {.token = 99};
	struct net_link_head head;
	struct rig *rig = *state;
	unsigned sent = 0, left = 0;
	while (net_link_send(rig->link[1], &junk, rest, MESSAGE) == 0)
		sent++;
	assert_true(sent > UNASKED_MAX);
	for (unsigned i = 0; i < 20; i++)
		event_base_loop(rig->worker.base, EVLOOP_NONBLOCK);
	while (net_link_receive(rig->link[0], &head, rest) >= 0)
		left++;
	assert_int_equal(sent - left, UNASKED_MAX);
	pass(rig, 1);
	answer(rig, receive(rig, 1).token, 1, MESSAGE);
	while (rig->delivered == 0)
		event_base_loop(rig->worker.base, EVLOOP_ONCE);
	assert_int_equal(rig->id, 1);
}

/* One IPv6 host has a whole /64, so what a client may have at once is shared by that. */
static void who_shares_a_limit(void **state)
{
	static const char *const clients[] = {"[2001:db8::1]:1", "[2001:db8::ffff:2]:2",
		"[2001:db8:0:1::1]:3", "192.0.2.1:4", "192.0.2.2:5"};
	uint32_t found[5];
	struct rig *rig = *state;
	for (size_t i = 0; i < 5; i++) {
		struct net_addr addr;
		net_addr_parse(clients[i], 0, &addr);
		const struct dns_source source = worker_client(&rig->worker, &addr.any, false);
		struct handover_slot *slot = pass_from(rig, 1, &source);
		assert_non_null(slot);
		struct net_link_head head = receive(rig, 1);
		found[i] = head.client;
		answer(rig, head.token, 1, MESSAGE);
	}
	assert_int_equal(found[0], found[1]);
	for (size_t i = 1; i < 5; i++)
		for (size_t k = i + 1; k < 5; k++)
			assert_int_not_equal(found[i], found[k]);
}

static void no_more_than_the_slots(void **state)
{
	struct rig *rig = *state;
	for (uint16_t i = 0; i < SLOTS; i++)
		assert_non_null(pass(rig, i));
	assert_null(pass(rig, 99));
	assert_int_equal(metric(rig, METRIC_RELAY_FULL), 1);
	answer(rig, receive(rig, 0).token, 0, 100);
	assert_non_null(pass(rig, 4));
}

/* Waits until the sweep has looked. */
static void sweep(struct rig *rig, unsigned delivered)
{
	while (rig->delivered < delivered)
		event_base_loop(rig->worker.base, EVLOOP_ONCE);
}

static void silence_is_servfail(void **state)
{
	struct rig *rig = *state;
	pass(rig, 1);
	clock_manual_advance(&rig->clock, (TIMEOUT_MS + GRACE_MS - 1) * CLOCK_NS_PER_MS);
	pass(rig, 2);
	event_base_loop(rig->worker.base, EVLOOP_ONCE);
	assert_int_equal(rig->delivered, 0);
	clock_manual_advance(&rig->clock, CLOCK_NS_PER_MS);
	sweep(rig, 1);
	assert_int_equal(rig->id, 1);
	assert_int_equal(rig->rcode, WIRE_SERVFAIL);
	answer(rig, receive(rig, 1).token, 1, 100);
	assert_int_equal(rig->delivered, 1);
	clock_manual_advance(&rig->clock, (TIMEOUT_MS + GRACE_MS) * CLOCK_NS_PER_MS);
	sweep(rig, 2);
	assert_int_equal(rig->id, 2);
	assert_int_equal(metric(rig, METRIC_RELAY_EXPIRED), 2);
}

static void a_client_that_left(void **state)
{
	struct rig *rig = *state;
	int gone, here;
	pass(rig, 1)->owner = &gone;
	pass(rig, 2)->owner = &here;
	pass(rig, 3)->owner = &gone;
	uint64_t first = receive(rig, 1).token, second = receive(rig, 2).token;
	handover_forget(rig->handover, &gone);
	answer(rig, first, 1, 100);
	assert_int_equal(rig->delivered, 0);
	answer(rig, second, 2, 100);
	assert_ptr_equal(rig->owner, &here);
	for (uint16_t i = 0; i < SLOTS; i++)
		assert_non_null(pass(rig, i));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_find_their_query),
		TEST(answers_of_a_mad_relay),
		TEST(answers_that_are_none),
		TEST(a_relay_that_floods_its_link),
		TEST(who_shares_a_limit),
		TEST(no_more_than_the_slots),
		TEST(silence_is_servfail),
		TEST(a_client_that_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
