/* What each command does: maintenance, reaping, nodes, quotas. */
#include "fixture.h"

static void maintenance_comes_and_goes(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command;

	must(f, put_instance("web", "w"));
	for (int round = 0; round < 2; round++) {
		command = registry_command_create(REGISTRY_SET_MAINTENANCE);
		command->instance_id = "W";
		command->enable = true;
		struct result result = run(f, command);
		assert_int_equal(result.error, 0);
		assert_int_equal(result.changed, round == 0);
	}
	const struct registry_check *check = find_check(f, "_service_maintenance:w");
	assert_string_equal(check->name, "Service Maintenance Mode");
	assert_string_equal(check->notes, "Maintenance mode is enabled for this service, but no reason was "
					  "provided. This is a default message.");
	assert_int_equal(check->definition.type, REGISTRY_CHECK_MAINTENANCE);
	assert_true(check->checked);
	assert_int_equal(find_instance(f, "w")->status, REGISTRY_CRITICAL);
	assert_false(find_instance(f, "w")->waiting);

	command = registry_command_create(REGISTRY_SET_MAINTENANCE);
	command->instance_id = "w";
	must(f, command);
	assert_int_equal(find_instance(f, "w")->status, REGISTRY_PASSING);

	command = registry_command_create(REGISTRY_SET_MAINTENANCE);
	command->enable = true;
	command->notes = "moving house";
	must(f, command);
	assert_string_equal(find_check(f, "_node_maintenance")->notes, "moving house");
	assert_int_equal(find_instance(f, "w")->status, REGISTRY_CRITICAL);
	command = registry_command_create(REGISTRY_SET_MAINTENANCE);
	command->instance_id = "nope";
	refused(f, command, -ENOENT, "Unknown service ID \"nope\"");
}

static struct registry_command *reap(const char *check_id)
{
	struct registry_command *command = registry_command_create(REGISTRY_REAP);

	command->instance_id = "w";
	command->check_id = arena_strdup(command->arena, check_id);
	command->reason = "critical for longer than 30s";
	return command;
}

static void reaping_looks_again(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "w");
	add_check(command, "c", REGISTRY_CHECK_TTL);
	must(f, command);

	must(f, set_status("c", REGISTRY_PASSING, ""));
	struct result result = run(f, reap("c"));
	assert_int_equal(result.error, 0);
	assert_false(result.changed);
	assert_non_null(find_instance(f, "w"));
	must(f, set_status("c", REGISTRY_CRITICAL, ""));
	assert_true(run(f, reap("c")).changed);
	assert_null(find_instance(f, "w"));
	assert_string_equal(
		sql_text(f, "SELECT reason FROM svcdns_changes WHERE kind = 'instance' AND what = 'removed'"),
		"critical for longer than 30s");
	refused(f, reap("c"), -ENOENT, "Unknown check ID");

	must(f, put_check("node", "", REGISTRY_CHECK_TTL));
	assert_false(run(f, reap("node")).changed);
}

static void reaping_spares_the_instance_that_a_check_moved_to(void **state)
{
	struct fixture *f = *state;

	must(f, put_instance("web", "w"));
	must(f, put_instance("web", "v"));
	must(f, put_check("c", "w", REGISTRY_CHECK_TTL));
	must(f, put_check("c", "v", REGISTRY_CHECK_TTL));
	assert_false(run(f, reap("c")).changed);
	assert_non_null(find_instance(f, "v"));
	assert_non_null(find_instance(f, "w"));
}

static void nodes_change_and_go(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_on_node("ext", "web", "w");
	add_check(command, "c", REGISTRY_CHECK_NONE);
	must(f, command);
	must(f, put_instance("web", "own1"));

	must(f, put_node("ext", "192.0.2.77"));
	assert_string_equal(f->changes, "node:ext service:web ");
	assert_string_equal(find_instance(f, "w")->node_address, "192.0.2.77");
	command = registry_command_create(REGISTRY_REMOVE_NODE);
	command->node_name = "EXT";
	must(f, command);
	assert_null(find_instance(f, "w"));
	assert_non_null(find_instance(f, "own1"));
	assert_null(find_check(f, "c"));
	command = registry_command_create(REGISTRY_REMOVE_NODE);
	command->node_name = "ext";
	refused(f, command, -ENOENT, "Unknown node \"ext\"");
	command = registry_command_create(REGISTRY_REMOVE_NODE);
	command->node_name = "own";
	refused(f, command, -EINVAL, "this server's own");
	command = put_instance("web", "x");
	instance_of(command)->node = "nowhere";
	refused(f, command, -EINVAL, "Node \"nowhere\" does not exist");
}

static void our_own_node_follows_the_configuration(void **state)
{
	struct fixture *f = *state;
	const char *uuid = sql_text(f, "SELECT uuid FROM node WHERE own");

	assert_int_equal(strlen(uuid), 36);
	struct registry_command *command = put_instance("web", "w");
	add_check(command, "c", REGISTRY_CHECK_TTL);
	instance_of(command)->address = "";
	uint64_t index = must(f, command);

	fixture_stop(f);
	fixture_start(f);
	assert_int_equal(atomic_load(&f->page->index), index); /* nothing changed */
	fixture_stop(f);
	f->config.node_name = "renamed";
	f->config.node_address = "192.0.2.2";
	fixture_start(f);
	assert_int_equal(atomic_load(&f->page->index), index + 1);
	assert_string_equal(find_instance(f, "w")->node, "renamed");
	assert_string_equal(find_instance(f, "w")->node_address, "192.0.2.2");
	assert_string_equal(find_check(f, "c")->node, "renamed");
	assert_string_equal(sql_text(f, "SELECT uuid FROM node WHERE own"), uuid);
	assert_string_equal(sql_text(f, "SELECT count(*) FROM node"), "1");
	must(f, remove_instance("w"));
}

static void quotas_hold(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "w");

	for (int i = 0; i < 9; i++)
		add_check(command, NULL, REGISTRY_CHECK_TTL);
	refused(f, command, -EDQUOT, "Too many checks of \"w\": 9, and the limit is 8");
	fixture_stop(f);
	f->config.limits.instances = 2;
	fixture_start(f);
	must(f, put_instance("web", "w1"));
	must(f, put_instance("web", "w2"));
	must(f, put_instance("web", "w2"));
	refused(f, put_instance("web", "w3"), -EDQUOT, "Too many instances: the limit is 2");
	must(f, remove_instance("w1"));
	must(f, put_instance("web", "w3"));
	must(f, put_node("n2", "192.0.2.2"));
	refused(f, put_node("n3", "192.0.2.3"), -EDQUOT, "Too many nodes: the limit is 2");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maintenance_comes_and_goes),
		TEST(reaping_looks_again),
		TEST(reaping_spares_the_instance_that_a_check_moved_to),
		TEST(nodes_change_and_go),
		TEST(our_own_node_follows_the_configuration),
		TEST(quotas_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
