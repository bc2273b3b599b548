/* Live state: heartbeats, outputs, deadlines, many checks, several threads; and the words of model.h. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

static struct registry_check make(const char *id, enum registry_check_type type)
{
	return (struct registry_check){.node = "n",
		.id = id,
		.status = REGISTRY_CRITICAL,
		.output = "stored",
		.definition = {.type = type, .ttl_ns = 100}};
}

static struct registry_live_check get(struct fixture *f, struct registry_live *live, const char *id)
{
	struct registry_live_check check = {0};

	assert_true(registry_live_get(live, "N", id, f->arena, &check));
	return check;
}

static void heartbeats(void **state)
{
	struct fixture *f = *state;
	struct registry_live *live = registry_live_create(8);
	struct registry_check check = make("Ttl", REGISTRY_CHECK_TTL), tcp = make("tcp", REGISTRY_CHECK_TCP);

	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_PASSING, "", 1), REGISTRY_LIVE_UNKNOWN);
	registry_live_put(live, &check, 1000);
	registry_live_put(live, &tcp, 0);
	assert_int_equal(
		registry_live_heartbeat(live, "n", "tcp", REGISTRY_PASSING, "", 1), REGISTRY_LIVE_NOT_TTL);
	assert_string_equal(get(f, live, "ttl").output, "stored");
	assert_int_equal(get(f, live, "ttl").deadline_ns, 1000);

	/* Critical as stored, but the first result: the registry must hear of it. */
	assert_int_equal(registry_live_heartbeat(live, "n", "TTL", REGISTRY_CRITICAL, "a", 2000),
		REGISTRY_LIVE_CHANGED);
	registry_live_set_status(live, "n", "ttl", REGISTRY_CRITICAL);
	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_CRITICAL, "b", 2001), REGISTRY_LIVE_SAME);
	/* Until the registry has it, every heartbeat says so again. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			registry_live_heartbeat(live, "n", "ttl", REGISTRY_PASSING, "123456789", 3000),
			REGISTRY_LIVE_CHANGED);
	registry_live_set_status(live, "n", "ttl", REGISTRY_PASSING);
	struct registry_live_check now = get(f, live, "ttl");
	assert_int_equal(now.status, REGISTRY_PASSING);
	assert_true(now.checked);
	assert_int_equal(now.heartbeat_ns, 3000);
	assert_int_equal(now.deadline_ns, 3100);
	assert_string_equal(now.output, "12345678");

	registry_live_shift(live, 50, 2999); /* the heartbeat came after that: its deadline is a new one */
	assert_int_equal(get(f, live, "ttl").deadline_ns, 3100);
	registry_live_shift(live, 50, 3000);
	assert_int_equal(get(f, live, "ttl").deadline_ns, 3150);
	assert_int_equal(get(f, live, "tcp").deadline_ns, 0);
	/* Registered again: what is known from heartbeats is newer than the row. */
	check.definition.ttl_ns = 500;
	registry_live_put(live, &check, 0);
	assert_int_equal(get(f, live, "ttl").deadline_ns, 3150);
	assert_int_equal(get(f, live, "ttl").ttl_ns, 500);
	assert_string_equal(get(f, live, "ttl").output, "12345678");
	registry_live_output(live, "n", "tcp", "ok", 7);
	assert_string_equal(get(f, live, "tcp").output, "ok");
	assert_int_equal(get(f, live, "tcp").heartbeat_ns, 7);
	registry_live_output(live, "n", "tcp", NULL, 8);
	assert_string_equal(get(f, live, "tcp").output, "");
	registry_live_output(live, "n", "tcp", "of a writer that was slow", 7);
	assert_string_equal(get(f, live, "tcp").output, "");
	assert_int_equal(get(f, live, "tcp").heartbeat_ns, 8);

	registry_live_remove(live, "n", "ttl");
	registry_live_remove(live, "n", "ttl");
	assert_false(registry_live_get(live, "n", "ttl", f->arena, &now));
	registry_live_destroy(live);
	registry_live_destroy(NULL);
}

static void a_heartbeat_waits_for_what_is_with_the_writer(void **state)
{
	struct registry_live *live = registry_live_create(8);
	struct registry_check check = make("Ttl", REGISTRY_CHECK_TTL),
			      other = make("other", REGISTRY_CHECK_TTL);

	(void)state;
	registry_live_put(live, &check, 1000);
	registry_live_put(live, &other, 1000);
	registry_live_set_status(live, "n", "ttl", REGISTRY_PASSING);
	registry_live_set_status(live, "n", "other", REGISTRY_PASSING);
	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_CRITICAL, "", 1), REGISTRY_LIVE_CHANGED);
	registry_live_write_begins(live, "n", "ttl");
	/* As the registry has it, but not for long. */
	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_PASSING, "", 2), REGISTRY_LIVE_CHANGED);
	registry_live_write_begins(live, "N", "TTL");
	assert_int_equal(
		registry_live_heartbeat(live, "n", "other", REGISTRY_PASSING, "", 2), REGISTRY_LIVE_SAME);
	registry_live_set_status(live, "n", "ttl", REGISTRY_CRITICAL);
	registry_live_write_ends(live, "n", "ttl");
	/* The check is another one meanwhile; the second write is still on its way. */
	registry_live_remove(live, "n", "ttl");
	registry_live_put(live, &check, 1000);
	registry_live_set_status(live, "n", "ttl", REGISTRY_CRITICAL);
	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_CRITICAL, "", 3), REGISTRY_LIVE_CHANGED);
	registry_live_set_status(live, "n", "ttl", REGISTRY_PASSING);
	registry_live_write_ends(live, "n", "ttl");
	assert_int_equal(
		registry_live_heartbeat(live, "n", "ttl", REGISTRY_PASSING, "", 4), REGISTRY_LIVE_SAME);
	registry_live_destroy(live);
}

static void many(void **state)
{
	struct fixture *f = *state;
	struct registry_live *live = registry_live_create(100);
	struct registry_live_check found;
	char id[600];

	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "check-%0*d", i % 50 ? 1 : 400, i);
		struct registry_check check = make(id, REGISTRY_CHECK_TTL);
		registry_live_put(live, &check, i + 1);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "CHECK-%0*d", i % 50 ? 1 : 400, i);
		assert_true(registry_live_get(live, "n", id, f->arena, &found));
		assert_int_equal(found.deadline_ns, i + 1);
		if (i % 2)
			registry_live_remove(live, "n", id);
		assert_int_equal(registry_live_get(live, "n", id, f->arena, &found), i % 2 == 0);
	}
	registry_live_destroy(live);
}

static void *beat(void *ctx)
{
	for (int i = 1; i < 2000; i++)
		registry_live_heartbeat(ctx, "n", "a", REGISTRY_PASSING, i % 2 ? "odd" : "even", i);
	return NULL;
}

static void two_threads(void **state)
{
	struct fixture *f = *state;
	struct registry_live *live = registry_live_create(100);
	struct registry_check check = make("a", REGISTRY_CHECK_TTL);
	pthread_t thread;

	registry_live_put(live, &check, 1);
	assert_int_equal(pthread_create(&thread, NULL, beat, live), 0);
	for (int i = 0; i < 500; i++) {
		const char *output = get(f, live, "a").output;
		assert_true(!strcmp(output, "odd") || !strcmp(output, "even") || !strcmp(output, "stored"));
		registry_live_put(live, &check, 0);
		registry_live_shift(live, 1, i);
	}
	pthread_join(thread, NULL);
	assert_string_equal(get(f, live, "a").output, "odd");
	registry_live_destroy(live);
}

static void addresses(void **state)
{
	static const struct registry_tagged_address tagged[] = {
		{"lan_ipv6", "2001:db8::1", 0}, {"wan_ipv4", "198.51.100.1", 0}, {"lan_ipv4", "10.9.9.9", 0}};
	struct registry_instance instance = {.address = "", .node_address = "192.0.2.1"};
	uint8_t bytes[16];

	assert_true(registry_instance_address(&instance, AF_INET, bytes));
	assert_memory_equal(bytes, "\xc0\x00\x02\x01", 4);
	assert_false(registry_instance_address(&instance, AF_INET6, bytes));
	assert_null(registry_instance_hostname(&instance));
	instance.address = "2001:db8::2";
	assert_false(registry_instance_address(&instance, AF_INET, bytes));
	assert_true(registry_instance_address(&instance, AF_INET6, bytes));
	assert_int_equal(bytes[15], 2);
	instance.tagged = tagged;
	instance.tagged_count = 3;
	assert_true(registry_instance_address(&instance, AF_INET6, bytes));
	assert_int_equal(bytes[15], 1);
	assert_true(registry_instance_address(&instance, AF_INET, bytes));
	assert_memory_equal(bytes, "\x0a\x09\x09\x09", 4);
	instance.address = "db.example";
	assert_string_equal(registry_instance_hostname(&instance), "db.example");
	instance.tagged_count = 0;
	assert_false(registry_instance_address(&instance, AF_INET, bytes));
	instance = (struct registry_instance){.address = "", .node_address = "host.example"};
	assert_string_equal(registry_instance_hostname(&instance), "host.example");
}

static void words(void **state)
{
	enum registry_status status;

	assert_int_equal(registry_status_parse("Warning", &status), 0);
	assert_int_equal(status, REGISTRY_WARNING);
	assert_int_equal(registry_status_parse("any", &status), -EINVAL);
	assert_int_equal(registry_status_parse(NULL, &status), -EINVAL);
	assert_string_equal(registry_status_name(REGISTRY_CRITICAL), "critical");
	assert_string_equal(registry_check_type_name(REGISTRY_CHECK_HTTP), "http");
	assert_string_equal(registry_check_type_name(REGISTRY_CHECK_GRPC), "grpc");
	assert_string_equal(registry_check_type_name(REGISTRY_CHECK_NONE), "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_folder, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(heartbeats),
		TEST(a_heartbeat_waits_for_what_is_with_the_writer),
		TEST(many),
		TEST(two_threads),
		TEST(addresses),
		TEST(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
