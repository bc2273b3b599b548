/* stream.c -- see stream.h. */
#include "svcdns/stream.h"

#include <string.h>

#include "base/str.h"

#define EVENT_END "\n\n"

static void take_line(struct stream_event *event, const char *line)
{
	const struct {
		const char *field;
		const char **value;
	} fields[] = {{"event: ", &event->kind}, {"id: ", &event->id}, {"data: ", &event->data},
		{": ", &event->comment}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (str_starts(line, fields[i].field))
			*fields[i].value = line + strlen(fields[i].field);
}

static void take_event(const struct stream *stream, char *text)
{
	struct stream_event event = {.kind = "", .id = "", .data = "", .comment = ""};
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		take_line(&event, line);
	stream->take(&event, stream->ctx);
}

void stream_data(const char *bytes, size_t size, void *ctx)
{
	struct stream *stream = ctx;
	struct buf *waiting = &stream->waiting;
	char *end;
	size_t done = 0;

	buf_add(waiting, bytes, size);
	while ((end = memmem(waiting->data + done, waiting->size - done, EVENT_END, strlen(EVENT_END)))) {
		*end = '\0';
		take_event(stream, waiting->data + done);
		done = (size_t)(end - waiting->data) + strlen(EVENT_END);
	}
	memmove(waiting->data, waiting->data + done, waiting->size - done);
	waiting->size -= done;
}

void stream_clear(struct stream *stream)
{
	buf_clear(&stream->waiting);
}

void stream_finish(struct stream *stream)
{
	buf_finish(&stream->waiting);
}
