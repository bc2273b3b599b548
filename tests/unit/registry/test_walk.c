/* The walk over the whole: what it says is what the questions say, in batches that are whole services. */
#include "fixture.h"

#include <stdio.h>
#include <strings.h>

#include "registry/reader_private.h"

/* Compares a service with the answer to the question for it. */
static int compare_service(
	const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct fixture *f = ctx;
	const struct registry_filter filter = {.service = service};
	const struct registry_instance *asked;
	size_t asked_count;

	assert_int_equal(registry_reader_instances(f->reader, &filter, f->arena, &asked, &asked_count), 0);
	assert_int_equal(count, asked_count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(instances[i].node, asked[i].node);
		assert_string_equal(instances[i].id, asked[i].id);
		assert_string_equal(instances[i].service, asked[i].service);
		assert_string_equal(instances[i].address, asked[i].address);
		assert_string_equal(instances[i].node_address, asked[i].node_address);
		assert_int_equal(instances[i].status, asked[i].status);
		assert_int_equal(instances[i].waiting, asked[i].waiting);
		assert_int_equal(instances[i].maintenance, asked[i].maintenance);
		assert_int_equal(instances[i].tag_count, asked[i].tag_count);
		for (size_t t = 0; t < asked[i].tag_count; t++)
			assert_string_equal(instances[i].tags[t], asked[i].tags[t]);
		assert_int_equal(instances[i].modify_index, asked[i].modify_index);
	}
	return 0;
}

/* The status of one instance of `web` in a walk: its letter, '?' if it waits, and '-' if it is out. */
struct looked_for {
	const char *id;
	char found[4];
};

static int look(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct looked_for *wanted = ctx;

	(void)service;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(instances[i].id, wanted->id))
			snprintf(wanted->found, sizeof(wanted->found), "%c%s%s",
				registry_status_name(instances[i].status)[0], instances[i].waiting ? "?" : "",
				instances[i].maintenance ? "-" : "");
	return 0;
}

static void expect_status(struct fixture *f, const char *id, const char *expected)
{
	struct looked_for wanted = {.id = id};
	uint64_t index;

	assert_int_equal(registry_reader_walk(f->reader, look, &wanted, &index), 0);
	assert_string_equal(wanted.found, expected);
}

static void the_worst_check_decides(void **state)
{
	struct fixture *f = *state;
	uint64_t index;

	must(f, put_node("n2", "10.9.9.9"));
	must(f, put_instance("web", "free"));
	must(f, put_instance("web", "Two"));
	must(f, put_on_node("n2", "web", "far"));
	must(f, put_on_node("n2", "db", "d1"));
	expect_status(f, "Two", "p");
	must(f, put_check("c1", "two", REGISTRY_CHECK_TTL));
	must(f, put_check("c2", "TWO", REGISTRY_CHECK_TTL));
	expect_status(f, "Two", "c?");
	must(f, set_status("c1", REGISTRY_PASSING, ""));
	expect_status(f, "Two", "c?");
	must(f, set_status("c2", REGISTRY_WARNING, ""));
	expect_status(f, "Two", "w");
	must(f, set_status("c1", REGISTRY_CRITICAL, ""));
	expect_status(f, "Two", "c");
	must(f, set_status("c1", REGISTRY_PASSING, ""));
	must(f, set_status("c2", REGISTRY_PASSING, ""));
	expect_status(f, "Two", "p");
	/* A check of a node is for each instance there. */
	must(f, put_check("disk", "", REGISTRY_CHECK_TTL));
	must(f, set_status("disk", REGISTRY_CRITICAL, ""));
	expect_status(f, "free", "c");
	expect_status(f, "Two", "c");
	expect_status(f, "far", "p");
	assert_int_equal(registry_reader_walk(f->reader, compare_service, f, &index), 0);
}

/* Who was taken out on purpose is told from who fails, in a walk and in a question. */
static void maintenance_is_told_apart(void **state)
{
	struct fixture *f = *state;
	uint64_t index;

	must(f, put_node("n2", "10.9.9.9"));
	must(f, put_on_node("n2", "web", "far"));
	must(f, put_instance("web", "free"));
	must(f, put_instance("web", "Two"));
	must(f, put_check("c1", "two", REGISTRY_CHECK_TTL));
	must(f, set_maintenance("two", true));
	expect_status(f, "Two", "c-");
	expect_status(f, "free", "p");
	must(f, set_status("c1", REGISTRY_CRITICAL, ""));
	expect_status(f, "Two", "c-");
	assert_int_equal(registry_reader_walk(f->reader, compare_service, f, &index), 0);
	must(f, set_maintenance("two", false));
	expect_status(f, "Two", "c");
	/* That of a node takes out each instance there. */
	must(f, set_maintenance("", true));
	expect_status(f, "free", "c-");
	expect_status(f, "Two", "c-");
	expect_status(f, "far", "p");
	assert_int_equal(registry_reader_walk(f->reader, compare_service, f, &index), 0);
	must(f, set_maintenance("", false));
	expect_status(f, "free", "p");
	/* By its id any check stands for it, as registry_check_is_maintenance() says, while it is critical.
	 */
	must(f, put_check("_Node_maintenance", "", REGISTRY_CHECK_NONE));
	assert_true(registry_check_is_maintenance("_Node_maintenance"));
	expect_status(f, "free", "c-");
	must(f, set_status("_node_maintenance", REGISTRY_WARNING, ""));
	expect_status(f, "free", "w");
	must(f, put_check("x_node_maintenance", "", REGISTRY_CHECK_NONE));
	must(f, put_check("_service_maintenance", "free", REGISTRY_CHECK_NONE));
	must(f, put_check("_service_maintenancf", "free", REGISTRY_CHECK_NONE));
	expect_status(f, "free", "c");
	assert_false(registry_check_is_maintenance("_service_maintenance"));
	must(f, put_check("_SERVICE_maintenance:any", "free", REGISTRY_CHECK_NONE));
	expect_status(f, "free", "c-");
	assert_true(registry_check_is_maintenance("_SERVICE_maintenance:any"));
	assert_int_equal(registry_reader_walk(f->reader, compare_service, f, &index), 0);
}

static void lists_of_tags(void **state)
{
	/* As the column has it, and the tags with '|' behind each. */
	static const char *const rows[][2] = {
		{"[]", ""},
		{"[\"\"]", "|"},
		{"[\"one\"]", "one|"},
		{"[\"a,b\",\"[c]\",\" \",\"d\"]", "a,b|[c]| |d|"},
		{"[\"a\",\"b\",\"c\",\"d\",\"e\"]", "a|b|c|d|e|"},
		{"[\"quote\\\"d\",\"back\\\\slash\",\"\\u0041\"]", "quote\"d|back\\slash|A|"},
		{"[\"gr\u00fcn\",\"x\"]", "gr\u00fcn|x|"},
		{"[ \"blank\", \"s\" ]", "blank|s|"},
		{"[\"a\",]", ""},
		{"[\"a\"\"b\"]", ""},
		{"[\"a\"", ""},
		{"[\"a", ""},
		{"[\"a\"]]", ""},
		{"\"a\"", ""},
		{"", ""},
	};
	struct fixture *f = *state;

	must(f, put_instance("web", "i"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char sql[256], tags[128] = "";
		snprintf(sql, sizeof(sql), "UPDATE instance SET tags = '%s'", rows[i][0]);
		sql_text(f, sql);
		const struct registry_instance *found = find_instance(f, "i");
		for (size_t t = 0; t < found->tag_count; t++)
			strcat(strcat(tags, found->tags[t]), "|");
		assert_string_equal(tags, rows[i][1]);
	}
}

struct taken {
	struct fixture *f;
	char text[512];
	int stop_with;
};

static int append(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct taken *taken = ctx;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strcasecmp(instances[i].service, service), 0);
		strcat(strcat(taken->text, instances[i].id), " ");
	}
	return 0;
}

static int take(struct registry_batch *batch, void *ctx)
{
	struct taken *taken = ctx;

	assert_true(batch->count > 0);
	registry_batch_visit(batch, append, taken);
	strcat(taken->text, "/ ");
	registry_batch_finish(batch);
	assert_null(batch->arena);
	return taken->stop_with;
}

static void batches_are_whole_services(void **state)
{
	struct fixture *f = *state;
	struct taken small = {.f = f}, large = {.f = f}, stopped = {.stop_with = -77};
	uint64_t index = 0, now;

	assert_int_equal(registry_reader_walk_batches(f->reader, 1, take, &small, &index), 0);
	assert_string_equal(small.text, "");
	must(f, put_instance("web", "w1"));
	must(f, put_instance("Web", "w2"));
	must(f, put_instance("api", "a1"));
	must(f, put_instance("db", "d1"));
	sql_text(f, "UPDATE instance SET service = 'WEB' WHERE id = 'w2'");
	assert_int_equal(registry_reader_walk_batches(f->reader, 1 << 20, take, &large, &index), 0);
	assert_string_equal(large.text, "a1 d1 w1 w2 / ");
	assert_int_equal(registry_reader_index(f->reader, &now), 0);
	assert_int_equal(index, now);
	index = 1;
	assert_int_equal(registry_reader_walk_batches(f->reader, 1, take, &stopped, &index), -77);
	assert_string_equal(stopped.text, "a1 / ");
	assert_int_equal(index, 1);
	assert_true(sqlite3_get_autocommit(f->reader->store->db));
}

static void an_error_in_the_middle_ends_it(void **state)
{
	struct fixture *f = *state;
	struct taken taken = {.f = f};
	uint64_t index = 1;

	must(f, put_instance("web", "w1"));
	sql_text(f, "ALTER TABLE checks RENAME TO lost");
	assert_int_equal(registry_reader_walk_batches(f->reader, 1, take, &taken, &index), -EIO);
	assert_string_equal(taken.text, "");
	assert_int_equal(index, 1);
	assert_true(sqlite3_get_autocommit(f->reader->store->db));
	sql_text(f, "ALTER TABLE lost RENAME TO checks");
	assert_int_equal(registry_reader_walk_batches(f->reader, 1, take, &taken, &index), 0);
	assert_string_equal(taken.text, "w1 / ");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_worst_check_decides),
		TEST(maintenance_is_told_apart),
		TEST(lists_of_tags),
		TEST(batches_are_whole_services),
		TEST(an_error_in_the_middle_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
