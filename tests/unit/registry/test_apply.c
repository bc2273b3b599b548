/* What each command does: rows, status, labels, checks. */
#include "fixture.h"

#include <stdio.h>

static void registers_and_removes(void **state)
{
	struct fixture *f = *state;
	uint64_t first = must(f, put_instance("Web", "web1"));

	assert_true(first > START_S);
	assert_string_equal(f->changes, "service:Web ");
	const struct registry_instance *instance = find_instance(f, "WEB1");
	assert_non_null(instance);
	assert_string_equal(instance->service, "Web");
	assert_string_equal(instance->node, "own");
	assert_string_equal(instance->label, "web1");
	assert_string_equal(instance->node_address, "192.0.2.1");
	assert_int_equal(instance->status, REGISTRY_PASSING);
	assert_false(instance->waiting);
	assert_true(instance->agent);
	assert_int_equal(instance->create_index, first);
	assert_int_equal(atomic_load(&f->page->index), first);

	assert_int_equal(must(f, remove_instance("web1")), first + 1);
	assert_null(find_instance(f, "web1"));
	assert_string_equal(
		sql_text(f, "SELECT (SELECT count(*) FROM service) || (SELECT count(*) FROM name)"), "00");
	refused(f, remove_instance("web1"), -ENOENT,
		"Unknown service ID \"web1\". Ensure that the service ID is passed, not the service name.");
}

static void the_same_again_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "web1");
	add_check(command, "c", REGISTRY_CHECK_TTL);
	uint64_t first = must(f, command);

	assert_string_equal(f->changes, "service:web put:c! ");
	command = put_instance("WEB", "Web1");
	add_check(command, "C", REGISTRY_CHECK_TTL);
	struct result again = run(f, command);
	assert_int_equal(again.error, 0);
	assert_false(again.changed);
	assert_int_equal(again.index, first);
	assert_string_equal(find_instance(f, "web1")->service, "web");
	assert_string_equal(find_instance(f, "web1")->id, "web1");

	command = put_instance("web", "web1");
	instance_of(command)->port = 81;
	assert_int_equal(must(f, command), first + 1);
	assert_int_equal(find_instance(f, "web1")->port, 81);
	assert_int_equal(find_instance(f, "web1")->create_index, first);
	assert_int_equal(find_instance(f, "web1")->modify_index, first + 1);
}

static void every_field_comes_back(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "web1");
	struct registry_instance *given = instance_of(command);
	given->tags = (const char *const[]){"b", "a", "caf\xc3\xa9 \"x\""};
	given->tag_count = 3;
	given->meta = (const struct registry_pair[]){{"dns-ttl", "7"}, {"v", "1"}};
	given->meta_count = 2;
	given->tagged = (const struct registry_tagged_address[]){{"lan_ipv6", "2001:db8::1", 443}};
	given->tagged_count = 1;
	given->weight_passing = 10;
	given->weight_warning = 0;
	given->enable_tag_override = true;
	struct registry_check *check = add_check(command, "h", REGISTRY_CHECK_HTTP);
	check->name = "the check";
	check->notes = "why";
	check->definition.method = "POST";
	check->definition.body = "{}";
	check->definition.headers = (const struct registry_pair[]){{"X-A", "1"}, {"X-A", "2"}};
	check->definition.header_count = 2;
	check->definition.tls_server_name = "example.org";
	check->definition.tls_skip_verify = true;
	check->definition.timeout_ns = 5;
	check->definition.deregister_after_ns = 30 * CLOCK_NS_PER_S;
	check->definition.success_before_passing = 2;
	check->definition.failures_before_warning = 3;
	check->definition.failures_before_critical = 4;
	check->definition.output_max_size = 99;
	must(f, command);

	const struct registry_instance *instance = find_instance(f, "web1");
	assert_int_equal(instance->tag_count, 3);
	assert_string_equal(instance->tags[0], "b");
	assert_string_equal(instance->tags[2], "caf\xc3\xa9 \"x\"");
	assert_string_equal(registry_instance_meta(instance, "dns-ttl"), "7");
	assert_null(registry_instance_meta(instance, "nope"));
	assert_int_equal(instance->tagged[0].port, 443);
	assert_string_equal(instance->tagged[0].address, "2001:db8::1");
	assert_int_equal(instance->weight_passing, 10);
	assert_int_equal(instance->weight_warning, 0);
	assert_true(instance->enable_tag_override);
	const struct registry_check *stored = find_check(f, "h");
	assert_string_equal(stored->name, "the check");
	assert_string_equal(stored->notes, "why");
	assert_string_equal(stored->service, "web");
	assert_int_equal(stored->service_tag_count, 3);
	assert_string_equal(stored->instance_id, "web1");
	assert_int_equal(stored->definition.type, REGISTRY_CHECK_HTTP);
	assert_string_equal(stored->definition.method, "POST");
	assert_string_equal(stored->definition.body, "{}");
	assert_int_equal(stored->definition.header_count, 2);
	assert_string_equal(stored->definition.headers[1].value, "2");
	assert_string_equal(stored->definition.tls_server_name, "example.org");
	assert_true(stored->definition.tls_skip_verify);
	assert_int_equal(stored->definition.timeout_ns, 5);
	assert_int_equal(stored->definition.deregister_after_ns, 30 * CLOCK_NS_PER_S);
	assert_int_equal(stored->definition.success_before_passing, 2);
	assert_int_equal(stored->definition.failures_before_warning, 3);
	assert_int_equal(stored->definition.failures_before_critical, 4);
	assert_int_equal(stored->definition.output_max_size, 99);
}

static void an_instance_moves_to_another_service(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("old", "x");
	add_check(command, "c", REGISTRY_CHECK_TTL);
	uint64_t first = must(f, command);

	assert_int_equal(must(f, put_instance("new", "x")), first + 1);
	assert_string_equal(f->changes, "service:old service:new ");
	assert_string_equal(find_instance(f, "x")->service, "new");
	assert_string_equal(find_check(f, "c")->service, "new");
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICE, "old"), first + 1);
	assert_string_equal(sql_text(f, "SELECT group_concat(name) FROM (SELECT name FROM name ORDER BY 1)"),
		"new,x.new");
}

static void labels_are_made_once_and_never_twice(void **state)
{
	static const struct {
		const char *service, *id, *label;
	} rows[] = {
		{"web", "Web_1:80", "web-1-80"}, {"web", "web/1/80", "web-1-80-2"},
		{"web", "WEB.1.80", "web-1-80-3"}, {"web", "\xe5\xae\x9e\xe4\xbe\x8b", "i"},
		{"web", "__", "i-2"}, {"web", "--x--", "x"}, {"web", "web", "web"},
		{"web", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234567890",
			"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"},
		{"web", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234567899",
			"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1-2"},
		{"rpc", "x", "x"},                            /* another service: the label is free */
		{"y.web", "any", "any"}, {"web", "Y", "y-2"}, /* y.web is a service */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_command *command = put_on_node("n", rows[i].service, rows[i].id);
		must(f, command);
		const struct registry_instance *list;
		size_t count;
		assert_int_equal(
			registry_reader_instances(f->reader,
				&(struct registry_filter){.id = rows[i].id, .service = rows[i].service},
				f->arena, &list, &count),
			0);
		if (!count || strcmp(list[0].label, rows[i].label))
			fail_msg("%s: '%s', not '%s'", rows[i].id, count ? list[0].label : "none",
				rows[i].label);
	}
	/* It stays when others go. */
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_INSTANCE);
	command->node_name = "n";
	command->instance_id = "Web_1:80";
	must(f, command);
	command = put_on_node("n", "web", "web/1/80");
	instance_of(command)->port = 99;
	must(f, command);
	assert_string_equal(find_instance(f, "web/1/80")->label, "web-1-80-2");
	/* And a service never takes the name of a target. */
	refused(f, put_instance("X.web", "z"), -EINVAL,
		"Invalid service name \"X.web\": that is the name of instance \"--x--\" of service \"web\"");
}

static void many_with_one_label_are_not_slow(void **state)
{
	struct fixture *f = *state;
	char id[64];

	for (int i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "%.*s", i + 1,
			"____________________________________________________________");
		must(f, put_instance("web", id));
	}
	assert_string_equal(sql_text(f, "SELECT count(DISTINCT label) FROM instance"), "60");
}

static void a_check_knows_and_keeps_its_status(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "web1");
	add_check(command, NULL, REGISTRY_CHECK_TTL);
	uint64_t first = must(f, command);

	const struct registry_check *check = find_check(f, "service:web1");
	assert_non_null(check);
	assert_string_equal(check->name, "Service 'web' check");
	assert_false(check->checked);
	assert_true(find_instance(f, "web1")->waiting);
	assert_int_equal(find_instance(f, "web1")->status, REGISTRY_CRITICAL);

	/* The first result counts even if it is the initial status: the instance waits no more. */
	assert_int_equal(must(f, set_status("service:web1", REGISTRY_CRITICAL, "down")), first + 1);
	assert_string_equal(f->changes, "service:web ");
	assert_false(find_instance(f, "web1")->waiting);
	assert_int_equal(find_instance(f, "web1")->status, REGISTRY_CRITICAL);
	assert_int_equal(must(f, set_status("service:web1", REGISTRY_WARNING, "hm")), first + 2);
	assert_int_equal(find_instance(f, "web1")->status, REGISTRY_WARNING);

	struct result same = run(f, set_status("service:web1", REGISTRY_WARNING, "other words"));
	assert_int_equal(same.error, 0);
	assert_false(same.changed);
	assert_int_equal(same.index, first + 2);
	assert_string_equal(find_check(f, "service:web1")->output, "hm");

	command = put_instance("web", "web1");
	struct registry_check *again = add_check(command, "service:web1", REGISTRY_CHECK_TTL);
	again->status = REGISTRY_PASSING;
	again->definition.ttl_ns++;
	assert_int_equal(must(f, command), first + 3);
	assert_string_equal(f->changes, "service:web put:service:web1! ");
	check = find_check(f, "service:web1");
	assert_int_equal(check->status, REGISTRY_WARNING);
	assert_string_equal(check->output, "hm");
	assert_true(check->checked);
	refused(f, set_status("nope", REGISTRY_PASSING, ""), -ENOENT,
		"Unknown check ID \"nope\". Ensure that the check ID is passed, not the check name.");
}

/* A check of the catalog: nobody but its registrations speaks for it. */
static struct registry_command *put_given(enum registry_status status, const char *output)
{
	struct registry_command *command = put_on_node("ext", "web", "w");
	struct registry_check *check = add_check(command, "given", REGISTRY_CHECK_NONE);

	check->status = status;
	check->output = output;
	return command;
}

static void a_given_output_is_a_change_of_its_own(void **state)
{
	struct fixture *f = *state;

	must(f, put_given(REGISTRY_PASSING, "one"));
	uint64_t index = must(f, put_given(REGISTRY_PASSING, "two"));
	assert_string_equal(f->changes, "service:web put:given! ");
	assert_string_equal(find_check(f, "given")->output, "two");
	assert_int_equal(find_check(f, "given")->modify_index, index);
	assert_string_equal(
		sql_text(f, "SELECT what FROM svcdns_changes WHERE id = 'given' ORDER BY seq DESC LIMIT 1"),
		"changed");
	struct result same = run(f, put_given(REGISTRY_PASSING, "two"));
	assert_false(same.changed);
	assert_int_equal(same.index, index);
	assert_int_equal(must(f, put_given(REGISTRY_WARNING, "three")), index + 1);
	assert_string_equal(
		sql_text(f, "SELECT what FROM svcdns_changes WHERE id = 'given' ORDER BY seq DESC LIMIT 1"),
		"warning");
	fixture_stop(f);
	fixture_start(f);
	assert_string_equal(find_check(f, "given")->output, "three");
}

static void output_is_cut_and_cleaned(void **state)
{
	struct fixture *f = *state;
	char output[300];

	memset(output, 'x', sizeof(output));
	output[98] = '\xff';
	output[299] = '\0';
	must(f, put_check("c", "", REGISTRY_CHECK_TTL));
	must(f, set_status("c", REGISTRY_PASSING, output));
	assert_int_equal(strlen(find_check(f, "c")->output), 100);
	assert_int_equal(find_check(f, "c")->output[98], '?');
}

static void checks_that_are_not_named_stay_unless_replaced(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "web1");
	add_check(command, "a", REGISTRY_CHECK_TTL);
	add_check(command, "b", REGISTRY_CHECK_TCP);
	must(f, command);
	command = registry_command_create(REGISTRY_SET_MAINTENANCE);
	command->instance_id = "web1";
	command->enable = true;
	must(f, command);

	command = put_instance("web", "web1");
	add_check(command, "c", REGISTRY_CHECK_HTTP);
	must(f, command);
	assert_non_null(find_check(f, "a"));

	command = put_instance("web", "web1");
	add_check(command, "B", REGISTRY_CHECK_TCP);
	command->replace_checks = true;
	must(f, command);
	assert_string_equal(f->changes, "gone:a service:web gone:c put:b ");
	assert_null(find_check(f, "a"));
	assert_non_null(find_check(f, "b"));
	assert_non_null(find_check(f, "_service_maintenance:web1"));
	must(f, remove_instance("web1"));
	assert_string_equal(sql_text(f, "SELECT count(*) FROM checks"), "0");
}

static void several_checks_are_numbered(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "w");

	add_check(command, NULL, REGISTRY_CHECK_TTL);
	add_check(command, "", REGISTRY_CHECK_TTL);
	must(f, command);
	assert_non_null(find_check(f, "service:w:1"));
	assert_non_null(find_check(f, "service:w:2"));
}

static void a_check_of_the_node_speaks_for_all_on_it(void **state)
{
	struct fixture *f = *state;

	must(f, put_instance("a", "a1"));
	must(f, put_instance("b", "b1"));
	must(f, put_on_node("other", "a", "a2"));
	uint64_t index = must(f, put_check("disk", "", REGISTRY_CHECK_TTL));
	assert_string_equal(f->changes, "node:own service:a service:b put:disk! ");
	assert_true(find_instance(f, "a1")->waiting);
	assert_int_equal(find_instance(f, "a2")->status, REGISTRY_PASSING);
	assert_int_equal(must(f, set_status("disk", REGISTRY_PASSING, "")), index + 1);
	assert_int_equal(find_instance(f, "b1")->status, REGISTRY_PASSING);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICE, "b"), index + 1);
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_CHECK);
	command->check_id = "DISK";
	must(f, command);
	assert_string_equal(f->changes, "gone:disk node:own service:a service:b ");
}

static void a_check_needs_its_instance(void **state)
{
	struct fixture *f = *state;

	refused(f, put_check("c", "nope", REGISTRY_CHECK_TTL), -ENOENT, "ServiceID \"nope\" does not exist");
	must(f, put_instance("web", "w1"));
	must(f, put_instance("db", "d1"));
	must(f, put_check("c", "W1", REGISTRY_CHECK_TTL));
	assert_string_equal(find_check(f, "c")->instance_id, "w1");
	/* It may move; both services hear of it. */
	must(f, put_check("c", "d1", REGISTRY_CHECK_TTL));
	assert_string_equal(f->changes, "service:web service:db put:c! ");
	assert_int_equal(find_instance(f, "w1")->status, REGISTRY_PASSING);
}

static void the_catalog_says_its_checks_status(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_on_node("ext", "web", "w");
	add_check(command, "c", REGISTRY_CHECK_NONE)->status = REGISTRY_CRITICAL;
	uint64_t index = must(f, command);

	assert_int_equal(find_instance(f, "w")->status, REGISTRY_CRITICAL);
	assert_false(find_instance(f, "w")->waiting);
	command = put_on_node("EXT", "web", "w");
	add_check(command, "c", REGISTRY_CHECK_NONE)->status = REGISTRY_PASSING;
	add_check(command, "node", REGISTRY_CHECK_NONE)->instance_id = "";
	assert_int_equal(must(f, command), index + 1);
	assert_int_equal(find_check(f, "c")->status, REGISTRY_PASSING);
	assert_string_equal(find_check(f, "node")->instance_id, "");
	assert_int_equal(find_instance(f, "w")->status, REGISTRY_CRITICAL);
	assert_false(find_instance(f, "w")->agent);
	assert_string_equal(find_instance(f, "w")->node, "ext");

	command = put_node("ext", "192.0.2.9");
	add_check(command, "node", REGISTRY_CHECK_NONE)->status = REGISTRY_PASSING;
	must(f, command);
	assert_int_equal(find_instance(f, "w")->status, REGISTRY_PASSING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(registers_and_removes),
		TEST(the_same_again_changes_nothing),
		TEST(every_field_comes_back),
		TEST(an_instance_moves_to_another_service),
		TEST(labels_are_made_once_and_never_twice),
		TEST(many_with_one_label_are_not_slow),
		TEST(a_check_knows_and_keeps_its_status),
		TEST(a_given_output_is_a_change_of_its_own),
		TEST(output_is_cut_and_cleaned),
		TEST(checks_that_are_not_named_stay_unless_replaced),
		TEST(several_checks_are_numbered),
		TEST(a_check_of_the_node_speaks_for_all_on_it),
		TEST(a_check_needs_its_instance),
		TEST(the_catalog_says_its_checks_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
