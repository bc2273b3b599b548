/* checkpoint.c -- see checkpoint.h. */
#include "registry/checkpoint.h"

#include "base/clock.h"

#define PASSIVE_PAGES 500 /* the thread copies each time that the log grew by so many pages */
#define FINISH_PAGES 2000 /* the writer copies the rest, so that the log begins anew */
#define REST_PAGES 400    /* which is so much at most, else the thread is asked before */
#define FINISH_AGAIN 200  /* and again each so many pages, while readers keep it from that */
#define TRUNCATE_BYTES (32 * 1024 * 1024)
#define TRUNCATE_WAIT_MS 250 /* how long new commands may wait for readers to leave the log */
#define TRUNCATE_EVERY_NS CLOCK_NS_PER_S

static void begin_anew(struct checkpoint *checkpoint)
{
	checkpoint->copied = 0;
	checkpoint->passive_at = PASSIVE_PAGES;
	checkpoint->finish_at = FINISH_PAGES;
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct checkpoint *checkpoint = ctx;

	if (pages < checkpoint->pages) /* the log started from its beginning */
		begin_anew(checkpoint);
	checkpoint->pages = pages;
	return SQLITE_OK;
}

void checkpoint_init(struct checkpoint *checkpoint, struct store *store)
{
	*checkpoint = (struct checkpoint){.store = store};
	begin_anew(checkpoint);
	checkpoint->page_size = (int)store_number(store, 4096, "PRAGMA page_size", "");
	sqlite3_wal_hook(store->db, on_commit, checkpoint);
}

/* A reader or another program in the way is no error: what cannot be done now is done later. */
static int result(int code)
{
	return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED ? SQLITE_OK : code;
}

static int copy(struct store *store)
{
	return result(sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}

/* -- The thread -- */

/* SQLite syncs the database only with a copying that leaves no rest. What the thread copied is synced here,
 * so that the writer has little left to wait for. */
static int sync_database(struct store *store)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	return file && file->pMethods ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : SQLITE_OK;
}

static void *run(void *ctx)
{
	struct checkpoint *checkpoint = ctx;

	pthread_setname_np(pthread_self(), "checkpoint");
	pthread_mutex_lock(&checkpoint->lock);
	while (checkpoint->due || !checkpoint->stop) {
		if (!checkpoint->due) {
			pthread_cond_wait(&checkpoint->wake, &checkpoint->lock);
			continue;
		}
		pthread_mutex_unlock(&checkpoint->lock);
		int code = copy(checkpoint->own);
		if (code == SQLITE_OK)
			code = sync_database(checkpoint->own);
		pthread_mutex_lock(&checkpoint->lock);
		checkpoint->code = code;
		checkpoint->due = false;
	}
	pthread_mutex_unlock(&checkpoint->lock);
	return NULL;
}

int checkpoint_start(struct checkpoint *checkpoint, const char *path, char message[512])
{
	int error = store_open(path, STORE_WRITE, &checkpoint->own, message);

	if (error)
		return error;
	pthread_mutex_init(&checkpoint->lock, NULL);
	pthread_cond_init(&checkpoint->wake, NULL);
	checkpoint->stop = checkpoint->due = false;
	error = -pthread_create(&checkpoint->thread, NULL, run, checkpoint);
	if (!error)
		return 0;
	pthread_cond_destroy(&checkpoint->wake);
	pthread_mutex_destroy(&checkpoint->lock);
	store_close(checkpoint->own);
	checkpoint->own = NULL;
	return error;
}

int checkpoint_stop(struct checkpoint *checkpoint)
{
	if (!checkpoint->own)
		return SQLITE_OK;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->stop = true;
	pthread_cond_signal(&checkpoint->wake);
	pthread_mutex_unlock(&checkpoint->lock);
	pthread_join(checkpoint->thread, NULL);
	pthread_cond_destroy(&checkpoint->wake);
	pthread_mutex_destroy(&checkpoint->lock);
	store_close(checkpoint->own);
	checkpoint->own = NULL;
	return checkpoint->code;
}

/* True while the thread copies; else *ret_code is how that ended, once. */
static bool is_copying(struct checkpoint *checkpoint, int *ret_code)
{
	*ret_code = SQLITE_OK;
	if (!checkpoint->own)
		return false;
	pthread_mutex_lock(&checkpoint->lock);
	bool due = checkpoint->due;
	if (!due) {
		*ret_code = checkpoint->code;
		checkpoint->code = SQLITE_OK;
	}
	pthread_mutex_unlock(&checkpoint->lock);
	return due;
}

static int copy_later(struct checkpoint *checkpoint)
{
	if (!checkpoint->own)
		return copy(checkpoint->store);
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->due = true;
	pthread_cond_signal(&checkpoint->wake);
	pthread_mutex_unlock(&checkpoint->lock);
	return SQLITE_OK;
}

/* -- The writer's -- */

int checkpoint_truncate(struct checkpoint *checkpoint)
{
	sqlite3 *db = checkpoint->store->db;

	sqlite3_busy_timeout(db, TRUNCATE_WAIT_MS);
	int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	store_set_busy_timeout(checkpoint->store);
	if (code == SQLITE_OK) {
		checkpoint->pages = 0;
		begin_anew(checkpoint);
	}
	checkpoint->truncate_after_ns = clock_now(clock_system()) + TRUNCATE_EVERY_NS;
	return result(code);
}

/* The log is large enough to begin anew. */
static bool is_full(const struct checkpoint *checkpoint)
{
	return checkpoint->pages >= checkpoint->finish_at;
}

/* What the thread has not copied yet is little. */
static bool is_copied(const struct checkpoint *checkpoint)
{
	return !checkpoint->own || checkpoint->pages - checkpoint->copied <= REST_PAGES;
}

int checkpoint_run(struct checkpoint *checkpoint)
{
	int code;

	/* A sync that failed must be heard of before the next one, which may say that all is well. */
	if (is_copying(checkpoint, &code) || code != SQLITE_OK)
		return code;
	if ((int64_t)checkpoint->pages * checkpoint->page_size > TRUNCATE_BYTES &&
		clock_now(clock_system()) >= checkpoint->truncate_after_ns &&
		atomic_load(&checkpoint->held) == 0)
		return checkpoint_truncate(checkpoint);
	if (is_full(checkpoint) && is_copied(checkpoint)) {
		checkpoint->finish_at = checkpoint->pages + FINISH_AGAIN;
		return copy(checkpoint->store);
	}
	if (!is_full(checkpoint) && checkpoint->pages < checkpoint->passive_at)
		return SQLITE_OK;
	checkpoint->copied = checkpoint->pages;
	checkpoint->passive_at = checkpoint->pages + PASSIVE_PAGES;
	return copy_later(checkpoint);
}
