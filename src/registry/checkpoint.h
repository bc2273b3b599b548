/* checkpoint.h -- when the write-ahead log goes back into the database.
 *
 * Private to the registry room; the writer's thread. Passive as it goes; when the log has grown above 16 MB,
 * which readers with back-to-back transactions can bring about, the log is truncated with a bounded wait for
 * them. */
#pragma once

#include <stdatomic.h>

#include "registry/store.h"

struct checkpoint {
	struct store *store;
	int page_size;
	int pages;      /* in the log, after the last commit */
	int passive_at; /* pages at which the next passive checkpoint is due */
	int64_t truncate_after_ns;
	atomic_int held; /* any thread: above 0 while it would be no use to wait for readers */
};

/* Starts to count the pages that `store` commits. */
void checkpoint_init(struct checkpoint *checkpoint, struct store *store);

/* Does what is due. An SQLite code; SQLITE_OK also if readers were in the way. */
int checkpoint_run(struct checkpoint *checkpoint);

/* Writes everything back and empties the log, if readers let it within a quarter of a second. As above. */
int checkpoint_truncate(struct checkpoint *checkpoint);
