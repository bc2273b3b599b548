/* body.h -- the bytes of a reply's body, held by all who send them.
 *
 * Private to the sidecar room; the loop's thread. One rendering may go to thousands of clients: each of them
 * holds the same bytes until its socket has taken them, and the last one frees them. */
#pragma once

#include "base/buf.h"

struct body {
	unsigned holders;
	struct buf bytes; /* not to be changed any more */
};

/* A body with what is in `bytes`, which it takes over and leaves empty. The caller is its first holder. */
struct body *body_create(struct buf *bytes);

/* One holder more; returns `body`. */
struct body *body_hold(struct body *body);

/* One holder less; the last one frees the bytes. NULL is fine. */
void body_release(struct body *body);
