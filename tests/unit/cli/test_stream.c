/* test_stream.c -- server-sent events, in whatever pieces they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "svcdns/stream.h"

static const char sent[] = "retry: 2000\nid: 7\n\n"
			   ": beat\n\n"
			   "id: 8\ndata: {\"a\": 1}\n\n"
			   "event: reset\nid: 9\ndata: {}\n\n"
			   "id: 10\ndata: never ends";

static const char expected[] = "|7||;|||beat;|8|{\"a\": 1}|;reset|9|{}|;";

static void note(const struct stream_event *event, void *ctx)
{
	char *text = ctx;
	size_t size = strlen(text);

	snprintf(
		text + size, 256 - size, "%s|%s|%s|%s;", event->kind, event->id, event->data, event->comment);
}

/* Split anywhere, and byte by byte. */
static void any_pieces(void **state)
{
	(void)state;
	for (size_t first = 0; first < sizeof(sent); first++) {
		char text[256] = "";
		struct stream stream = {.take = note, .ctx = text};

		stream_data(sent, first, &stream);
		stream_data(sent + first, sizeof(sent) - 1 - first, &stream);
		assert_string_equal(text, expected);
		stream_clear(&stream);
		for (size_t i = 0; i < sizeof(sent) - 1; i++)
			stream_data(sent + i, 1, &stream);
		assert_string_equal(text + strlen(expected), expected);
		stream_finish(&stream);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_pieces)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
