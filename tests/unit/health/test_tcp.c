/* TCP probes against real sockets: what counts as passing, what is said, and that every probe ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "probe_peer.h"
#include "probe_rig.h"

static void run_tcp(struct fixture *f, const char *target, long timeout_ms)
{
	const struct registry_check_definition definition = {.type = REGISTRY_CHECK_TCP, .target = target};

	probe_run(f, &definition, timeout_ms);
}

static void tcp_passes_when_somebody_listens(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[127.0.0.1]"};
	struct fixture *f = *state;
	struct peer *peer = peer_create(f->env.base, NULL, 0, 0);
	char target[64], expected[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(target, sizeof(target), "%s:%u", hosts[i], peer_port(peer));
		snprintf(expected, sizeof(expected), "TCP connect %s: Success", target);
		run_tcp(f, target, 5000);
		assert_int_equal(f->result.status, REGISTRY_PASSING);
		assert_string_equal(f->output, expected);
	}
	peer_destroy(peer);
}

static void tcp_reaches_ipv6_with_and_without_brackets(void **state)
{
	struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t size = sizeof(addr);
	struct fixture *f = *state;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char target[64];

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, size) < 0) {
		if (fd >= 0)
			close(fd);
		skip();
	}
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
	for (int bracket = 0; bracket < 2; bracket++) {
		snprintf(target, sizeof(target), "%s:%u", bracket ? "[::1]" : "::1", ntohs(addr.sin6_port));
		run_tcp(f, target, 5000);
		assert_int_equal(f->result.status, REGISTRY_PASSING);
	}
	close(fd);
}

static void tcp_fails_with_the_reason(void **state)
{
	struct fixture *f = *state;
	int fd;
	uint16_t port = peer_closed_port(&fd);
	char target[64], expected[128];

	snprintf(target, sizeof(target), "127.0.0.1:%u", port);
	snprintf(expected, sizeof(expected), "dial tcp %s: connect: connection refused", target);
	run_tcp(f, target, 5000);
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	assert_string_equal(f->output, expected);
	snprintf(target, sizeof(target), "localhost:%u", port);
	run_tcp(f, target, 5000);
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	assert_non_null(strstr(f->output, "connection refused"));
	close(fd);
}

static void tcp_targets_that_make_no_sense_fail(void **state)
{
	static const char *const targets[] = {
		"127.0.0.1", ":80", "127.0.0.1:http", "127.0.0.1:99999", "[]:80", ""};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		run_tcp(f, targets[i], 5000);
		assert_int_equal(f->result.status, REGISTRY_CRITICAL);
		assert_non_null(strstr(f->output, "bad port in address"));
	}
}

/* A service that accepted the connection would have to be told that it asks nothing. */
static void tcp_does_not_wake_the_service(void **state)
{
	struct fixture *f = *state;
	int fd, spare = 0;
	uint16_t port = peer_closed_port(&fd);
	char target[64];

	assert_int_equal(listen(fd, 8), 0);
	snprintf(target, sizeof(target), "127.0.0.1:%u", port);
	for (int i = 0; i < 3; i++) {
		run_tcp(f, target, 5000);
		assert_int_equal(f->result.status, REGISTRY_PASSING);
		assert_int_equal(accept(fd, NULL, NULL), -1);
		assert_int_equal(errno, EAGAIN);
		assert_true(f->dialer.spare > 0);
		if (i > 0)
			assert_int_equal(f->dialer.spare, spare); /* one socket for all */
		spare = f->dialer.spare;
	}
	close(fd);
	run_tcp(f, target, 5000); /* what the socket was is forgotten */
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
}

static void tcp_ends_at_its_timeout(void **state)
{
	struct fixture *f = *state;
	struct full_listener full;

	full_listener_open(&full);
	run_tcp(f, full.target, 60);
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	assert_non_null(strstr(f->output, "i/o timeout"));
	full_listener_drain(&full);
	close(full.fd);
}

static void tcp_passes_when_the_answer_comes_later(void **state)
{
	struct registry_check_definition definition = {.type = REGISTRY_CHECK_TCP};
	struct fixture *f = *state;
	struct full_listener full;

	full_listener_open(&full);
	definition.target = full.target;
	assert_int_equal(probe_start(f, &definition, 10000), 0);
	assert_int_equal(f->results, 0);
	full_listener_drain(&full);
	event_base_dispatch(f->env.base); /* the kernel's second SYN, after a second */
	assert_int_equal(f->results, 1);
	assert_int_equal(f->result.status, REGISTRY_PASSING);
	close(full.fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, probe_setup, probe_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_passes_when_somebody_listens),
		TEST(tcp_reaches_ipv6_with_and_without_brackets),
		TEST(tcp_fails_with_the_reason),
		TEST(tcp_targets_that_make_no_sense_fail),
		TEST(tcp_does_not_wake_the_service),
		TEST(tcp_ends_at_its_timeout),
		TEST(tcp_passes_when_the_answer_comes_later),
	};

	log_setup("test", LOG_ERROR); /* ignores SIGPIPE too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
