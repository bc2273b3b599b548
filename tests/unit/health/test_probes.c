/* HTTP probes against real sockets, and what holds for probes of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "probe_peer.h"
#include "probe_rig.h"

static struct registry_check_definition http_check(const char *url)
{
	return (struct registry_check_definition){.type = REGISTRY_CHECK_HTTP, .target = url, .method = ""};
}

static void want_of_descriptors_is_no_verdict(void **state)
{
	const struct registry_check_definition definitions[] = {
		{.type = REGISTRY_CHECK_TCP, .target = "127.0.0.1:9"},
		http_check("http://127.0.0.1:9/"),
	};
	struct fixture *f = *state;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	for (size_t i = 0; i < 2; i++) {
		int r;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		r = probe_start(f, &definitions[i], 1000);
		if (r == 0)
			probe_wait(f);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (r < 0)
			assert_true(health_own_fault(r));
		else
			assert_false(f->result.judged);
	}
}

static void a_cancelled_probe_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct peer *peer = peer_create(f->env.base, NULL, 0, 0);
	struct full_listener full;
	const struct timeval moment = {.tv_usec = 20000};
	char name[64], url[64];
	struct registry_check_definition definitions[] = {
		{.type = REGISTRY_CHECK_TCP, .target = full.target},
		{.type = REGISTRY_CHECK_TCP, .target = name},
		http_check(url),
	};

	full_listener_open(&full);
	snprintf(name, sizeof(name), "localhost:%u", peer_port(peer));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port(peer));
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
		assert_int_equal(probe_start(f, &definitions[i], 1000), 0);
		health_check_type_find(definitions[i].type)->cancel(f->probe);
		event_base_loopexit(f->env.base, &moment);
		event_base_dispatch(f->env.base);
		assert_int_equal(f->results, 0);
	}
	full_listener_drain(&full);
	close(full.fd);
	peer_destroy(peer);
}

struct http_row {
	const char *reply;
	enum registry_status status;
	const char *output; /* behind "HTTP GET <url>: " */
};

#define HEAD(line) "HTTP/1.1 " line "\r\nConnection: close\r\n"

static const struct http_row http_rows[] = {
	{HEAD("200 OK") "Content-Length: 5\r\n\r\nhello", REGISTRY_PASSING, "200 OK Output: hello"},
	{HEAD("204 No Content") "\r\n", REGISTRY_PASSING, "204 No Content Output: "},
	{HEAD("299 Odd") "Content-Length: 0\r\n\r\n", REGISTRY_PASSING, "299 Odd Output: "},
	{HEAD("429 Too Many Requests") "Content-Length: 4\r\n\r\nslow", REGISTRY_WARNING,
		"429 Too Many Requests Output: slow"},
	{HEAD("500 Internal Server Error") "Content-Length: 4\r\n\r\nboom", REGISTRY_CRITICAL,
		"500 Internal Server Error Output: boom"},
	{HEAD("404 Not Found") "Content-Length: 0\r\n\r\n", REGISTRY_CRITICAL, "404 Not Found Output: "},
	{HEAD("200 OK") "Content-Length: 6\r\n\r\na\xff\x01"
			"b\xc3\xa9",
		REGISTRY_PASSING, "200 OK Output: a??b\xc3\xa9"},
	{"garbage\r\n\r\n", REGISTRY_CRITICAL, NULL},
	{"", REGISTRY_CRITICAL, NULL},
};

static void http_is_judged_by_its_status(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(http_rows) / sizeof(*http_rows); i++) {
		const struct http_row *row = &http_rows[i];
		struct peer *peer = peer_create(f->env.base, row->reply, strlen(row->reply), 0);
		struct registry_check_definition definition;
		char url[64], expected[256];

		snprintf(url, sizeof(url), "http://127.0.0.1:%u/ping?x=1", peer_port(peer));
		definition = http_check(url);
		probe_run(f, &definition, 5000);
		assert_int_equal(f->result.status, row->status);
		snprintf(expected, sizeof(expected), "HTTP GET %s: %s", url, row->output ? row->output : "");
		if (row->output)
			assert_string_equal(f->output, expected);
		else
			assert_memory_equal(f->output, expected, strlen(expected));
		assert_memory_equal(peer_request(peer), "GET /ping?x=1 HTTP/1.1\r\n", 24);
		assert_non_null(strstr(peer_request(peer), "\r\nAccept: text/plain, text/*, */*\r\n"));
		assert_non_null(strstr(peer_request(peer), "\r\nUser-Agent: svcdns/"));
		peer_destroy(peer);
	}
}

static void http_sends_what_the_check_says(void **state)
{
	static const char reply[] = HEAD("200 OK") "Content-Length: 0\r\n\r\n";
	static const struct registry_pair headers[] = {
		{"X-Probe", "a"}, {"X-Probe", "b"}, {"Host", "web.example"}, {"accept", "application/json"}};
	struct fixture *f = *state;
	struct peer *peer = peer_create(f->env.base, reply, sizeof(reply) - 1, 0);
	struct registry_check_definition definition;
	const char *request;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port(peer));
	definition = http_check(url);
	definition.method = "POST";
	definition.body = "{\"ping\":1}";
	definition.headers = headers;
	definition.header_count = 4;
	probe_run(f, &definition, 5000);
	request = peer_request(peer);
	assert_int_equal(f->result.status, REGISTRY_PASSING);
	assert_memory_equal(f->output, "HTTP POST ", 10);
	assert_memory_equal(request, "POST / HTTP/1.1\r\n", 17);
	assert_non_null(strstr(request, "\r\nX-Probe: a\r\n"));
	assert_non_null(strstr(request, "\r\nX-Probe: b\r\n"));
	assert_non_null(strstr(request, "\r\nHost: web.example\r\n"));
	assert_null(strstr(request, "127.0.0.1"));
	assert_non_null(strstr(request, "application/json\r\n"));
	assert_null(strstr(request, "text/plain"));
	peer_destroy(peer);
}

static void http_follows_no_redirect(void **state)
{
	struct fixture *f = *state;
	struct peer *victim = peer_create(f->env.base, NULL, 0, 0), *peer;
	struct registry_check_definition definition;
	char url[64], reply[256];

	snprintf(reply, sizeof(reply),
		HEAD("302 Found") "Location: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
		peer_port(victim));
	peer = peer_create(f->env.base, reply, strlen(reply), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port(peer));
	definition = http_check(url);
	probe_run(f, &definition, 5000);
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	assert_non_null(strstr(f->output, "302 Found"));
	event_base_loop(f->env.base, EVLOOP_NONBLOCK);
	assert_int_equal(peer_connections(victim), 0);
	assert_int_equal(peer_connections(peer), 1);
	peer_destroy(peer);
	peer_destroy(victim);
}

/* One deadline for the whole: silence and a byte now and then both end (conformance.md F20). */
static void http_ends_at_its_timeout(void **state)
{
	static const char reply[] = HEAD("200 OK") "Content-Length: 1000\r\n\r\n";
	struct fixture *f = *state;

	for (int drip = 0; drip < 2; drip++) {
		struct peer *peer =
			peer_create(f->env.base, drip ? reply : NULL, drip ? sizeof(reply) - 1 : 0, 5);
		struct registry_check_definition definition;
		char url[64];

		snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port(peer));
		definition = http_check(url);
		probe_run(f, &definition, 80);
		assert_int_equal(f->result.status, REGISTRY_CRITICAL);
		assert_non_null(strcasestr(f->output, "time"));
		peer_destroy(peer);
	}
}

static void http_output_is_cut(void **state)
{
	static const char head[] = HEAD("200 OK") "Content-Length: 2000000\r\n\r\n";
	struct fixture *f = *state;
	char *reply = malloc(sizeof(head) + 100000);
	struct registry_check_definition definition;
	struct peer *peer;
	char url[64];

	memcpy(reply, head, sizeof(head) - 1);
	memset(reply + sizeof(head) - 1, 'x', 100000);
	peer = peer_create(f->env.base, reply, sizeof(head) - 1 + 100000, 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer_port(peer));
	definition = http_check(url);
	definition.output_max_size = 100;
	probe_run(f, &definition,
		5000); /* a body without end does not fail: the transfer stops when we have enough */
	assert_int_equal(f->result.status, REGISTRY_PASSING);
	assert_int_equal(strlen(f->output), 100);
	peer_destroy(peer);
	free(reply);
}

static void a_url_that_cannot_be_sent_is_refused(void **state)
{
	const struct registry_check_definition definition = http_check("ftp://127.0.0.1/");
	struct fixture *f = *state;
	int r = probe_start(f, &definition, 1000);

	if (r == 0) {
		probe_wait(f);
		assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	} else {
		assert_false(health_own_fault(r));
	}
}

static void outputs_are_clean_text(void **unused)
{
	struct arena *arena = arena_create();

	assert_string_equal(health_clean_output(arena, "a\tb\r\nc\x7f\x1b[1m", 11, 100), "a\tb\r\nc??[1m");
	assert_string_equal(health_clean_output(arena, "\xc3\xa9\xc3\xa9", 4, 3), "\xc3\xa9");
	assert_string_equal(health_clean_output(arena, "\xe2\x82", 2, 10), "??");
	assert_string_equal(health_clean_output(arena, "\xf0\x9f\x98\x80!", 5, 10), "\xf0\x9f\x98\x80!");
	assert_string_equal(health_clean_output(arena, "", 0, 10), "");
	assert_string_equal(health_clean_output(arena, "abc", 3, 0), "");
	arena_destroy(arena);
}

static void ttl_texts(void **unused)
{
	struct arena *arena = arena_create();
	const char *text = health_ttl_expired_output(arena, "all fine");

	assert_string_equal(health_ttl_expired_output(arena, ""), "TTL expired");
	assert_string_equal(text, "TTL expired (last output before timeout follows): all fine");
	assert_string_equal(health_ttl_expired_output(arena, text), text);
	arena_destroy(arena);
}

static void what_is_never_run_has_no_row(void **unused)
{
	assert_null(health_check_type_find(REGISTRY_CHECK_NONE));
	assert_null(health_check_type_find(REGISTRY_CHECK_MAINTENANCE));
	assert_null(health_check_type_find(REGISTRY_CHECK_TTL)->start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			want_of_descriptors_is_no_verdict, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_probe_says_nothing, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(http_is_judged_by_its_status, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(http_sends_what_the_check_says, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(http_follows_no_redirect, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(http_ends_at_its_timeout, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(http_output_is_cut, probe_setup, probe_teardown),
		cmocka_unit_test_setup_teardown(
			a_url_that_cannot_be_sent_is_refused, probe_setup, probe_teardown),
		cmocka_unit_test(outputs_are_clean_text),
		cmocka_unit_test(ttl_texts),
		cmocka_unit_test(what_is_never_run_has_no_row),
	};

	log_setup("test", LOG_ERROR); /* ignores SIGPIPE too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
