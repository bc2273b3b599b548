/* follower.h -- the thread that keeps the view up with the registry.
 *
 * It waits for the writer's bell (and looks once a second without it), asks what changed since the index that
 * it shows, copies those services' rows in one snapshot, ends the snapshot, renders and swaps, and only then
 * publishes the index: page, then bell. What was replaced is freed after that, so that no reply waits for a
 * grace period. When the changelog does not reach back, the file was opened anew, or the zones want other
 * TTLs, it loads everything afresh while the old answers stay; what is gone from the registry goes at the end
 * of the load.
 *
 * follower_step() belongs to one thread at a time. */
#pragma once

#include <pthread.h>

#include "registry/registry.h"
#include "view/services.h"
#include "view/zones.h"

struct follower {
	struct services *services;
	_Atomic(const struct zones *) *zones;
	char *path;
	struct page *page;
	struct page_thread *slot;   /* may be NULL */
	const struct page *commits; /* likewise */
	const struct clock *clock;
	int wake_fd, notify_fd; /* -1 for none */
	int kick_fd;            /* rung to stop, and when the zones have changed */
	void (*report)(enum log_level level, const char *message, const char *name, const char *detail);

	struct registry_reader *reader;
	bool loaded;            /* the view is whole; what follows are changes */
	int error;              /* the last one that was reported */
	uint64_t seen;          /* the index that the view shows */
	_Atomic uint64_t index; /* the same, for any thread; 0 before the first load */
	_Atomic bool ready;
	_Atomic bool stop;
	_Atomic bool zones_changed; /* report what they hide */
	_Atomic bool reload;        /* everything must be rendered anew */
	bool running;
	pthread_t thread;
};

/* One round in the calling thread (registers itself). Services rendered, or negative errno. */
int follower_step(struct follower *follower);

/* Starts the thread. 0 or negative errno. */
int follower_start(struct follower *follower);

/* Ends the thread if it runs, and closes the reader. */
void follower_stop(struct follower *follower);
