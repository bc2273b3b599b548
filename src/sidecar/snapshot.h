/* snapshot.h -- the thread that copies the registry for GET /v1/snapshot.
 *
 * Private to the sidecar room. One at a time; it belongs to the loop, which starts it, tells it to stop, and
 * joins it when its errand is done. The copy is a file beside the registry that has no name any more once it
 * is sent. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sidecar;

struct snapshot_thread {
	struct sidecar *sidecar;
	pthread_t thread;
	bool running; /* not joined yet */
	char *path;   /* of the copy */
	int64_t until_ns;
	atomic_bool stop;
};

/* Starts to copy; errand_done(ERRAND_SNAPSHOT) comes when it is over: 200, or 503 or 507 and why. 0 or
 * negative errno. */
int snapshot_start(struct sidecar *sidecar);

/* Joins the thread, which is done or told to stop here, and opens the copy (-1 if there is none), taking its
 * name away. The descriptor is the caller's. */
int snapshot_take(struct sidecar *sidecar);

/* Ends and joins it if it runs, and drops the copy. */
void snapshot_finish(struct sidecar *sidecar);
