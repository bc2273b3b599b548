/* The follower against a real registry: load, follow, load afresh, and what everybody else sees meanwhile. */
#include "fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "live.h"
#include "net/wake.h"

static struct view *view;
static struct page *page;
static char zone_path[128];

static struct view_config config_of(const struct fixture *f, const struct view_zone_config *zone)
{
	return (struct view_config){.zones = zone,
		.zone_count = 1,
		.ttl = 5,
		.node_address = "127.0.0.1",
		.registry_path = f->path,
		.page = page,
		.thread = &page->threads[PAGE_FOLLOWER],
		.wake_fd = -1,
		.notify_fd = -1,
		.report = live_report};
}

static const struct view_zone_config plain = {.name = LIVE_ZONE};

static void create(const struct view_config *config)
{
	char message[512] = "";

	live_report_count = 0;
	if (view_create(config, &view, message) != 0)
		fail_msg("%s", message);
}

static int set_up(void **state)
{
	page = aligned_alloc(64, sizeof(*page));
	memset(page, 0, sizeof(*page));
	return fixture_setup(state);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	view_destroy(view);
	view = NULL;
	free(page);
	snprintf(zone_path, sizeof(zone_path), "%s/zone", f->folder);
	unlink(zone_path);
	return fixture_teardown(state);
}

static const struct view_answer *find(const char *name)
{
	const struct view_zone *zone;
	char full[300];

	snprintf(full, sizeof(full), "%s.%s", name, LIVE_ZONE);
	return live_lookup(view, full, &zone);
}

static void expect(const char *name, uint16_t type, const char *expected)
{
	char *text = live_text(find(name), name, type);

	assert_string_equal(text, expected);
	free(text);
}

static uint64_t metric(enum metric id)
{
	return atomic_load(&page->threads[PAGE_FOLLOWER].metrics.values[id]);
}

static void expect_index(uint64_t index)
{
	assert_int_equal(view_index(view), index);
	assert_int_equal(atomic_load(&page->index), index);
	assert_int_equal(atomic_load(&page->state), PAGE_READY);
	assert_true(view_ready(view));
}

static void waits_for_a_registry(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);

	config.registry_path = "/nonexistent/registry.db";
	create(&config);
	assert_int_equal(view_step(view), -ENOENT);
	assert_int_equal(view_step(view), -ENOENT);
	assert_false(view_ready(view));
	assert_int_equal(view_index(view), 0);
	assert_int_equal(atomic_load(&page->state), PAGE_LOADING);
	assert_int_equal(live_report_count, 0);
	assert_null(find("web"));
	assert_non_null(find("ns1"));
}

static void loads_and_follows(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	struct registry_command *two;
	struct pollfd bell = {.fd = net_wake_create(), .events = POLLIN};

	config.notify_fd = bell.fd;
	create(&config);
	must(f, put_instance("Web", "i1"));
	uint64_t index = must(f, put_instance("db", "d1"));
	assert_int_equal(view_step(view), 2);
	expect_index(index);
	assert_int_equal(poll(&bell, 1, 0), 1);
	net_wake_clear(bell.fd);
	expect("web", WIRE_SRV,
		"web.service.local. 5 IN SRV 1 1 80 i1.Web.service.local.\n"
		"+ i1.Web.service.local. 5 IN A 10.0.0.1\n");
	assert_int_equal(metric(METRIC_VIEW_LOADS), 1);
	assert_int_equal(metric(METRIC_VIEW_SERVICES), 2);

	/* Nothing new: nothing happens, nobody is told. */
	assert_int_equal(view_step(view), 0);
	assert_int_equal(poll(&bell, 1, 0), 0);

	two = put_instance("wEB", "i2");
	instance_of(two)->address = "10.0.0.2";
	index = must(f, two);
	assert_int_equal(view_step(view), 1);
	expect_index(index);
	assert_int_equal(poll(&bell, 1, 0), 1);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\nweb.service.local. 5 IN A 10.0.0.2\n");

	must(f, put_check("c1", "i2", REGISTRY_CHECK_TTL));
	must(f, set_status("c1", REGISTRY_CRITICAL, "gone"));
	index = must(f, remove_instance("i1"));
	assert_int_equal(view_step(view), 1);
	expect_index(index);
	assert_string_equal(find("web")->reason, "Web: 0 of 1 healthy");
	expect("i2.web", WIRE_A, "i2.web.service.local. 5 IN A 10.0.0.2\n");
	assert_null(find("i1.web"));

	index = must(f, remove_instance("i2"));
	assert_int_equal(view_step(view), 1);
	expect_index(index);
	assert_null(find("web"));
	assert_null(find("i2.web"));
	assert_null(find("_web._tcp"));
	assert_non_null(find("_tcp"));
	assert_int_equal(metric(METRIC_VIEW_LOADS), 1);
	assert_int_equal(metric(METRIC_VIEW_INSTANCES_PASSING), 1);
	close(bell.fd);
}

static void passes_what_it_cannot_render(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);

	create(&config);
	must(f, put_instance("web", "good"));
	must(f, put_instance("web", "poor"));
	must(f, put_instance("sad", "s1"));
	sql_text(f, "UPDATE instance SET label = 'no label' WHERE id = 'poor'");
	sql_text(f, "UPDATE instance SET service = 'a service!' WHERE id = 's1'");
	uint64_t index = must(f, put_instance("db", "d1"));
	assert_int_equal(view_step(view), 3);
	expect_index(index);
	assert_int_equal(metric(METRIC_VIEW_SKIPPED), 2);
	assert_int_equal(live_report_count, 2);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\n");
	assert_non_null(find("good.web"));
	assert_null(find("poor.web"));
	index = must(f, put_instance("web", "better"));
	assert_int_equal(view_step(view), 1);
	expect_index(index);
	assert_int_equal(live_report_count, 2);
}

static void many_changes_take_several_snapshots(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char service[16], id[16];

	create(&config);
	must(f, put_instance("web", "i1"));
	assert_int_equal(view_step(view), 1);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(service, sizeof(service), "s%u", i);
		snprintf(id, sizeof(id), "x%u", i);
		registry_writer_submit(f->writer, put_instance(service, id), f->inbox);
	}
	uint64_t index = must(f, put_instance("last", "l1"));
	assert_int_equal(view_step(view), 601);
	expect_index(index);
	assert_int_equal(metric(METRIC_VIEW_SERVICES), 602);
	assert_int_equal(metric(METRIC_VIEW_LOADS), 1);
	expect("s599", WIRE_A, "s599.service.local. 5 IN A 10.0.0.1\n");
}

static void changes_of_one_service_render_it_once_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char id[16];

	create(&config);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "s%u", i);
		registry_writer_submit(f->writer, put_instance(id, id), f->inbox);
	}
	must(f, put_instance("web", "w"));
	assert_int_equal(view_step(view), 41);
	uint64_t before = metric(METRIC_VIEW_RENDERED);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "w%u", i);
		registry_writer_submit(f->writer, put_instance("web", id), f->inbox);
	}
	must(f, put_check("c", "w", REGISTRY_CHECK_TTL));
	must(f, set_status("c", REGISTRY_CRITICAL, "gone"));
	assert_int_equal(view_step(view), 1);
	assert_int_equal(metric(METRIC_VIEW_RENDERED) - before, 1);
	assert_int_equal(metric(METRIC_VIEW_LOADS), 1);
}

/* From each commit to the view, by the clock of both; what a load shows has no such time. */
static void says_how_long_a_change_took(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);

	config.commits = f->page;
	config.clock = &f->clock.clock;
	must(f, put_instance("web", "w1"));
	create(&config);
	clock_manual_advance(&f->clock, 3600 * CLOCK_NS_PER_S);
	assert_int_equal(view_step(view), 1);
	assert_int_equal(metric(METRIC_VIEW_PUBLISH_DURATION_SUM), 0);
	assert_int_equal(metric(METRIC_VIEW_PUBLISHED), clock_wall(&f->clock.clock));
	must(f, put_instance("web", "w2"));
	clock_manual_advance(&f->clock, 30 * CLOCK_NS_PER_MS);
	must(f, put_instance("web", "w3"));
	clock_manual_advance(&f->clock, 15 * CLOCK_NS_PER_MS);
	assert_int_equal(view_step(view), 1);
	assert_int_equal(metric(METRIC_VIEW_PUBLISH_DURATION_SUM), (45 + 15) * CLOCK_NS_PER_MS);
	/* Nothing new, nothing to time. */
	clock_manual_advance(&f->clock, CLOCK_NS_PER_S);
	assert_int_equal(view_step(view), 0);
	assert_int_equal(metric(METRIC_VIEW_PUBLISH_DURATION_SUM), (45 + 15) * CLOCK_NS_PER_MS);
}

/* The serial that the SOA has, for /metrics. */
static void shows_the_zones_serials(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char name[PAGE_ZONE_NAME];

	create(&config);
	assert_int_equal(atomic_load(&page->zone_count), 0);
	uint64_t index = must(f, put_instance("web", "w1"));
	assert_int_equal(view_step(view), 1);
	assert_int_equal(atomic_load(&page->zone_count), 1);
	assert_int_equal(page_get_zone(page, 0, name), index);
	assert_string_equal(name, LIVE_ZONE);
	index = must(f, put_instance("web", "w2"));
	assert_int_equal(view_step(view), 1);
	assert_int_equal(page_get_zone(page, 0, name), index);
}

static void loads_afresh_when_the_changelog_is_too_short(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char id[16];
	uint64_t index = 0;

	fixture_stop(f);
	f->config.limits.changelog_rows = 10;
	fixture_start(f);
	create(&config);
	must(f, put_instance("old", "o1"));
	must(f, put_instance("web", "i0"));
	assert_int_equal(view_step(view), 2);
	must(f, remove_instance("o1"));
	for (unsigned i = 1; i < 40; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		index = must(f, put_instance("web", id));
	}
	assert_non_null(find("old"));
	assert_int_equal(view_step(view), 1);
	assert_int_equal(metric(METRIC_VIEW_LOADS), 2);
	expect_index(index);
	assert_null(find("old"));
	assert_null(find("o1.old"));
	assert_int_equal(view_answer_find(find("web"), WIRE_SRV)->count, 40);
}

static void remove_registry(const struct fixture *f)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, files[i]);
		unlink(path);
	}
}

static void follows_a_file_that_was_replaced(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);

	create(&config);
	must(f, put_instance("web", "i1"));
	assert_int_equal(view_step(view), 1);
	uint64_t index = view_index(view);
	fixture_stop(f);
	remove_registry(f);
	/* The file is gone: what is shown stays. */
	assert_int_equal(view_step(view), -ENOENT);
	expect_index(index);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\n");
	fixture_start(f);
	index = must(f, put_instance("db", "d1"));
	assert_int_equal(view_step(view), 1);
	expect_index(index);
	assert_null(find("web"));
	expect("db", WIRE_A, "db.service.local. 5 IN A 10.0.0.1\n");
}

/* After an error the file is opened anew; it may be another one, whose indexes say nothing about the old. */
static void loads_what_took_the_place_of_a_broken_file(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);

	create(&config);
	must(f, put_instance("old", "o1"));
	assert_int_equal(view_step(view), 1);
	sql_text(f, "ALTER TABLE meta RENAME TO lost");
	assert_int_equal(view_step(view), -EIO);
	assert_int_equal(live_report_count, 1);
	fixture_stop(f);
	remove_registry(f);
	fixture_start(f);
	must(f, put_instance("db", "d1"));
	uint64_t index = must(f, put_instance("web", "w1"));
	assert_true(index > view_index(view));
	assert_int_equal(view_step(view), 2);
	expect_index(index);
	assert_null(find("old"));
	expect("db", WIRE_A, "db.service.local. 5 IN A 10.0.0.1\n");
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\n");
}

static void a_new_ttl_is_rendered_everywhere(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char message[512] = "";

	create(&config);
	must(f, put_instance("web", "i1"));
	assert_int_equal(view_step(view), 1);
	expect("web", WIRE_A, "web.service.local. 5 IN A 10.0.0.1\n");
	config.ttl = 20;
	assert_int_equal(view_reload_zones(view, &config, message), 0);
	assert_int_equal(view_step(view), 1);
	expect("web", WIRE_A, "web.service.local. 20 IN A 10.0.0.1\n");
	expect("ns1", WIRE_A, "ns1.service.local. 20 IN A 127.0.0.1\n");
	assert_int_equal(view_step(view), 0);
}

static void static_and_live_names_stand_together(void **state)
{
	struct fixture *f = *state;
	const struct view_zone_config zone = {.name = LIVE_ZONE, .file = zone_path};
	struct view_config config = config_of(f, &zone);
	char message[512] = "";

	snprintf(zone_path, sizeof(zone_path), "%s/zone", f->folder);
	FILE *stream = fopen(zone_path, "w");
	assert_non_null(stream);
	fputs("@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 127.0.0.1\nweb TXT static\nx.db TXT below\n",
		stream);
	fclose(stream);
	create(&config);
	must(f, put_instance("web", "i1"));
	must(f, put_instance("db", "d1"));
	assert_int_equal(view_step(view), 2);
	/* web is the file's, its instance is not; db is only an empty name in the file. */
	assert_int_equal(find("web")->kind, VIEW_STATIC);
	expect("web", WIRE_A, "");
	expect("i1.web", WIRE_A, "i1.web.service.local. 5 IN A 10.0.0.1\n");
	expect("db", WIRE_A, "db.service.local. 5 IN A 10.0.0.1\n");
	expect("x.db", WIRE_TXT, "x.db.service.local. 5 IN TXT \"below\"\n");
	assert_int_equal(live_report_count, 1);
	must(f, remove_instance("d1"));
	assert_int_equal(view_step(view), 1);
	assert_int_equal(find("db")->kind, VIEW_EMPTY);
	/* The file gives the name back, and then takes the other. */
	stream = fopen(zone_path, "w");
	fputs("@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 127.0.0.1\ni1.web TXT static\n", stream);
	fclose(stream);
	assert_int_equal(view_reload_zones(view, &config, message), 0);
	assert_int_equal(view_step(view), 0);
	assert_int_equal(find("web")->kind, VIEW_SERVICE);
	assert_int_equal(find("i1.web")->kind, VIEW_STATIC);
	assert_null(find("db"));
	assert_int_equal(live_report_count, 2);
	assert_string_equal(live_reports[1],
		"i1.web: a live name is hidden: instance of web: the file of zone "
		"service.local has the same name");
}

/* Waits for the bell until the view shows `index`. */
static void wait_for_index(int fd, uint64_t index)
{
	struct pollfd bell = {.fd = fd, .events = POLLIN};

	while (view_index(view) < index) {
		assert_int_equal(poll(&bell, 1, 20000), 1);
		net_wake_clear(fd);
	}
}

static void the_thread_follows_the_writers_bell(void **state)
{
	struct fixture *f = *state;
	struct view_config config = config_of(f, &plain);
	char id[16];

	fixture_stop(f);
	config.wake_fd = f->config.wake_fd = net_wake_create();
	config.notify_fd = net_wake_create();
	create(&config);
	assert_int_equal(view_follow(view), 0);
	fixture_start(f);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "i%u", i);
		uint64_t index = must(f, put_instance("web", id));
		wait_for_index(config.notify_fd, index);
		snprintf(id, sizeof(id), "i%u.web", i);
		assert_non_null(find(id));
	}
	assert_int_equal(view_answer_find(find("web"), WIRE_SRV)->count, 20);
	assert_true(atomic_load(&page->threads[PAGE_FOLLOWER].tick) > 0);
	view_destroy(view);
	view = NULL;
	close(config.wake_fd);
	close(config.notify_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_for_a_registry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loads_and_follows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(passes_what_it_cannot_render, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			changes_of_one_service_render_it_once_and_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_how_long_a_change_took, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shows_the_zones_serials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_changes_take_several_snapshots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			loads_afresh_when_the_changelog_is_too_short, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_a_file_that_was_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			loads_what_took_the_place_of_a_broken_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_ttl_is_rendered_everywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(static_and_live_names_stand_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_thread_follows_the_writers_bell, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
