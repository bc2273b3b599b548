/* The index rules of consul.md section 2.2, and the changelog. */
#include "fixture.h"

#include <stdio.h>

static uint64_t service(struct fixture *f, const char *name)
{
	return resource(f, REGISTRY_RESOURCE_SERVICE, name);
}

static void a_new_registry_starts_at_the_time(void **state)
{
	struct fixture *f = *state;
	uint64_t index;

	assert_int_equal(registry_reader_index(f->reader, &index), 0);
	assert_int_equal(index, START_S + 1); /* our own node */
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICES, NULL), 1);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_CHECKS, NULL), 1);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODES, NULL), index);
	assert_int_equal(service(f, "nope"), index);
}

static void each_resource_has_its_index(void **state)
{
	struct fixture *f = *state;
	uint64_t web = must(f, put_instance("web", "w"));
	uint64_t db = must(f, put_instance("db", "d"));

	assert_int_equal(service(f, "WEB"), web);
	assert_int_equal(service(f, "db"), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICES, NULL), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODES, NULL), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODE, "OWN"), db);

	/* A check concerns its service, its node and the checks, not the catalog. */
	uint64_t check = must(f, put_check("c", "w", REGISTRY_CHECK_TTL));
	assert_int_equal(service(f, "web"), check);
	assert_int_equal(service(f, "db"), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICES, NULL), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODES, NULL), db);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_CHECKS, NULL), check);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODE, "own"), check);
	uint64_t status = must(f, set_status("c", REGISTRY_PASSING, ""));
	assert_int_equal(service(f, "web"), status);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_CHECKS, NULL), status);
	assert_int_equal(find_check(f, "c")->modify_index, status);
	assert_int_equal(find_check(f, "c")->create_index, check);
	assert_int_equal(find_instance(f, "w")->modify_index, web);

	/* A service that is gone has the index of the last extinction, whichever it was. */
	uint64_t gone = must(f, remove_instance("d"));
	assert_int_equal(service(f, "db"), gone);
	assert_int_equal(service(f, "never-there"), gone);
	assert_int_equal(service(f, "web"), status);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICES, NULL), gone);
	assert_int_equal(must(f, put_instance("db", "d")), gone + 1);
	assert_int_equal(service(f, "db"), gone + 1);
	assert_int_equal(service(f, "never-there"), gone);

	/* A node's row concerns every service on it. */
	must(f, put_on_node("ext", "web", "w2"));
	uint64_t node = must(f, put_node("ext", "192.0.2.10"));
	assert_int_equal(service(f, "web"), node);
	assert_int_equal(service(f, "db"), gone + 1);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODES, NULL), node);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODE, "nope"), node);
}

static uint64_t checks(struct fixture *f)
{
	return resource(f, REGISTRY_RESOURCE_CHECKS, NULL);
}

/* The row of a check has the name and tags of its service, and is chosen by its node's name and Meta. */
static void checks_have_the_index_of_what_their_rows_show(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_on_node("ext", "web", "w");
	struct registry_node *node = arena_alloc(f->arena, sizeof(*node));

	add_check(command, "c", REGISTRY_CHECK_NONE);
	must(f, command);
	command = put_on_node("ext", "web", "w");
	instance_of(command)->tags = (const char *const[]){"blue"};
	instance_of(command)->tag_count = 1;
	uint64_t tagged = must(f, command);
	assert_int_equal(checks(f), tagged);
	assert_int_equal(must(f, put_on_node("ext", "api", "w")), tagged + 1);
	assert_int_equal(checks(f), tagged + 1);
	assert_string_equal(find_check(f, "c")->service, "api");

	must(f, put_on_node("ext", "api", "w2")); /* nothing that a check could have shown */
	assert_int_equal(must(f, put_on_node("ext", "api", "w")), tagged + 2);
	assert_int_equal(checks(f), tagged + 1);

	command = put_node("ext", "192.0.2.9");
	*node = *command->node;
	node->meta = (const struct registry_pair[]){{"rack", "7"}};
	node->meta_count = 1;
	command->node = node;
	assert_int_equal(must(f, command), tagged + 3);
	assert_int_equal(checks(f), tagged + 3);

	fixture_stop(f);
	f->config.node_name = "renamed";
	fixture_start(f);
	assert_int_equal(checks(f), tagged + 4);
}

static void the_index_outlives_the_process(void **state)
{
	struct fixture *f = *state;
	uint64_t index = must(f, put_instance("web", "w"));

	fixture_stop(f);
	clock_manual_advance(&f->clock, -1000 * CLOCK_NS_PER_S);
	fixture_start(f);
	assert_int_equal(atomic_load(&f->page->index), index);
	assert_int_equal(must(f, put_instance("web", "w2")), index + 1);
}

static void assert_changes(struct fixture *f, uint64_t since, const char *expected)
{
	const char *const *services;
	char text[512] = "";
	uint64_t index, now;
	size_t count;

	assert_int_equal(registry_reader_changes(f->reader, since, f->arena, &services, &count, &index), 0);
	assert_int_equal(registry_reader_index(f->reader, &now), 0);
	assert_int_equal(index, now);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			if (i != j)
				assert_string_not_equal(services[i], services[j]);
	for (char c = 'a'; c <= 'z'; c++)
		for (size_t i = 0; i < count; i++)
			if (services[i][0] == c)
				strcat(strcat(text, services[i]), " ");
	assert_string_equal(text, expected);
}

static void changes_name_each_service_once(void **state)
{
	struct fixture *f = *state;
	uint64_t start = must(f, put_node("ext", "192.0.2.10"));

	assert_changes(f, start, "");
	must(f, put_instance("web", "w"));
	must(f, put_instance("web", "w2"));
	uint64_t middle = must(f, put_instance("db", "d"));
	assert_changes(f, start, "db web ");
	assert_changes(f, middle, "");
	must(f, remove_instance("d"));
	assert_changes(f, middle, "db ");
	must(f, put_check("c", "w", REGISTRY_CHECK_TTL));
	assert_changes(f, middle, "db web ");
	uint64_t before = must(f, put_instance("api", "a"));
	must(f, put_check("node", "", REGISTRY_CHECK_TTL));
	assert_changes(f, before, "api web ");
	assert_string_equal(
		sql_text(f, "SELECT what FROM svcdns_changes WHERE id = 'd' ORDER BY seq DESC LIMIT 1"),
		"removed");
	assert_string_equal(sql_text(f, "SELECT max(time_ms) FROM svcdns_changes"), "1700000000000");
}

static void old_changes_are_pruned(void **state)
{
	struct fixture *f = *state;
	const char *const *services;
	uint64_t index, start = atomic_load(&f->page->index);
	size_t count;
	char id[16];

	fixture_stop(f);
	f->config.limits.changelog_rows = 10;
	fixture_start(f);
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "w%d", i);
		must(f, put_instance("web", id));
	}
	assert_changes(f, start, "web ");
	must(f, put_instance("db", "d"));
	assert_int_equal(
		registry_reader_changes(f->reader, start, f->arena, &services, &count, &index), -ESTALE);
	assert_changes(f, start + 1, "db web ");
	assert_string_equal(sql_text(f, "SELECT count(*) FROM changelog"), "10");
	/* Ahead of us: that was another registry. And before the first index nothing is known. */
	assert_int_equal(registry_reader_changes(f->reader, start + 100, f->arena, &services, &count, &index),
		-ESTALE);
	assert_int_equal(registry_reader_changes(f->reader, 0, f->arena, &services, &count, &index), -ESTALE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_registry_starts_at_the_time),
		TEST(each_resource_has_its_index),
		TEST(checks_have_the_index_of_what_their_rows_show),
		TEST(the_index_outlives_the_process),
		TEST(changes_name_each_service_once),
		TEST(old_changes_are_pruned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
