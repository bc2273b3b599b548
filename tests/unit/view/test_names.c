/* One name, one owner: who wins, who waits, who takes over, and which names exist for the sake of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "live.h"

static struct live live;

static int begin(void **state)
{
	(void)state;
	live_begin(&live, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	live_end(&live);
	return 0;
}

/* Shows `service` with one instance `label`, with a tag and an alias if they are not NULL. */
static void put(
	const char *service, const char *label, const char *address, const char *tag, const char *alias)
{
	const struct registry_pair meta = {"dns-alias", alias};
	const struct registry_instance one = {.node = "n1",
		.id = label,
		.service = service,
		.label = label,
		.address = address,
		.node_address = "192.0.2.99",
		.port = 80,
		.tags = &tag,
		.tag_count = tag != NULL,
		.meta = &meta,
		.meta_count = alias != NULL,
		.weight_passing = 1};

	live_put(&live, service, &one, 1);
}

static void drop(const char *service)
{
	live_put(&live, service, NULL, 0);
}

static void expect(const char *name, enum view_kind kind, const char *address)
{
	const struct view_answer *answer = live_find(&live, name);
	const struct view_rrset *set = answer ? view_answer_find(answer, WIRE_A) : NULL;
	char text[32] = "";

	assert_non_null(answer);
	assert_int_equal(answer->kind, kind);
	if (set)
		snprintf(text, sizeof(text), "%u.%u.%u.%u", set->flat[12], set->flat[13], set->flat[14],
			set->flat[15]);
	assert_string_equal(text, address);
}

static void expect_reports(size_t count, const char *last)
{
	assert_int_equal(live_report_count, count);
	if (count)
		assert_string_equal(live_reports[count - 1], last);
}

static void service_wins_over_tag(void **state)
{
	static const char told[] = "prod.web: a name is hidden: tag of web, hidden by service prod.web";

	put("web", "i1", "10.0.0.1", "prod", NULL);
	expect("prod.web", VIEW_TAG, "10.0.0.1");
	put("prod.web", "x", "10.0.0.2", NULL, NULL);
	expect("prod.web", VIEW_SERVICE, "10.0.0.2");
	expect_reports(1, told);
	/* A change of the service that lost says nothing new. */
	put("web", "i1", "10.0.0.3", "prod", NULL);
	expect("prod.web", VIEW_SERVICE, "10.0.0.2");
	expect_reports(1, told);
	/* It takes over in the step in which the winner goes, with what it says now. */
	drop("prod.web");
	expect("prod.web", VIEW_TAG, "10.0.0.3");
	/* And is told again when it loses again. */
	put("prod.web", "x", "10.0.0.2", NULL, NULL);
	expect_reports(2, told);
	drop("web");
	expect("prod.web", VIEW_SERVICE, "10.0.0.2");
	expect("web", VIEW_EMPTY, "");
	drop("prod.web");
	assert_int_equal(live.services.table.count, 0);
}

static void instance_wins_over_tag(void **state)
{
	put("web", "blue", "10.0.0.1", "blue", NULL);
	expect("blue.web", VIEW_INSTANCE, "10.0.0.1");
	expect_reports(1, "blue.web: a name is hidden: tag of web, hidden by instance of web");
	/* The instance's name becomes free within one service: its tag has it at once. */
	put("web", "green", "10.0.0.2", "blue", NULL);
	expect("blue.web", VIEW_TAG, "10.0.0.2");
	expect("green.web", VIEW_INSTANCE, "10.0.0.2");
	put("web", "blue", "10.0.0.1", "green", NULL);
	expect("blue.web", VIEW_INSTANCE, "10.0.0.1");
	expect("green.web", VIEW_TAG, "10.0.0.1");
	expect_reports(1, "blue.web: a name is hidden: tag of web, hidden by instance of web");
}

static void service_wins_over_alias(void **state)
{
	put("web", "i1", "10.0.0.1", NULL, "db");
	assert_int_equal(live_find(&live, "_db._tcp.web")->kind, VIEW_ALIAS);
	/* The service db._tcp.web cannot be; but the service db.web has the name _db.web._tcp: no conflict.
	 */
	put("db.web", "x", "10.0.0.2", NULL, NULL);
	assert_int_equal(live_find(&live, "_db._tcp.web")->kind, VIEW_ALIAS);
	assert_int_equal(live_find(&live, "_db.web._tcp")->kind, VIEW_SERVICE);
	expect_reports(0, NULL);
}

static void equals_go_by_name_whoever_comes_first(void **state)
{
	for (unsigned order = 0; order < 2; order++) {
		/* Both claim a.b.web as a tag. */
		if (order == 0) {
			put("web", "i1", "10.0.0.1", "a.b", NULL);
			put("b.web", "i2", "10.0.0.2", "a", NULL);
		} else {
			put("b.web", "i2", "10.0.0.2", "a", NULL);
			put("web", "i1", "10.0.0.1", "a.b", NULL);
		}
		expect("a.b.web", VIEW_TAG, "10.0.0.1");
		assert_string_equal(live_reports[live_report_count - 1],
			"a.b.web: a name is hidden: tag of b.web, hidden by tag of web");
		drop("web");
		expect("a.b.web", VIEW_TAG, "10.0.0.2");
		expect("web", VIEW_EMPTY, "");
		drop("b.web");
		assert_int_equal(live.services.table.count, 0);
	}
}

static void three_claims_to_one_name(void **state)
{
	put("web", "i1", "10.0.0.1", "b.c", NULL);
	put("c.web", "b", "10.0.0.2", NULL, NULL);
	put("b.c.web", "x", "10.0.0.3", NULL, NULL);
	expect("b.c.web", VIEW_SERVICE, "10.0.0.3");
	/* The one in the middle changes, then goes; the order holds. */
	put("c.web", "b", "10.0.0.4", NULL, NULL);
	expect("b.c.web", VIEW_SERVICE, "10.0.0.3");
	drop("b.c.web");
	expect("b.c.web", VIEW_INSTANCE, "10.0.0.4");
	drop("c.web");
	expect("b.c.web", VIEW_TAG, "10.0.0.1");
	expect("c.web", VIEW_EMPTY, "");
}

static void empty_names_live_as_long_as_what_is_below(void **state)
{
	put("a.b.ent", "x", "10.0.0.1", NULL, NULL);
	put("c.b.ent", "y", "10.0.0.2", NULL, NULL);
	expect("ent", VIEW_EMPTY, "");
	expect("b.ent", VIEW_EMPTY, "");
	expect("ent._tcp", VIEW_EMPTY, "");
	drop("a.b.ent");
	expect("ent", VIEW_EMPTY, "");
	expect("b.ent", VIEW_EMPTY, "");
	assert_null(live_find(&live, "a.b.ent"));
	/* An empty name becomes a service, and empty again. */
	put("b.ent", "z", "10.0.0.3", NULL, NULL);
	expect("b.ent", VIEW_SERVICE, "10.0.0.3");
	drop("b.ent");
	expect("b.ent", VIEW_EMPTY, "");
	drop("c.b.ent");
	assert_null(live_find(&live, "ent"));
	assert_null(live_find(&live, "b.ent"));
	assert_null(live_find(&live, "_tcp"));
	assert_int_equal(live.services.table.count, 0);
}

static void table_grows_and_shrinks(void **state)
{
	char name[32];
	size_t least = table_room(&live.services.table);

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "service-%u", i);
		put(name, "i1", "10.0.0.1", NULL, NULL);
	}
	assert_true(table_room(&live.services.table) >= live.services.table.count);
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_SERVICES]), 2000);
	expect("i1.service-1999", VIEW_INSTANCE, "10.0.0.1");
	/* A load that sees only one of them. */
	services_begin_load(&live.services);
	put("SERVICE-7", "i1", "10.0.0.7", NULL, NULL);
	services_sweep(&live.services);
	services_reclaim(&live.services);
	expect("service-7", VIEW_SERVICE, "10.0.0.7");
	assert_null(live_find(&live, "service-8"));
	assert_int_equal(atomic_load(&live.metrics.values[METRIC_VIEW_SERVICES]), 1);
	assert_int_equal(live.services.table.count, 4);
	assert_int_equal(table_room(&live.services.table), least);
}

/* Looks at the table each time that something is reported: in the middle of a service's swap. */
static unsigned looks;
static size_t names_at_first_look;
static bool crowded;

static void look(enum log_level level, const char *message, const char *name, const char *detail)
{
	const struct table *table = &live.services.table;

	(void)level;
	live_report(LOG_WARN, message, name, detail);
	if (looks++ == 0)
		names_at_first_look = table->count;
	crowded = crowded || table->count > table_room(table);
}

/* One service with many times the names that the table has room for, half of them tags: as they come there
 * are buckets for them, else each would be looked for behind all that came before. */
static void a_large_service_finds_room(void **state)
{
	enum { MANY = 20000 };
	struct registry_instance *instances = calloc(MANY, sizeof(*instances));
	char(*labels)[16] = calloc(MANY, sizeof(*labels)), (*tags)[16] = calloc(MANY, sizeof(*tags));
	const char **tag = calloc(MANY, sizeof(*tag));

	assert_true(instances && labels && tags && tag);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(labels[i], sizeof(labels[i]), "i%05u", i);
		snprintf(tags[i], sizeof(tags[i]), "%c%05u", i ? 't' : 'i', i); /* the first: hidden */
		tag[i] = tags[i];
		instances[i] = (struct registry_instance){.node = "n1",
			.id = labels[i],
			.service = "ns1",
			.label = labels[i],
			.address = "10.0.0.1",
			.node_address = "192.0.2.99",
			.port = 80,
			.tags = &tag[i],
			.tag_count = 1,
			.weight_passing = 1};
	}
	looks = 0;
	crowded = false;
	live.services.names.report = look;
	live_put(&live, "ns1", instances, MANY);
	/* Once between the instances and the tags, and once behind all. */
	expect_reports(2, "i00000.ns1: a name is hidden: tag of ns1, hidden by instance of ns1");
	assert_string_equal(live_reports[0],
		"ns1: a live name is hidden: service ns1: the file of zone service.local has the same name");
	assert_true(names_at_first_look > MANY);
	assert_true(live.services.table.count > 2 * MANY);
	assert_false(crowded);
	/* Nor is there far too much room. */
	assert_true(table_room(&live.services.table) < 4 * live.services.table.count);
	expect("t19999.ns1", VIEW_TAG, "10.0.0.1");
	free(instances);
	free(labels);
	free(tags);
	free(tag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(service_wins_over_tag, begin, end),
		cmocka_unit_test_setup_teardown(instance_wins_over_tag, begin, end),
		cmocka_unit_test_setup_teardown(service_wins_over_alias, begin, end),
		cmocka_unit_test_setup_teardown(equals_go_by_name_whoever_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(three_claims_to_one_name, begin, end),
		cmocka_unit_test_setup_teardown(empty_names_live_as_long_as_what_is_below, begin, end),
		cmocka_unit_test_setup_teardown(table_grows_and_shrinks, begin, end),
		cmocka_unit_test_setup_teardown(a_large_service_finds_room, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
