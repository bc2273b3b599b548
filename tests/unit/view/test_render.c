/* Services become records: what ldns reads out of them is what was registered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live.h"
#include "view/render_plan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct live live;

static int begin(void **state)
{
	live_begin(&live, NULL);
	return 0;
}

static int end(void **state)
{
	live_end(&live);
	return 0;
}

static struct registry_instance instance(const char *label, const char *address, uint16_t port)
{
	return (struct registry_instance){.node = "n1",
		.id = label,
		.service = "web",
		.label = label,
		.address = address,
		.node_address = "192.0.2.99",
		.port = port,
		.weight_passing = 1,
		.weight_warning = 1};
}

static void put_web(const struct registry_instance *instances, size_t count)
{
	live_put(&live, "web", instances, count);
}

static void expect(const char *name, uint16_t type, const char *expected)
{
	live_expect(&live, name, type, expected);
}

static void expect_empty(const char *name, enum view_kind kind, const char *reason)
{
	const struct view_answer *answer = live_find(&live, name);

	assert_non_null(answer);
	assert_int_equal(answer->kind, kind);
	assert_int_equal(answer->rrset_count, 0);
	if (!reason) {
		assert_null(answer->reason);
		return;
	}
	assert_string_equal(answer->reason, reason);
	assert_int_equal(answer->reason_size, strlen(reason));
}

static void expect_nothing(const char *name)
{
	assert_null(live_find(&live, name));
}

static void renders_two_instances(void **state)
{
	struct registry_instance two[] = {
		instance("i1", "10.0.0.1", 8080), instance("I2", "2001:db8::2", 8081)};

	two[1].weight_passing = 7;
	put_web(two, 2);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\n");
	expect("web", WIRE_AAAA, "web.service.local. 5 IN AAAA 2001:db8::2\n");
	expect("web", WIRE_SRV,
		"web.service.local. 5 IN SRV 1 1 8080 i1.web.service.local.\n"
		"+ i1.web.service.local. 5 IN A 10.0.0.1\n"
		"web.service.local. 5 IN SRV 1 7 8081 I2.web.service.local.\n"
		"+ I2.web.service.local. 5 IN AAAA 2001:db8::2\n");
	expect("_web._tcp", WIRE_SRV,
		"_web._tcp.service.local. 5 IN SRV 1 1 8080 i1.web.service.local.\n"
		"+ i1.web.service.local. 5 IN A 10.0.0.1\n"
		"_web._tcp.service.local. 5 IN SRV 1 7 8081 I2.web.service.local.\n"
		"+ I2.web.service.local. 5 IN AAAA 2001:db8::2\n");
	expect("_web._tcp", WIRE_A, "");
	expect("i1.web", WIRE_A, "i1.web.service.local. 5 IN A 10.0.0.1\n");
	expect("i2.web", WIRE_AAAA, "i2.web.service.local. 5 IN AAAA 2001:db8::2\n");
	expect("i2.web", WIRE_A, "");
	assert_int_equal(live_find(&live, "i2.web")->kind, VIEW_INSTANCE);
	expect_empty("_tcp", VIEW_EMPTY, NULL);
	expect_nothing("_web._udp");
	expect_nothing("_udp");
	expect_nothing("x.i1.web");
	assert_int_equal(live_report_count, 0);
}

static void answers_with_both_families_of_one_instance(void **state)
{
	const struct registry_tagged_address tagged[] = {
		{"lan_ipv6", "2001:db8::1", 0}, {"wan", "8.8.8.8", 0}};
	struct registry_instance one = instance("i1", "10.0.0.1", 80);

	one.tagged = tagged;
	one.tagged_count = 2;
	put_web(&one, 1);
	expect("web", WIRE_SRV,
		"web.service.local. 5 IN SRV 1 1 80 i1.web.service.local.\n"
		"+ i1.web.service.local. 5 IN A 10.0.0.1\n"
		"+ i1.web.service.local. 5 IN AAAA 2001:db8::1\n");
	expect("i1.web", WIRE_AAAA, "i1.web.service.local. 5 IN AAAA 2001:db8::1\n");
}

static void takes_the_nodes_address(void **state)
{
	struct registry_instance one = instance("i1", "", 80);

	put_web(&one, 1);
	expect("web", WIRE_A, "web.service.local. 5 IN A 192.0.2.99\n");
}

static void shares_an_address_once(void **state)
{
	struct registry_instance three[] = {
		instance("a", "10.0.0.1", 1), instance("b", "10.0.0.2", 2), instance("c", "10.0.0.1", 3)};

	put_web(three, 3);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\nweb.service.local. 5 IN A 10.0.0.2\n");
	assert_int_equal(view_answer_find(live_find(&live, "web"), WIRE_SRV)->count, 3);
	/* The first one is down: its address stays because of the third. */
	three[0].status = REGISTRY_CRITICAL;
	put_web(three, 3);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.2\nweb.service.local. 5 IN A 10.0.0.1\n");
}

static void host_names_are_targets_without_glue(void **state)
{
	struct registry_instance hosts[] = {instance("a", "db.example.com", 5432),
		instance("b", "DB.example.com.", 5432), instance("c", "db.example.com", 5433)};

	put_web(hosts, 3);
	/* a and b would be the same record. */
	expect("web", WIRE_SRV,
		"web.service.local. 5 IN SRV 1 1 5432 db.example.com.\n"
		"web.service.local. 5 IN SRV 1 1 5433 db.example.com.\n");
	expect("web", WIRE_A, "");
	expect_empty("a.web", VIEW_INSTANCE, NULL);
	assert_null(live_find(&live, "web")->reason);
}

static void health_decides_who_is_in_a_set(void **state)
{
	const char *const tags[] = {"prod"};
	struct registry_instance three[] = {
		instance("a", "10.0.0.1", 1), instance("b", "10.0.0.2", 2), instance("c", "10.0.0.3", 3)};

	three[1].tags = three[2].tags = tags;
	three[1].tag_count = three[2].tag_count = 1;
	three[0].status = REGISTRY_WARNING;
	three[0].weight_warning = 9;
	three[1].status = three[2].status = REGISTRY_CRITICAL;
	put_web(three, 3);
	expect("web", WIRE_SRV,
		"web.service.local. 5 IN SRV 1 9 1 a.web.service.local.\n"
		"+ a.web.service.local. 5 IN A 10.0.0.1\n");
	expect_empty("prod.web", VIEW_TAG, "web: 0 of 2 healthy");
	expect("b.web", WIRE_A, "b.web.service.local. 5 IN A 10.0.0.2\n");
	three[0].status = REGISTRY_CRITICAL;
	put_web(three, 3);
	expect_empty("web", VIEW_SERVICE, "web: 0 of 3 healthy");
	expect_empty("_web._tcp", VIEW_SERVICE, "web: 0 of 3 healthy");
	three[2].waiting = true;
	put_web(three, 3);
	expect_empty("web", VIEW_SERVICE, "web: waiting for the first check");
}

static void shows_all_when_all_are_down(void **state)
{
	const struct registry_pair all = {"dns-when-all-down", "all"};
	const char *const tags[] = {"prod"};
	struct registry_instance two[] = {instance("a", "10.0.0.1", 1), instance("b", "10.0.0.2", 2)};

	two[1].meta = &all;
	two[1].meta_count = 1;
	two[0].tags = tags;
	two[0].tag_count = 1;
	two[0].status = REGISTRY_CRITICAL;
	put_web(two, 2);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.2\n");
	/* The tag's only instance is down. */
	expect("prod.web", WIRE_A, "prod.web.service.local. 5 IN A 10.0.0.1\n");
	two[1].status = REGISTRY_CRITICAL;
	put_web(two, 2);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\nweb.service.local. 5 IN A 10.0.0.2\n");
}

static void meta_speaks_for_the_service(void **state)
{
	const struct registry_pair first[] = {
		{"dns-ttl", "30"}, {"dns-alias", "mongodb, _Http,bad name,-x"}, {"dns-priority", "10"}};
	const struct registry_pair second[] = {
		{"dns-ttl", "1m"}, {"dns-proto", "udp"}, {"dns-alias", "mongodb"}, {"dns-priority", "70000"}};
	struct registry_instance two[] = {instance("a", "10.0.0.1", 1), instance("b", "10.0.0.2", 2)};
	static const char *const forms[] = {
		"_web._tcp", "_web._udp", "_mongodb._tcp.web", "_mongodb._udp.web", "_http._tcp.web"};

	two[0].meta = first;
	two[0].meta_count = COUNT(first);
	two[1].meta = second;
	two[1].meta_count = COUNT(second);
	put_web(two, 2);
	expect("web", WIRE_A, "web.service.local. 30 IN A 10.0.0.1\nweb.service.local. 30 IN A 10.0.0.2\n");
	expect("_mongodb._tcp.web", WIRE_SRV,
		"_mongodb._tcp.web.service.local. 30 IN SRV 10 1 1 a.web.service.local.\n"
		"+ a.web.service.local. 30 IN A 10.0.0.1\n"
		"_mongodb._tcp.web.service.local. 30 IN SRV 1 1 2 b.web.service.local.\n"
		"+ b.web.service.local. 30 IN A 10.0.0.2\n");
	for (size_t i = 0; i < COUNT(forms); i++)
		assert_int_equal(view_answer_find(live_find(&live, forms[i]), WIRE_SRV)->count, 2);
	assert_int_equal(live_find(&live, "_http._tcp.web")->kind, VIEW_ALIAS);
	expect_empty("_tcp.web", VIEW_EMPTY, NULL);
	expect_nothing("_grpclb._tcp.web");
	expect_nothing("_bad name._tcp.web");
	/* All say udp: nothing speaks tcp. */
	put_web(&two[1], 1);
	expect_nothing("_web._tcp");
	expect("web", WIRE_A, "web.service.local. 60 IN A 10.0.0.2\n");
}

static void tags_are_names(void **state)
{
	const char *const first[] = {"Primary", "v1.blue", "not a name", "primary", "urlprefix-/x"};
	const char *const second[] = {"v1.blue", ""};
	struct registry_instance two[] = {instance("a", "10.0.0.1", 1), instance("b", "10.0.0.2", 2)};

	two[0].tags = first;
	two[0].tag_count = COUNT(first);
	two[1].tags = second;
	two[1].tag_count = COUNT(second);
	put_web(two, 2);
	expect("primary.web", WIRE_A, "primary.web.service.local. 5 IN A 10.0.0.1\n");
	expect("v1.blue.web", WIRE_A,
		"v1.blue.web.service.local. 5 IN A 10.0.0.1\nv1.blue.web.service.local. 5 IN A 10.0.0.2\n");
	expect("primary.web", WIRE_SRV,
		"primary.web.service.local. 5 IN SRV 1 1 1 a.web.service.local.\n"
		"+ a.web.service.local. 5 IN A 10.0.0.1\n");
	expect_empty("blue.web", VIEW_EMPTY, NULL);
	expect_nothing("v2.blue.web");
	/* A set with the same members is stored once. */
	const struct view_rrset *own = view_answer_find(live_find(&live, "web"), WIRE_SRV);
	const struct view_rrset *tag = view_answer_find(live_find(&live, "v1.blue.web"), WIRE_SRV);
	assert_ptr_equal(own->offsets, tag->offsets);
	assert_ptr_not_equal(
		own->offsets, view_answer_find(live_find(&live, "primary.web"), WIRE_SRV)->offsets);
}

/* A plan has a set for each tag, however many instances share it. */
static void tags_in_common_cost_little(void **state)
{
	enum { ROWS = 1000, TAGS = 10, PAIR = 100 /* bytes for an instance's tag */ };
	static const char *const tags[TAGS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	struct registry_instance *rows = calloc(ROWS, sizeof(*rows));
	char(*labels)[16] = calloc(ROWS, sizeof(*labels));
	const struct render_request request = {
		.service = "web", .instances = rows, .count = ROWS, .ttl = 5, .zone_size = 15};
	struct arena *scratch = arena_create();

	assert_true(rows && labels);
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(labels[i], sizeof(labels[i]), "i%u", i);
		rows[i] = instance(labels[i], "10.0.0.1", (uint16_t)i);
		rows[i].tags = tags;
		rows[i].tag_count = TAGS;
	}
	const struct plan *plan = plan_make(&request, scratch);
	assert_int_equal(plan->set_count, 1 + TAGS);
	assert_int_equal(plan->sets[TAGS].counts[PLAN_SRV], ROWS);
	assert_in_range(arena_size(scratch), 1, ROWS * TAGS * PAIR);
	arena_destroy(scratch);
	free(rows);
	free(labels);
}

static void dotted_services(void **state)
{
	struct registry_instance one = instance("i1", "10.0.0.1", 80);

	live_put(&live, "User.rpc", &one, 1);
	expect("user.rpc", WIRE_SRV,
		"user.rpc.service.local. 5 IN SRV 1 1 80 i1.User.rpc.service.local.\n"
		"+ i1.User.rpc.service.local. 5 IN A 10.0.0.1\n");
	expect("_user.rpc._tcp", WIRE_SRV,
		"_user.rpc._tcp.service.local. 5 IN SRV 1 1 80 i1.User.rpc.service.local.\n"
		"+ i1.User.rpc.service.local. 5 IN A 10.0.0.1\n");
	expect_empty("rpc", VIEW_EMPTY, NULL);
	expect_empty("rpc._tcp", VIEW_EMPTY, NULL);
	expect_empty("_tcp", VIEW_EMPTY, NULL);
	live_put(&live, "user.RPC", NULL, 0);
	expect_nothing("user.rpc");
	expect_nothing("rpc");
	expect_nothing("rpc._tcp");
	expect_nothing("_tcp");
	expect_nothing("i1.user.rpc");
	assert_int_equal(live.services.table.count, 0);
}

static void ten_thousand_instances(void **state)
{
	enum { COUNT_ALL = 10000 };
	struct registry_instance *all = calloc(COUNT_ALL, sizeof(*all));
	char(*texts)[2][24] = calloc(COUNT_ALL, sizeof(*texts));
	const char *const tags[] = {"prod"};

	assert_true(all && texts);
	for (unsigned i = 0; i < COUNT_ALL; i++) {
		snprintf(texts[i][0], 24, "instance-%u", i);
		snprintf(texts[i][1], 24, "10.1.%u.%u", i / 250, i % 250);
		all[i] = instance(texts[i][0], texts[i][1], (uint16_t)i);
		all[i].tags = tags;
		all[i].tag_count = 1;
		all[i].status = i % 2 ? REGISTRY_CRITICAL : REGISTRY_PASSING;
	}
	put_web(all, COUNT_ALL);
	assert_int_equal(view_answer_find(live_find(&live, "web"), WIRE_SRV)->count, COUNT_ALL / 2);
	assert_int_equal(view_answer_find(live_find(&live, "prod.web"), WIRE_A)->count, COUNT_ALL / 2);
	expect("instance-9999.web", WIRE_A, "instance-9999.web.service.local. 5 IN A 10.1.39.249\n");
	/* The last record, read out of the whole set. */
	const struct view_rrset *set = view_answer_find(live_find(&live, "web"), WIRE_SRV);
	struct view_answer *last = calloc(1, sizeof(*last) + sizeof(*set));
	last->rrset_count = 1;
	last->rrsets[0] = *set;
	last->rrsets[0].offsets += set->count - 1;
	last->rrsets[0].count = 1;
	char *text = live_text(last, "web", WIRE_SRV);
	assert_string_equal(text, "web.service.local. 5 IN SRV 1 1 9998 instance-9998.web.service.local.\n"
				  "+ instance-9998.web.service.local. 5 IN A 10.1.39.248\n");
	free(text);
	free(last);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_INSTANCES_PASSING]), COUNT_ALL / 2);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_INSTANCES_CRITICAL]), COUNT_ALL / 2);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_INSTANCES_WARNING]), 0);
	put_web(all, COUNT_ALL - 1);
	expect_nothing("instance-9999.web");
	put_web(NULL, 0);
	assert_int_equal(live.services.table.count, 0);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_INSTANCES_PASSING]), 0);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_INSTANCES_CRITICAL]), 0);
	free(all);
	free(texts);
}

static void skips_what_cannot_be_rendered(void **state)
{
	char label[80];
	struct registry_instance rows[] = {instance("good", "10.0.0.1", 1),
		instance("under_score", "10.0.0.2", 1), instance("-bad", "10.0.0.3", 1),
		instance(label, "10.0.0.4", 1), instance("h", "not a host", 1)};

	memset(label, 'x', 64);
	label[64] = '\0';
	put_web(rows, COUNT(rows));
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\nweb.service.local. 5 IN A 10.0.0.2\n");
	assert_int_equal(live_report_count, 3);
	assert_string_equal(
		live_reports[0], "-bad: cannot be shown in DNS: web: its label is not a host label");
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_SKIPPED]), 3);
	/* Counted again, said once. */
	put_web(rows, COUNT(rows));
	assert_int_equal(live_report_count, 3);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_SKIPPED]), 6);
}

static void names_end_at_255_octets(void **state)
{
	char service[256] = "";
	const char *const tags[] = {"t"};
	struct registry_instance one = instance("i1", "10.0.0.1", 80);

	/* 252 with the zone (15): an instance's "i1." does fit, a tag's "t." too, "_tcp" and "_" do not. */
	while (strlen(service) + 20 < 252 - 15)
		strcat(service, "0123456789012345678.");
	memset(service + strlen(service), 'y', 252 - 15 - 1 - strlen(service));
	assert_int_equal(strlen(service) + 1 + 15, 252);
	one.tags = tags;
	one.tag_count = 1;
	live_put(&live, service, &one, 1);
	assert_int_equal(live_find(&live, service)->rrset_count, 2);
	expect_nothing("_tcp");
	char *text = live_text(live_find(&live, service), service, WIRE_SRV);
	assert_non_null(strstr(text, " SRV 1 1 80 i1.0123456789012345678."));
	free(text);
	/* One more: now the instance is one octet too long. */
	strcat(service, "y");
	live_put(&live, service, &one, 1);
	assert_int_equal(live_report_count, 1);
	assert_non_null(strstr(live_reports[0], "i1: cannot be shown in DNS"));
	assert_int_equal(live_find(&live, service)->kind, VIEW_SERVICE);
	assert_non_null(strstr(live_find(&live, service)->reason, ": no instance can be shown"));
	/* And a service that is too long itself. */
	strcat(service, "yyy");
	live_put(&live, service, &one, 1);
	assert_null(live_find(&live, service));
	assert_int_equal(live_report_count, 2);
	live_put(&live, service, NULL, 0);
}

static void bad_service_names_are_skipped(void **state)
{
	static const char *const bad[] = {"", ".", "a..b", "with space", "_tcp", "web."};
	struct registry_instance one = instance("i1", "10.0.0.1", 80);

	for (size_t i = 0; i < COUNT(bad); i++) {
		live_put(&live, bad[i], &one, 1);
		assert_int_equal(live_report_count, i + 1);
		assert_int_equal(live.services.table.count, 0);
	}
	assert_int_equal(live.services.count, COUNT(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(renders_two_instances, begin, end),
		cmocka_unit_test_setup_teardown(answers_with_both_families_of_one_instance, begin, end),
		cmocka_unit_test_setup_teardown(takes_the_nodes_address, begin, end),
		cmocka_unit_test_setup_teardown(shares_an_address_once, begin, end),
		cmocka_unit_test_setup_teardown(host_names_are_targets_without_glue, begin, end),
		cmocka_unit_test_setup_teardown(health_decides_who_is_in_a_set, begin, end),
		cmocka_unit_test_setup_teardown(shows_all_when_all_are_down, begin, end),
		cmocka_unit_test_setup_teardown(meta_speaks_for_the_service, begin, end),
		cmocka_unit_test_setup_teardown(tags_are_names, begin, end),
		cmocka_unit_test(tags_in_common_cost_little),
		cmocka_unit_test_setup_teardown(dotted_services, begin, end),
		cmocka_unit_test_setup_teardown(ten_thousand_instances, begin, end),
		cmocka_unit_test_setup_teardown(skips_what_cannot_be_rendered, begin, end),
		cmocka_unit_test_setup_teardown(names_end_at_255_octets, begin, end),
		cmocka_unit_test_setup_teardown(bad_service_names_are_skipped, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
