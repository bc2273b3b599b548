/* stream.h -- server-sent events (WHATWG HTML section 9.2), taken apart as they come.
 *
 * As svcdns sends them: lines end with LF, and an event has one line of data. One thread. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

/* One event; a field that it does not have is "". Good while it is taken. */
struct stream_event {
	const char *kind, *id, *data;
	const char *comment;
};

/* All zero but for `take` and `ctx` at its start; stream_finish() frees what is in it. */
struct stream {
	void (*take)(const struct stream_event *event, void *ctx);
	void *ctx;
	struct buf waiting; /* the beginning of an event */
};

/* Takes the next bytes; as http_request.on_data, whose ctx is the stream. */
void stream_data(const char *bytes, size_t size, void *ctx);

/* Drops what has come of an event that will not end. */
void stream_clear(struct stream *stream);

/* Frees it. */
void stream_finish(struct stream *stream);
