/* What a reader is asked: rows, filters, order, snapshots, the whole, and the views for other programs. */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>

#include "registry/reader_private.h"

/* Three services on two nodes, some checks. */
static void fill(struct fixture *f)
{
	struct registry_command *command = put_on_node("n2", "web", "w2");

	instance_of(command)->tags = (const char *const[]){"v2", "main"};
	instance_of(command)->tag_count = 2;
	add_check(command, "c2", REGISTRY_CHECK_NONE)->status = REGISTRY_WARNING;
	must(f, command);
	command = put_instance("web", "W1");
	instance_of(command)->tags = (const char *const[]){"v1", "main"};
	instance_of(command)->tag_count = 2;
	add_check(command, "c1", REGISTRY_CHECK_TTL);
	must(f, command);
	must(f, put_on_node("n2", "db", "d1"));
	must(f, put_instance("user.rpc", "r1"));
	must(f, put_check("disk", "", REGISTRY_CHECK_TTL));
	must(f, set_status("disk", REGISTRY_PASSING, "fine"));
}

/* The ids of the rows, joined. */
static void assert_instances(struct fixture *f, struct registry_filter filter, const char *expected)
{
	const struct registry_instance *list;
	char text[256] = "";
	size_t count;

	assert_int_equal(registry_reader_instances(f->reader, &filter, f->arena, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		strcat(strcat(text, list[i].id), " ");
	assert_string_equal(text, expected);
}

static void assert_checks(struct fixture *f, struct registry_filter filter, const char *expected)
{
	const struct registry_check *list;
	char text[256] = "";
	size_t count;

	assert_int_equal(registry_reader_checks(f->reader, &filter, f->arena, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		strcat(strcat(text, list[i].id), " ");
	assert_string_equal(text, expected);
}

static void filters_and_order(void **state)
{
	struct fixture *f = *state;
	const enum registry_status passing = REGISTRY_PASSING, critical = REGISTRY_CRITICAL;
	const struct registry_node *nodes;
	size_t count;

	fill(f);
	assert_instances(f, (struct registry_filter){0}, "d1 w2 r1 W1 ");
	assert_instances(f, (struct registry_filter){.service = "WEB"}, "w2 W1 ");
	assert_instances(f, (struct registry_filter){.node = "OWN"}, "r1 W1 ");
	assert_instances(f, (struct registry_filter){.node = "own", .id = "w1"}, "W1 ");
	assert_instances(f, (struct registry_filter){.node = "n2", .id = "w1"}, "");
	assert_instances(f, (struct registry_filter){.agent_only = true}, "r1 W1 ");
	assert_instances(f, (struct registry_filter){.service = "nope"}, "");
	assert_checks(f, (struct registry_filter){0}, "c2 c1 disk ");
	assert_checks(f, (struct registry_filter){.service = "web"}, "c2 c1 ");
	assert_checks(f, (struct registry_filter){.node = "own"}, "c1 disk ");
	assert_checks(f, (struct registry_filter){.node = "own", .instance_id = ""}, "disk ");
	assert_checks(f, (struct registry_filter){.node = "own", .instance_id = "w1"}, "c1 ");
	assert_checks(f, (struct registry_filter){.status = &passing}, "disk ");
	assert_checks(f, (struct registry_filter){.status = &critical, .service = "web"}, "c1 ");
	assert_int_equal(registry_reader_nodes(f->reader, NULL, f->arena, &nodes, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(nodes[0].name, "n2");
	assert_string_equal(nodes[1].name, "own");
	assert_int_equal(registry_reader_nodes(f->reader, &(struct registry_filter){.node = "N2"}, f->arena,
				 &nodes, &count),
		0);
	assert_int_equal(count, 1);
	assert_string_equal(nodes[0].address, "192.0.2.9");
	assert_int_equal(find_instance(f, "w2")->status, REGISTRY_WARNING);
}

/* The instances of web as "id status" each; "waiting" for a status that is not known yet. */
static void assert_judged(struct fixture *f, const char *expected)
{
	const struct registry_filter filter = {.service = "web"};
	const struct registry_instance *list;
	char text[256] = "";
	size_t count;

	assert_int_equal(registry_reader_instances(f->reader, &filter, f->arena, &list, &count), 0);
	for (size_t i = 0; i < count; i++)
		strcat(strcat(strcat(strcat(text, list[i].id), " "),
			       list[i].waiting ? "waiting" : registry_status_name(list[i].status)),
			" ");
	assert_string_equal(text, expected);
}

/* However many of its checks and its node's fail, an instance comes once. */
static void the_worst_check_counts(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "a");

	add_check(command, "a1", REGISTRY_CHECK_TTL);
	add_check(command, "a2", REGISTRY_CHECK_TTL);
	must(f, command);
	must(f, put_instance("web", "b"));
	must(f, set_status("a1", REGISTRY_WARNING, ""));
	assert_judged(f, "a waiting b passing ");
	must(f, set_status("a2", REGISTRY_PASSING, ""));
	assert_judged(f, "a warning b passing ");
	must(f, put_check("n1", "", REGISTRY_CHECK_TTL));
	must(f, put_check("n2", "", REGISTRY_CHECK_TTL));
	assert_judged(f, "a waiting b waiting ");
	must(f, set_status("n1", REGISTRY_WARNING, ""));
	must(f, set_status("a2", REGISTRY_CRITICAL, ""));
	assert_judged(f, "a critical b waiting ");
	must(f, set_status("n2", REGISTRY_PASSING, ""));
	assert_judged(f, "a critical b warning ");
	must(f, set_status("a2", REGISTRY_PASSING, ""));
	must(f, set_status("n2", REGISTRY_CRITICAL, ""));
	assert_judged(f, "a critical b critical ");
}

static void filtered_questions_use_an_index(void **state)
{
	enum { NODE = 1, ID = 2, SERVICE = 4, INSTANCE = 8, STATUS = 16, AGENT = 32, FAILING = 64 };
	static const struct {
		enum reader_question question;
		unsigned fields;
		const char *search; /* what the outer table is searched by */
	} rows[] = {
		{READER_NODES, NODE, "(name=?)"},
		{READER_INSTANCES, NODE, "(node=?)"},
		{READER_INSTANCES, NODE | ID, "(node=? AND id=?)"},
		{READER_INSTANCES, NODE | AGENT, "(node=?)"},
		{READER_INSTANCES, SERVICE, "(service=?)"},
		{READER_INSTANCES, NODE | SERVICE, "(service=? AND node=?)"},
		{READER_CHECKS, NODE, "(node=?)"},
		{READER_CHECKS, NODE | ID, "(node=? AND id=?)"},
		{READER_CHECKS, NODE | INSTANCE, "(node=? AND instance_id=?)"},
		{READER_CHECKS, SERVICE, "(service=?)"},
		{READER_CHECKS, NODE | SERVICE, "(service=? AND node=?)"},
		{READER_CHECKS, STATUS | FAILING, "INDEX checks_failing"},
		{READER_CHECKS, NODE | STATUS | FAILING, "INDEX checks_failing (node=?)"},
		{READER_CHECKS, NODE | STATUS, "(node=?)"},
		{READER_CHECKS, SERVICE | STATUS, "(service=?)"},
		{READER_INSTANCES, SERVICE, "INDEX checks_failing (node=? AND instance_id=?)"},
	};
	struct fixture *f = *state;
	char sql[2100] = "EXPLAIN QUERY PLAN ";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool found = false;
		sqlite3_stmt *plan;
		reader_question_sql(rows[i].question, rows[i].fields, sql + 19, sizeof(sql) - 19);
		assert_int_equal(sqlite3_prepare_v2(f->reader->store->db, sql, -1, &plan, NULL), SQLITE_OK);
		while (sqlite3_step(plan) == SQLITE_ROW) {
			const char *line = (const char *)sqlite3_column_text(plan, 3);
			found = found || strstr(line, rows[i].search);
			if (!strncmp(line, "SCAN", 4) && !strstr(line, "checks_failing"))
				fail_msg("%s: %s", sql, line);
		}
		sqlite3_finalize(plan);
		if (!found)
			fail_msg("%s: not by %s", sql, rows[i].search);
	}
}

static void the_catalog(void **state)
{
	struct fixture *f = *state;
	const struct registry_service *list;
	size_t count;

	assert_int_equal(registry_reader_services(f->reader, f->arena, &list, &count), 0);
	assert_int_equal(count, 0);
	fill(f);
	assert_int_equal(registry_reader_services(f->reader, f->arena, &list, &count), 0);
	assert_int_equal(count, 3);
	assert_string_equal(list[0].name, "db");
	assert_int_equal(list[0].tag_count, 0);
	assert_string_equal(list[1].name, "user.rpc");
	assert_string_equal(list[2].name, "web");
	assert_int_equal(list[2].instance_count, 2);
	assert_int_equal(list[2].tag_count, 3);
	assert_string_equal(list[2].tags[0], "main");
	assert_string_equal(list[2].tags[1], "v1");
	assert_string_equal(list[2].tags[2], "v2");
	assert_int_equal(list[2].modify_index, resource(f, REGISTRY_RESOURCE_SERVICE, "web"));
}

struct walk {
	char text[512];
	int stop_with;
};

static int visit(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct walk *walk = ctx;

	strcat(strcat(walk->text, service), ":");
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(instances[i].service, service);
		strcat(strcat(walk->text, instances[i].id), ",");
	}
	return walk->stop_with;
}

static void the_whole_is_walked_by_service(void **state)
{
	struct fixture *f = *state;
	struct walk walk = {0}, stopped = {.stop_with = -77};
	uint64_t index = 0, now;

	assert_int_equal(registry_reader_walk(f->reader, visit, &walk, &index), 0);
	assert_string_equal(walk.text, "");
	fill(f);
	assert_int_equal(registry_reader_walk(f->reader, visit, &walk, &index), 0);
	assert_string_equal(walk.text, "db:d1,user.rpc:r1,web:w2,W1,");
	assert_int_equal(registry_reader_index(f->reader, &now), 0);
	assert_int_equal(index, now);
	assert_int_equal(registry_reader_walk(f->reader, visit, &stopped, &index), -77);
	assert_string_equal(stopped.text, "db:d1,");
	/* And again afterwards: nothing was left open. */
	assert_true(sqlite3_get_autocommit(f->reader->store->db));
	must(f, put_instance("api", "a"));
	walk.text[0] = '\0';
	assert_int_equal(registry_reader_walk(f->reader, visit, &walk, &index), 0);
	assert_string_equal(walk.text, "api:a,db:d1,user.rpc:r1,web:w2,W1,");
}

static void a_snapshot_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	uint64_t before, during, after;

	fill(f);
	assert_int_equal(registry_reader_index(f->reader, &before), 0);
	assert_int_equal(registry_reader_begin(f->reader), 0);
	uint64_t index = must(f, put_instance("new", "n"));
	assert_int_equal(registry_reader_index(f->reader, &during), 0);
	assert_int_equal(during, before);
	assert_instances(f, (struct registry_filter){.service = "new"}, "");
	registry_reader_end(f->reader);
	assert_int_equal(registry_reader_index(f->reader, &after), 0);
	assert_int_equal(after, index);
	assert_instances(f, (struct registry_filter){.service = "new"}, "n ");
}

static void other_programs_read_views(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_string_equal(sql_text(f, "SELECT target || ' ' || address || ' ' || port || ' ' || status "
					"FROM svcdns_instances"
					" WHERE service = 'WEB' AND node = 'own'"),
		"w1.web 10.0.0.1 80 critical");
}

static void views_count_and_name(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_string_equal(sql_text(f, "SELECT name || ' ' || instances || ' ' || healthy FROM "
					"svcdns_services WHERE name = 'web'"),
		"web 2 1");
	assert_string_equal(sql_text(f, "SELECT node || ' ' || instance || ' ' || service || ' ' || status "
					"|| ' ' || type || ' ' || checked"
					" FROM svcdns_checks WHERE id = 'c1'"),
		"own W1 web critical ttl 0");
	assert_string_equal(
		sql_text(f, "SELECT group_concat(name) FROM (SELECT name FROM svcdns_nodes ORDER BY name)"),
		"n2,own");
	assert_string_equal(
		sql_text(f, "SELECT json_extract(tags, '$[0]') FROM svcdns_instances WHERE id = 'w2'"), "v2");
	assert_string_equal(sql_text(f, "SELECT kind || ' ' || node || ' ' || id || ' ' || what FROM "
					"svcdns_changes ORDER BY seq DESC LIMIT 1"),
		"check own disk passing");
}

static void a_spoilt_row_is_no_crash(void **state)
{
	struct fixture *f = *state;

	fill(f);
	sql_text(f, "UPDATE instance SET tags = '{not json', meta = '[1,2]', tagged = '{\"lan_ipv4\":7}'");
	assert_instances(f, (struct registry_filter){.service = "web"}, "w2 W1 ");
	assert_int_equal(find_instance(f, "w2")->tag_count, 0);
	assert_int_equal(find_instance(f, "w2")->meta_count, 0);
	assert_string_equal(find_instance(f, "w2")->tagged[0].address, "");
}

/* A question that goes on for too long, or while it is to stop, ends with an error of its own; the reader
 * works on. */
static void bounds(void **state)
{
	struct fixture *f = *state;
	const struct registry_instance *list;
	atomic_bool stop = true;
	uint64_t index;
	size_t count;

	for (int i = 0; i < 50; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "w%d", i);
		must(f, put_instance("web", id));
	}
	assert_int_equal(registry_reader_begin_bounded(f->reader, 1, NULL), 0);
	assert_int_equal(registry_reader_index(f->reader, &index), 0); /* is short */
	assert_int_equal(
		registry_reader_instances(f->reader, &(struct registry_filter){0}, f->arena, &list, &count),
		-E2BIG);
	registry_reader_end(f->reader);
	assert_int_equal(registry_reader_begin_bounded(f->reader, 0, &stop), 0);
	assert_int_equal(
		registry_reader_instances(f->reader, &(struct registry_filter){0}, f->arena, &list, &count),
		-ECANCELED);
	registry_reader_end(f->reader);
	stop = false;
	assert_int_equal(registry_reader_begin_bounded(f->reader, INT64_MAX, &stop), 0);
	assert_int_equal(
		registry_reader_instances(f->reader, &(struct registry_filter){0}, f->arena, &list, &count),
		0);
	assert_int_equal(count, 50);
	registry_reader_end(f->reader);
	/* No bound outlives its snapshot. */
	stop = true;
	assert_int_equal(
		registry_reader_instances(f->reader, &(struct registry_filter){0}, f->arena, &list, &count),
		0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bounds),
		TEST(filters_and_order),
		TEST(the_worst_check_counts),
		TEST(filtered_questions_use_an_index),
		TEST(the_catalog),
		TEST(the_whole_is_walked_by_service),
		TEST(a_snapshot_stays_as_it_is),
		TEST(other_programs_read_views),
		TEST(views_count_and_name),
		TEST(a_spoilt_row_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
