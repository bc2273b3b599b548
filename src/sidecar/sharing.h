/* sharing.h -- woken queries that ask the same get the same reply: read once, rendered once.
 *
 * Private to the sidecar room; the loop's thread. A change may wake ten thousand queries. What the first of
 * them was answered is kept for the others, until all woken ones have been looked at or the next commit
 * comes, whichever is sooner. A query that has just arrived never gets one: it may not be older than what its
 * client was told before. What a query asks is its route, the rest of its path and its parameters in their
 * order, without those that say only when and whether to answer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/http.h"

struct call;

#define SHARING_KEPT 16 /* different replies at a time; more are rendered each for itself */

struct sharing_reply {
	uint64_t index;   /* of what it shows */
	uint64_t current; /* of the registry when it was read */
	int status;
	const char *content_type; /* static */
	struct http_body *body;
	struct buf key;
};

struct sharing {
	struct sharing_reply replies[SHARING_KEPT];
	size_t count;
	struct buf scratch;
};

/* Writes what `call` asks into `key`. */
void sharing_key(struct buf *key, const struct call *call);

/* The reply that is kept for what `call` asks, NULL if there is none. Good until sharing_clear(). */
const struct sharing_reply *sharing_find(struct sharing *sharing, const struct call *call);

/* Keeps a reply for others, if there is room; holds `reply->body` on its own. Its key is made here. */
void sharing_keep(struct sharing *sharing, const struct call *call, const struct sharing_reply *reply);

/* Forgets all. */
void sharing_clear(struct sharing *sharing);

/* Forgets all and frees the memory. */
void sharing_finish(struct sharing *sharing);
