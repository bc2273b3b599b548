/* The load on two threads: everything comes in order, and it ends whichever side ends it. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "live.h"
#include "registry/reader_private.h"
#include "view/loader.h"

/* So many rows that the reading thread fills the queue and waits for room long before its end. */
enum { SERVICES = 5000, EACH = 3 };

static int set_up(void **state)
{
	fixture_setup(state);
	struct fixture *f = *state;
	must(f, put_instance("s-00000", "first"));
	sql_text(f, "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)"
		    " INSERT INTO instance SELECT 'own', format('i-%05d-%d', n, m), format('s-%05d', n),"
		    " format('i-%05d-%d', n, m), '10.0.0.1', 80, '[\"tag\"]', '{}', '{}', 1, 1, 0, 1, 1, 1"
		    " FROM n, (SELECT 1 AS m UNION SELECT 2 UNION SELECT 3)");
	return 0;
}

struct seen {
	struct registry_reader *reader;
	pthread_t thread;
	char last[16];
	size_t services, instances;
	size_t act_at; /* after so many services ... */
	void (*act)(struct seen *seen);
	int stop_with;
};

static int visit(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct seen *seen = ctx;

	assert_true(pthread_equal(pthread_self(), seen->thread));
	assert_true(strcmp(seen->last, service) < 0);
	snprintf(seen->last, sizeof(seen->last), "%s", service);
	seen->services++;
	seen->instances += count;
	assert_int_equal(instances[0].tag_count, seen->services > 1);
	if (seen->services != seen->act_at)
		return 0;
	if (seen->act)
		seen->act(seen);
	return seen->stop_with;
}

static int walk(struct fixture *f, struct seen *seen, uint64_t *ret_index)
{
	seen->reader = f->reader;
	seen->thread = pthread_self();
	return loader_walk(f->reader, visit, seen, ret_index);
}

/* The reader is as before: a whole load succeeds. */
static void expect_whole(struct fixture *f)
{
	struct seen seen = {0};
	uint64_t index = 0, now;

	assert_true(sqlite3_get_autocommit(f->reader->store->db));
	assert_int_equal(walk(f, &seen, &index), 0);
	assert_int_equal(seen.services, SERVICES + 1);
	assert_int_equal(seen.instances, SERVICES * EACH + 1);
	assert_int_equal(registry_reader_index(f->reader, &now), 0);
	assert_int_equal(index, now);
}

static void all_comes_in_order(void **state)
{
	expect_whole(*state);
}

static void nothing_is_a_load_too(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	uint64_t index = 0;

	sql_text(f, "DELETE FROM instance");
	assert_int_equal(walk(f, &seen, &index), 0);
	assert_int_equal(seen.services, 0);
	assert_true(index > 0);
}

static void the_renderer_may_stop(void **state)
{
	struct seen seen = {.act_at = 2, .stop_with = -ECANCELED};
	uint64_t index = 1;

	assert_int_equal(walk(*state, &seen, &index), -ECANCELED);
	assert_int_equal(seen.services, 2);
	assert_int_equal(index, 1);
	expect_whole(*state);
}

/* What SQLite does on a fault in the middle: the statement ends with an error. */
static void interrupt(struct seen *seen)
{
	sqlite3_interrupt(seen->reader->store->db);
}

static void the_reader_may_fail(void **state)
{
	struct seen seen = {.act_at = 2, .act = interrupt};
	uint64_t index = 1;

	assert_int_equal(walk(*state, &seen, &index), -EIO);
	assert_in_range(seen.services, 2, SERVICES);
	assert_int_equal(index, 1);
	expect_whole(*state);
}

static void remove_file(struct seen *seen)
{
	unlink(seen->reader->path);
}

static void a_file_that_is_replaced_is_read_to_its_end(void **state)
{
	struct seen seen = {.act_at = 2, .act = remove_file};
	uint64_t index = 0;

	assert_int_equal(walk(*state, &seen, &index), 0);
	assert_int_equal(seen.services, SERVICES + 1);
	assert_true(registry_reader_replaced(((struct fixture *)*state)->reader));
}

static void a_view_may_go_while_it_loads(void **state)
{
	struct fixture *f = *state;
	const struct view_zone_config zone = {.name = LIVE_ZONE};
	const struct view_config config = {.zones = &zone,
		.zone_count = 1,
		.ttl = 5,
		.node_address = "127.0.0.1",
		.registry_path = f->path,
		.wake_fd = -1,
		.notify_fd = -1,
		.report = live_report};
	char message[512] = "";
	struct view *view;

	live_report_count = 0;
	assert_int_equal(view_create(&config, &view, message), 0);
	assert_int_equal(view_follow(view), 0);
	view_destroy(view);
	assert_int_equal(live_report_count, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_comes_in_order),
		TEST(nothing_is_a_load_too),
		TEST(the_renderer_may_stop),
		TEST(the_reader_may_fail),
		TEST(a_file_that_is_replaced_is_read_to_its_end),
		TEST(a_view_may_go_while_it_loads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
