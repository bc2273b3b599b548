/* The file: how it is made, opened, migrated, and what is refused and left alone. */
#include "fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/migrations.h"
#include "registry/store.h"

/* Starting must fail, with this error and text, and change no byte of the file. */
static void assert_refused(struct fixture *f, int error, const char *text)
{
	static char before[65536], after[65536];
	struct registry_writer *writer;
	char message[512] = "";
	int fd = open(f->path, O_RDONLY);
	ssize_t size = read(fd, before, sizeof(before));

	close(fd);
	int result = registry_writer_start(&f->config, &writer, message);
	if (result != error || !strstr(message, text))
		fail_msg("expected %d '%s', got %d '%s'", error, text, result, message);
	assert_int_not_equal(atomic_load(&f->page->state), PAGE_READY);
	fd = open(f->path, O_RDONLY);
	assert_int_equal(read(fd, after, sizeof(after)), size);
	close(fd);
	assert_memory_equal(before, after, (size_t)size);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static int open_reader(const char *path)
{
	struct registry_reader *reader = NULL;
	int error = registry_reader_open(path, &reader);

	registry_reader_close(reader);
	return error;
}

static void it_is_ours_alone_and_in_wal_mode(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	char path[128];

	assert_int_equal(open_reader(f->path), -ENOENT);
	fixture_start(f);
	assert_int_equal(atomic_load(&f->page->state), PAGE_READY);
	must(f, put_instance("web", "w"));
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_string_equal(sql_text(f, "PRAGMA journal_mode"), "wal");
	assert_string_equal(sql_text(f, "PRAGMA application_id"), "1937138532");
	assert_string_equal(sql_text(f, "PRAGMA user_version"), "3");
	fixture_stop(f);
	assert_int_equal(atomic_load(&f->page->state), PAGE_DOWN);
	/* They stay behind, private, so that a process that may not write can open. */
	snprintf(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(open_reader(f->path), 0);
}

static void each_connection_is_hardened(void **state)
{
	struct fixture *f = *state;
	struct store *store;
	char message[512];
	int value = -1;

	assert_int_equal(store_open(f->path, STORE_WRITE, &store, message), 0);
	assert_int_equal(store_number(store, -1, "PRAGMA synchronous", ""), 2);
	assert_int_equal(store_number(store, -1, "PRAGMA trusted_schema", ""), 0);
	assert_int_equal(store_number(store, -1, "PRAGMA cell_size_check", ""), 1);
	assert_int_equal(store_number(store, -1, "PRAGMA foreign_keys", ""), 1);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &value);
	assert_int_equal(value, 1);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, -1, &value);
	assert_int_equal(value, 0);
	sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_PERSIST_WAL, (value = -1, &value));
	assert_int_equal(value, 1);
	store_exec(store, "ATTACH ':memory:' AS other");
	assert_int_not_equal(store->code, SQLITE_OK);
	store_close(store);
}

static void newer_schemas_are_refused(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fixture_stop(f);
	sql_text(f, "PRAGMA user_version = 7");
	assert_refused(f, -EPROTO, "schema version 7, and this program knows up to version 3");
	assert_int_equal(open_reader(f->path), -EPROTO);
}

static void readers_wait_for_the_schema(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "", 0);
	assert_int_equal(open_reader(f->path), -EAGAIN);
	fixture_start(f); /* an empty file is a new registry */
	assert_int_equal(open_reader(f->path), 0);
}

static void foreign_files_are_left_alone(void **state)
{
	static const char text[] =
		"this is no database at all, but it is long enough to be looked at as if it were one, "
		"because SQLite reads the first hundred bytes of a file before it says so";
	struct fixture *f = *state;

	write_file(f->path, text, sizeof(text));
	assert_refused(f, -EBADMSG, "no SQLite database, and was left as it is");
	assert_int_equal(open_reader(f->path), -EBADMSG);
	unlink(f->path);
	write_file(f->path, "", 0);
	sql_text(f, "CREATE TABLE other (a)");
	assert_refused(f, -EINVAL, "a database of another program");
}

static void damage_is_found_and_left_alone(void **state)
{
	struct fixture *f = *state;
	char junk[4096], id[16];

	fixture_start(f);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "w%d", i);
		must(f, put_instance("web", id));
	}
	fixture_stop(f);
	memset(junk, 0x5a, sizeof(junk));
	int fd = open(f->path, O_WRONLY);
	for (int page = 3; page < 12; page++)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), page * 4096), 4096);
	close(fd);
	assert_refused(f, -EBADMSG, "left as it");
}

static void links_and_missing_folders_are_refused(void **state)
{
	struct fixture *f = *state;
	struct registry_writer *writer;
	char link[128], message[512];

	snprintf(link, sizeof(link), "%s-link", f->path);
	write_file(f->path, "", 0);
	assert_int_equal(symlink(f->path, link), 0);
	f->config.path = link;
	assert_true(registry_writer_start(&f->config, &writer, message) < 0);
	assert_non_null(strstr(message, "cannot open registry"));
	f->config.path = "/nonexistent-folder/registry.db";
	assert_int_equal(registry_writer_start(&f->config, &writer, message), -ENOENT);
	assert_non_null(
		strstr(message, "cannot reach the folder of registry '/nonexistent-folder/registry.db'"));
	f->config.path = f->path;
	f->config.node_address = "0.0.0.0";
	assert_int_equal(registry_writer_start(&f->config, &writer, message), -EINVAL);
	assert_non_null(strstr(message, "Invalid node address"));
}

static void a_linked_folder_is_fine(void **state)
{
	struct fixture *f = *state;
	char link[128], path[160];

	snprintf(link, sizeof(link), "%s-link", f->path);
	snprintf(path, sizeof(path), "%s/registry.db", link);
	assert_int_equal(symlink(f->folder, link), 0);
	f->config.path = path;
	fixture_start(f);
	must(f, put_instance("web", "w"));
}

static void replacing_the_file_is_noticed(void **state)
{
	struct fixture *f = *state;
	char moved[128];

	fixture_start(f);
	assert_false(registry_reader_replaced(f->reader));
	snprintf(moved, sizeof(moved), "%s-link", f->path);
	assert_int_equal(rename(f->path, moved), 0);
	assert_true(registry_reader_replaced(f->reader));
	write_file(f->path, "", 0);
	assert_true(registry_reader_replaced(f->reader));
	assert_int_equal(rename(moved, f->path), 0);
	assert_false(registry_reader_replaced(f->reader));
}

static void steps_are_taken_in_order_and_whole(void **state)
{
	static const struct migration good[] = {
		{1, "CREATE TABLE meta (key TEXT, value INTEGER); CREATE TABLE a (x)"},
		{2, "INSERT INTO a VALUES (2)"},
		{3, "INSERT INTO a VALUES (3); CREATE TABLE b (y)"},
	};
	static const struct migration bad[] = {{4, "CREATE TABLE c (z); INSERT INTO nowhere VALUES (1)"}};
	struct fixture *f = *state;
	struct store *store;
	char message[512];

	assert_int_equal(store_open(f->path, STORE_WRITE, &store, message), 0);
	assert_int_equal(migrations_run(store, good, 2, START_S, message), 0);
	assert_int_equal(store_number(store, -1, "SELECT count(*) FROM a", ""), 1);
	assert_int_equal(migrations_run(store, good, 3, START_S, message), 0);
	assert_int_equal(migrations_run(store, good, 3, START_S, message), 0);
	assert_int_equal(store_number(store, -1, "SELECT sum(x) FROM a", ""), 5);
	assert_int_equal(
		store_number(store, -1, "SELECT max(value) FROM meta WHERE key = 'index'", ""), START_S);
	/* One that fails leaves nothing of itself. */
	assert_true(migrations_run(store, bad, 1, START_S, message) < 0);
	assert_non_null(strstr(message, "cannot bring the registry to schema version 4"));
	store_clear(store);
	assert_int_equal(store_number(store, -1, "PRAGMA user_version", ""), 3);
	assert_int_equal(
		store_number(store, -1, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'", ""), 0);
	store_close(store);
}

static void errors_stick_until_they_are_cleared(void **state)
{
	struct fixture *f = *state;
	struct store *store;
	char message[512];

	assert_int_equal(store_open(f->path, STORE_WRITE, &store, message), 0);
	store_exec(store, "CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1)");
	assert_int_equal(store_run(store, "INSERT INTO a VALUES (?1)", "n", 1), 0);
	assert_int_equal(store_errno(store), -EIO);
	assert_int_equal(store_run(store, "DELETE FROM a", ""), 0);
	assert_int_equal(store_number(store, 77, "SELECT count(*) FROM a", ""), 77);
	store_clear(store);
	assert_int_equal(store_number(store, 77, "SELECT count(*) FROM a", ""), 1);
	assert_int_equal(store_run(store, "DELETE FROM a", ""), 1);
	store_close(store);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_folder, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_ours_alone_and_in_wal_mode),
		TEST(each_connection_is_hardened),
		TEST(newer_schemas_are_refused),
		TEST(readers_wait_for_the_schema),
		TEST(foreign_files_are_left_alone),
		TEST(damage_is_found_and_left_alone),
		TEST(links_and_missing_folders_are_refused),
		TEST(a_linked_folder_is_fine),
		TEST(replacing_the_file_is_noticed),
		TEST(steps_are_taken_in_order_and_whole),
		TEST(errors_stick_until_they_are_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
