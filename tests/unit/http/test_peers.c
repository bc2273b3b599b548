/* test_peers.c -- who counts as one client, and that entries go with their connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "http/peers.h"

static struct peer *get(struct peers *peers, const char *address)
{
	struct net_addr addr;

	assert_int_equal(net_addr_parse(address, 1, &addr), 0);
	return peers_get(peers, &addr);
}

static void one_client(void **state)
{
	struct peers peers;
	struct peer *v4, *v6;

	(void)state;
	peers_init(&peers);
	v4 = get(&peers, "192.0.2.1:1000");
	v4->connections = 1;
	assert_ptr_equal(get(&peers, "192.0.2.1:2000"), v4);
	v6 = get(&peers, "[2001:db8:1:2::1]:1000");
	v6->connections = 1;
	assert_ptr_equal(get(&peers, "[2001:db8:1:2:ffff::9]:1000"), v6); /* the same /64 */
	assert_ptr_not_equal(v4, v6);
	v4->connections = v6->connections = 0;
	peers_put(&peers, v4);
	peers_put(&peers, v6);
	v6 = get(&peers, "[2001:db8:1:3::1]:1000");
	peers_put(&peers, v6);
	for (size_t i = 0; i < PEER_BUCKETS; i++)
		assert_null(peers.buckets[i]);
}

/* More clients than buckets: all are told apart, and all can be given back in any order. */
static void many_clients(void **state)
{
	static struct peer *found[4 * PEER_BUCKETS];
	const unsigned count = sizeof(found) / sizeof(found[0]);
	struct peers peers;
	char address[32];

	(void)state;
	peers_init(&peers);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < count; i++) {
			snprintf(address, sizeof(address), "10.0.%u.%u", i / 256, i % 256);
			found[i] = get(&peers, address);
			found[i]->connections++;
			assert_int_equal(found[i]->connections, round + 1);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i * 7 % count; /* 7 and the count have no common divisor */

		peers_put(&peers, found[at]); /* still in use: stays */
		found[at]->connections = 0;
		peers_put(&peers, found[at]);
	}
	for (size_t i = 0; i < PEER_BUCKETS; i++)
		assert_null(peers.buckets[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_client),
		cmocka_unit_test(many_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
