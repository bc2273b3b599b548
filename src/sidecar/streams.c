/* streams.c -- see streams.h. */
#include "sidecar/streams.h"

static void leave(struct stream *stream)
{
	LIST_REMOVE(stream, link);
	stream->streams->count--;
	stream->streams->left(stream);
}

static void on_gone(struct server_request *request, void *ctx)
{
	(void)request;
	leave(ctx);
}

void streams_open(struct streams *streams, struct stream *stream, struct server_request *request)
{
	/* nginx would hold the stream back until it has a page full of it. */
	static const struct server_header headers[] = {{"X-Accel-Buffering", "no"}};

	stream->streams = streams;
	stream->request = request;
	LIST_INSERT_HEAD(&streams->list, stream, link);
	streams->count++;
	server_stream_begin(request,
		&(struct server_reply){.status = 200,
			.content_type = "text/event-stream",
			.headers = headers,
			.header_count = 1},
		on_gone, stream);
}

void stream_end(struct stream *stream)
{
	server_stream_end(stream->request);
	leave(stream);
}

void stream_cut(struct stream *stream)
{
	stream->cut = true;
	server_stream_cut(stream->request);
}

void streams_beat(const struct streams *streams)
{
	const struct stream *stream;

	/* For a client that does not read the write timeout is at work already. */
	LIST_FOREACH(stream, &streams->list, link)
	if (!stream->cut && server_stream_waiting(stream->request) == 0)
		server_stream_data(stream->request, ":\n\n", 3);
}

void streams_end(struct streams *streams)
{
	struct stream *stream;

	while ((stream = LIST_FIRST(&streams->list)))
		stream_end(stream);
}
