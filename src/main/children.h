/* children.h -- the children of the supervisor: start, watch, replace, end.
 *
 * Supervisor only, one thread. A child is fork and exec of the program itself with a role and the descriptors
 * of inherit.h. All functions return at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/page.h"
#include "main/inherit.h"

enum child_role { CHILD_DNS, CHILD_SIDECAR, CHILD_RELAY, CHILD_COUNT };

/* How a thread's tick was last seen. */
struct child_tick {
	uint64_t tick;
	int64_t still_ns; /* for how long it has stood still, on the supervisor's own running time */
};

struct child {
	const char *name; /* "dns", "sidecar", "relay" */
	bool wanted;      /* it is to run: the relay is not always */
	pid_t pid;        /* 0 while it does not run */
	int control;      /* our end of its control socket, -1 while it does not run */
	int page_fd, page_read_fd, bell;
	struct page *page;
	const int *sockets, *links; /* sockets that it inherits, links behind the listening ones */
	size_t socket_count, link_count;
	int64_t started_ns;
	int64_t start_at_ns; /* when to start it again */
	int64_t backoff_ns;
	bool term_sent;
	bool mute; /* has shut its end of the control socket */
	struct child_tick ticks[PAGE_THREADS];
};

/* Makes the pages and bells of the children; dns and sidecar are wanted. 0 or negative errno. */
int children_init(struct child children[CHILD_COUNT]);

/* Closes what children_init() made. */
void children_finish(struct child children[CHILD_COUNT]);

/* Starts `role` with the serialized config. 0 or negative errno. */
int children_start(
	struct child children[CHILD_COUNT], enum child_role role, const struct buf *config, int64_t now);

/* The child has ended (waitpid status): logs how, clears its page, rings the other, and sets when to start it
 * again: at once, or after 100 ms doubling to 5 s while it keeps dying within 10 s. */
void children_ended(struct child children[CHILD_COUNT], enum child_role role, int status, int64_t now);

/* Looks at the ticks of a running child; `elapsed_ns` is our own running time since the last look. Kills the
 * child if a thread stood still for `stall_ns` (or its own patience). */
void children_watch(struct child *child, int64_t elapsed_ns, int64_t stall_ns);

/* Shows in the sidecar's page what our log and the relay's have lost. */
void children_show_dropped(struct child children[CHILD_COUNT]);

/* Sends a message to a running child: a config, or what came of a reload that it asked for. */
void children_tell(struct child *child, enum inherit_message kind, const char *data, size_t size);

/* Reads one message from a child, whose control socket can be read. True if it asks for a reload. */
bool children_asked(struct child *child);
