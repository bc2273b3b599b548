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
#include "net/link.h"

enum { SLOTS = 3, TIMEOUT_MS = 1000, GRACE_MS = 250 };

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

/* Hands over a query that is answered with SERVFAIL if nothing comes of it. */
static struct handover_slot *pass(struct rig *rig, uint16_t id)
{
	uint8_t query[WIRE_HEADER_SIZE] = {0}, answer[WIRE_HEADER_SIZE] = {[2] = 0x80, [3] = WIRE_SERVFAIL};
	wire_set16(query, id);
	wire_set16(answer, id);
	const struct dns_message message = {.query = query,
		.query_size = sizeof(query),
		.answer = answer,
		.answer_size = sizeof(answer),
		.relay = true,
		.limit = 512};
	return handover_pass(rig->handover, &message);
}

/* What the relay gets next. */
static struct net_link_head receive(struct rig *rig, uint16_t id)
{
	static uint8_t query[NET_LINK_MESSAGE];
	struct net_link_head head;
	assert_int_equal(net_link_receive(rig->link[1], &head, query), WIRE_HEADER_SIZE);
	assert_int_equal(wire_get16(query), id);
	assert_int_equal(head.limit, 512);
	return head;
}

/* The relay answers with NXDOMAIN in so many bytes; what dns makes of it has happened when this returns. */
static void answer(struct rig *rig, uint64_t token, uint16_t id, size_t size)
{
	uint8_t bytes[1024] = {[2] = 0x80, [3] = WIRE_NXDOMAIN};
	const struct net_link_head head = {.token = token};
	wire_set16(bytes, id);
	assert_int_equal(net_link_send(rig->link[1], &head, bytes, size), 0);
	event_base_loop(rig->worker.base, EVLOOP_NONBLOCK);
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
	answer(rig, first, 1, WIRE_HEADER_SIZE);
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
	answer(rig, token, 1, WIRE_HEADER_SIZE - 1);
	answer(rig, token, 1, 0);
	assert_int_equal(rig->delivered, 0);
	assert_int_equal(send(rig->link[1], "short", 5, 0), 5);
	answer(rig, token, 1, 100);
	answer(rig, token, 1, 100);
	assert_int_equal(rig->delivered, 1);
	assert_int_equal(metric(rig, METRIC_RELAY_ANSWERED), 1);
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
		TEST(no_more_than_the_slots),
		TEST(silence_is_servfail),
		TEST(a_client_that_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
