/* events.c -- see events.h. */
#include "sidecar/events.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sidecar/events_text.h"
#include "sidecar/streams.h"

#define BATCH 256 /* rows read, and sent to one stream, before the loop hears of anything else */

struct event_stream {
	struct stream stream;
	struct events *events;
	struct registry_cursor cursor; /* how far it was sent */
};

/* The rows that were read last, as text: streams that stand at the same place are sent the same. */
struct batch {
	struct registry_cursor from, to;
	uint64_t shown; /* as it was then */
	bool filled;
	struct buf text;
};

struct events {
	struct events_config config;
	struct streams streams;
	uint64_t committed;       /* the last index that we heard of */
	uint64_t shown;           /* rows up to this one may be sent */
	uint64_t held_index;      /* what `held` waits for */
	struct publish_wait held; /* at the gate */
	int64_t beat_ns;          /* when the next heartbeat is due */
	bool joined;              /* somebody came since the last look: what he asked for is due */
	bool ended;
	struct batch batch;
};

static void on_left(struct stream *stream);

struct events *events_create(const struct events_config *config)
{
	struct events *events = mem_alloc(sizeof(*events));

	events->config = *config;
	events->streams.left = on_left;
	events->streams.metrics = config->metrics;
	events->streams.gauge = METRIC_HTTP_STREAMS_EVENTS;
	events->beat_ns = INT64_MAX;
	return events;
}

void events_destroy(struct events *events)
{
	if (!events)
		return;
	buf_finish(&events->batch.text);
	free(events);
}

void events_reconfigure(struct events *events, unsigned streams, unsigned buffer, int64_t heartbeat_ns)
{
	events->config.streams = streams;
	events->config.buffer = buffer;
	events->config.heartbeat_ns = heartbeat_ns;
}

static void on_left(struct stream *stream)
{
	struct events *events = ((struct event_stream *)stream)->events;

	free(stream);
	if (events->streams.count > 0)
		return;
	publish_cancel(events->config.publish, &events->held);
	events->beat_ns = INT64_MAX;
	events->joined = false;
}

/* --- Opening -------------------------------------------------------------------------------------------- */

static int find_cursor(struct events *events, const struct events_start *start, struct registry_cursor *ret)
{
	struct registry_reader *reader = *events->config.reader;
	uint64_t index = 0, since;
	int error = registry_reader_begin(reader);

	if (error)
		return error;
	error = registry_reader_index(reader, &index);
	since = start->from == EVENTS_SINCE ? start->since : index;
	if (!error)
		error = registry_reader_cursor(
			reader, since, start->from == EVENTS_LAST ? start->last : 0, ret);
	registry_reader_end(reader);
	events_commit(events, index);
	return error;
}

static void send_text(struct event_stream *stream, const struct buf *text)
{
	http_stream_data(stream->stream.request, text->data, text->size);
}

static void send_hello(struct event_stream *stream, bool stale)
{
	struct buf text = {0};

	events_text_hello(&text, stream->cursor.index);
	if (stale)
		events_text_reset(&text, stream->cursor.index);
	send_text(stream, &text);
	buf_finish(&text);
}

int events_open(struct events *events, struct http_request *request, const struct events_start *start)
{
	struct registry_cursor cursor = {0};
	struct event_stream *stream;
	int error;

	if (events->streams.count >= events->config.streams)
		return -EBUSY;
	if (events->ended || !*events->config.reader)
		return -EAGAIN;
	error = find_cursor(events, start, &cursor);
	if (error && error != -ESTALE)
		return error;
	stream = mem_alloc(sizeof(*stream));
	*stream = (struct event_stream){.events = events, .cursor = cursor};
	streams_open(&events->streams, &stream->stream, request);
	if (events->beat_ns == INT64_MAX)
		events->beat_ns = clock_now(events->config.clock) + events->config.heartbeat_ns;
	send_hello(stream, error == -ESTALE);
	events->joined = true;
	return 0;
}

/* --- Sending -------------------------------------------------------------------------------------------- */

void events_commit(struct events *events, uint64_t index)
{
	/* A reader may see a commit before word of it comes. */
	if (index > events->committed)
		events->committed = index;
}

static void on_shown(struct publish_wait *wait, bool published)
{
	struct events *events = (struct events *)(void *)((char *)wait - offsetof(struct events, held));

	(void)published;
	events->shown = events->held_index;
}

/* Asks the gate for what was committed, one index at a time: the newest one covers those before it. */
static void ask_gate(struct events *events)
{
	if (heap_holds(&events->held.node) || events->shown >= events->committed)
		return;
	events->held_index = events->committed;
	if (publish_hold(events->config.publish, &events->held, events->held_index, on_shown) != PUBLISH_HELD)
		events->shown = events->held_index;
}

/* Fills the batch with what follows `from`. 0 or negative errno. */
static int fill(struct events *events, const struct registry_cursor *from)
{
	struct batch *batch = &events->batch;
	uint64_t applied = atomic_load_explicit(&events->config.publish->dns->index, memory_order_acquire);
	const struct registry_history *rows = NULL;
	struct arena *arena;
	size_t count = 0;
	int error;

	if (batch->filled && batch->from.seq == from->seq && batch->from.index == from->index &&
		batch->shown == events->shown)
		return 0;
	arena = arena_create();
	batch->from = batch->to = *from;
	batch->shown = events->shown;
	buf_clear(&batch->text);
	error = registry_reader_history(
		*events->config.reader, &batch->to, events->shown, BATCH, arena, &rows, &count);
	for (size_t i = 0; i < count; i++)
		events_text_change(&batch->text, &rows[i], rows[i].index <= applied);
	batch->filled = error == 0;
	arena_destroy(arena);
	return error;
}

static void reset(struct event_stream *stream)
{
	struct buf text = {0};

	if (find_cursor(stream->events, &(struct events_start){.from = EVENTS_NOW}, &stream->cursor) != 0)
		return; /* the next look tries again */
	events_text_reset(&text, stream->cursor.index);
	send_text(stream, &text);
	buf_finish(&text);
}

static bool is_behind(const struct event_stream *stream)
{
	return !stream->stream.cut && stream->cursor.index < stream->events->shown;
}

/* Sends one batch. True if there is more for this stream, and its client has taken all that was sent. */
static bool advance(struct event_stream *stream)
{
	struct events *events = stream->events;
	size_t waiting = http_stream_waiting(stream->stream.request);
	int error;

	error = fill(events, &stream->cursor);
	if (error == -ESTALE)
		reset(stream);
	if (error)
		return false;
	/* Far behind, it goes on when its client has read; else what comes piles up to the limit. */
	if (waiting > 0 && events->batch.to.index < events->shown)
		return false;
	if (waiting + events->batch.text.size > events->config.buffer && waiting > 0) {
		stream_cut(&stream->stream);
		return false;
	}
	stream->cursor = events->batch.to;
	if (events->batch.text.size > 0)
		send_text(stream, &events->batch.text);
	else
		stream->cursor.index = events->shown; /* an index without rows: nothing to wait for */
	return is_behind(stream) && http_stream_waiting(stream->stream.request) == 0;
}

static void beat(struct events *events)
{
	int64_t now = clock_now(events->config.clock);

	if (now < events->beat_ns)
		return;
	events->beat_ns = now + events->config.heartbeat_ns;
	streams_beat(&events->streams);
}

bool events_run(struct events *events)
{
	struct stream *stream;
	bool more = false;

	events->joined = false;
	if (events->streams.count == 0 || events->ended)
		return false;
	beat(events);
	if (!*events->config.reader)
		return false;
	ask_gate(events);
	LIST_FOREACH(stream, &events->streams.list, link)
		if (is_behind((struct event_stream *)stream))
			more |= advance((struct event_stream *)stream);
	return more;
}

int64_t events_next(const struct events *events)
{
	if (events->ended)
		return INT64_MAX;
	return events->joined ? clock_now(events->config.clock) : events->beat_ns;
}

void events_end(struct events *events)
{
	events->ended = true;
	streams_end(&events->streams);
}
