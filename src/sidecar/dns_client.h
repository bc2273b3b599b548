/* dns_client.h -- asks our own DNS, over the wire, as anybody would.
 *
 * Private to the sidecar room; the loop's thread. The sidecar does not see the view: what DNS answers now is
 * found out by a query. Over TCP, where an answer comes whole, on a connection for each query; it counts in
 * the limits of the dns process like any other. An answer is kept for a moment, as long as the view has moved
 * no further. Nothing here reads what is in a message. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/page.h"

struct event_base;
struct dns_client;
struct dns_query;

struct dns_client_config {
	struct event_base *base;
	const struct clock *clock;
	const struct page *dns; /* its index says whether an answer that was kept still holds */
	const char *address;    /* "127.0.0.1:8600" */
	unsigned queries;       /* under way at once */
	int64_t timeout_ns;     /* for the whole of a query */
};

/* A client that has asked nothing yet; free with dns_client_destroy(). */
struct dns_client *dns_client_create(const struct dns_client_config *config);

/* Frees it; no query may be under way. NULL is fine. */
void dns_client_destroy(struct dns_client *client);

/* Takes over the limits. */
void dns_client_reconfigure(struct dns_client *client, unsigned queries, int64_t timeout_ns);

/* The answer, whole and unread, or negative errno (-ETIMEDOUT, -ECONNREFUSED, ...) without one. */
typedef void dns_client_done(const uint8_t *answer, size_t size, int error, void *ctx);

/* Sends the message `question` (at most 512 bytes) under an id of our own. 0, -EBUSY (too many) or another
 * negative errno, and then `done` is not called. Else it is called once: from within this function for an
 * answer that was kept (*ret_query is NULL then), or later, unless the query is cancelled. */
int dns_client_ask(struct dns_client *client, const uint8_t *question, size_t size, dns_client_done *done,
	void *ctx, struct dns_query **ret_query);

/* Gives a query up. */
void dns_client_cancel(struct dns_query *query);
