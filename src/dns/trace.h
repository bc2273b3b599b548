/* trace.h -- tells whoever listens of the queries that were answered. Private to the dns room.
 *
 * On the thread that answers, behind the answer: an entry is made from the bytes of the query and of its
 * reply, so nothing of the way to the answer knows of it. While nobody listens a batch costs one look at a
 * number. */
#pragma once

#include <netinet/in.h>

#include "dns/worker.h"

/* True while somebody listens. */
static inline bool dns_trace_wanted(const struct dns_worker *worker)
{
	return worker->listeners && atomic_load_explicit(worker->listeners, memory_order_relaxed) > 0;
}

/* Tells of one message that dns_respond() was given, from `client`; `now` is clock_wall(). A message that
 * deserves no reply is no query. */
void dns_trace(struct dns_worker *worker, const struct dns_message *message, const struct sockaddr *client,
	int64_t now);
