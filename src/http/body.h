/* body.h -- the bytes of a reply's body, held by all who send them.
 *
 * For the loop's thread. One rendering may go to thousands of clients: each of them
 * holds the same bytes until its socket has taken them, and the last one frees them. */
#pragma once

#include "base/buf.h"

struct http_body {
	unsigned holders;
	struct buf bytes; /* not to be changed any more */
	/* The server's: connections that are sending it, and the sum in which it counts once meanwhile. */
	unsigned senders;
	size_t *waiting;
};

/* A body with what is in `bytes`, which it takes over and leaves empty. The caller is its first holder. */
struct http_body *http_body_create(struct buf *bytes);

/* One holder more; returns `body`. */
struct http_body *http_body_hold(struct http_body *body);

/* One holder less; the last one frees the bytes. NULL is fine. */
void http_body_release(struct http_body *body);
