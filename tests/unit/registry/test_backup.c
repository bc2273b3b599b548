/* A copy is one moment, whatever the writer does meanwhile; and it is there whole, or not at all. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/store.h"

static const char *copy_path(const struct fixture *f)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s.copy", f->path);
	return path;
}

/* The first column of the first row of the copy. */
static int64_t copied(const struct fixture *f, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t value;

	assert_int_equal(sqlite3_open_v2(copy_path(f), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

/* Each time it is asked it changes the registry; it stops the copy after `left` questions. */
struct meddler {
	struct fixture *f;
	int asked, left;
};

static bool meddle(void *ctx)
{
	struct meddler *meddler = ctx;
	char id[32];

	snprintf(id, sizeof(id), "new-%d", meddler->asked++);
	must(meddler->f, put_instance("web", id));
	return meddler->left-- == 0;
}

static void fill(struct fixture *f)
{
	char id[32];

	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "old-%d", i);
		must(f, put_instance("web", id));
	}
}

static void a_copy_is_one_moment(void **state)
{
	struct fixture *f = *state;
	struct meddler meddler = {f, 0, 1 << 20};
	struct stat status;

	fill(f);
	assert_int_equal(registry_backup(f->writer, copy_path(f), meddle, &meddler), 0);
	assert_true(meddler.asked > 0);
	assert_int_equal(copied(f, "SELECT count(*) FROM svcdns_instances"), 300);
	assert_string_equal(sql_text(f, "SELECT count(*) > 300 FROM svcdns_instances"), "1");
	assert_int_equal(stat(copy_path(f), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	unlink(copy_path(f));
}

static void a_copy_that_is_stopped_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct meddler meddler = {f, 0, 0};

	assert_int_equal(registry_backup(f->writer, copy_path(f), meddle, &meddler), -ECANCELED);
	assert_int_equal(access(copy_path(f), F_OK), -1);
	assert_int_equal(registry_backup(f->writer, "/nonexistent/copy", meddle, &meddler), -ENOENT);
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

/* What a former life left, or a link that somebody laid, is not written through. */
static void a_name_that_is_taken_is_taken_over(void **state)
{
	struct fixture *f = *state;
	char other[128];
	struct stat status;

	snprintf(other, sizeof(other), "%s.other", f->path);
	assert_int_equal(symlink(other, copy_path(f)), 0);
	assert_int_equal(registry_backup(f->writer, copy_path(f), never, NULL), 0);
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(lstat(copy_path(f), &status), 0);
	assert_true(S_ISREG(status.st_mode));
	unlink(copy_path(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_is_one_moment, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_copy_that_is_stopped_leaves_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_name_that_is_taken_is_taken_over, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
