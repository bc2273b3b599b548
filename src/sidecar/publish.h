/* publish.h -- the gate: a reply that carries an index leaves when DNS shows that index.
 *
 * Private to the sidecar room; the loop's thread. The publication order is COMMIT, then the view applies it,
 * then the reply. So each reply is held here until the dns page's index has reached its own. A DNS process
 * that does not serve holds nobody up (it gives no old answer either), and a slow one only for the timeout;
 * such a reply is marked, and counted.
 *
 * Nothing here knows of sockets, loops or HTTP: whoever owns the gate calls publish_run() when the bell of
 * the dns process rings and when publish_next() has passed. Tests drive it with a page of their own and a
 * clock that they turn by hand. */
#pragma once

#include "base/clock.h"
#include "base/metrics.h"
#include "base/page.h"
#include "sidecar/heap.h"

/* One held reply; a member of whatever is held. Zeroed: held by nobody. */
struct publish_wait {
	struct heap_node node; /* ordered by index */
	int64_t since_ns;
	struct publish_wait *next, *previous; /* in the order of their arrival */
	/* Leaves the gate; `published` says whether DNS shows the index. Never called from publish_hold(). */
	void (*release)(struct publish_wait *wait, bool published);
};

struct publish {
	const struct page *dns;
	const struct clock *clock;
	struct metrics *metrics;
	int64_t timeout_ns; /* may be changed at any time */
	struct heap heap;
	struct publish_wait *first, *last;
};

/* Sets up a gate; publish_finish() ends it. */
void publish_init(struct publish *publish, const struct page *dns, const struct clock *clock,
	struct metrics *metrics, int64_t timeout_ns);

/* Releases all that is held (unpublished ones as such) and frees the gate's memory. */
void publish_finish(struct publish *publish);

enum publish_verdict {
	PUBLISH_DONE, /* DNS shows the index: reply now */
	PUBLISH_NOT,  /* DNS does not serve: reply now, marked */
	PUBLISH_HELD  /* wait->release is called later */
};

/* Asks whether a reply with `index` may leave; holds it if it must wait. */
enum publish_verdict publish_hold(struct publish *publish, struct publish_wait *wait, uint64_t index,
	void (*release)(struct publish_wait *wait, bool published));

/* Takes back what is held (the client is gone); fine for what is not held. */
void publish_cancel(struct publish *publish, struct publish_wait *wait);

/* Releases whatever may leave by now, `limit` replies at most. True if there is more. */
bool publish_run(struct publish *publish, unsigned limit);

/* The monotonic time at which the next held reply has waited long enough, INT64_MAX if none is held. */
int64_t publish_next(const struct publish *publish);
