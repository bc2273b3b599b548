/* From a check's result to the answers: an instance leaves when it turns critical, returns when it passes,
 * and goes for good when it stays away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/wire.h"
#include "world.h"

#define WEB "web.service.local"
#define WAITING "NOERROR 0 EDE web: waiting for the first check"
#define NONE "NOERROR 0 EDE web: 0 of 1 healthy"

static struct world_instance tcp(int64_t interval_ns)
{
	return (struct world_instance){.service = "web",
		.id = "w1",
		.type = REGISTRY_CHECK_TCP,
		.target = "w1:80",
		.interval_ns = interval_ns,
		.timeout_ns = 2 * S};
}

static struct world_instance ttl(int64_t ttl_ns)
{
	return (struct world_instance){
		.service = "web", .id = "w1", .type = REGISTRY_CHECK_TTL, .ttl_ns = ttl_ns};
}

static void a_fresh_check_is_waited_for_and_then_shown(void **state)
{
	struct world_instance web = tcp(10 * S);
	struct world *world = *state;

	world_host(world, "w1:80", WORLD_SILENT);
	world_register(world, &web);
	world_expect(world, WEB, WAITING);
	world_pass(world, 1 * S);
	world_expect(world, WEB, WAITING);
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 0);
	world_expect(world, WEB, "NOERROR 1"); /* the first probe was under way since the registration */
	assert_int_equal(world_metric(world, METRIC_HEALTH_PROBES), 1);
}

static void an_instance_without_a_check_is_healthy(void **state)
{
	struct world *world = *state;

	world_register(world, &(struct world_instance){.service = "web", .id = "w1"});
	world_expect(world, WEB, "NOERROR 1");
}

static void one_that_dies_leaves_within_interval_and_timeout(void **state)
{
	struct world_instance web = tcp(5 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 3 * S);
	world_expect(world, WEB, "NOERROR 1");
	world_host(world, "w1:80", WORLD_SILENT);
	world_pass(world, 7 * S);
	world_expect(world, WEB, NONE);
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 5 * S);
	world_expect(world, WEB, "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 1);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_PASSING), 2);
}

static void a_warning_stays_in_the_answers(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	world_host(world, "w1:80", WORLD_ILL);
	world_register(world, &web);
	world_pass(world, 0);
	world_expect(world, WEB, "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_WARNING), 1);
}

static void thresholds_keep_a_blip_out_of_the_answers(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.critical = 3;
	web.success = 2;
	world_register(world, &web);
	world_pass(world, 0);
	world_expect(world, WEB, "NOERROR 1"); /* the first result counts at once */
	world_host(world, "w1:80", WORLD_DOWN);
	world_pass(world, 1800 * MS); /* at most two probes */
	world_expect(world, WEB, "NOERROR 1");
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 1 * S);
	world_host(world, "w1:80", WORLD_DOWN);
	world_pass(world, 1800 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1200 * MS);
	world_expect(world, WEB, NONE);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 1);
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 850 * MS); /* one */
	world_expect(world, WEB, NONE);
	world_pass(world, 1150 * MS);
	world_expect(world, WEB, "NOERROR 1");
}

static void a_flapping_instance_writes_one_change_each_time(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;
	uint64_t commits;

	web.deregister_after_ns = 5 * S;
	world_register(world, &web);
	world_pass(world, 0);
	commits = world_metric(world, METRIC_REGISTRY_COMMITS);
	for (int i = 0; i < 10; i++) {
		world_host(world, "w1:80", i % 2 ? WORLD_UP : WORLD_DOWN);
		world_pass(world, 3 * S);
		world_expect(world, WEB, i % 2 ? "NOERROR 1" : NONE);
	}
	assert_int_equal(world_metric(world, METRIC_REGISTRY_COMMITS) - commits, 10);
	assert_int_equal(world_metric(world, METRIC_HEALTH_REAPED), 0); /* never five seconds in a row */
	assert_int_equal(world_count(world), 1);
}

static void a_ttl_runs_out_and_a_heartbeat_brings_it_back(void **state)
{
	struct world_instance web = ttl(2 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_expect(world, WEB, WAITING);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_expect(world, WEB, "NOERROR 1");
	for (int i = 0; i < 5; i++) {
		world_pass(world, 1900 * MS);
		world_heartbeat(world, "w1", REGISTRY_PASSING);
		world_expect(world, WEB, "NOERROR 1");
	}
	world_pass(world, 1900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 100 * MS);
	world_expect(world, WEB, NONE);
	world_pass(world, 10 * S);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 100 * MS);
	world_expect(world, WEB, NONE);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_PASSING), 2);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 2);
}

static void a_ttl_without_any_heartbeat_is_no_longer_waited_for(void **state)
{
	struct world_instance web = ttl(1 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 900 * MS);
	world_expect(world, WEB, WAITING);
	world_pass(world, 100 * MS);
	world_expect(world, WEB, NONE);
}

static void one_that_stays_away_is_removed_on_time(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.deregister_after_ns = 3 * S;
	world_register(world, &web);
	world_register(world, &(struct world_instance){.service = "web", .id = "w2", .address = "10.0.0.2"});
	world_pass(world, 5 * S);
	world_expect(world, WEB, "NOERROR 2");
	world_host(world, "w1:80", WORLD_DOWN);
	world_pass(world, 1 * S); /* found out: the clock starts here, or up to a second ago */
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1900 * MS);
	assert_int_equal(world_count(world), 2);
	world_pass(world, 1100 * MS);
	assert_int_equal(world_count(world), 1); /* gone from the registry, seconds as given */
	world_expect(world, WEB, "NOERROR 1");
	world_expect(world, "w1.web.service.local", "NXDOMAIN 0");
	assert_int_equal(world_metric(world, METRIC_HEALTH_REAPED), 1);
	for (unsigned i = METRIC_HEALTH_CHECKS_PASSING; i <= METRIC_HEALTH_CHECKS_WAITING; i++)
		assert_int_equal(world_metric(world, (enum metric)i), 0);
}

static void the_last_instance_takes_the_name_along(void **state)
{
	struct world_instance web = ttl(1 * S);
	struct world *world = *state;

	web.deregister_after_ns = 1 * S;
	world_register(world, &web);
	world_pass(world, 1900 * MS);
	world_expect(world, WEB, NONE);
	world_pass(world, 100 * MS);
	world_expect(world, WEB, "NXDOMAIN 0");
	assert_int_equal(world_count(world), 0);
}

static void a_heartbeat_of_failure_counts_for_removal(void **state)
{
	struct world_instance web = ttl(60 * S);
	struct world *world = *state;

	web.deregister_after_ns = 2 * S;
	world_register(world, &web);
	world_heartbeat(world, "w1", REGISTRY_CRITICAL);
	world_pass(world, 1900 * MS);
	assert_int_equal(world_count(world), 1);
	world_pass(world, 200 * MS);
	assert_int_equal(world_count(world), 0);
}

static void registering_again_starts_from_the_beginning(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.deregister_after_ns = 3 * S;
	world_host(world, "w1:80", WORLD_DOWN);
	world_register(world, &web);
	world_pass(world, 4 * S);
	assert_int_equal(world_count(world), 0);
	world_host(world, "w1:80", WORLD_UP);
	world_register(world, &web);
	world_expect(world, WEB, WAITING);
	world_pass(world, 0);
	world_expect(world, WEB, "NOERROR 1");
}

static void a_full_disk_delays_a_change_and_loses_none(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 0);
	world_disk(world, true);
	world_host(world, "w1:80", WORLD_DOWN);
	world_pass(world, 5 * S);
	world_expect(world, WEB, "NOERROR 1"); /* what is committed is what is shown */
	world_disk(world, false);
	world_pass(world, 1 * S);
	world_expect(world, WEB, NONE);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 1);
}

static void a_full_disk_and_a_ttl(void **state)
{
	struct world_instance web = ttl(2 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_disk(world, true);
	world_pass(world, 5 * S);
	world_expect(world, WEB, "NOERROR 1");
	world_heartbeat(
		world, "w1", REGISTRY_PASSING); /* alive again before anybody could be told otherwise */
	world_disk(world, false);
	world_pass(world, 1900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1100 * MS);
	world_expect(world, WEB, NONE);
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_check_is_waited_for_and_then_shown),
		TEST(an_instance_without_a_check_is_healthy),
		TEST(one_that_dies_leaves_within_interval_and_timeout),
		TEST(a_warning_stays_in_the_answers),
		TEST(thresholds_keep_a_blip_out_of_the_answers),
		TEST(a_flapping_instance_writes_one_change_each_time),
		TEST(a_ttl_runs_out_and_a_heartbeat_brings_it_back),
		TEST(a_ttl_without_any_heartbeat_is_no_longer_waited_for),
		TEST(one_that_stays_away_is_removed_on_time),
		TEST(the_last_instance_takes_the_name_along),
		TEST(a_heartbeat_of_failure_counts_for_removal),
		TEST(registering_again_starts_from_the_beginning),
		TEST(a_full_disk_delays_a_change_and_loses_none),
		TEST(a_full_disk_and_a_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
