/* test_http_client.c -- outgoing requests against a peer that behaves, and one that does not. */
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/client.h"
#include "http_peer.h"
#include "net/addr.h"

/* What a request came to; the texts are copies. */
struct outcome {
	int calls;
	int error;
	long status;
	size_t body_size;
	char message[256], reason[64], body[4096];
};

static struct fixture {
	struct http_peer *peer;
	struct event_base *base;
	struct http_client *client;
} f;

static int set_up_peer(bool tls)
{
	f.peer = http_peer_start(tls);
	f.base = event_base_new();
	return http_client_create(f.base, &f.client);
}

static int set_up(void **state)
{
	(void)state;
	return set_up_peer(false);
}

static int set_up_tls(void **state)
{
	(void)state;
	return set_up_peer(true);
}

static int tear_down(void **state)
{
	(void)state;
	http_client_destroy(f.client);
	event_base_free(f.base);
	http_peer_stop(f.peer);
	f = (struct fixture){0};
	return 0;
}

static void keep(const struct http_client_result *result, void *ctx)
{
	struct outcome *outcome = ctx;

	outcome->calls++;
	outcome->error = result->error;
	outcome->status = result->status;
	outcome->body_size = result->body_size;
	snprintf(outcome->message, sizeof(outcome->message), "%s", result->message);
	snprintf(outcome->reason, sizeof(outcome->reason), "%s", result->reason);
	snprintf(outcome->body, sizeof(outcome->body), "%s", result->body);
}

/* A GET of `path`; the URL lives until the next call. */
static struct http_client_request get(const char *path)
{
	static char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_peer_port(f.peer), path);
	return (struct http_client_request){
		.method = "GET",
		.url = url,
		.timeout_ms = 10000,
		.body_limit = 4000,
		.user_agent = "test/1",
	};
}

/* Runs the loop until `outcome` is there. */
static void await(const struct outcome *outcome)
{
	while (outcome->calls == 0)
		assert_int_equal(event_base_loop(f.base, EVLOOP_ONCE), 0);
	assert_int_equal(outcome->calls, 1);
}

static struct outcome ask(const struct http_client_request *config)
{
	struct outcome outcome = {0};

	assert_int_equal(http_client_start(f.client, config, keep, &outcome, NULL), 0);
	assert_int_equal(outcome.calls, 0); /* never from within the call */
	await(&outcome);
	return outcome;
}

static void replies(void **state)
{
	static const struct {
		const char *path;
		int error;
		long status;
		const char *reason, *body;
	} rows[] = {
		{"/plain", 0, 200, "OK", "hello"},
		{"/teapot", 0, 418, "I'm a teapot", ""},
		{"/no-reason", 0, 503, "", ""},
		{"/two-heads", 0, 200, "Fine", ""},
		{"/redirect", 0, 302, "Found", ""},
		{"/short-body", -ECONNRESET, 200, "OK", "only this"},
		{"/closes", -ECONNRESET, 0, "", ""},
		{"/endless-head", -EMSGSIZE, 200, "OK", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_client_request config = get(rows[i].path);
		struct outcome outcome = ask(&config);

		assert_int_equal(outcome.error, rows[i].error);
		assert_int_equal(outcome.status, rows[i].status);
		assert_string_equal(outcome.reason, rows[i].reason);
		assert_string_equal(outcome.body, rows[i].body);
		assert_int_equal(outcome.body_size, strlen(rows[i].body));
		assert_int_equal(outcome.message[0] != '\0', rows[i].error != 0);
	}
}

/* A peer that speaks something else is an error, not a status. */
static void not_http(void **state)
{
	struct http_client_request config = get("/garbage");
	struct outcome outcome = ask(&config);

	(void)state;
	assert_true(outcome.error < 0);
	assert_int_equal(outcome.status, 0);
	assert_string_not_equal(outcome.message, "");
}

static void body_limit(void **state)
{
	static const size_t limits[] = {0, 1, 5, 3999};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct http_client_request config = get("/endless-body");
		struct outcome outcome;

		config.body_limit = limits[i];
		outcome = ask(&config);
		assert_int_equal(outcome.error, 0);
		assert_string_equal(outcome.message, "");
		assert_int_equal(outcome.status, 200);
		assert_int_equal(outcome.body_size, limits[i]);
		assert_int_equal(strlen(outcome.body), limits[i]);
	}
}

static void what_is_sent(void **state)
{
	static const struct http_header headers[] = {
		{"X-One", "first"}, {"X-Empty", ""}, {"Host", "web.example"}, {"x-one", "second"}};
	struct http_client_request config = get("/echo?a=b");
	struct outcome outcome;

	(void)state;
	config.method = "PUT";
	config.headers = headers;
	config.header_count = 4;
	config.body = "{\"k\": 1}";
	outcome = ask(&config);
	assert_int_equal(outcome.error, 0);
	assert_non_null(strstr(outcome.body, "PUT /echo?a=b HTTP/1.1\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nHost: web.example\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nUser-Agent: test/1\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nX-One: first\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nx-one: second\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nContent-Length: 8\r\n"));
	assert_null(strstr(outcome.body, "\r\nContent-Type:"));
	assert_null(strstr(outcome.body, "\r\nExpect:"));
	assert_non_null(strstr(outcome.body, "\r\n\r\n{\"k\": 1}"));
	assert_null(strstr(strstr(outcome.body, "\r\nHost:") + 2, "\r\nHost:"));
}

static void methods(void **state)
{
	struct http_client_request config = get("/echo");
	struct outcome outcome;

	(void)state;
	config.method = "POST";
	outcome = ask(&config);
	assert_non_null(strstr(outcome.body, "\nPOST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(outcome.body, "\r\nContent-Length: 0\r\n"));
	config.method = "DELETE";
	outcome = ask(&config);
	assert_non_null(strstr(outcome.body, "\nDELETE /echo HTTP/1.1\r\n"));
	config.method = "HEAD";
	config.user_agent = NULL;
	outcome = ask(&config);
	assert_int_equal(outcome.error, 0);
	assert_int_equal(outcome.status, 200);
	assert_int_equal(outcome.body_size, 0);
}

static void deadline(void **state)
{
	static const struct {
		const char *path;
		long status;
	} rows[] = {{"/silent", 0}, {"/head-only", 200}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct http_client_request config = get(rows[i].path);
		struct outcome outcome;
		int64_t start, took;

		/* A busy machine may need longer for the head. */
		for (config.timeout_ms = 80;; config.timeout_ms *= 2) {
			start = clock_now(clock_system());
			outcome = ask(&config);
			took = (clock_now(clock_system()) - start) / CLOCK_NS_PER_MS;
			assert_int_equal(outcome.error, -ETIMEDOUT);
			assert_in_range(took, config.timeout_ms - 1, config.timeout_ms + 20000);
			if (outcome.status == rows[i].status || config.timeout_ms > 5000)
				break;
		}
		assert_int_equal(outcome.status, rows[i].status);
	}
}

static void refused(void **state)
{
	struct http_client_request config = get("/");
	struct net_addr addr;
	struct outcome outcome;
	char url[64];
	int fd;

	(void)state;
	/* A port that is bound but does not listen refuses, and nobody else can take it. */
	assert_int_equal(net_addr_parse("127.0.0.1:0", 0, &addr), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &addr.any, addr.size), 0);
	assert_int_equal(getsockname(fd, &addr.any, &addr.size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", net_addr_port(&addr));
	config.url = url;
	outcome = ask(&config);
	close(fd);
	assert_int_equal(outcome.error, -ECONNREFUSED);
	assert_int_equal(outcome.status, 0);
	assert_string_not_equal(outcome.message, "");
}

static void not_startable(void **state)
{
	static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/",
		"127.0.0.1", "", "http://", "http://a b/", "http://127.0.0.1:99999/"};
	static const struct http_header headers[] = {
		{"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X: a\r\nY", "b"}, {"", "x"}, {"X Y", "x"}};
	struct http_client_request config;
	struct http_transfer *request = NULL;
	struct outcome outcome = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		config = get("/plain");
		config.url = urls[i];
		assert_int_equal(http_client_start(f.client, &config, keep, &outcome, &request), -EINVAL);
	}
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		config = get("/plain");
		config.headers = &headers[i];
		config.header_count = 1;
		assert_int_equal(http_client_start(f.client, &config, keep, &outcome, &request), -EINVAL);
	}
	config = get("/plain");
	config.method = "GET /other HTTP/1.1\r\nX:";
	assert_int_equal(http_client_start(f.client, &config, keep, &outcome, &request), -EINVAL);
	config.method = "";
	assert_int_equal(http_client_start(f.client, &config, keep, &outcome, &request), -EINVAL);
	config.method = "GET";
	config.timeout_ms = 0;
	assert_int_equal(http_client_start(f.client, &config, keep, &outcome, &request), -EINVAL);
	assert_null(request);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	assert_int_equal(outcome.calls, 0);
}

/* By way of libcurl's resolver thread. */
static void by_name(void **state)
{
	struct http_client_request config = get("/plain");
	struct outcome outcome;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://localhost:%u/plain", http_peer_port(f.peer));
	config.url = url;
	outcome = ask(&config);
	assert_int_equal(outcome.error, 0);
	assert_string_equal(outcome.body, "hello");
}

static void no_proxy(void **state)
{
	struct http_client_request config = get("/plain");
	struct outcome outcome;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	outcome = ask(&config);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(outcome.error, 0);
	assert_int_equal(outcome.status, 200);
}

static void cancelled(void **state)
{
	struct http_client_request config = get("/silent");
	struct outcome first = {0}, second = {0}, third = {0};
	struct http_transfer *early, *late;

	(void)state;
	assert_int_equal(http_client_start(f.client, &config, keep, &first, &early), 0);
	http_client_cancel(early); /* before it did anything */
	assert_int_equal(http_client_start(f.client, &config, keep, &second, &late), 0);
	config = get("/plain");
	assert_int_equal(http_client_start(f.client, &config, keep, &third, NULL), 0);
	await(&third);
	http_client_cancel(late); /* while it waits */
	http_client_cancel(NULL);
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	assert_int_equal(first.calls, 0);
	assert_int_equal(second.calls, 0);
}

/* The tear-down ends what runs. */
static void destroyed_while_running(void **state)
{
	static struct outcome outcomes[5];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct http_client_request config = get(i % 2 ? "/silent" : "/plain");

		assert_int_equal(http_client_start(f.client, &config, keep, &outcomes[i], NULL), 0);
	}
	await(&outcomes[0]);
	http_client_destroy(f.client);
	f.client = NULL;
	event_base_loop(f.base, EVLOOP_NONBLOCK);
	assert_int_equal(outcomes[1].calls, 0);
	assert_int_equal(outcomes[3].calls, 0);
}

static void many_at_once(void **state)
{
	static struct outcome outcomes[60];

	(void)state;
	for (size_t i = 0; i < 60; i++) {
		struct http_client_request config = get("/plain");

		assert_int_equal(http_client_start(f.client, &config, keep, &outcomes[i], NULL), 0);
	}
	for (size_t i = 0; i < 60; i++) {
		await(&outcomes[i]);
		assert_int_equal(outcomes[i].status, 200);
		assert_string_equal(outcomes[i].body, "hello");
	}
}

/* A chain of requests, each started from the end of the one before; the first also cancels another one. */
struct chain {
	struct outcome outcome; /* of the last */
	struct outcome victim;
	struct http_transfer *to_cancel;
	int left;
};

static void next_of_chain(const struct http_client_result *result, void *ctx)
{
	struct http_client_request config = get("/plain");
	struct chain *chain = ctx;

	http_client_cancel(chain->to_cancel);
	chain->to_cancel = NULL;
	if (--chain->left == 0)
		keep(result, &chain->outcome);
	else
		assert_int_equal(http_client_start(f.client, &config, next_of_chain, chain, NULL), 0);
}

static void started_from_done(void **state)
{
	struct http_client_request config = get("/silent");
	struct chain chain = {.left = 5};

	(void)state;
	assert_int_equal(http_client_start(f.client, &config, keep, &chain.victim, &chain.to_cancel), 0);
	config = get("/plain");
	assert_int_equal(http_client_start(f.client, &config, next_of_chain, &chain, NULL), 0);
	await(&chain.outcome);
	assert_int_equal(chain.outcome.status, 200);
	assert_int_equal(chain.victim.calls, 0);
}

static void tls(void **state)
{
	struct http_client_request config = get("/echo");
	struct outcome outcome;
	char url[64], host[64];

	(void)state;
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/echo", http_peer_port(f.peer));
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%u\r\n", http_peer_port(f.peer));
	config.url = url;
	/* Nobody vouches for the peer. */
	outcome = ask(&config);
	assert_int_equal(outcome.error, -EPROTO);
	assert_int_equal(outcome.status, 0);
	assert_string_not_equal(outcome.message, "");
	config.insecure = true;
	outcome = ask(&config);
	assert_int_equal(outcome.error, 0);
	assert_int_equal(outcome.status, 200);
	assert_non_null(strstr(outcome.body, "SNI none\n"));
	/* The name is for TLS only: the connection and the Host header stay with the URL. */
	config.server_name = "peer.test";
	outcome = ask(&config);
	assert_int_equal(outcome.error, 0);
	assert_non_null(strstr(outcome.body, "SNI peer.test\n"));
	assert_non_null(strstr(outcome.body, host));
	assert_null(strstr(outcome.body, "Host: peer.test"));
	config.server_name = "not a name";
	assert_int_equal(http_client_start(f.client, &config, keep, &outcome, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_http, set_up, tear_down),
		cmocka_unit_test_setup_teardown(body_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(methods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(not_startable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(destroyed_while_running, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(started_from_done, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tls, set_up_tls, tear_down),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
