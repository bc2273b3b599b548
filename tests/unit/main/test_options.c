/* test_options.c -- the option table: defaults, bounds, the round trip to a child, what is live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "main/options.h"

static void test_defaults(void **state)
{
	struct main_config config;
	(void)state;
	options_defaults(&config);
	assert_int_equal(config.dns.listen.count, 1);
	assert_string_equal(config.dns.listen.items[0], "127.0.0.1:8600");
	assert_string_equal(config.http.listen.items[0], "127.0.0.1:8500");
	assert_int_equal(config.dns.receive_buffer, 4 << 20);
	assert_true(config.http.publish_timeout == 500 * CLOCK_NS_PER_MS);
	assert_string_equal(config.zone.name.items[0], "service.local");
	assert_true(config.zone.ttl == 5 * CLOCK_NS_PER_S);
	assert_int_equal(config.zone.file.count, 0);
	options_finish(&config);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *key, *value, *message;
		int error;
	} rows[] = {
		{"dns.nonsense", "1", "there is no such key", -ENOENT},
		{"listen", "1", "there is no such key", -ENOENT},
		{"zone.of_file", "a.test", "there is no such key", -ENOENT},
		{"dns.workers", "65", "'65' is not a number from 0 to 64", -EINVAL},
		{"dns.workers", "-1", "'-1' is not a number from 0 to 64", -EINVAL},
		{"dns.workers", "", "'' is not a number from 0 to 64", -EINVAL},
		{"dns.udp_size", "511", "'511' is not a number from 512 to 4096", -EINVAL},
		{"http.header_size", "1KB", "'1KB' is not a size (such as 16KiB) from 1024 to 1048576",
			-EINVAL},
		{"zone.ttl", "5", "'5' is not a duration (such as 500ms, 10s or 5m) from 0s to 24h0m0s",
			-EINVAL},
		{"zone.ttl", "-1s", "'-1s' is not a duration (such as 500ms, 10s or 5m) from 0s to 24h0m0s",
			-EINVAL},
		{"dns.listen", "127.0.0.1:1,,127.0.0.1:2",
			"'127.0.0.1:1,,127.0.0.1:2' is not a comma-separated list", -EINVAL},
		{"zone.name", "", "'' is not a comma-separated list of at least one item", -EINVAL},
		{"registry.path", "", "the value must have 1 to 4000 bytes", -EINVAL},
	};
	(void)state;
	struct main_config config;
	struct buf before = {0}, after = {0};
	options_defaults(&config);
	options_serialize(&config, &before);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char message[256] = "";
		assert_int_equal(options_set(&config, rows[i].key, rows[i].value, message), rows[i].error);
		assert_string_equal(message, rows[i].message);
	}
	options_serialize(&config, &after);
	assert_int_equal(before.size, after.size);
	assert_memory_equal(before.data, after.data, before.size);
	buf_finish(&before);
	buf_finish(&after);
	options_finish(&config);
}

static void test_round_trip(void **state)
{
	struct main_config config, copy;
	struct buf text = {0}, again = {0};
	char message[256];
	(void)state;
	options_defaults(&config);
	assert_int_equal(options_set(&config, "dns.listen", " 127.0.0.1:53 , [::1]:53 ", message), 0);
	assert_int_equal(options_set(&config, "http.body_size", "2MiB", message), 0);
	assert_int_equal(options_set(&config, "check.interval_min", "150ms", message), 0);
	assert_int_equal(options_set(&config, "dns.nsid", "a=b, c", message), 0);
	options_serialize(&config, &text);
	assert_int_equal(options_deserialize(text.data, text.size, &copy), 0);
	options_serialize(&copy, &again);
	assert_int_equal(text.size, again.size);
	assert_memory_equal(text.data, again.data, text.size);
	assert_int_equal(copy.dns.listen.count, 2);
	assert_string_equal(copy.dns.listen.items[1], "[::1]:53");
	assert_int_equal(copy.http.body_size, 2 << 20);
	assert_string_equal(copy.dns.nsid, "a=b, c");
	options_finish(&copy);
	assert_int_equal(options_deserialize(text.data, text.size - 1, &copy), -EINVAL);
	assert_int_equal(options_deserialize("dns.nope=1", sizeof("dns.nope=1"), &copy), -ENOENT);
	buf_finish(&text);
	buf_finish(&again);
	options_finish(&config);
}

/* A row that is no option is shown to nobody, and goes to the children. */
static void test_found_out(void **state)
{
	char name[] = "a.test", *item = name, *shown = NULL;
	size_t size = 0;
	struct main_config config, copy;
	struct buf text = {0};
	FILE *file = open_memstream(&shown, &size);
	(void)state;
	options_print_help(file);
	options_print_sample(file);
	options_print_mdoc(file);
	fclose(file);
	assert_non_null(strstr(shown, "zone.file"));
	assert_null(strstr(shown, "of_file"));
	free(shown);
	options_defaults(&config);
	config.zone.of_file = (struct main_list){.items = &item, .count = 1};
	options_serialize(&config, &text);
	config.zone.of_file = (struct main_list){0};
	options_finish(&config);
	assert_int_equal(options_deserialize(text.data, text.size, &copy), 0);
	assert_int_equal(copy.zone.of_file.count, 1);
	assert_string_equal(copy.zone.of_file.items[0], "a.test");
	options_finish(&copy);
	buf_finish(&text);
}

static void test_take_live(void **state)
{
	struct main_config running, fresh;
	struct buf restart = {0};
	char message[256];
	(void)state;
	options_defaults(&running);
	options_defaults(&fresh);
	options_set(&fresh, "dns.workers", "3", message);
	options_set(&fresh, "dns.tcp_idle", "3s", message);
	options_set(&fresh, "registry.path", "/elsewhere", message);
	options_need_restart(&running, &fresh, &restart);
	options_take_live(&running, &fresh);
	assert_string_equal(restart.data, "dns.workers registry.path");
	assert_true(running.dns.tcp_idle == 3 * CLOCK_NS_PER_S);
	assert_int_equal(running.dns.workers, 0);
	assert_string_equal(running.registry.path, "var/registry.db");
	buf_finish(&restart);
	options_finish(&running);
	options_finish(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_found_out),
		cmocka_unit_test(test_take_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
