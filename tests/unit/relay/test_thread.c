/* test_thread.c -- the relay's thread on a link, with a server upstream that never answers: what is taken,
 * what is refused, and when it is over. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/link.h"
#include "relay/relay.h"
#include "wire/wire.h"

enum { TIMEOUT_MS = 1000, IN_FLIGHT = 4, PER_CLIENT = 2, PATIENCE_MS = 20000 };

struct rig {
	struct clock_manual clock;
	struct page_thread thread;
	struct relay *relay;
	int upstream; /* a UDP socket that nobody reads */
	int link[2];
	struct net_link_head head; /* of the last answer */
	uint8_t answer[NET_LINK_MESSAGE];
	size_t size;
};

static int set_up(void **state)
{
	struct rig *rig = aligned_alloc(64, (sizeof(*rig) + 63) / 64 * 64);
	struct net_addr upstream;
	char message[512] = "";
	memset(rig, 0, sizeof(*rig));
	clock_manual_init(&rig->clock, 100 * CLOCK_NS_PER_S, 0);
	net_addr_parse("127.0.0.1:1", 0, &upstream);
	upstream.v4.sin_port = 0;
	rig->upstream = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(rig->upstream, &upstream.any, upstream.size), 0);
	assert_int_equal(getsockname(rig->upstream, &upstream.any, &upstream.size), 0);
	assert_int_equal(net_link_create(rig->link), 0);
	const struct relay_config config = {.link_fds = &rig->link[1],
		.link_count = 1,
		.upstreams = &upstream,
		.upstream_count = 1,
		.in_flight = IN_FLIGHT,
		.in_flight_per_address = PER_CLIENT,
		.cache_size = 65536,
		.timeout_ns = TIMEOUT_MS * CLOCK_NS_PER_MS,
		.udp_size = 1232,
		.thread = &rig->thread,
		.clock = &rig->clock.clock};
	if (relay_start(&config, &rig->relay, message) < 0)
		fail_msg("%s", message);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	relay_stop(rig->relay);
	close(rig->upstream);
	close(rig->link[0]);
	close(rig->link[1]);
	free(rig);
	return 0;
}

/* Hands over a query for A of a name of one label, with EDNS. */
static void ask(struct rig *rig, uint64_t token, const char *label, uint32_t client, int64_t age_ms)
{
	static const uint8_t rest[] = "\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\0";
	const struct net_link_head head = {.token = token,
		.at_ns = clock_now(&rig->clock.clock) - age_ms * CLOCK_NS_PER_MS,
		.limit = WIRE_UDP_MIN,
		.client = client};
	uint8_t query[128] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	size_t size = strlen(label);
	query[WIRE_HEADER_SIZE] = (uint8_t)size;
	memcpy(query + WIRE_HEADER_SIZE + 1, label, size);
	memcpy(query + WIRE_HEADER_SIZE + 1 + size, rest, sizeof(rest) - 1);
	assert_int_equal(
		net_link_send(rig->link[0], &head, query, WIRE_HEADER_SIZE + size + sizeof(rest)), 0);
}

/* The next answer is for `token`, with this response code; `why`, if it is not NULL, is the reason in it. */
static void expect(struct rig *rig, uint64_t token, unsigned rcode, const char *why)
{
	struct pollfd link = {.fd = rig->link[0], .events = POLLIN};
	assert_int_equal(poll(&link, 1, PATIENCE_MS), 1);
	int size = net_link_receive(rig->link[0], &rig->head, rig->answer);
	assert_true(size >= WIRE_HEADER_SIZE && size <= WIRE_UDP_MIN);
	assert_int_equal(rig->head.token, token);
	assert_int_equal(wire_get16(rig->answer), 0x1234);
	assert_int_equal(wire_get16(rig->answer + 2), WIRE_FLAG_QR | WIRE_FLAG_RD | WIRE_FLAG_RA | rcode);
	if (why && !memmem(rig->answer, (size_t)size, why, strlen(why)))
		fail_msg("'%s' is not the reason for token %u", why, (unsigned)token);
}

static void its_own_names(void **state)
{
	struct rig *rig = *state;
	ask(rig, 1, "localhost", 0, 0);
	expect(rig, 1, WIRE_NOERROR, "\x7f\0\0\1");
	ask(rig, 2, "invalid", 0, 0);
	expect(rig, 2, WIRE_NOERROR, "\6nobody"); /* of the SOA */
}

/* What waited while no relay ran is asked from nobody: dns has told the client. */
static void what_waited_too_long(void **state)
{
	struct rig *rig = *state;
	ask(rig, 1, "localhost", 0, TIMEOUT_MS);
	ask(rig, 2, "localhost", 0, TIMEOUT_MS - 1);
	expect(rig, 2, WIRE_NOERROR, NULL);
}

/* Nothing is answered to what dns would never send. */
static void what_is_no_query(void **state)
{
	const struct net_link_head head = {.token = 9, .at_ns = INT64_MAX / 2, .limit = 512},
				   small = {.token = 9, .at_ns = INT64_MAX / 2, .limit = 511};
	static const uint8_t response[17] = {0, 1, 0x81, 0, 0, 1}, query[17] = {0, 1, 1, 0, 0, 1};
	struct rig *rig = *state;
	assert_int_equal(net_link_send(rig->link[0], &head, response, sizeof(response)), 0);
	assert_int_equal(net_link_send(rig->link[0], &head, query, 11), 0);
	assert_int_equal(net_link_send(rig->link[0], &small, query, sizeof(query)), 0);
	assert_int_equal(send(rig->link[0], "", 0, 0), 0);
	ask(rig, 2, "localhost", 0, 0);
	expect(rig, 2, WIRE_NOERROR, NULL);
}

static void limits(void **state)
{
	struct rig *rig = *state;
	ask(rig, 1, "a", 7, 0);
	ask(rig, 2, "b", 7, 0);
	ask(rig, 3, "c", 7, 0);
	expect(rig, 3, WIRE_SERVFAIL, "relay.in_flight_per_address queries of this client are under way");
	ask(rig, 4, "d", 8, 0);
	ask(rig, 5, "e", 9, 0);
	ask(rig, 6, "f", 10, 0);
	expect(rig, 6, WIRE_SERVFAIL, "relay.in_flight queries are under way");
}

/* Each ends at its time. libunbound still works on it, so it counts. */
static void silence(void **state)
{
	static const char why[] = "relay.upstream did not answer in time";
	struct rig *rig = *state;
	ask(rig, 1, "a", 7, 500);
	ask(rig, 2, "b", 7, 0);
	ask(rig, 3, "localhost", 8, 0);
	expect(rig, 3, WIRE_NOERROR, NULL);
	clock_manual_advance(&rig->clock, 500 * CLOCK_NS_PER_MS);
	expect(rig, 1, WIRE_SERVFAIL, why);
	clock_manual_advance(&rig->clock, 500 * CLOCK_NS_PER_MS);
	expect(rig, 2, WIRE_SERVFAIL, why);
	ask(rig, 4, "c", 7, 0);
	expect(rig, 4, WIRE_SERVFAIL, "relay.in_flight_per_address queries of this client are under way");
}

/* The supervisor sees that the thread lives, also while it has nothing to do. */
static void it_ticks(void **state)
{
	struct rig *rig = *state;
	uint64_t first = atomic_load(&rig->thread.tick);
	assert_true(first > 0);
	for (int i = 0; i < PATIENCE_MS / 10 && atomic_load(&rig->thread.tick) == first; i++)
		poll(NULL, 0, 10);
	assert_true(atomic_load(&rig->thread.tick) > first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_own_names),
		TEST(what_waited_too_long),
		TEST(what_is_no_query),
		TEST(limits),
		TEST(silence),
		TEST(it_ticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
