/* streams.h -- open streams of server-sent events (WHATWG HTML section 9.2): who is there, the beat, the end.
 *
 * Private to the sidecar room; the loop's thread. What is sent, and when a client is too slow for it, is the
 * business of events.h and traces.h; they have a struct stream as the first member of a stream of theirs. */
#pragma once

#include <sys/queue.h>

#include "base/metrics.h"
#include "http/http.h"

struct streams;

struct stream {
	LIST_ENTRY(stream) link;
	struct streams *streams;
	struct http_request *request;
	bool cut; /* the server ends it; it leaves when that is done */
};

/* All of one kind. Zero but for `left`, `metrics` and `gauge`: there are none. */
struct streams {
	LIST_HEAD(, stream) list;
	unsigned count;
	struct metrics *metrics; /* of the loop's thread */
	enum metric gauge;       /* shows the count */
	/* Called when one has gone and is counted no more; it is to be freed. */
	void (*left)(struct stream *stream);
};

/* Answers `request` with the head of a stream, and adds it. The memory of `stream` is the caller's until
 * `left`. */
void streams_open(struct streams *streams, struct stream *stream, struct http_request *request);

/* Ends a stream in good order; it leaves within. */
void stream_end(struct stream *stream);

/* Ends it at once, for a client that lets too much pile up; it leaves later. */
void stream_cut(struct stream *stream);

/* Sends a comment to all whose client has read everything, so that whoever left is noticed. */
void streams_beat(const struct streams *streams);

/* Ends all of them in good order. */
void streams_end(struct streams *streams);
