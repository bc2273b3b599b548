/* fuzz_http_head.c -- any bytes as an HTTP request: head, target, guard, and what follows as a chunked body.
 *
 * The first two bytes choose where the input is split and how much is allowed; the rest is what a client
 * sends. Whole and split must come to the same end, and what is accepted must keep the promises of
 * http_head.h. The first corpus is tests/support/http_raw.txt (seed_http_head.py). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"
#include "http/head.h"
#include "sidecar/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition, what)                                                                             \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "fuzz_http_head: %s\n", what);                                       \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* Neither a control character nor an end of line may come through, or a reply or a log could be forged. */
static void check_text(const char *text)
{
	for (; *text; text++)
		REQUIRE(((unsigned char)*text >= ' ' || *text == '\t') && *text != 0x7f,
			"a control character");
}

static void check_head(const struct http_head *head)
{
	REQUIRE(head->method[0] && head->header_count <= HTTP_HEADERS_MAX, "method or count");
	REQUIRE(head->path[0] == '/' || strcmp(head->path, "*") == 0, "path");
	REQUIRE(!strchr(head->path, '?') && !strchr(head->path, ' '), "path");
	REQUIRE(!head->chunked || (head->length == 0 && head->minor > 0), "two lengths");
	REQUIRE(head->host ? http_host_valid(head->host) : head->minor == 0, "host");
	REQUIRE(head->query_count <= HTTP_QUERY_MAX, "query count");
	for (size_t i = 0; i < head->header_count; i++) {
		REQUIRE(head->headers[i].name[0], "an empty name");
		for (const char *c = head->headers[i].name; *c; c++)
			REQUIRE(http_is_token((unsigned char)*c), "a name that is no token");
		check_text(head->headers[i].value);
	}
}

static void judge(const struct http_head *head)
{
	static const char *const hosts[] = {"a", "a:1"};
	const struct guard_config config = {.hosts = hosts, .host_count = 2, .token = "t"};
	char message[GUARD_MESSAGE] = "";
	const struct http_request request = {
		.method = head->method,
		.path = head->path,
		.query = head->query,
		.query_count = head->query_count,
		.headers = head->headers,
		.header_count = head->header_count,
	};
	int status = guard_check(&request, &config, message);

	REQUIRE((status == 0) == (message[0] == '\0'), "a verdict without words");
	check_text(message);
}

static int decode(
	const char *bytes, size_t size, size_t piece, size_t limit, struct buf *out, size_t *ret_used)
{
	struct chunked chunked = {0};
	const char *text = NULL;
	int status = 0;

	*ret_used = 0;
	while (!status && *ret_used < size) {
		size_t rest = size - *ret_used, used = 0;

		status = chunked_feed(
			&chunked, bytes + *ret_used, rest < piece ? rest : piece, limit, out, &used, &text);
		*ret_used += used;
		REQUIRE(out->size <= limit, "more than the limit");
	}
	REQUIRE(status < 2 || text, "a status without words");
	return status;
}

static void check_body(const char *bytes, size_t size, size_t limit)
{
	struct buf whole = {0}, pieces = {0};
	size_t used_whole, used_pieces;
	int status = decode(bytes, size, size, limit, &whole, &used_whole);

	REQUIRE(decode(bytes, size, 1, limit, &pieces, &used_pieces) == status, "pieces end otherwise");
	REQUIRE(status != 1 || used_whole == used_pieces, "pieces end elsewhere");
	REQUIRE(whole.size == pieces.size, "pieces decode to another size");
	REQUIRE(whole.size == 0 || memcmp(whole.data, pieces.data, whole.size) == 0,
		"pieces decode otherwise");
	buf_finish(&whole);
	buf_finish(&pieces);
}

static int scan_split(
	const char *bytes, size_t size, size_t split, size_t limit, struct http_scan *scan, size_t *ret)
{
	const char *text = NULL;
	int status = http_head_scan(scan, bytes, split, limit, ret, &text);

	if (!status)
		status = http_head_scan(scan, bytes, size, limit, ret, &text);
	REQUIRE(status < 2 || text, "a status without words");
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_scan scan = {0}, split = {0};
	size_t end = 0, split_end = 0, limit;
	struct http_head head;
	const char *text = NULL;
	char *bytes;
	int status;

	if (size < 2)
		return 0;
	limit = 64u + data[1] * 64u;
	bytes = malloc(size - 2 + (size == 2)); /* of the exact size, so that ASan sees one byte too far */
	REQUIRE(bytes, "out of memory");
	memcpy(bytes, data + 2, size - 2);
	size -= 2;
	status = scan_split(bytes, size, size, limit, &scan, &end);
	REQUIRE(scan_split(bytes, size, data[0] * size / 255, limit, &split, &split_end) == status,
		"a split scan");
	REQUIRE(status != 1 || (end == split_end && end <= size && end - scan.start <= limit),
		"the end of the head");
	if (status == 1) {
		struct arena *arena = arena_create();

		status = http_head_parse(arena, bytes + scan.start, end - scan.start, &head, &text);
		REQUIRE(!status || (status >= 400 && text), "a status without words");
		if (!status) {
			check_head(&head);
			judge(&head);
		}
		arena_destroy(arena);
		check_body(bytes + end, size - end, data[1]);
	} else {
		check_body(bytes, size, data[1]);
	}
	free(bytes);
	return 0;
}
