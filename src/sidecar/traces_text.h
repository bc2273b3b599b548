/* traces_text.h -- what a stream of queries says, as server-sent events.
 *
 * Private to the sidecar room. */
#pragma once

#include "base/buf.h"
#include "base/trace.h"
#include "wire/wire.h"

/* Reads the name of an entry, which another process wrote, into the name fields of *ret. False if it is none.
 */
bool traces_text_name(const struct trace_entry *entry, struct wire_query *ret);

/* Appends one query; its name was read by traces_text_name(). */
void traces_text_entry(struct buf *buf, const struct trace_entry *entry);

/* Appends that so many could not be told. */
void traces_text_lost(struct buf *buf, uint64_t lost);
