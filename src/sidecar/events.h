/* events.h -- who listens to the changelog: streams of server-sent events (WHATWG HTML section 9.2).
 *
 * Private to the sidecar room; the loop's thread. A stream is a cursor in the changelog. When DNS shows a
 * commit (publish.h), each stream is sent the rows behind its cursor; rows that several streams wait for are
 * read and written as text once. So a stream that joins late, or that resumes from an index, is no special
 * case: it has further to go, a batch at a time, and only as fast as its client reads.
 *
 * What bounds it: the number of streams; the bytes that may wait for one (a client that lets more pile up is
 * cut off, and resumes from its last id); the rows of one batch; and registry.changelog_rows for how far back
 * a client can resume. Behind that it gets a `reset` event, loads afresh, and hears what follows. */
#pragma once

#include "http/http.h"
#include "registry/registry.h"
#include "sidecar/publish.h"

#define EVENTS_LAST_MAX 1000 /* ?last= */

struct events_config {
	const struct clock *clock;
	struct metrics *metrics;
	struct publish *publish;
	struct registry_reader *const *reader; /* points to NULL while the registry cannot be read */
	unsigned streams;                      /* open at once */
	unsigned buffer;                       /* bytes that may wait for one client */
	int64_t heartbeat_ns;                  /* a comment this often, so that whoever left is noticed */
};

/* Where a stream begins: behind index `since`; in front of the `last` changes; or with what comes from now.
 */
struct events_start {
	enum { EVENTS_NOW, EVENTS_SINCE, EVENTS_LAST } from;
	uint64_t since;
	uint32_t last;
};

struct events;

/* Nobody listens yet. What `config` points to must outlive it; free with events_destroy(). */
struct events *events_create(const struct events_config *config);

/* Frees it; all streams must be gone. NULL is fine. */
void events_destroy(struct events *events);

/* Takes over the limits. */
void events_reconfigure(struct events *events, unsigned streams, unsigned buffer, int64_t heartbeat_ns);

/* Answers `request` with a stream, which it is from now on. 0, -EBUSY (too many), -EAGAIN (the registry is
 * not open) or another negative errno; then the request is still to be answered. */
int events_open(struct events *events, struct http_request *request, const struct events_start *start);

/* The registry stands at `index` now. */
void events_commit(struct events *events, uint64_t index);

/* Sends what may be sent. True if somebody has further to go at once: call it again soon. */
bool events_run(struct events *events);

/* When events_run() has to be called at the latest (monotonic); INT64_MAX without streams. */
int64_t events_next(const struct events *events);

/* Ends all streams in good order, and takes no more. */
void events_end(struct events *events);
