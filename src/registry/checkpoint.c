/* checkpoint.c -- see checkpoint.h. */
#include "registry/checkpoint.h"

#include "base/clock.h"

#define PASSIVE_PAGES 1000 /* a passive checkpoint each time that the log grew by so many pages */
#define TRUNCATE_BYTES (16 * 1024 * 1024)
#define TRUNCATE_WAIT_MS 250 /* how long new commands may wait for readers to leave the log */
#define TRUNCATE_EVERY_NS CLOCK_NS_PER_S

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct checkpoint *checkpoint = ctx;

	if (pages < checkpoint->pages) /* the log started from its beginning */
		checkpoint->passive_at = PASSIVE_PAGES;
	checkpoint->pages = pages;
	return SQLITE_OK;
}

void checkpoint_init(struct checkpoint *checkpoint, struct store *store)
{
	*checkpoint = (struct checkpoint){.store = store, .passive_at = PASSIVE_PAGES};
	checkpoint->page_size = (int)store_number(store, 4096, "PRAGMA page_size", "");
	sqlite3_wal_hook(store->db, on_commit, checkpoint);
}

/* A reader or another program in the way is no error: what cannot be done now is done later. */
static int result(int code)
{
	return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED ? SQLITE_OK : code;
}

int checkpoint_truncate(struct checkpoint *checkpoint)
{
	sqlite3 *db = checkpoint->store->db;

	sqlite3_busy_timeout(db, TRUNCATE_WAIT_MS);
	int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	store_set_busy_timeout(checkpoint->store);
	if (code == SQLITE_OK) {
		checkpoint->pages = 0;
		checkpoint->passive_at = PASSIVE_PAGES;
	}
	checkpoint->truncate_after_ns = clock_now(clock_system()) + TRUNCATE_EVERY_NS;
	return result(code);
}

int checkpoint_run(struct checkpoint *checkpoint)
{
	if ((int64_t)checkpoint->pages * checkpoint->page_size > TRUNCATE_BYTES &&
		clock_now(clock_system()) >= checkpoint->truncate_after_ns &&
		atomic_load(&checkpoint->held) == 0)
		return checkpoint_truncate(checkpoint);
	if (checkpoint->pages < checkpoint->passive_at)
		return SQLITE_OK;
	checkpoint->passive_at = checkpoint->pages + PASSIVE_PAGES;
	return result(sqlite3_wal_checkpoint_v2(
		checkpoint->store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}
