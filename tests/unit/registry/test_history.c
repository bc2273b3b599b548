/* The changelog as a story: rows in order, from where somebody left off, and what a pruned one says. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define ALL UINT64_MAX

static struct registry_cursor cursor_at(struct fixture *f, uint64_t since)
{
	struct registry_cursor cursor;

	assert_int_equal(registry_reader_cursor(f->reader, since, 0, &cursor), 0);
	return cursor;
}

static size_t read_rows(struct fixture *f, struct registry_cursor *cursor, uint64_t until, size_t limit,
	const struct registry_history **ret)
{
	size_t count;

	assert_int_equal(registry_reader_history(f->reader, cursor, until, limit, f->arena, ret, &count), 0);
	return count;
}

/* "kind what former>" of each row, with a dot where an index ends. */
static const char *story(struct fixture *f, uint64_t since)
{
	struct registry_cursor cursor = cursor_at(f, since);
	const struct registry_history *rows;
	size_t count = read_rows(f, &cursor, ALL, 100, &rows);
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = arena_printf(f->arena, "%s%s %s/%s/%s %s<%s%s ", text, rows[i].kind, rows[i].service,
			rows[i].node, rows[i].instance, rows[i].what, rows[i].former,
			rows[i].last ? "." : "");
	return text;
}

static void says_what_was_before(void **state)
{
	struct fixture *f = *state;
	uint64_t start = must(f, put_instance("web", "w"));

	must(f, put_check("c", "w", REGISTRY_CHECK_TTL));
	must(f, set_status("c", REGISTRY_PASSING, "fine"));
	must(f, set_status("c", REGISTRY_CRITICAL, "refused"));
	assert_string_equal(story(f, start), "check web/own/w registered<. check web/own/w passing<waiting. "
					     "check web/own/w critical<passing. ");
	start = must(f, set_status("c", REGISTRY_WARNING, ""));
	must(f, remove_instance("w"));
	assert_string_equal(story(f, start), "check web/own/w removed<warning instance web/own/w removed<. ");
}

static void a_check_of_a_node_concerns_each_service(void **state)
{
	struct fixture *f = *state;
	uint64_t start;

	must(f, put_instance("web", "w"));
	start = must(f, put_instance("db", "d"));
	must(f, put_check("n", "", REGISTRY_CHECK_TTL));
	must(f, set_status("n", REGISTRY_PASSING, ""));
	assert_string_equal(story(f, start),
		"check /own/ registered< check db/own/ registered< "
		"check web/own/ registered<. check /own/ passing<waiting "
		"check db/own/ passing<waiting check web/own/ passing<waiting. ");
}

/* Wherever the reading is cut, nothing is lost and nothing comes twice. */
static void goes_on_where_it_was_cut(void **state)
{
	struct fixture *f = *state;
	const struct registry_history *rows;
	uint64_t start = must(f, put_instance("web", "w"));

	must(f, put_check("n", "", REGISTRY_CHECK_TTL)); /* two rows, one index */
	for (int i = 0; i < 5; i++)
		must(f, set_status("n", i % 2 ? REGISTRY_PASSING : REGISTRY_WARNING, ""));
	for (size_t limit = 1; limit <= 13; limit++) {
		struct registry_cursor cursor = cursor_at(f, start);
		size_t count, sum = 0;

		while ((count = read_rows(f, &cursor, ALL, limit, &rows)) > 0) {
			sum += count;
			assert_int_equal(cursor.index, start + sum / 2);
			assert_int_equal(rows[count - 1].last, sum % 2 == 0);
		}
		assert_int_equal(sum, 12);
	}
	/* Not beyond what DNS shows. */
	struct registry_cursor cursor = cursor_at(f, start);
	assert_int_equal(read_rows(f, &cursor, start + 2, 100, &rows), 4);
	assert_int_equal(rows[3].index, start + 2);
	assert_true(rows[3].last);
	assert_int_equal(read_rows(f, &cursor, start + 2, 100, &rows), 0);
	assert_int_equal(read_rows(f, &cursor, ALL, 100, &rows), 8);
}

static void the_last_ones_by_number(void **state)
{
	struct fixture *f = *state;
	const struct registry_history *rows;
	struct registry_cursor cursor;
	uint64_t end = 0;

	for (int i = 0; i < 4; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		end = must(f, put_instance("web", id));
	}
	assert_int_equal(registry_reader_cursor(f->reader, 0, 3, &cursor), 0);
	assert_int_equal(cursor.index, end - 3);
	assert_int_equal(read_rows(f, &cursor, ALL, 100, &rows), 3);
	assert_string_equal(rows[0].instance, "w1");
	assert_int_equal(registry_reader_cursor(f->reader, 0, 1000, &cursor), 0);
	assert_int_equal(read_rows(f, &cursor, ALL, 100, &rows), 5); /* and our own node */
	assert_string_equal(rows[0].kind, "node");
}

static int few_rows(void **state)
{
	int error = fixture_folder(state);
	struct fixture *f = *state;

	f->config.limits.changelog_rows = 10;
	fixture_start(f);
	return error;
}

static void what_was_pruned_is_stale(void **state)
{
	struct fixture *f = *state;
	const struct registry_history *rows;
	struct registry_cursor cursor, old;
	uint64_t start = must(f, put_instance("web", "w")), end = 0;
	size_t count;
	int64_t time_ms;

	old = cursor_at(f, start);
	assert_int_equal(registry_reader_time(f->reader, start, &time_ms), 0);
	assert_int_equal(time_ms, START_S * INT64_C(1000));
	for (int i = 0; i < 30; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		end = must(f, put_instance("web", id));
	}
	assert_int_equal(registry_reader_history(f->reader, &old, ALL, 5, f->arena, &rows, &count), -ESTALE);
	assert_int_equal(registry_reader_cursor(f->reader, start, 0, &cursor), -ESTALE);
	assert_int_equal(cursor.index, end); /* the client reloads, and goes on from here */
	assert_int_equal(read_rows(f, &cursor, ALL, 5, &rows), 0);
	assert_int_equal(registry_reader_cursor(f->reader, end + 1, 0, &cursor), -ESTALE);
	/* Exactly what is left can be resumed from. */
	cursor = cursor_at(f, end - 10);
	assert_int_equal(read_rows(f, &cursor, ALL, 100, &rows), 10);
	assert_int_equal(registry_reader_cursor(f->reader, end - 11, 0, &cursor), -ESTALE);
	assert_int_equal(registry_reader_time(f->reader, start, &time_ms), 0);
	assert_int_equal(time_ms, 0);
}

/* Wherever an index stands in the changelog, what comes behind it is found: with one row to an index or
 * several, at the ends, and where rows were pruned. */
static void every_index_is_found(void **state)
{
	struct fixture *f = *state;
	uint64_t start = must(f, put_instance("web", "w")), end = start;
	const char *const *services;
	uint64_t index;
	size_t count;

	must(f, put_check("n", "", REGISTRY_CHECK_TTL)); /* two rows, one index */
	for (int i = 0; i < 40; i++)
		end = must(f, i % 3 ? put_instance(i % 2 ? "web" : "db", arena_printf(f->arena, "i%d", i))
				    : set_status("n", i % 2 ? REGISTRY_PASSING : REGISTRY_WARNING, ""));
	uint64_t floor = strtoull(sql_text(f, "SELECT min(idx) FROM changelog"), NULL, 10) - 1;
	for (uint64_t since = floor > start ? floor + 1 : start; since <= end; since++) {
		const char *sql = arena_printf(f->arena,
			"SELECT max(seq) || ' ' || (SELECT count(DISTINCT service) FROM changelog WHERE idx "
			"> "
			"%llu AND service <> '') FROM changelog WHERE idx <= %llu",
			(unsigned long long)since, (unsigned long long)since);
		assert_int_equal(
			registry_reader_changes(f->reader, since, f->arena, &services, &count, &index), 0);
		assert_string_equal(sql_text(f, sql),
			arena_printf(f->arena, "%lld %zu", (long long)cursor_at(f, since).seq, count));
	}
}

static char told[1024];

static void remember(const struct registry_history *change)
{
	size_t size = strlen(told);

	snprintf(told + size, sizeof(told) - size, "%s %s/%s/%s/%s %s<%s %s. ", change->kind, change->service,
		change->node, change->instance, change->id, change->what, change->former, change->reason);
}

/* On the writer's thread, so the writer is stopped before it is looked at. */
static void whoever_listens_is_told_what_was_committed(void **state)
{
	struct fixture *f = *state;
	struct registry_command *drop = remove_instance("w");

	told[0] = '\0';
	f->config.changed = remember;
	fixture_start(f);
	must(f, put_instance("web", "w"));
	must(f, put_instance("db", "d"));
	refused(f, set_status("none", REGISTRY_PASSING, ""), -ENOENT, "none");
	must(f, put_check("n", "", REGISTRY_CHECK_TTL));
	must(f, set_status("n", REGISTRY_CRITICAL, "refused"));
	must(f, set_status("n", REGISTRY_CRITICAL, "refused")); /* as it was */
	drop->reason = "enough";
	must(f, drop);
	fixture_stop(f);
	assert_string_equal(told, "instance web/own/w/w registered< . instance db/own/d/d registered< . "
				  "check /own//n registered< . check /own//n critical<waiting . "
				  "instance web/own/w/w removed< enough. ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(says_what_was_before, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_check_of_a_node_concerns_each_service, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(goes_on_where_it_was_cut, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_last_ones_by_number, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			whoever_listens_is_told_what_was_committed, fixture_folder, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_was_pruned_is_stale, few_rows, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_index_is_found, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(every_index_is_found, few_rows, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
