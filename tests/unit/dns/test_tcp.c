/* test_tcp.c -- a worker's TCP side: messages, timeouts and ends, row by row of conformance.md section 3.7,
 * with a clock turned by hand. What bounds it is in test_tcp_limits.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

static void test_one_query(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_ask(fd, 1);
	tcp_ask(fd, 2);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 1);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_ACCEPTED), 1);
	assert_int_equal(transport_metric(&t, METRIC_DNS_REQUEST_SIZE_TCP_SUM), 40);
	assert_int_equal(transport_metric(&t, METRIC_DNS_RESPONSE_SIZE_TCP_SUM), 2 * SMALL);
	assert_int_equal(transport_metric(&t, METRIC_DNS_RESPONSE_SIZE_UDP_SUM), 0);
	tcp_end(&t, fd);
}

static void test_pipelined(void **state)
{
	static struct transport t;
	uint8_t queries[3 * 30];
	size_t size = 0;
	int fd = tcp_begin(&t);
	for (uint16_t id = 0; id < 3; id++)
		size += tcp_frame(queries + size, 20, id, (uint16_t)(SMALL + id));
	tcp_write(fd, queries, size);
	for (uint16_t id = 0; id < 3; id++)
		tcp_expect(fd, id, SMALL + id);
	tcp_end(&t, fd);
}

/* More messages in one segment than one turn may answer: the rest has its turn, with nothing new to read. */
static void test_many_small(void **state)
{
	enum { MANY = 4000, SIZE = 16 };
	static uint8_t queries[MANY * SIZE];
	static struct transport t;
	int fd = tcp_begin(&t);
	for (uint16_t id = 0; id < MANY; id++)
		tcp_frame(queries + id * SIZE, SIZE - 2, id, SMALL);
	tcp_write(fd, queries, sizeof(queries));
	for (uint16_t id = 0; id < MANY; id++)
		tcp_expect(fd, id, SMALL);
	tcp_end(&t, fd);
}

static void test_byte_by_byte(void **state)
{
	static struct transport t;
	uint8_t query[64];
	int fd = tcp_begin(&t);
	for (uint16_t id = 0; id < 2; id++) {
		size_t size = tcp_frame(query, 20, id, SMALL);
		for (size_t i = 0; i < size; i++)
			tcp_write(fd, query + i, 1);
		tcp_expect(fd, id, SMALL);
	}
	tcp_end(&t, fd);
}

/* A query and a half, then the other half: neither is lost. */
static void test_split(void **state)
{
	static struct transport t;
	uint8_t queries[64];
	int fd = tcp_begin(&t);
	for (size_t cut = 1; cut < 22; cut++) {
		size_t size = tcp_frame(queries, 20, 1, SMALL);
		size += tcp_frame(queries + size, 20, 2, SMALL);
		tcp_write(fd, queries, 22 + cut);
		tcp_expect(fd, 1, SMALL);
		tcp_write(fd, queries + 22 + cut, size - 22 - cut);
		tcp_expect(fd, 2, SMALL);
	}
	tcp_end(&t, fd);
}

static void test_half_close(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_query(fd, 20, 1, 65535);
	tcp_query(fd, 20, 2, 65535);
	shutdown(fd, SHUT_WR);
	tcp_expect(fd, 1, 65535);
	tcp_expect(fd, 2, 65535);
	tcp_expect_closed(fd);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	tcp_end(&t, fd);
}

static void test_bad_lengths(void **state)
{
	static const uint8_t zero[] = {0, 0}, eleven[13] = {0, 11};
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_write(fd, zero, sizeof(zero));
	tcp_expect_closed(fd);
	close(fd);
	fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_write(fd, eleven, sizeof(eleven));
	tcp_expect_closed(fd);
	close(fd);
	/* What came before the bad length is answered. */
	uint8_t query[64];
	size_t size = tcp_frame(query, 20, 7, SMALL);
	memcpy(query + size, zero, 2);
	fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_write(fd, query, size + 2);
	tcp_expect(fd, 7, SMALL);
	tcp_expect_closed(fd);
	tcp_end(&t, fd);
}

static void test_cut_short(void **state)
{
	static struct transport t;
	uint8_t query[600];
	int fd = tcp_begin(&t);
	tcp_frame(query, 500, 1, SMALL);
	tcp_write(fd, query, 100);
	shutdown(fd, SHUT_WR);
	tcp_expect_closed(fd);
	transport_wait_metric(&t, METRIC_DNS_TCP_OPEN, 0);
	assert_int_equal(fake_answered, 0);
	tcp_end(&t, fd);
}

/* A message must be whole two seconds after its first byte, however often a byte of it comes. */
static void test_io_timeout(void **state)
{
	static struct transport t;
	uint8_t query[64];
	int slow = tcp_begin(&t);
	tcp_frame(query, 20, 1, SMALL);
	tcp_write(slow, query, 1);
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(other, 1); /* accepted later, so the slow one's first byte has been read */
	transport_advance(&t, 1000);
	tcp_write(slow, query + 1, 1);
	tcp_ask(other, 2);
	transport_advance(&t, 999);
	tcp_ask(other, 3);
	assert_false(tcp_is_closed(slow));
	transport_advance(&t, 1);
	tcp_expect_closed(slow);
	tcp_ask(other, 4);
	close(other);
	tcp_end(&t, slow);
}

static void test_idle_timeout(void **state)
{
	static struct transport t;
	int silent = tcp_begin(&t);
	int asked = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(asked, 1);
	transport_advance(&t, 5000);
	tcp_ask(asked, 2);
	transport_advance(&t, 5000);
	tcp_expect_closed(silent);
	tcp_ask(asked, 3);
	transport_advance(&t, 10000);
	tcp_expect_closed(asked);
	close(asked);
	tcp_end(&t, silent);
}

/* Messages that deserve no answer get none, the next query does; and they keep no connection open. */
static void test_responses_ignored(void **state)
{
	static struct transport t;
	uint8_t response[22] = {0, 20, 0, 9, 0x80};
	int fd = tcp_begin(&t);
	tcp_write(fd, response, sizeof(response));
	tcp_ask(fd, 1);
	transport_advance(&t, 9000);
	tcp_write(fd, response, sizeof(response));
	int other = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(other, 1);
	transport_advance(&t, 1000);
	tcp_expect_closed(fd);
	tcp_ask(other, 2);
	close(other);
	tcp_end(&t, fd);
}

static void test_largest(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	for (uint16_t id = 0; id < 8; id++) {
		tcp_query(fd, 65535, id, 65535);
		tcp_expect(fd, id, 65535);
	}
	tcp_end(&t, fd);
}

/* New limits hold for connections that are open already. */
static void test_reconfigure(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_ask(fd, 1);
	struct dns_config config = t.config;
	config.tcp_idle_ns = CLOCK_NS_PER_S;
	dns_server_reconfigure(t.server, &config);
	transport_advance(&t, 1000);
	tcp_expect_closed(fd);
	tcp_end(&t, fd);
}

static void test_waits_for_the_view(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	fake_view_ready = false;
	transport_start(&t);
	int fd = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_query(fd, 20, 1, SMALL);
	assert_int_equal(fake_answered, 0);
	fake_view_ready = true;
	tcp_expect(fd, 1, SMALL);
	tcp_end(&t, fd);
}

/* The end of the server closes what is idle, at once, and gives a reader the time to take what waits. */
static void test_stop(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_ask(fd, 1);
	int reader = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	tcp_ask(reader, 1);
	dns_server_stop(t.server);
	t.server = NULL;
	tcp_expect_closed(fd);
	tcp_expect_closed(reader);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_OPEN), 0);
	close(reader);
	tcp_end(&t, fd);
}

static void test_hash(void **state)
{
	static struct transport t;
	int fd = tcp_begin(&t);
	tcp_query(fd, 20, 1, SMALL);
	uint32_t hash = tcp_expect(fd, 1, SMALL);
	int udp = transport_connect(&t.udp, SOCK_DGRAM, "127.0.0.1", NULL);
	uint8_t bytes[64];
	size_t size = fake_query(bytes, 20, 1, SMALL);
	assert_int_equal(send(udp, bytes, size, 0), size);
	assert_int_equal(recv(udp, bytes, sizeof(bytes), 0), SMALL);
	assert_int_equal(wire_get32(bytes + AT_HASH), hash);
	close(udp);
	tcp_end(&t, fd);
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
		cmocka_unit_test(test_reconfigure),
		cmocka_unit_test(test_waits_for_the_view),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
