/* fuzz_query.c -- any packet into the answer, over both transports, and the reply past an independent reader.
 *
 * The first two bytes choose what the packet does not say (sizes, transport's memory, loading); the rest is
 * the packet. Query and answer stand in heap blocks of their exact size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"
#include "fake_view.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition, what)                                                                             \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "fuzz_query: %s\n", what);                                           \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

static struct view *view;
static struct metrics metrics;

static void end(void)
{
	fake_view_destroy(view);
}

static void answer_one(
	struct dns_context *context, bool tcp, const uint8_t *query, size_t size, size_t capacity)
{
	uint8_t *answer = malloc(capacity);
	struct dns_message message = {.source = {.tcp = tcp, .hash = context->rotation * 7},
		.query = query,
		.query_size = size,
		.answer = answer,
		.capacity = capacity};
	struct reply reply;

	REQUIRE(answer, "out of memory");
	dns_respond(context, &message, 1);
	size_t written = message.answer_size;
	REQUIRE(written <= capacity, "the reply is larger than its memory");
	REQUIRE((written == 0) == (size < 12 || query[2] & 0x80), "silence, or an answer to a response");
	const char *wrong = reply_read(query, size, answer, written, &reply);
	REQUIRE(!wrong, wrong);
	REQUIRE(tcp || written <= (reply.opt ? 1232 : 512), "the reply is too large for UDP");
	REQUIRE(!reply.truncated || written < 65535, "truncated, and yet whole");
	reply_finish(&reply);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!view) {
		view = fake_view_conformance();
		atexit(end);
	}
	if (size < 2)
		return 0;
	struct dns_context context = {.view = view,
		.nsid = data[0] & 1 ? "n1" : NULL,
		.udp_size = data[0] & 2 ? 512 : 1232,
		.keepalive = 100,
		.loading = (data[0] & 0xC) == 0xC,
		.rotation = data[1],
		.metrics = &metrics};
	uint8_t *query = malloc(size - 2 + (size == 2));

	REQUIRE(query, "out of memory");
	memcpy(query, data + 2, size - 2);
	answer_one(&context, false, query, size - 2, data[0] & 16 ? 512 : 1232);
	answer_one(&context, true, query, size - 2, data[0] & 32 ? 1500 : 65535);
	free(query);
	return 0;
}
