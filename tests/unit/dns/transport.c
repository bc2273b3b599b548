/* transport.c -- see transport.h. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/link.h"
#include "net/listen.h"
#include "transport.h"

_Atomic unsigned fake_answered, fake_send_fails, fake_accept_fails, fake_accepts;
_Atomic bool fake_view_ready, fake_tcp_stalls, fake_tcp_stalled;
static _Thread_local int fake_reading; /* inside view_read_begin() */
static _Thread_local bool fake_reader; /* registered */

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7);
}

static size_t respond(struct dns_context *context, const struct dns_source *source, const uint8_t *query,
	size_t query_size, uint8_t *answer, size_t capacity)
{
	if (query_size < 14 || (query[AT_FLAGS] & 0x80))
		return 0;
	size_t size = wire_get16(query + 12);
	if (size < SMALL || size > capacity)
		abort();
	for (size_t i = 0; i < size; i++)
		answer[i] = pattern(i);
	memcpy(answer, query, 2);
	wire_set16(answer + AT_FLAGS, WIRE_FLAG_QR | (context->loading ? WIRE_SERVFAIL : 0));
	wire_set32(answer + AT_HASH, source->hash);
	answer[AT_TCP] = source->tcp;
	wire_set16(answer + AT_UDP_SIZE, context->udp_size);
	wire_set16(answer + AT_KEEPALIVE, context->keepalive);
	answer[AT_NSID] = (uint8_t)context->nsid[0];
	fake_answered++;
	return size;
}

size_t fake_relay_answer(uint8_t ret[SMALL], uint16_t id, unsigned rcode)
{
	memset(ret, 0, AT_PATTERN);
	wire_set16(ret, id);
	wire_set16(ret + AT_FLAGS, (uint16_t)(WIRE_FLAG_QR | rcode));
	ret[AT_TCP] = 1;
	for (size_t i = AT_PATTERN; i < SMALL; i++)
		ret[i] = pattern(i);
	return SMALL;
}

/* With a relay queries that have RD are for it. */
static bool for_relay(const struct dns_context *context, struct dns_message *m)
{
	if (!context->relay || m->query_size < 14 || !(m->query[AT_FLAGS] & WIRE_FLAG_RD >> 8))
		return false;
	m->limit = SMALL;
	m->answer_size = fake_relay_answer(m->answer, wire_get16(m->query), WIRE_SERVFAIL);
	return true;
}

void dns_respond(struct dns_context *context, struct dns_message *messages, size_t count)
{
	if (fake_reading != 1)
		abort();
	while (messages->source.tcp && fake_tcp_stalls) {
		fake_tcp_stalled = true;
		sched_yield();
	}
	for (struct dns_message *m = messages; m < messages + count; m++) {
		m->relay = for_relay(context, m);
		if (!m->relay)
			m->answer_size =
				respond(context, &m->source, m->query, m->query_size, m->answer, m->capacity);
	}
}

bool view_ready(const struct view *view)
{
	return fake_view_ready;
}

void view_reader_register(void)
{
	fake_reader = true;
}

void view_reader_unregister(void)
{
	fake_reader = false;
}

void view_read_begin(void)
{
	if (!fake_reader || fake_reading++ != 0)
		abort();
}

void view_read_end(void)
{
	if (fake_reading-- != 1)
		abort();
}

/* Takes one of the failures that were ordered. */
static bool take_failure(_Atomic unsigned *failures)
{
	unsigned left = *failures;
	while (left > 0)
		if (atomic_compare_exchange_weak(failures, &left, left - 1))
			return true;
	return false;
}

/* Replace the C library's. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (take_failure(&fake_send_fails)) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	fake_accepts++;
	if (take_failure(&fake_accept_fails)) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_accept4, fd, address, size, flags);
}

void transport_init(struct transport *t, const char *host, unsigned workers)
{
	int writable, readable, granted;
	*t = (struct transport){.config.workers = workers};
	fake_answered = fake_send_fails = fake_accept_fails = fake_accepts = 0;
	fake_view_ready = true;
	clock_manual_init(&t->clock, CLOCK_NS_PER_S, CLOCK_NS_PER_S);
	assert_int_equal(page_create(&writable, &readable), 0);
	assert_int_equal(page_map(writable, true, &t->page), 0);
	close(writable);
	close(readable);
	assert_int_equal(net_addr_parse(host, 1, &t->udp), 0);
	t->udp.v4.sin_port = 0;
	t->tcp = t->udp;
	for (unsigned i = 0; i < workers; i++) {
		assert_int_equal(net_listen_udp(&t->udp, 1 << 20, &t->udp_fds[i], &granted), 0);
		assert_int_equal(net_listen_tcp(&t->tcp, 64, true, &t->tcp_fds[i]), 0);
	}
	t->config = (struct dns_config){
		.workers = workers,
		.udp_fds = t->udp_fds,
		.tcp_fds = t->tcp_fds,
		.address_count = 1,
		.udp_size = 1232,
		.nsid = "one",
		.load_patience_ns = CLOCK_NS_PER_S,
		.tcp_connections = 100,
		.tcp_connections_per_address = 100,
		.tcp_write_buffer = 256 * 1024,
		.tcp_idle_ns = 10 * CLOCK_NS_PER_S,
		.tcp_io_ns = 2 * CLOCK_NS_PER_S,
		.page = t->page,
		.clock = &t->clock.clock,
	};
}

void transport_add_relay(struct transport *t)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(net_link_create(t->links[i]), 0);
		t->link_fds[i] = t->links[i][0];
	}
	t->config.link_fds = t->link_fds;
	t->config.relay_in_flight = 8;
	t->config.relay_timeout_ns = 60 * CLOCK_NS_PER_S;
}

void transport_start(struct transport *t)
{
	assert_int_equal(dns_server_start(&t->config, &t->server), 0);
}

void transport_finish(struct transport *t)
{
	dns_server_stop(t->server);
	for (unsigned i = 0; i < t->config.workers; i++) {
		close(t->udp_fds[i]);
		close(t->tcp_fds[i]);
	}
	for (int i = 0; i < 4 && t->config.link_fds; i++)
		close(t->links[i / 2][i % 2]);
	page_unmap(t->page);
}

uint64_t transport_metric(const struct transport *t, enum metric id)
{
	uint64_t totals[METRIC_COUNT] = {0};
	page_sum(t->page, totals);
	return totals[id];
}

void transport_wait_metric(const struct transport *t, enum metric id, uint64_t value)
{
	for (int i = 0; i < 20000 && transport_metric(t, id) != value; i++)
		poll(NULL, 0, 1);
	assert_int_equal(transport_metric(t, id), value);
}

void transport_advance(struct transport *t, int64_t ms)
{
	clock_manual_advance(&t->clock, ms * CLOCK_NS_PER_MS);
}

int transport_connect(const struct net_addr *server, int type, const char *from, const char *to)
{
	static const struct timeval patience = {.tv_sec = 20};
	struct net_addr address = *server;
	int fd = socket(server->any.sa_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (from) {
		assert_int_equal(net_addr_parse(from, 1, &address), 0);
		address.v4.sin_port = 0;
		assert_int_equal(bind(fd, &address.any, address.size), 0);
	}
	address = *server;
	if (to)
		assert_int_equal(net_addr_parse(to, net_addr_port(server), &address), 0);
	assert_int_equal(connect(fd, &address.any, address.size), 0);
	return fd;
}

size_t fake_query(uint8_t *ret, size_t size, uint16_t id, uint16_t answer_size)
{
	memset(ret, 0, size);
	wire_set16(ret, id);
	wire_set16(ret + 12, answer_size);
	return size;
}

void assert_answer(const uint8_t *answer, size_t answer_size, uint16_t id, size_t size)
{
	assert_int_equal(answer_size, size);
	assert_int_equal(wire_get16(answer), id);
	assert_int_equal(answer[AT_FLAGS], WIRE_FLAG_QR >> 8);
	size_t wrong = 0;
	for (size_t i = AT_PATTERN; i < size; i++)
		wrong += answer[i] != pattern(i);
	assert_int_equal(wrong, 0);
}

/* Starts a server with one worker and connects. */
int tcp_begin(struct transport *t)
{
	transport_init(t, "127.0.0.1", 1);
	transport_start(t);
	return transport_connect(&t->tcp, SOCK_STREAM, NULL, NULL);
}

void tcp_end(struct transport *t, int fd)
{
	close(fd);
	transport_finish(t);
}

/* Writes a framed query to `ret` and returns its size. */
size_t tcp_frame(uint8_t *ret, size_t size, uint16_t id, uint16_t answer_size)
{
	wire_set16(ret, (uint16_t)size);
	return 2 + fake_query(ret + 2, size, id, answer_size);
}

void tcp_write(int fd, const void *bytes, size_t size)
{
	assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

void tcp_query(int fd, size_t size, uint16_t id, uint16_t answer_size)
{
	static uint8_t query[65537];
	tcp_write(fd, query, tcp_frame(query, size, id, answer_size));
}

static void tcp_read(int fd, uint8_t *ret, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = recv(fd, ret + got, size - got, 0);
		assert_true(n > 0);
		got += (size_t)n;
	}
}

/* Reads one answer and checks it. Returns the client's hash. */
uint32_t tcp_expect(int fd, uint16_t id, size_t size)
{
	static uint8_t answer[65537];
	tcp_read(fd, answer, 2);
	size_t length = wire_get16(answer);
	tcp_read(fd, answer, length);
	assert_answer(answer, length, id, size);
	assert_int_equal(answer[AT_TCP], 1);
	return wire_get32(answer + AT_HASH);
}

void tcp_ask(int fd, uint16_t id)
{
	tcp_query(fd, 20, id, SMALL);
	tcp_expect(fd, id, SMALL);
}

/* The server closed, in an orderly way or not, and sent nothing more. */
void tcp_expect_closed(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, 0);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

bool tcp_is_closed(int fd)
{
	uint8_t byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}
