/* test_http_head.c -- heads, targets, queries and chunks as pure functions; what is refused with which status
 * is in tests/support/http_raw.txt (test_raw.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/chunked.h"
#include "http/head.h"

/* Scans and parses a whole head, as the connection does. */
static int parse(struct arena *arena, const char *bytes, struct http_head *ret)
{
	struct http_scan scan = {0};
	const char *text = NULL;
	size_t size = 0;
	int status = http_head_scan(&scan, bytes, strlen(bytes), 8192, &size, &text);

	if (status == 1)
		status = http_head_parse(arena, bytes + scan.start, size - scan.start, ret, &text);
	if (status)
		assert_non_null(text);
	return status;
}

static void all_pieces(void **state)
{
	static const char bytes[] = "PUT /v1/a%2Fb?x=1&y HTTP/1.1\r\n"
				    "Host: localhost:8500\r\n"
				    "X-Consul-Token:  secret \t\r\n"
				    "content-length: 12\r\n"
				    "Expect: 100-Continue\r\n"
				    "\r\n";
	struct arena *arena = arena_create();
	struct http_head head;

	(void)state;
	assert_int_equal(parse(arena, bytes, &head), 0);
	assert_string_equal(head.method, "PUT");
	assert_string_equal(head.target, "/v1/a%2Fb?x=1&y");
	assert_string_equal(head.path, "/v1/a%2Fb");
	assert_int_equal(head.query_count, 2);
	assert_int_equal(head.header_count, 4);
	assert_string_equal(head.headers[1].name, "X-Consul-Token");
	assert_string_equal(head.headers[1].value, "secret");
	assert_string_equal(head.host, "localhost:8500");
	assert_int_equal(head.length, 12);
	assert_int_equal(head.minor, 1);
	assert_true(head.keep_alive);
	assert_true(head.expect_continue);
	assert_false(head.chunked);
	arena_destroy(arena);
}

static void keep_alive(void **state)
{
	static const struct {
		const char *bytes;
		bool expected;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x,CLOSE,y\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close-not\r\n\r\n", true},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", false},
	};
	struct arena *arena = arena_create();
	struct http_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(arena, rows[i].bytes, &head), 0);
		assert_int_equal(head.keep_alive, rows[i].expected);
	}
	arena_destroy(arena);
}

static void targets(void **state)
{
	static const struct {
		const char *target, *path;
		size_t queries;
	} rows[] = {
		{"/", "/", 0},
		{"/?", "/", 0},
		{"//a/../b;c=1/%2e%00", "//a/../b;c=1/%2e%00", 0}, /* raw: the routes decode it, once */
		{"/a?b?c", "/a", 1},
		{"/a|b^{}\"", "/a|b^{}\"", 0},
		{"http://h", "/", 0},
		{"http://h?x", "/", 1},
		{"http://H/a?x=1&y=2", "/a", 2},
	};
	struct arena *arena = arena_create();
	struct http_head head;
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(bytes, sizeof(bytes), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].target);
		assert_int_equal(parse(arena, bytes, &head), 0);
		assert_string_equal(head.target, rows[i].target);
		assert_string_equal(head.path, rows[i].path);
		assert_int_equal(head.query_count, rows[i].queries);
	}
	assert_int_equal(parse(arena, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &head), 0);
	assert_string_equal(head.path, "*");
	arena_destroy(arena);
}

static void queries(void **state)
{
	static const struct http_query expected[] = {
		{"pretty", "", false},
		{"a b", "c d", true},
		{"tag", "x=y", true},
		{"", "z", true},
		{"empty", "", true},
		{"f", "%", true},
		{"tag", "\xc3\xbc", true},
	};
	struct http_request request = {0};
	struct arena *arena = arena_create();
	struct http_head head;

	(void)state;
	assert_int_equal(
		parse(arena, "GET /?pretty&a%20b=c+d&&tag=x=y&=z&empty=&f=%25&tag=%C3%bC& HTTP/1.0\r\n\r\n",
			&head),
		0);
	assert_int_equal(head.query_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < head.query_count; i++) {
		assert_string_equal(head.query[i].name, expected[i].name);
		assert_string_equal(head.query[i].value, expected[i].value);
		assert_int_equal(head.query[i].has_value, expected[i].has_value);
	}
	request.query = head.query;
	request.query_count = head.query_count;
	assert_string_equal(http_request_query(&request, "tag"), "\xc3\xbc"); /* the last one */
	assert_string_equal(http_request_query(&request, "pretty"), "");
	assert_null(http_request_query(&request, "Pretty"));
	arena_destroy(arena);
}

static void too_many_queries(void **state)
{
	struct arena *arena = arena_create();
	struct buf bytes = {0};
	struct http_head head;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		buf_clear(&bytes);
		buf_str(&bytes, "GET /?");
		for (int i = 0; i < HTTP_QUERY_MAX + extra; i++)
			buf_str(&bytes, "a&");
		buf_str(&bytes, " HTTP/1.0\r\n\r\n");
		assert_int_equal(parse(arena, bytes.data, &head), extra ? 400 : 0);
	}
	buf_finish(&bytes);
	arena_destroy(arena);
}

/* However the bytes arrive, the head ends at the same place, and what follows is left alone. */
static void scan_in_pieces(void **state)
{
	static const char bytes[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /next";
	const size_t whole = sizeof(bytes) - 1, expected = whole - strlen("GET /next");

	(void)state;
	for (size_t split = 0; split <= whole; split++) {
		struct http_scan scan = {0};
		const char *text = NULL;
		size_t size = 0;
		int status = http_head_scan(&scan, bytes, split, 100, &size, &text);

		assert_int_equal(status, split >= expected);
		assert_true(scan.offset == (split < expected ? split : expected));
		if (status == 0)
			assert_int_equal(http_head_scan(&scan, bytes, whole, 100, &size, &text), 1);
		assert_int_equal(size, expected);
		assert_int_equal(scan.start, 2);
	}
}

/* A wrong request line is refused as soon as its end is there, binary noise at its first byte. */
static void scan_refuses_early(void **state)
{
	struct http_scan scan = {0};
	const char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(http_head_scan(&scan, "HELO there\r\n", 12, 100, &size, &text), 400);
	scan = (struct http_scan){0};
	assert_int_equal(http_head_scan(&scan, "\x16", 1, 100, &size, &text), 400);
	scan = (struct http_scan){0};
	assert_int_equal(http_head_scan(&scan, "GET / HTTP/1.1\r\nHost: a\n", 24, 100, &size, &text), 400);
}

static void hosts(void **state)
{
	static const struct {
		const char *host;
		bool valid;
	} rows[] = {
		{"a", true},
		{"a.b-c_d~e", true},
		{"a.", true},
		{"a:1", true},
		{"a:65535", true},
		{"[2001:db8::1]", true},
		{"[::ffff:1.2.3.4]:80", true},
		{"[::1]:", true},
		{"", false},
		{":", false},
		{"a:-1", false},
		{"a:+1", false},
		{"a:1 ", false},
		{"a b", false},
		{"a\tb", false},
		{"a;b", false},
		{"a%41", false},
		{"[]", false},
		{"[v1.x]", false},
		{"[::1%25lo]", false},
		{"[::1]:x", false},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", false},
		{"\xc3\xbc", false},
	};
	char long_host[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (http_host_valid(rows[i].host) != rows[i].valid)
			fail_msg("%s", rows[i].host);
	}
	memset(long_host, 'a', sizeof(long_host));
	long_host[255] = '\0';
	assert_true(http_host_valid(long_host));
	long_host[255] = 'a';
	long_host[256] = '\0';
	assert_false(http_host_valid(long_host));
}

static void tokens(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned c = 0; c < 256; c++)
		count += http_is_token((unsigned char)c);
	assert_int_equal(count, 26 + 26 + 10 + 15); /* RFC 9110 5.6.2 */
	assert_false(http_is_token(0));
	assert_false(http_is_token(':'));
	assert_false(http_is_token(' '));
	assert_true(http_is_token('|'));
}

/* A chunked body fed in two pieces, split at every place, is always the same data. */
static void chunks_in_pieces(void **state)
{
	static const char bytes[] = "4;a=\"b\"\r\nWiki\r\n0006 ;x\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n"
				    "0\r\nX-Sum: 1\r\nY:\r\n\r\nNEXT";
	const size_t whole = sizeof(bytes) - 1;

	(void)state;
	for (size_t split = 0; split <= whole - 4; split++) {
		struct chunked chunked = {0};
		struct buf out = {0};
		const char *text = NULL;
		size_t used = 0;
		int status = chunked_feed(&chunked, bytes, split, 24, &out, &used, &text);

		assert_int_equal(status, split == whole - 4);
		assert_int_equal(used, split);
		if (status == 0)
			assert_int_equal(
				chunked_feed(&chunked, bytes + split, whole - split, 24, &out, &used, &text),
				1);
		assert_int_equal(used, status ? split : whole - 4 - split);
		assert_int_equal(out.size, 24);
		assert_memory_equal(out.data, "Wikipedia in \r\n\r\nchunks.", 24);
		buf_finish(&out);
	}
}

static int feed(struct chunked *chunked, struct buf *out, const char *bytes, size_t limit)
{
	const char *text = NULL;
	size_t used = 0;

	return chunked_feed(chunked, bytes, strlen(bytes), limit, out, &used, &text);
}

static void chunk_limits(void **state)
{
	struct chunked chunked = {0};
	struct buf out = {0};
	int status = 0;
	unsigned fed;

	(void)state;
	/* Data: by the announced sizes, before it comes. */
	assert_int_equal(feed(&chunked, &out, "5\r\nhello\r\n5\r\n", 10), 0);
	chunked = (struct chunked){0};
	buf_clear(&out);
	assert_int_equal(feed(&chunked, &out, "5\r\nhello\r\n6\r\n", 10), 413);
	/* A limit that was lowered meanwhile. */
	chunked = (struct chunked){0};
	buf_clear(&out);
	assert_int_equal(feed(&chunked, &out, "5\r\nhello\r\n", 10), 0);
	assert_int_equal(feed(&chunked, &out, "1\r\n", 4), 413);
	/* Extensions, over all chunks of a body. */
	chunked = (struct chunked){0};
	buf_clear(&out);
	for (fed = 0; status == 0 && fed < 2 * CHUNKED_EXTENSIONS; fed += 10)
		status = feed(&chunked, &out, "1;123456789\r\nx\r\n", 65536);
	assert_int_equal(status, 400);
	assert_in_range(fed, CHUNKED_EXTENSIONS, CHUNKED_EXTENSIONS + 500);
	/* Trailers. */
	chunked = (struct chunked){0};
	buf_clear(&out);
	assert_int_equal(feed(&chunked, &out, "0\r\n", 10), 0);
	for (status = 0, fed = 0; status == 0 && fed < 2 * CHUNKED_TRAILERS; fed += 10)
		status = feed(&chunked, &out, "X: 3456789\r\n", 10);
	assert_int_equal(status, 400);
	assert_in_range(fed, CHUNKED_TRAILERS, CHUNKED_TRAILERS + 20);
	/* Each has its own bound. */
	chunked = (struct chunked){0};
	buf_clear(&out);
	assert_int_equal(feed(&chunked, &out, "1;", 10), 0);
	for (fed = 0; fed < CHUNKED_EXTENSIONS - 100; fed += 10)
		assert_int_equal(feed(&chunked, &out, "0123456789", 10), 0);
	assert_int_equal(feed(&chunked, &out, "\r\nx\r\n0\r\n", 10), 0);
	for (fed = 0; fed < CHUNKED_TRAILERS - 100; fed += 10)
		assert_int_equal(feed(&chunked, &out, "X: 3456789\r\n", 10), 0);
	assert_int_equal(feed(&chunked, &out, "\r\n", 10), 1);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pieces),
		cmocka_unit_test(keep_alive),
		cmocka_unit_test(targets),
		cmocka_unit_test(queries),
		cmocka_unit_test(too_many_queries),
		cmocka_unit_test(scan_in_pieces),
		cmocka_unit_test(scan_refuses_early),
		cmocka_unit_test(hosts),
		cmocka_unit_test(tokens),
		cmocka_unit_test(chunks_in_pieces),
		cmocka_unit_test(chunk_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
