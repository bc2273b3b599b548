/* events_text.h -- changes as server-sent events: lines that end in an empty one.
 *
 * Private to the sidecar room. JSON escapes all control characters, so no text can end a line. An event's id
 * is its index, and only the last event of an index bears it: whoever is cut off between two changes of one
 * index resumes in front of the first, and misses none. */
#pragma once

#include "base/buf.h"
#include "registry/registry.h"

/* Wall clock, ms since 1970, as "2026-11-22T10:00:00.123Z". Returns `ret`. */
const char *events_text_time(int64_t time_ms, char ret[40]);

/* The beginning of a stream: how soon to come back, and an id from which to resume, without an event. */
void events_text_hello(struct buf *buf, uint64_t index);

/* One change. `published`: DNS shows it. */
void events_text_change(struct buf *buf, const struct registry_history *row, bool published);

/* What came before is not known any more: load afresh, the stream goes on behind `index`. */
void events_text_reset(struct buf *buf, uint64_t index);
