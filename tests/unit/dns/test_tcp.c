/* test_tcp.c -- a worker's TCP side, row by row of conformance.md section 3.7, with a clock turned by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/siphash.h"
#include "dns/tcp_hosts.h"
#include "transport.h"

/* Starts a server with one worker and connects. */
static int begin(struct transport *t)
{
	transport_init(t, "127.0.0.1", 1);
	transport_start(t);
	return transport_connect(&t->tcp, SOCK_STREAM, NULL, NULL);
}

static void end(struct transport *t, int fd)
{
	close(fd);
	transport_finish(t);
}

/* Writes a framed query to `ret` and returns its size. */
static size_t frame(uint8_t *ret, size_t size, uint16_t id, uint16_t answer_size)
{
	wire_set16(ret, (uint16_t)size);
	return 2 + fake_query(ret + 2, size, id, answer_size);
}

static void write_all(int fd, const void *bytes, size_t size)
{
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static void send_query(int fd, size_t size, uint16_t id, uint16_t answer_size)
{
	static uint8_t query[65537];
	write_all(fd, query, frame(query, size, id, answer_size));
}

static void read_all(int fd, uint8_t *ret, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = recv(fd, ret + got, size - got, 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
}

/* Reads one answer and checks it. Returns the client's hash. */
static uint32_t expect_answer(int fd, uint16_t id, size_t size)
{
	static uint8_t answer[65537];
	read_all(fd, answer, 2);
	size_t length = wire_get16(answer);
	read_all(fd, answer, length);
	assert_answer(answer, length, id, size);
	assert_int_equal(answer[AT_TCP], 1);
	return wire_get32(answer + AT_HASH);
}

static void ask(int fd, uint16_t id)
{
	send_query(fd, 20, id, SMALL);
	expect_answer(fd, id, SMALL);
}

/* The server closed, in an orderly way or not, and sent nothing more. */
static void expect_closed(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, 0);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

static void test_one_query(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	ask(fd, 1);
	ask(fd, 2);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 1);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_ACCEPTED), 1);
	end(&t, fd);
}

static void test_pipelined(void **state)
{
	static struct transport t;
	uint8_t queries[3 * 30];
	size_t size = 0;
	int fd = begin(&t);
	for (uint16_t id = 0; id < 3; id++)
		size += frame(queries + size, 20, id, (uint16_t)(SMALL + id));
	write_all(fd, queries, size);
	for (uint16_t id = 0; id < 3; id++)
		expect_answer(fd, id, SMALL + id);
	end(&t, fd);
}

/* More messages in one segment than one turn may answer: the rest has its turn, with nothing new to read. */
static void test_many_small(void **state)
{
	enum { MANY = 4000, SIZE = 16 };
	static uint8_t queries[MANY * SIZE];
	static struct transport t;
	int fd = begin(&t);
	for (uint16_t id = 0; id < MANY; id++)
		frame(queries + id * SIZE, SIZE - 2, id, SMALL);
	write_all(fd, queries, sizeof(queries));
	for (uint16_t id = 0; id < MANY; id++)
		expect_answer(fd, id, SMALL);
	end(&t, fd);
}

static void test_byte_by_byte(void **state)
{
	static struct transport t;
	uint8_t query[64];
	int fd = begin(&t);
	for (uint16_t id = 0; id < 2; id++) {
		size_t size = frame(query, 20, id, SMALL);
		for (size_t i = 0; i < size; i++)
			write_all(fd, query + i, 1);
		expect_answer(fd, id, SMALL);
	}
	end(&t, fd);
}

/* A query and a half, then the other half: neither is lost. */
static void test_split(void **state)
{
	static struct transport t;
	uint8_t queries[64];
	int fd = begin(&t);
	for (size_t cut = 1; cut < 22; cut++) {
		size_t size = frame(queries, 20, 1, SMALL);
		size += frame(queries + size, 20, 2, SMALL);
		write_all(fd, queries, 22 + cut);
		expect_answer(fd, 1, SMALL);
		write_all(fd, queries + 22 + cut, size - 22 - cut);
		expect_answer(fd, 2, SMALL);
	}
	end(&t, fd);
}

static void test_half_close(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	send_query(fd, 20, 1, 65535);
	send_query(fd, 20, 2, 65535);
	shutdown(fd, SHUT_WR);
	expect_answer(fd, 1, 65535);
	expect_answer(fd, 2, 65535);
	expect_closed(fd);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	end(&t, fd);
}

static void test_bad_lengths(void **state)
{
	static const uint8_t zero[] = {0, 0}, eleven[13] = {0, 11};
	static struct transport t;
	int fd = begin(&t);
	write_all(fd, zero, sizeof(zero));
	expect_closed(fd);
	close(fd);
	fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	write_all(fd, eleven, sizeof(eleven));
	expect_closed(fd);
	close(fd);
	/* What came before the bad length is answered. */
	uint8_t query[64];
	size_t size = frame(query, 20, 7, SMALL);
	memcpy(query + size, zero, 2);
	fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	write_all(fd, query, size + 2);
	expect_answer(fd, 7, SMALL);
	expect_closed(fd);
	end(&t, fd);
}

static void test_cut_short(void **state)
{
	static struct transport t;
	uint8_t query[600];
	int fd = begin(&t);
	frame(query, 500, 1, SMALL);
	write_all(fd, query, 100);
	shutdown(fd, SHUT_WR);
	expect_closed(fd);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	assert_int_equal(fake_answered, 0);
	end(&t, fd);
}

/* True if the server has closed `fd`, without waiting. */
static bool is_closed(int fd)
{
	uint8_t byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* A message must be whole two seconds after its first byte, however often a byte of it comes. */
static void test_io_timeout(void **state)
{
	static struct transport t;
	uint8_t query[64];
	int slow = begin(&t);
	frame(query, 20, 1, SMALL);
	write_all(slow, query, 1);
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(other, 1); /* accepted later, so the slow one's first byte has been read */
	transport_advance(&t, 1000);
	write_all(slow, query + 1, 1);
	ask(other, 2);
	transport_advance(&t, 999);
	ask(other, 3);
	assert_false(is_closed(slow));
	transport_advance(&t, 1);
	expect_closed(slow);
	ask(other, 4);
	close(other);
	end(&t, slow);
}

static void test_idle_timeout(void **state)
{
	static struct transport t;
	int silent = begin(&t);
	int asked = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(asked, 1);
	transport_advance(&t, 5000);
	ask(asked, 2);
	transport_advance(&t, 5000);
	expect_closed(silent);
	ask(asked, 3);
	transport_advance(&t, 10000);
	expect_closed(asked);
	close(asked);
	end(&t, silent);
}

/* Messages that deserve no answer get none, the next query does; and they keep no connection open. */
static void test_responses_ignored(void **state)
{
	static struct transport t;
	uint8_t response[22] = {0, 20, 0, 9, 0x80};
	int fd = begin(&t);
	write_all(fd, response, sizeof(response));
	ask(fd, 1);
	transport_advance(&t, 9000);
	write_all(fd, response, sizeof(response));
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(other, 1);
	transport_advance(&t, 1000);
	expect_closed(fd);
	ask(other, 2);
	close(other);
	end(&t, fd);
}

static void test_largest(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	for (uint16_t id = 0; id < 8; id++) {
		send_query(fd, 65535, id, 65535);
		expect_answer(fd, id, 65535);
	}
	end(&t, fd);
}

/* A client that pipelines and does not read: what waits for it is bounded, others are served, and after a
 * while without taking a byte it is closed. */
static void test_never_reads(void **state)
{
	enum { MANY = 4000, SIZE = 22 };
	static uint8_t queries[MANY * SIZE], bytes[65536];
	static struct transport t;
	unsigned before;
	ssize_t n;
	int fd = begin(&t);
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	for (uint16_t id = 0; id < MANY; id++)
		frame(queries + id * SIZE, SIZE - 2, id, 60000);
	write_all(fd, queries, sizeof(queries));
	do {
		before = fake_answered;
		ask(other, 1);
		ask(other, 2);
	} while (fake_answered > before + 2);
	assert_true(fake_answered < MANY);
	transport_advance(&t, 1000);
	before = fake_answered;
	ask(other, 3);
	assert_int_equal(fake_answered, before + 1); /* the other is not read from */
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 2);
	transport_advance(&t, 1000);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 1);
	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0);
	assert_true(n == 0 || errno == ECONNRESET);
	ask(other, 4);
	close(other);
	end(&t, fd);
}

/* The same client, but it reads in the end: it gets every answer, in order. */
static void test_reads_late(void **state)
{
	enum { MANY = 200 };
	static struct transport t;
	static uint8_t queries[MANY * 22];
	int fd = begin(&t);
	for (uint16_t id = 0; id < MANY; id++)
		frame(queries + id * 22, 20, id, (uint16_t)(50000 + id));
	write_all(fd, queries, sizeof(queries));
	shutdown(fd, SHUT_WR);
	for (uint16_t id = 0; id < MANY; id++)
		expect_answer(fd, id, 50000 + id);
	expect_closed(fd);
	end(&t, fd);
}

static void test_oldest_idle_makes_room(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_connections = 2;
	transport_start(&t);
	int first = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(first, 1);
	transport_advance(&t, 1);
	int second = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(second, 1);
	transport_advance(&t, 1);
	ask(first, 2); /* now the second was idle longer */
	int third = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(third, 1);
	expect_closed(second);
	ask(first, 3);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_REJECTED), 1);
	close(first);
	close(second);
	end(&t, third);
}

static void test_full_and_busy_rejects(void **state)
{
	static struct transport t;
	uint8_t half[8] = {0, 20};
	transport_init(&t, "127.0.0.1", 1);
	t.config.tcp_connections = 1;
	transport_start(&t);
	int busy = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(busy, 1);
	write_all(busy, half, sizeof(half));
	/* Whether the half message is seen before the next connection is a race: wait for its effect. */
	for (int i = 0; i < 100 && transport_metric(&t, METRIC_DNS_TCP_REJECTED) == 0; i++) {
		int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
		expect_closed(fd);
		close(fd);
	}
	assert_false(is_closed(busy));
	close(busy);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(fd, 1);
	end(&t, fd);
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
		ask(fds[i], 1);
	}
	int third = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.1", NULL);
	expect_closed(third);
	int other = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.2", NULL);
	ask(other, 1);
	ask(fds[0], 2);
	ask(fds[1], 2);
	close(fds[0]);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 2);
	close(third);
	third = transport_connect(&t.tcp, SOCK_STREAM, "127.0.0.1", NULL);
	ask(third, 1);
	close(fds[1]);
	close(other);
	end(&t, third);
}

static void test_reset_frees(void **state)
{
	static const struct linger reset = {.l_onoff = 1};
	static struct transport t;
	int fd = begin(&t);
	for (int i = 0; i < 20; i++) {
		send_query(fd, 20, 1, 60000);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	}
	ask(fd, 1);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 1);
	end(&t, fd);
}

/* Without descriptors accept() is tried again now and then, not all the time. */
static void test_no_descriptors(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	fake_accept_fails = 2;
	transport_start(&t);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(fd, 1);
	assert_true(fake_accepts <= 4); /* two failures, one success, one "no more" */
	end(&t, fd);
}

/* New limits hold for connections that are open already. */
static void test_reconfigure(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	ask(fd, 1);
	struct dns_config config = t.config;
	config.tcp_idle_ns = CLOCK_NS_PER_S;
	dns_server_reconfigure(t.server, &config);
	transport_advance(&t, 1000);
	expect_closed(fd);
	end(&t, fd);
}

static void test_waits_for_the_view(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	fake_view_ready = false;
	transport_start(&t);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	send_query(fd, 20, 1, SMALL);
	assert_int_equal(fake_answered, 0);
	fake_view_ready = true;
	expect_answer(fd, 1, SMALL);
	end(&t, fd);
}

/* The end of the server closes what is idle, at once, and gives a reader the time to take what waits. */
static void test_stop(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	ask(fd, 1);
	int reader = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	ask(reader, 1);
	dns_server_stop(t.server);
	t.server = NULL;
	expect_closed(fd);
	expect_closed(reader);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 0);
	close(reader);
	end(&t, fd);
}

static void test_hash(void **state)
{
	static struct transport t;
	int fd = begin(&t);
	send_query(fd, 20, 1, SMALL);
	uint32_t hash = expect_answer(fd, 1, SMALL);
	int udp = transport_connect(&t.udp, SOCK_DGRAM, "127.0.0.1", NULL);
	uint8_t bytes[64];
	size_t size = fake_query(bytes, 20, 1, SMALL);
	assert_int_equal(send(udp, bytes, size, 0), size);
	assert_int_equal(recv(udp, bytes, sizeof(bytes), 0), SMALL);
	assert_int_equal(wire_get32(bytes + AT_HASH), hash);
	close(udp);
	end(&t, fd);
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
		cmocka_unit_test(test_one_query),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_many_small),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_bad_lengths),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_io_timeout),
		cmocka_unit_test(test_idle_timeout),
		cmocka_unit_test(test_responses_ignored),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_never_reads),
		cmocka_unit_test(test_reads_late),
		cmocka_unit_test(test_oldest_idle_makes_room),
		cmocka_unit_test(test_full_and_busy_rejects),
		cmocka_unit_test(test_limit_per_address),
		cmocka_unit_test(test_reset_frees),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_reconfigure),
		cmocka_unit_test(test_waits_for_the_view),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
