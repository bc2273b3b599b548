/* transport.h -- a dns server on loopback whose answers and view are fakes, for test_udp.c and test_tcp.c.
 *
 * A fake query is a header, the size of the answer it wants (two bytes) and whatever follows. The fake answer
 * says what dns_respond() was given. accept4() and sendmmsg() are replaced, so that they can be made to fail.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/dns.h"
#include "net/addr.h"

/* Bytes of a fake answer; what stands behind AT_PATTERN is pattern(i). */
enum {
	AT_FLAGS = 2, /* QR, and SERVFAIL while the view is loading */
	AT_HASH = 12,
	AT_TCP = 16,
	AT_UDP_SIZE = 17,
	AT_KEEPALIVE = 19,
	AT_NSID = 21, /* its first byte */
	AT_PATTERN = 22,
	SMALL = 32 /* a usual answer */
};

struct transport {
	struct clock_manual clock;
	struct page *page;
	struct dns_config config;
	struct dns_server *server;
	struct net_addr udp, tcp;
	int udp_fds[2], tcp_fds[2];
	int links[2][2], link_fds[2]; /* with a relay: of the UDP thread and the TCP thread; our end first */
};

extern _Atomic unsigned fake_answered;     /* messages that dns_respond() answered */
extern _Atomic bool fake_view_ready;       /* what view_ready() says */
extern _Atomic bool fake_tcp_stalls;       /* over TCP dns_respond() does not return while this is set */
extern _Atomic bool fake_tcp_stalled;      /* it has waited */
extern _Atomic unsigned fake_send_fails;   /* calls of sendmmsg() that will fail */
extern _Atomic unsigned fake_accept_fails; /* calls of accept4() that will fail with EMFILE */
extern _Atomic unsigned fake_accepts;      /* calls of accept4() */

/* A server's config and sockets on `host` ("127.0.0.1"), the view ready, nothing started: change `config` and
 * call transport_start(). transport_finish() ends all. */
void transport_init(struct transport *t, const char *host, unsigned workers);

/* Gives a server of one worker a relay before its start: fake queries with RD go over links[], whose other
 * ends are the test's. */
void transport_add_relay(struct transport *t);

void transport_start(struct transport *t);
void transport_finish(struct transport *t);

/* The sum of a counter over all workers. */
uint64_t transport_metric(const struct transport *t, enum metric id);

/* Waits until a counter has reached `value`; fails the test after some seconds. */
void transport_wait_metric(const struct transport *t, enum metric id, uint64_t value);

/* Moves the clock forward by milliseconds. */
void transport_advance(struct transport *t, int64_t ms);

/* A socket that is bound to `from` (NULL: any) and connected to `to` ("127.0.0.2", NULL: as it is) on
 * `server`'s port, with a receive timeout, so that a missing answer fails the test. */
int transport_connect(const struct net_addr *server, int type, const char *from, const char *to);

/* Writes a fake query of `size` bytes (at least 14) and returns `size`. */
size_t fake_query(uint8_t *ret, size_t size, uint16_t id, uint16_t answer_size);

/* Writes the answer of a relay to a query that came by TCP, and returns its size. */
size_t fake_relay_answer(uint8_t ret[SMALL], uint16_t id, unsigned rcode);

/* Fails the test unless the bytes are the whole answer to the query `id` that wanted `size` bytes. */
void assert_answer(const uint8_t *answer, size_t answer_size, uint16_t id, size_t size);

/* Starts a server with one worker and connects by TCP. */
int tcp_begin(struct transport *t);

/* Closes the connection and ends the server. */
void tcp_end(struct transport *t, int fd);

/* Writes a framed query to `ret` and returns its size. */
size_t tcp_frame(uint8_t *ret, size_t size, uint16_t id, uint16_t answer_size);

/* Sends all the bytes. */
void tcp_write(int fd, const void *bytes, size_t size);

/* Sends one framed query. */
void tcp_query(int fd, size_t size, uint16_t id, uint16_t answer_size);

/* Reads one answer and checks it. Returns the client's hash. */
uint32_t tcp_expect(int fd, uint16_t id, size_t size);

/* Sends a query and expects its answer. */
void tcp_ask(int fd, uint16_t id);

/* Expects that the server closes, in an orderly way or not, and sends nothing more. */
void tcp_expect_closed(int fd);

/* True if the server has closed the connection; waits for nothing. */
bool tcp_is_closed(int fd);
