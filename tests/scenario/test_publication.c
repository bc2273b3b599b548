/* The publication order, and each hole in it: COMMIT, then the view, then the reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/wire.h"
#include "world.h"

static const struct world_instance web = {.service = "web", .id = "w1"};

static void a_reply_waits_for_the_view(void **state)
{
	struct world *world = *state;
	uint64_t index;

	world_dns(world, WORLD_DNS_SLOW);
	index = world_register(world, &web);
	assert_int_equal(world_reply(world, index), -1);
	world_pass(world, 450 * MS);
	assert_int_equal(world_reply_now(world), -1);
	world_dns(world, WORLD_DNS_SERVES);
	world_pass(world, 0);
	assert_int_equal(world_reply_now(world), 1);
	world_expect(world, "web.service.local", "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_HTTP_UNPUBLISHED), 0);
}

static void after_each_reply_dns_shows_what_was_written(void **state)
{
	struct world *world = *state;

	assert_int_equal(world_reply(world, world_register(world, &web)), 1);
	world_expect(world, "web.service.local", "NOERROR 1");
	assert_int_equal(world_reply(world, world_register(world, &(struct world_instance){.service = "web",
									  .id = "w2",
									  .address = "10.0.0.2"})),
		1);
	world_expect(world, "web.service.local", "NOERROR 2");
	assert_int_equal(world_reply(world, world_deregister(world, "w1")), 1);
	world_expect(world, "web.service.local", "NOERROR 1");
	assert_int_equal(world_reply(world, world_deregister(world, "w2")), 1);
	world_expect(world, "web.service.local", "NXDOMAIN 0");
}

static void a_dead_dns_delays_no_write(void **state)
{
	struct world *world = *state;
	uint64_t index;

	world_dns(world, WORLD_DNS_DEAD);
	index = world_register(world, &web);
	assert_int_equal(world_reply(world, index), 0); /* at once */
	assert_int_equal(world_metric(world, METRIC_HTTP_UNPUBLISHED), 1);
	world_restart_dns(world); /* the promise holds: whoever answers next has loaded what was committed */
	world_expect(world, "web.service.local", "NOERROR 1");
	assert_int_equal(world_reply(world, index), 1);
}

static void a_dns_that_dies_while_a_reply_waits_lets_it_go(void **state)
{
	struct world *world = *state;

	world_dns(world, WORLD_DNS_SLOW);
	assert_int_equal(world_reply(world, world_register(world, &web)), -1);
	world_pass(world, 100 * MS);
	world_dns(world, WORLD_DNS_DEAD);
	world_pass(world, 0);
	assert_int_equal(world_reply_now(world), 0);
	assert_int_equal(world_metric(world, METRIC_HTTP_UNPUBLISHED), 1);
}

static void a_slow_dns_delays_a_write_by_half_a_second(void **state)
{
	struct world *world = *state;

	world_dns(world, WORLD_DNS_SLOW);
	assert_int_equal(world_reply(world, world_register(world, &web)), -1);
	world_pass(world, 450 * MS);
	assert_int_equal(world_reply_now(world), -1);
	world_pass(world, 50 * MS);
	assert_int_equal(world_reply_now(world), 0);
	assert_int_equal(world_metric(world, METRIC_HTTP_UNPUBLISHED), 1);
	world_expect(world, "web.service.local", "NXDOMAIN 0"); /* as the header said */
	world_dns(world, WORLD_DNS_SERVES);
	world_expect(world, "web.service.local", "NOERROR 1");
}

static void a_row_that_cannot_be_rendered_holds_nobody_up(void **state)
{
	struct world *world = *state;
	uint64_t index;

	world_register(world, &web);
	world_sql(world, "UPDATE instance SET label = 'not a label' WHERE id = 'w1'");
	index = world_register(
		world, &(struct world_instance){.service = "web", .id = "w2", .address = "10.0.0.2"});
	assert_int_equal(world_reply(world, index), 1); /* the index has moved past it */
	world_expect(world, "web.service.local", "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_VIEW_SKIPPED), 1);
	assert_int_equal(world_reply(world, world_register(world,
						    &(struct world_instance){.service = "api", .id = "a1"})),
		1);
	world_expect(world, "api.service.local", "NOERROR 1");
	assert_int_equal(world_count(world), 3);
}

static void a_service_of_such_rows_only_exists_and_says_why(void **state)
{
	struct world *world = *state;

	world_register(world, &web);
	world_sql(world, "UPDATE instance SET label = 'not a label'");
	world_restart_dns(world); /* a load meets it too */
	world_expect(world, "web.service.local", "NOERROR 0 EDE web: no instance can be shown");
	assert_int_equal(world_reply(world, world_register(world,
						    &(struct world_instance){.service = "api", .id = "a1"})),
		1);
}

static void a_status_goes_the_same_way(void **state)
{
	struct world *world = *state;

	world_register(
		world, &(struct world_instance){
			       .service = "web", .id = "w1", .type = REGISTRY_CHECK_TTL, .ttl_ns = 10 * S});
	world_dns(world, WORLD_DNS_SLOW);
	assert_int_equal(world_reply(world, world_heartbeat(world, "w1", REGISTRY_PASSING)), -1);
	world_expect(world, "web.service.local", "NOERROR 0 EDE web: waiting for the first check");
	world_dns(world, WORLD_DNS_SERVES);
	world_pass(world, 0);
	assert_int_equal(world_reply_now(world), 1);
	world_expect(world, "web.service.local", "NOERROR 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reply_waits_for_the_view),
		TEST(after_each_reply_dns_shows_what_was_written),
		TEST(a_dead_dns_delays_no_write),
		TEST(a_dns_that_dies_while_a_reply_waits_lets_it_go),
		TEST(a_slow_dns_delays_a_write_by_half_a_second),
		TEST(a_row_that_cannot_be_rendered_holds_nobody_up),
		TEST(a_service_of_such_rows_only_exists_and_says_why),
		TEST(a_status_goes_the_same_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
