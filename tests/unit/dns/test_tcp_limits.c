/* test_tcp_limits.c -- what bounds a worker's TCP side: clients that do not read, too many of them, no
 * descriptors; and the table that counts connections by client. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/siphash.h"
#include "dns/tcp_hosts.h"
#include "transport.h"

/* A client that pipelines and does not read: what waits for it is bounded, others are served, and after a
 * while without taking a byte it is closed. */
static void test_never_reads(void **state)
{
	enum { MANY = 4000, SIZE = 22 };
	static uint8_t queries[MANY * SIZE], bytes[65536];
	static struct transport t;
	unsigned before;
	ssize_t n;
	int fd = tcp_begin(&t);
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	for (uint16_t id = 0; id < MANY; id++)
		tcp_frame(queries + id * SIZE, SIZE - 2, id, 60000);
	tcp_write(fd, queries, sizeof(queries));
	/* Until it is full for longer than the kernel delays an ACK, which makes room. */
	for (int quiet = 0; quiet < 300; quiet++) {
		before = fake_answered;
		tcp_ask(other, 1);
		poll(NULL, 0, 1);
		if (fake_answered > before + 1)
			quiet = 0;
	}
	assert_true(fake_answered < MANY);
	transport_advance(&t, 1000);
	before = fake_answered;
	tcp_ask(other, 3);
	assert_int_equal(fake_answered, before + 1); /* the other is not read from */
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 2);
	transport_advance(&t, 1000);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 1);
	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0);
	assert_true(n == 0 || errno == ECONNRESET);
	tcp_ask(other, 4);
	close(other);
	tcp_end(&t, fd);
}

/* Sends a query, if the server takes it, and waits for it to be answered or the connection to be closed. */
static void ask_on(const struct transport *t, int fd, uint16_t answer_size)
{
	uint8_t query[22];
	unsigned before = fake_answered;
	uint64_t open = transport_metric(t, METRIC_DNS_TCP_OPEN);
	send(fd, query, tcp_frame(query, 20, 1, answer_size), MSG_NOSIGNAL);
	for (int i = 0;
		i < 5000 && fake_answered == before && transport_metric(t, METRIC_DNS_TCP_OPEN) == open; i++)
		poll(NULL, 0, 1);
}

/* Reads `size` bytes, whatever they are. */
static void take(int fd, size_t size)
{
	static uint8_t bytes[65536];
	while (size > 0) {
		ssize_t n = recv(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes), 0);
		assert_true(n > 0);
		size -= (size_t)n;
	}
}

/* A client that does not read but goes on asking, while there is room for its answers, is closed like one
 * that is silent. What it takes gives it time. */
static void test_asks_and_never_reads(void **state)
{
	enum { MANY = 100, SIZE = 60000 };
	static const int window = 65536;
	static const uint8_t first_byte;
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_write_buffer = 2 * MANY * SIZE;
	transport_start(&t);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)); /* it does not grow any more */
	for (unsigned i = 0; i < MANY; i++)
		ask_on(&t, fd, SIZE);
	assert_int_equal(fake_answered, MANY);
	int slow = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_write(slow, &first_byte, 1);
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(other, 1);
	transport_advance(&t, 1000);
	take(fd, (size_t)MANY * SIZE / 2); /* more than the sockets hold; as much is left */
	transport_advance(&t, 1500);
	tcp_expect_closed(slow); /* so whose time is over has been looked at */
	tcp_ask(other, 2);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 2);
	for (int i = 0; i < 10 && transport_metric(&t, METRIC_DNS_TCP_OPEN) == 2; i++) {
		ask_on(&t, fd, SMALL);
		transport_advance(&t, 1000);
		tcp_ask(other, 3);
	}
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 1);
	close(slow);
	close(other);
	tcp_end(&t, fd);
}

/* The same client, but it reads in the end: it gets every answer, in order. */
static void test_reads_late(void **state)
{
	enum { MANY = 200 };
	static struct transport t;
	static uint8_t queries[MANY * 22];
	int fd = tcp_begin(&t);
	for (uint16_t id = 0; id < MANY; id++)
		tcp_frame(queries + id * 22, 20, id, (uint16_t)(50000 + id));
	tcp_write(fd, queries, sizeof(queries));
	shutdown(fd, SHUT_WR);
	for (uint16_t id = 0; id < MANY; id++)
		tcp_expect(fd, id, 50000 + id);
	tcp_expect_closed(fd);
	tcp_end(&t, fd);
}

static void test_oldest_idle_makes_room(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_connections = 2;
	transport_start(&t);
	int first = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(first, 1);
	transport_advance(&t, 1);
	int second = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(second, 1);
	transport_advance(&t, 1);
	tcp_ask(first, 2); /* now the second was idle longer */
	int third = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(third, 1);
	tcp_expect_closed(second);
	tcp_ask(first, 3);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_REJECTED_IDLE), 1);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_REJECTED_FULL), 0);
	close(first);
	close(second);
	tcp_end(&t, third);
}

static void test_full_and_busy_rejects(void **state)
{
	static struct transport t;
	uint8_t half[8] = {0, 20};
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_connections = 1;
	transport_start(&t);
	int busy = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(busy, 1);
	tcp_write(busy, half, sizeof(half));
	/* Whether the half message is seen before the next connection is a race: wait for its effect. */
	for (int i = 0; i < 100 && transport_metric(&t, METRIC_DNS_TCP_REJECTED_FULL) == 0; i++) {
		int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
		tcp_expect_closed(fd);
		close(fd);
	}
	assert_false(tcp_is_closed(busy));
	close(busy);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(fd, 1);
	tcp_end(&t, fd);
}

static void test_limit_per_address(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_connections_per_address = 2;
	transport_start(&t);
	int fds[2];
	for (int i = 0; i < 2; i++) {
		fds[i] = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.1", NULL);
		tcp_ask(fds[i], 1);
	}
	int third = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.1", NULL);
	tcp_expect_closed(third);
	int other = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.2", NULL);
	tcp_ask(other, 1);
	tcp_ask(fds[0], 2);
	tcp_ask(fds[1], 2);
	close(fds[0]);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 2);
	close(third);
	third = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.1", NULL);
	tcp_ask(third, 1);
	close(fds[1]);
	close(other);
	tcp_end(&t, third);
}

static void test_reset_frees(void **state)
{
	static const struct linger reset = {.l_onoff = 1};
	static struct transport t;
	int fd = tcp_begin(&t);
	for (int i = 0; i < 20; i++) {
		tcp_query(fd, 20, 1, 60000);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	}
	tcp_ask(fd, 1);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 1);
	tcp_end(&t, fd);
}

/* Without descriptors accept() is tried again now and then, not all the time. */
static void test_no_descriptors(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	fake_accept_fails = 2;
	transport_start(&t);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(fd, 1);
	assert_true(fake_accepts <= 4); /* two failures, one success, one "no more" */
	tcp_end(&t, fd);
}

static const struct sockaddr *address(const char *text, struct net_addr *ret)
{
	assert_int_equal(net_addr_parse(text, 53, ret), 0);
	return &ret->any;
}

static void test_hosts(void **state)
{
	struct siphash_key key = {1, 2};
	struct tcp_hosts *hosts = tcp_hosts_create(&key);
	struct net_addr a;
	struct tcp_host *first = tcp_hosts_take(hosts, address("192.0.2.1", &a), 2);
	assert_non_null(first);
	assert_ptr_equal(tcp_hosts_take(hosts, address("192.0.2.1", &a), 2), first);
	assert_null(tcp_hosts_take(hosts, address("192.0.2.1", &a), 2));
	assert_non_null(tcp_hosts_take(hosts, address("192.0.2.2", &a), 1));
	struct tcp_host *v6 = tcp_hosts_take(hosts, address("2001:db8::1", &a), 1);
	assert_non_null(v6);
	assert_null(tcp_hosts_take(hosts, address("2001:db8::ffff:2", &a), 1)); /* the same /64 */
	assert_non_null(tcp_hosts_take(hosts, address("2001:db8:0:1::1", &a), 1));
	tcp_hosts_release(hosts, v6);
	assert_non_null(tcp_hosts_take(hosts, address("2001:db8::2", &a), 1));
	tcp_hosts_release(hosts, first);
	assert_ptr_equal(tcp_hosts_take(hosts, address("192.0.2.1", &a), 2), first);
	assert_null(tcp_hosts_take(hosts, address("198.51.100.1", &a), 0));
	tcp_hosts_destroy(hosts);
	tcp_hosts_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_asks_and_never_reads),
		cmocka_unit_test(test_reads_late),
		cmocka_unit_test(test_oldest_idle_makes_room),
		cmocka_unit_test(test_full_and_busy_rejects),
		cmocka_unit_test(test_limit_per_address),
		cmocka_unit_test(test_reset_frees),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
