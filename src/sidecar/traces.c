/* traces.c -- see traces.h. */
#include "sidecar/traces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sidecar/streams.h"
#include "sidecar/traces_text.h"

#define RINGS (2 * PAGE_WORKERS)
#define PERIOD (10 * CLOCK_NS_PER_MS) /* between two looks */
#define READ_MOST 4096                /* entries that are read in one look */
#define WRITE_MOST 512                /* and of them written as text */

struct trace_stream {
	struct stream stream;
	struct traces *traces;
	struct traces_wanted wanted;
	uint64_t sent, lost; /* lost: since that was told last */
	struct buf text;     /* of this look */
	bool done;           /* it is at its limit */
};

struct traces {
	struct traces_config config;
	struct streams streams;
	uint64_t cursors[RINGS];
	int64_t look_ns, beat_ns; /* when the next ones are due */
	bool ended;
	struct buf text; /* one entry */
};

static void on_left(struct stream *stream);

struct traces *traces_create(const struct traces_config *config)
{
	struct traces *traces = mem_alloc(sizeof(*traces));

	traces->config = *config;
	traces->streams.left = on_left;
	traces->streams.metrics = config->metrics;
	traces->streams.gauge = METRIC_HTTP_STREAMS_TRACES;
	return traces;
}

void traces_destroy(struct traces *traces)
{
	if (!traces)
		return;
	buf_finish(&traces->text);
	free(traces);
}

void traces_reconfigure(struct traces *traces, unsigned streams, unsigned buffer, int64_t heartbeat_ns)
{
	traces->config.streams = streams;
	traces->config.buffer = buffer;
	traces->config.heartbeat_ns = heartbeat_ns;
}

/* dns tells of queries while this is not 0. */
static void tell_dns(const struct traces *traces)
{
	atomic_store_explicit(traces->config.listeners, traces->streams.count, memory_order_relaxed);
}

static void on_left(struct stream *stream)
{
	struct trace_stream *left = (struct trace_stream *)stream;

	tell_dns(left->traces);
	buf_finish(&left->text);
	free(left);
}

/* --- Opening -------------------------------------------------------------------------------------------- */

/* The first one: from now on. What an earlier one left behind is nobody's. */
static void begin_reading(struct traces *traces)
{
	int64_t now = clock_now(traces->config.clock);

	for (size_t i = 0; i < RINGS; i++)
		traces->cursors[i] = trace_end(&traces->config.traces->rings[i]);
	traces->look_ns = now + PERIOD;
	traces->beat_ns = now + traces->config.heartbeat_ns;
}

int traces_open(struct traces *traces, struct http_request *request, const struct traces_wanted *wanted)
{
	static const char hello[] = ": listening\n\n";
	struct trace_stream *stream;

	if (traces->ended || !traces->config.traces)
		return -EAGAIN;
	if (traces->streams.count >= traces->config.streams)
		return -EBUSY;
	if (traces->streams.count == 0)
		begin_reading(traces);
	stream = mem_alloc(sizeof(*stream));
	*stream = (struct trace_stream){.traces = traces, .wanted = *wanted};
	streams_open(&traces->streams, &stream->stream, request);
	tell_dns(traces);
	http_stream_data(request, hello, sizeof(hello) - 1);
	return 0;
}

/* --- Reading -------------------------------------------------------------------------------------------- */

static bool wants(
	const struct trace_stream *stream, const struct trace_entry *entry, const struct wire_query *name)
{
	const struct traces_wanted *wanted = &stream->wanted;
	struct sockaddr_in6 client = {.sin6_family = AF_INET6};

	if (stream->done || stream->stream.cut)
		return false;
	if (wanted->name_size > 0 && (entry->name_size == 0 || !wire_name_within(name->name, name->name_size,
								       wanted->name, wanted->name_size)))
		return false;
	memcpy(&client.sin6_addr, entry->address, sizeof(entry->address));
	return !wanted->by_address || net_prefix_match(&wanted->address, 1, (const struct sockaddr *)&client);
}

/* Gives an entry to all that want it. True if there was one. */
static bool offer(struct traces *traces, const struct trace_entry *entry)
{
	struct wire_query name = {.label_count = 0};
	struct stream *each;

	if (!traces_text_name(entry, &name))
		return false;
	buf_clear(&traces->text);
	LIST_FOREACH(each, &traces->streams.list, link) {
		struct trace_stream *stream = (struct trace_stream *)each;
		if (!wants(stream, entry, &name))
			continue;
		if (traces->text.size == 0)
			traces_text_entry(&traces->text, entry);
		buf_add(&stream->text, traces->text.data, traces->text.size);
		stream->sent++;
		stream->done = stream->sent == stream->wanted.limit;
	}
	return traces->text.size > 0;
}

/* Reads what the rings hold, as far as one turn may go. True if there is more. */
static bool read_rings(struct traces *traces)
{
	const struct page *dns = traces->config.dns;
	unsigned reads = READ_MOST, writes = WRITE_MOST;
	struct trace_entry entry;
	struct stream *stream;
	uint64_t lost = 0;

	for (size_t i = 0; i < RINGS; i++) {
		/* A ring without a thread is not even looked at: that would give it memory. */
		if (atomic_load_explicit(&dns->threads[PAGE_UDP + i].tick, memory_order_relaxed) == 0)
			continue;
		while (reads > 0 && writes > 0 &&
			trace_get(&traces->config.traces->rings[i], &traces->cursors[i], &entry, &lost)) {
			reads--;
			writes -= offer(traces, &entry);
		}
	}
	LIST_FOREACH(stream, &traces->streams.list, link)
		((struct trace_stream *)stream)->lost += lost;
	return reads == 0 || writes == 0;
}

/* --- Sending -------------------------------------------------------------------------------------------- */

static void send_text(struct trace_stream *stream)
{
	size_t waiting = http_stream_waiting(stream->stream.request);

	if (stream->lost > 0) {
		traces_text_lost(&stream->text, stream->lost);
		stream->lost = 0;
	}
	if (waiting > 0 && waiting + stream->text.size > stream->traces->config.buffer) {
		stream_cut(&stream->stream);
		return;
	}
	http_stream_data(stream->stream.request, stream->text.data, stream->text.size);
	buf_clear(&stream->text);
	if (stream->done)
		stream_end(&stream->stream);
}

static void send_all(struct traces *traces)
{
	struct stream *each, *next;

	for (each = LIST_FIRST(&traces->streams.list); each; each = next) {
		struct trace_stream *stream = (struct trace_stream *)each;
		next = LIST_NEXT(each, link);
		if (!each->cut && (stream->text.size > 0 || stream->lost > 0))
			send_text(stream);
	}
}

static void beat(struct traces *traces, int64_t now)
{
	if (now < traces->beat_ns)
		return;
	traces->beat_ns = now + traces->config.heartbeat_ns;
	streams_beat(&traces->streams);
}

bool traces_run(struct traces *traces)
{
	int64_t now;
	bool more;

	if (traces->streams.count == 0 || traces->ended)
		return false;
	now = clock_now(traces->config.clock);
	if (now < traces->look_ns)
		return false;
	beat(traces, now);
	more = read_rings(traces);
	send_all(traces);
	traces->look_ns = more ? now : now + PERIOD;
	return more;
}

int64_t traces_next(const struct traces *traces)
{
	return traces->ended || traces->streams.count == 0 ? INT64_MAX : traces->look_ns;
}

void traces_end(struct traces *traces)
{
	traces->ended = true;
	streams_end(&traces->streams);
}
