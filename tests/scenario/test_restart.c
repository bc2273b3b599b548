/* Restarts and stops: what was stored holds, nobody is expired for our own absence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/wire.h"
#include "world.h"

#define WEB "web.service.local"
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

static void statuses_are_what_is_stored(void **state)
{
	struct world_instance web = tcp(60 * S),
			      api = {.service = "api", .id = "a1", .type = REGISTRY_CHECK_TTL};
	struct world *world = *state;

	api.ttl_ns = 60 * S;
	world_register(world, &web);
	world_register(world, &api);
	world_pass(world, 0);
	world_heartbeat(world, "a1", REGISTRY_CRITICAL);
	world_restart_sidecar(world, 3600 * S);
	world_restart_dns(world);
	world_expect(world, WEB, "NOERROR 1");
	world_expect(world, "api.service.local", "NOERROR 0 EDE api: 0 of 1 healthy");
}

static void an_active_check_is_probed_within_ten_seconds(void **state)
{
	struct world_instance web = tcp(3600 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 0);
	world_host(world, "w1:80", WORLD_DOWN);
	world_restart_sidecar(world, 1 * S);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 10 * S);
	world_expect(world, WEB, NONE);
}

static void or_within_its_interval_if_that_is_shorter(void **state)
{
	struct world_instance web = tcp(2 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 0);
	world_host(world, "w1:80", WORLD_DOWN);
	world_restart_sidecar(world, 1 * S);
	world_pass(world, 2 * S);
	world_expect(world, WEB, NONE);
}

static void a_ttl_check_gets_one_full_ttl(void **state)
{
	struct world_instance web = ttl(5 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_pass(world, 4900 * MS);
	world_restart_sidecar(world, 100 * S);
	world_pass(world, 4900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 100 * MS);
	world_expect(world, WEB, NONE);
}

static void a_heartbeat_after_a_restart_is_known(void **state)
{
	struct world_instance web = ttl(5 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_restart_sidecar(world, 100 * S);
	world_pass(world, 4 * S);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_pass(world, 4900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 0);
}

static void the_deregister_clock_starts_anew(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.deregister_after_ns = 5 * S;
	world_host(world, "w1:80", WORLD_DOWN);
	world_register(world, &web);
	world_pass(world, 4500 * MS);
	world_restart_sidecar(world, 3600 * S);
	world_pass(world, 4900 * MS); /* first result within a second, then five */
	assert_int_equal(world_count(world), 1);
	world_pass(world, 1200 * MS);
	assert_int_equal(world_count(world), 0);
}

static void thresholds_hold_across_a_restart(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.critical = 3;
	world_register(world, &web);
	world_pass(world, 0);
	world_host(world, "w1:80", WORLD_DOWN);
	world_restart_sidecar(world, 1 * S);
	world_pass(world, 1 * S); /* one or two */
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 2 * S);
	world_expect(world, WEB, NONE);
}

static void a_check_that_never_had_a_result_is_still_waited_for(void **state)
{
	struct world_instance web = tcp(60 * S);
	struct world *world = *state;

	world_host(world, "w1:80", WORLD_SILENT);
	world_register(world, &web);
	world_restart_sidecar(world, 1 * S);
	world_restart_dns(world);
	world_expect(world, WEB, "NOERROR 0 EDE web: waiting for the first check");
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 10 * S);
	world_expect(world, WEB, "NOERROR 1");
}

static void a_stopped_process_expires_no_ttl(void **state)
{
	struct world_instance web = ttl(2 * S);
	struct world *world = *state;

	web.deregister_after_ns = 1 * S;
	world_register(world, &web);
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_pass(world, 1 * S);
	world_stopped(world, 30 * S);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1900 * MS); /* a full round to be heard again */
	world_expect(world, WEB, "NOERROR 1");
	world_heartbeat(world, "w1", REGISTRY_PASSING);
	world_pass(world, 1900 * MS);
	world_expect(world, WEB, "NOERROR 1");
	world_pass(world, 1200 * MS); /* and silence counts again */
	assert_int_equal(world_count(world), 0);
}

static void a_stopped_process_believes_no_timeout(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	world_register(world, &web);
	world_pass(world, 1500 * MS);
	world_host(world, "w1:80", WORLD_SILENT);
	world_pass(world, 1 * S); /* a probe is under way */
	world_stopped(world, 30 * S);
	world_expect(world, WEB, "NOERROR 1");
	world_host(world, "w1:80", WORLD_UP);
	world_pass(world, 3 * S);
	world_expect(world, WEB, "NOERROR 1");
	assert_int_equal(world_metric(world, METRIC_HEALTH_TO_CRITICAL), 0);
}

static void a_stopped_process_removes_nobody_before_a_new_round(void **state)
{
	struct world_instance web = tcp(1 * S);
	struct world *world = *state;

	web.deregister_after_ns = 5 * S;
	world_host(world, "w1:80", WORLD_DOWN);
	world_register(world, &web);
	world_pass(world, 4 * S);
	world_stopped(world, 30 * S);
	assert_int_equal(world_count(world), 1);
	world_host(world, "w1:80", WORLD_UP); /* it came back in the meantime */
	world_pass(world, 5 * S);
	assert_int_equal(world_count(world), 1);
	world_expect(world, WEB, "NOERROR 1");
}

static void a_loop_that_turns_late_was_not_stopped(void **state)
{
	struct world_instance web = tcp(3600 * S);
	struct world *world = *state;

	world_register(world, &web);
	for (int i = 0; i < 20; i++)
		world_stopped(world, 1900 * MS); /* loops that turn late, but turn */
	assert_int_equal(world_metric(world, METRIC_HEALTH_PROBES), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(statuses_are_what_is_stored),
		TEST(an_active_check_is_probed_within_ten_seconds),
		TEST(or_within_its_interval_if_that_is_shorter),
		TEST(a_ttl_check_gets_one_full_ttl),
		TEST(a_heartbeat_after_a_restart_is_known),
		TEST(the_deregister_clock_starts_anew),
		TEST(thresholds_hold_across_a_restart),
		TEST(a_check_that_never_had_a_result_is_still_waited_for),
		TEST(a_stopped_process_expires_no_ttl),
		TEST(a_stopped_process_believes_no_timeout),
		TEST(a_stopped_process_removes_nobody_before_a_new_round),
		TEST(a_loop_that_turns_late_was_not_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
