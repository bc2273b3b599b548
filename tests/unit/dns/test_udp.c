/* test_udp.c -- a worker's UDP side: batches, where answers leave from, loading, errors of send. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

enum { MANY = 150 }; /* more than two batches */

static void send_query(int fd, uint16_t id, size_t size, uint16_t answer_size)
{
	static uint8_t query[65535];
	fake_query(query, size, id, answer_size);
	assert_int_equal(send(fd, query, size, 0), size);
}

/* Receives one answer of `size` bytes and returns its id. */
static uint16_t receive(int fd, uint8_t *answer, size_t size)
{
	ssize_t n = recv(fd, answer, 65535, 0);
	assert_true(n >= SMALL);
	assert_answer(answer, (size_t)n, wire_get16(answer), size);
	return wire_get16(answer);
}

static uint32_t ask(int fd, uint16_t id)
{
	uint8_t answer[65535];
	send_query(fd, id, 20, SMALL);
	assert_int_equal(receive(fd, answer, SMALL), id);
	return wire_get32(answer + AT_HASH);
}

/* Queries that came while the view was loading wait in the socket, and are answered when it is whole. */
static void test_waits_for_the_view(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	bool seen[MANY] = {false};
	transport_init(&t, "127.0.0.1", 1);
	fake_view_ready = false;
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	transport_start(&t);
	for (uint16_t i = 0; i < MANY; i++)
		send_query(fd, i, 20, (uint16_t)(SMALL + i));
	assert_int_equal(fake_answered, 0);
	fake_view_ready = true;
	for (int i = 0; i < MANY; i++) {
		ssize_t n = recv(fd, answer, sizeof(answer), 0);
		assert_true(n >= SMALL);
		uint16_t id = wire_get16(answer);
		assert_true(id < MANY && !seen[id]);
		assert_answer(answer, (size_t)n, id, SMALL + id);
		seen[id] = true;
	}
	assert_int_equal(fake_answered, MANY);
	close(fd);
	transport_finish(&t);
}

static void test_load_patience(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	transport_init(&t, "127.0.0.1", 1);
	fake_view_ready = false;
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	send_query(fd, 1, 20, SMALL);
	transport_advance(&t, 999);
	assert_int_equal(fake_answered, 0);
	transport_advance(&t, 1);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), SMALL);
	assert_int_equal(wire_get16(answer + AT_FLAGS), WIRE_FLAG_QR | WIRE_SERVFAIL);
	fake_view_ready = true;
	for (int i = 0; i < 5000; i++) {
		send_query(fd, 2, 20, SMALL);
		assert_int_equal(recv(fd, answer, sizeof(answer), 0), SMALL);
		if (wire_get16(answer + AT_FLAGS) == WIRE_FLAG_QR)
			break;
		poll(NULL, 0, 1);
	}
	assert_int_equal(wire_get16(answer + AT_FLAGS), WIRE_FLAG_QR);
	close(fd);
	transport_finish(&t);
}

/* A socket on the wildcard answers from the address that was asked: a connected client hears no other. */
static void test_wildcard_v4(void **state)
{
	static struct transport t;
	transport_init(&t, "0.0.0.0", 1);
	transport_start(&t);
	for (int i = 1; i < 5; i++) {
		const char *to[] = {NULL, "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.0.9"};
		int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, to[i]);
		ask(fd, (uint16_t)i);
		close(fd);
	}
	transport_finish(&t);
}

static bool have_ipv6(void)
{
	struct net_addr any;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool have = fd >= 0 && net_addr_parse("::1", 9, &any) == 0;
	any.v6.sin6_port = 0;
	have = have && bind(fd, &any.any, any.size) == 0;
	if (fd >= 0)
		close(fd);
	return have;
}

static void test_ipv6(void **state)
{
	static const char *const hosts[] = {"::1", "::"};
	if (!have_ipv6())
		skip();
	for (int i = 0; i < 2; i++) {
		static struct transport t;
		transport_init(&t, hosts[i], 1);
		transport_start(&t);
		int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, "::1");
		ask(fd, 1);
		close(fd);
		transport_finish(&t);
	}
}

/* Large queries are read whole; what deserves no answer gets none and harms nobody. */
static void test_sizes(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	transport_init(&t, "127.0.0.1", 1);
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	static const size_t sizes[] = {14, 512, 2048, 4096, 4097, 65507};
	for (uint16_t i = 0; i < 6; i++) {
		send_query(fd, i, sizes[i], 4096);
		assert_int_equal(receive(fd, answer, 4096), i);
	}
	uint8_t response[14] = {0, 9, 0x80};
	assert_int_equal(send(fd, response, sizeof(response), 0), sizeof(response));
	assert_int_equal(send(fd, response, 0, 0), 0);
	assert_int_equal(send(fd, response, 11, 0), 11);
	ask(fd, 77);
	assert_int_equal(fake_answered, 7);
	close(fd);
	transport_finish(&t);
}

/* One client has one hash whatever its port, worker or transport; another client has another. */
static void test_client_hash(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 2);
	transport_start(&t);
	int first = transport_connect(&t.udp, SOCK_DGRAM, "127.0.0.1", NULL);
	uint32_t hash = ask(first, 1);
	for (uint16_t i = 0; i < 16; i++) {
		int fd = transport_connect(&t.udp, SOCK_DGRAM, "127.0.0.1", NULL);
		assert_int_equal(ask(fd, i), hash);
		close(fd);
	}
	int other = transport_connect(&t.udp, SOCK_DGRAM, "127.0.0.2", NULL);
	assert_int_not_equal(ask(other, 1), hash);
	close(first);
	close(other);
	transport_finish(&t);
}

/* An answer that the kernel refuses is counted; the others of its batch are sent. */
static void test_send_error(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	transport_init(&t, "127.0.0.1", 1);
	fake_view_ready = false;
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	for (uint16_t i = 0; i < 3; i++)
		send_query(fd, i, 20, SMALL);
	fake_send_fails = 1;
	fake_view_ready = true;
	assert_int_equal(receive(fd, answer, SMALL), 1);
	assert_int_equal(receive(fd, answer, SMALL), 2);
	ask(fd, 5);
	assert_int_equal(transport_metric(&t, METRIC_DNS_SEND_ERRORS), 1);
	close(fd);
	transport_finish(&t);
}

static void test_reconfigure(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	transport_init(&t, "127.0.0.1", 1);
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	struct dns_config config = t.config;
	config.udp_size = 9000; /* above what we send: bounded */
	config.nsid = "two";
	config.tcp_idle_ns = 3 * CLOCK_NS_PER_S;
	dns_server_reconfigure(t.server, &config);
	for (int i = 0; i < 5000; i++) {
		send_query(fd, 1, 20, SMALL);
		receive(fd, answer, SMALL);
		if (answer[AT_NSID] == 't')
			break;
	}
	assert_int_equal(answer[AT_NSID], 't');
	assert_int_equal(wire_get16(answer + AT_UDP_SIZE), 4096);
	assert_int_equal(wire_get16(answer + AT_KEEPALIVE), 30);
	close(fd);
	transport_finish(&t);
}

static void test_counts_sizes(void **state)
{
	static struct transport t;
	uint8_t answer[65535];
	transport_init(&t, "127.0.0.1", 1);
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	send_query(fd, 1, 20, SMALL);
	receive(fd, answer, SMALL);
	send_query(fd, 2, 100, 1000);
	receive(fd, answer, 1000);
	assert_int_equal(send(fd, "x", 1, 0), 1); /* gets no answer, so it is no query */
	ask(fd, 3);
	assert_int_equal(transport_metric(&t, METRIC_DNS_REQUEST_SIZE_UDP), 2);
	assert_int_equal(transport_metric(&t, METRIC_DNS_REQUEST_SIZE_UDP + 1), 1);
	assert_int_equal(transport_metric(&t, METRIC_DNS_REQUEST_SIZE_UDP_SUM), 140);
	assert_int_equal(transport_metric(&t, METRIC_DNS_RESPONSE_SIZE_UDP_SUM), 1000 + 2 * SMALL);
	assert_int_equal(transport_metric(&t, METRIC_DNS_RESPONSE_SIZE_TCP_SUM), 0);
	close(fd);
	transport_finish(&t);
}

/* With each tick what comes next is timed; by a clock that stands still, as no time at all. */
static void test_times_a_sample(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	const _Atomic uint64_t *tick = &t.page->threads[PAGE_UDP].tick;
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	for (int i = 0; i < 20000 &&
			(transport_metric(&t, METRIC_DNS_DURATION_UDP) == 0 || fake_answered < *tick + 100);
		i++) {
		ask(fd, 1);
		poll(NULL, 0, 1);
	}
	/* There were more queries than ticks, so not all of them were timed. */
	assert_true(fake_answered > *tick);
	uint64_t timed = transport_metric(&t, METRIC_DNS_DURATION_UDP);
	assert_in_range(timed, 1, *tick);
	assert_int_equal(transport_metric(&t, METRIC_DNS_DURATION_UDP_SUM), 0);
	close(fd);
	transport_finish(&t);
}

/* What finds the buffer full is counted, once, though two workers have the socket. */
static void test_counts_what_the_kernel_drops(void **state)
{
	static struct transport t;
	uint8_t query[1400];
	transport_init(&t, "127.0.0.1", 2);
	fake_view_ready = false;
	assert_true(dup2(t.udp_fds[0], t.udp_fds[1]) >= 0);
	transport_start(&t);
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	fake_query(query, sizeof(query), 1, SMALL);
	/* The buffer holds 1 MiB, or twice that as the kernel counts. */
	for (int i = 0; i < 5000; i++)
		assert_int_equal(send(fd, query, sizeof(query), 0), sizeof(query));
	/* With its second tick from here on each worker has seen all of them. */
	for (unsigned slot = PAGE_UDP; slot < PAGE_UDP + 2; slot++) {
		const _Atomic uint64_t *tick = &t.page->threads[slot].tick;
		uint64_t first = *tick;
		for (int n = 0; n < 20000 && *tick < first + 2; n++)
			poll(NULL, 0, 1);
	}
	uint64_t drops = transport_metric(&t, METRIC_DNS_SOCKET_DROPS);
	assert_in_range(drops, 1, 4999);
	fake_view_ready = true;
	for (int i = 0; i < 20000 && fake_answered + drops < 5000; i++)
		poll(NULL, 0, 1);
	assert_int_equal(fake_answered + drops, 5000);
	close(fd);
	transport_finish(&t);
}

/* The slots of both threads of each worker tick from the start until the worker ends, and no longer. */
static void test_ticks(void **state)
{
	static const int slots[] = {PAGE_UDP, PAGE_UDP + 1, PAGE_TCP, PAGE_TCP + 1};
	enum { SLOTS = sizeof(slots) / sizeof(*slots) };
	static struct transport t;
	transport_init(&t, "127.0.0.1", 2);
	transport_start(&t);
	for (int i = 0; i < SLOTS; i++) {
		const struct page_thread *slot = &t.page->threads[slots[i]];
		uint64_t first = slot->tick;
		assert_true(first > 0);
		for (int n = 0; n < 20000 && slot->tick == first; n++)
			poll(NULL, 0, 1);
		assert_true(slot->tick > first);
	}
	dns_server_stop(t.server);
	t.server = NULL;
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(t.page->threads[slots[i]].tick, 0);
	transport_finish(&t);
}

/* An answer over TCP that takes its time holds up nobody who asks over UDP. */
static void test_tcp_in_the_way(void **state)
{
	static struct transport t;
	uint8_t query[SMALL], frame[2 + SMALL], answer[2 * SMALL];
	transport_init(&t, "127.0.0.1", 1);
	transport_start(&t);
	fake_tcp_stalls = true;
	int tcp = transport_connect(&t.tcp, SOCK_STREAM, NULL, NULL);
	size_t size = tcp_frame(frame, SMALL, 1, SMALL);
	assert_int_equal(send(tcp, frame, size, 0), size);
	while (!fake_tcp_stalled)
		sched_yield();
	int fd = transport_connect(&t.udp, SOCK_DGRAM, NULL, NULL);
	size = fake_query(query, SMALL, 2, SMALL);
	assert_int_equal(send(fd, query, size, 0), size);
	assert_answer(answer, (size_t)recv(fd, answer, sizeof(answer), 0), 2, SMALL);
	fake_tcp_stalls = false;
	close(fd);
	close(tcp);
	transport_finish(&t);
}

static void test_bad_config(void **state)
{
	static struct transport t;
	transport_init(&t, "127.0.0.1", 1);
	t.config.workers = 0;
	assert_int_equal(dns_server_start(&t.config, &t.server), -EINVAL);
	t.config.workers = PAGE_WORKERS + 1;
	assert_int_equal(dns_server_start(&t.config, &t.server), -EINVAL);
	t.config.workers = 1;
	assert_null(t.server);
	transport_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_the_view),
		cmocka_unit_test(test_load_patience),
		cmocka_unit_test(test_wildcard_v4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_client_hash),
		cmocka_unit_test(test_send_error),
		cmocka_unit_test(test_reconfigure),
		cmocka_unit_test(test_counts_sizes),
		cmocka_unit_test(test_times_a_sample),
		cmocka_unit_test(test_counts_what_the_kernel_drops),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_tcp_in_the_way),
		cmocka_unit_test(test_bad_config),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
