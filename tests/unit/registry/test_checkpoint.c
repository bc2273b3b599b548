/* The write-ahead log goes back into the database, readers or not. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "registry/checkpoint.h"

#define MB (1024 * 1024)

static off_t wal_size(const struct fixture *f)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "%s-wal", f->path);
	return stat(path, &status) ? -1 : status.st_size;
}

/* Commits about `mb` megabytes, one a transaction. */
static void write_mb(struct store *store, struct checkpoint *checkpoint, int mb)
{
	for (int i = 0; i < mb; i++) {
		store_exec(store, "INSERT INTO a VALUES (randomblob(1000000))");
		if (checkpoint)
			assert_int_equal(checkpoint_run(checkpoint), SQLITE_OK);
	}
	assert_int_equal(store->code, SQLITE_OK);
}

/* Nanoseconds that a checkpoint holds up new commands for. */
static int64_t time_of_run(struct checkpoint *checkpoint)
{
	int64_t begin = clock_now(clock_system());

	checkpoint->truncate_after_ns = 0;
	assert_int_equal(checkpoint_run(checkpoint), SQLITE_OK);
	/* Not again at once. */
	assert_true(checkpoint->truncate_after_ns > begin + CLOCK_NS_PER_S);
	return clock_now(clock_system()) - begin;
}

static struct store *open_store(const struct fixture *f, enum store_mode mode)
{
	struct store *store;
	char message[512];

	if (store_open(f->path, mode, &store, message))
		fail_msg("%s", message);
	return store;
}

static void the_log_is_used_again_when_nobody_reads(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_store(f, STORE_WRITE);
	struct checkpoint checkpoint;

	store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE a (x)");
	checkpoint_init(&checkpoint, store);
	write_mb(store, &checkpoint, 40);
	assert_in_range(wal_size(f), 1, 12 * MB);
	assert_int_equal(checkpoint_truncate(&checkpoint), SQLITE_OK);
	assert_int_equal(wal_size(f), 0);
	store_close(store);
}

static void a_reader_delays_truncation_for_a_bounded_time(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_store(f, STORE_WRITE), *reader;
	struct checkpoint checkpoint;

	store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE a (x)");
	checkpoint_init(&checkpoint, store);
	write_mb(store, NULL, 1);
	reader = open_store(f, STORE_READ);
	store_exec(reader, "BEGIN; SELECT count(*) FROM a");
	assert_int_equal(reader->code, SQLITE_OK);
	write_mb(store, NULL, 34);
	/* A busy machine may hold us up for longer, but not every time. */
	int64_t took = time_of_run(&checkpoint);
	for (int i = 0; i < 20 && took >= CLOCK_NS_PER_S; i++)
		took = time_of_run(&checkpoint);
	assert_true(took < CLOCK_NS_PER_S);
	assert_true(wal_size(f) > 32 * MB);
	store_exec(reader, "COMMIT");
	checkpoint.truncate_after_ns = 0;
	assert_int_equal(checkpoint_run(&checkpoint), SQLITE_OK);
	assert_int_equal(wal_size(f), 0);
	store_close(reader);
	store_close(store);
}

/* Commits as write_mb() does, and gives a disk that is slower than we are the time to copy a long log. */
static void write_mb_behind(
	const struct fixture *f, struct store *store, struct checkpoint *checkpoint, int mb)
{
	for (int i = 0; i < mb; i++) {
		bool copying = wal_size(f) > 40 * MB;

		while (copying) {
			pthread_mutex_lock(&checkpoint->lock);
			copying = checkpoint->due;
			pthread_mutex_unlock(&checkpoint->lock);
			poll(NULL, 0, 1);
		}
		write_mb(store, checkpoint, 1);
	}
}

static off_t file_size(const struct fixture *f)
{
	struct stat status;

	return stat(f->path, &status) ? -1 : status.st_size;
}

static void the_thread_copies_and_the_log_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct store *store = open_store(f, STORE_WRITE);
	struct checkpoint checkpoint;
	char message[512];

	store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE a (x)");
	checkpoint_init(&checkpoint, store);
	assert_int_equal(checkpoint_start(&checkpoint, f->path, message), 0);
	write_mb(store, &checkpoint, 5);
	/* What is due is done before it ends. */
	assert_int_equal(checkpoint_stop(&checkpoint), SQLITE_OK);
	assert_in_range(file_size(f), 2 * MB, 6 * MB);
	assert_true(wal_size(f) > 2 * MB); /* a copy that is done in time lets SQLite begin anew by itself */
	/* While commits come without a pause, too. */
	assert_int_equal(checkpoint_start(&checkpoint, f->path, message), 0);
	write_mb_behind(f, store, &checkpoint, 100);
	assert_int_equal(checkpoint_stop(&checkpoint), SQLITE_OK);
	assert_in_range(wal_size(f), 1, 64 * MB);
	assert_int_equal(checkpoint_truncate(&checkpoint), SQLITE_OK);
	assert_int_equal(wal_size(f), 0);
	assert_true(file_size(f) > 100 * MB);
	store_close(store);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_folder, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_is_used_again_when_nobody_reads),
		TEST(the_thread_copies_and_the_log_begins_anew),
		TEST(a_reader_delays_truncation_for_a_bounded_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
