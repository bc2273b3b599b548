/* streams.c -- see streams.h. */
#include "sidecar/streams.h"

static void count(struct streams *streams, int more)
{
	streams->count += (unsigned)more;
	metrics_set(streams->metrics, streams->gauge, streams->count);
}

static void leave(struct stream *stream)
{
	LIST_REMOVE(stream, link);
	count(stream->streams, -1);
	stream->streams->left(stream);
}

static void on_gone(struct http_request *request, void *ctx)
{
	(void)request;
	leave(ctx);
}

void streams_open(struct streams *streams, struct stream *stream, struct http_request *request)
{
	/* nginx would hold the stream back until it has a page full of it. */
	static const struct http_header headers[] = {{"X-Accel-Buffering", "no"}};

	stream->streams = streams;
	stream->request = request;
	LIST_INSERT_HEAD(&streams->list, stream, link);
	count(streams, 1);
	http_stream_begin(request,
		&(struct http_reply){.status = 200,
			.content_type = "text/event-stream",
			.headers = headers,
			.header_count = 1},
		on_gone, stream);
}

void stream_end(struct stream *stream)
{
	http_stream_end(stream->request);
	leave(stream);
}

void stream_cut(struct stream *stream)
{
	stream->cut = true;
	http_stream_cut(stream->request);
}

void streams_beat(const struct streams *streams)
{
	const struct stream *stream;

	/* For a client that does not read the write timeout is at work already. */
	LIST_FOREACH(stream, &streams->list, link)
		if (!stream->cut && http_stream_waiting(stream->request) == 0)
			http_stream_data(stream->request, ":\n\n", 3);
}

void streams_end(struct streams *streams)
{
	struct stream *stream;

	while ((stream = LIST_FIRST(&streams->list)))
		stream_end(stream);
}
