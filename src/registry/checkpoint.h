/* checkpoint.h -- when the write-ahead log goes back into the database.
 *
 * Private to the registry room. Called on the writer's thread; a thread of its own, with a connection of its
 * own, copies what stands in the log each time that it grew by 2 MB, while the writer goes on: the copying
 * and its sync would be in the way of whoever registers then. While commits come without a pause there is
 * always a rest, and the log cannot begin anew: above 8 MB the writer copies the rest itself, which is
 * little. When the log has grown above 32 MB, which readers with back-to-back transactions can bring about,
 * it is truncated with a bounded wait for them. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "registry/store.h"

struct checkpoint {
	struct store *store;
	int page_size;
	int pages;      /* in the log, after the last commit */
	int copied;     /* pages that the thread was asked to copy, at least */
	int passive_at; /* pages at which the thread is due */
	int finish_at;  /* pages at which the writer is */
	int64_t truncate_after_ns;
	atomic_int held; /* any thread: above 0 while it would be no use to wait for readers */

	/* The thread; none before checkpoint_start(), then the writer copies all itself. */
	struct store *own;
	pthread_t thread;
	pthread_mutex_t lock; /* for the rest */
	pthread_cond_t wake;
	bool due, stop;
	int code; /* how its last copying failed, if it did */
};

/* Starts to count the pages that `store` commits. */
void checkpoint_init(struct checkpoint *checkpoint, struct store *store);

/* Starts the thread, after checkpoint_init(). 0 or negative errno with a sentence in `message`. */
int checkpoint_start(struct checkpoint *checkpoint, const char *path, char message[512]);

/* Ends the thread, if there is one, when it is done with what it does. An SQLite code: how that ended. */
int checkpoint_stop(struct checkpoint *checkpoint);

/* Does what is due, or has it done. An SQLite code, also of what was done meanwhile; SQLITE_OK also if
 * readers were in the way. */
int checkpoint_run(struct checkpoint *checkpoint);

/* Writes everything back and empties the log, if readers let it within a quarter of a second. Not while the
 * thread copies: then it does nothing. As above. */
int checkpoint_truncate(struct checkpoint *checkpoint);
