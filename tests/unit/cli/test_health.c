/* test_health.c -- the state of an instance in words, from its checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "svcdns/health.h"

#define CHECK(id, name, status, output)                                                                      \
	"{\"CheckID\":\"" id "\",\"Name\":\"" name "\",\"Status\":\"" status "\",\"Output\":\"" output       \
	"\",\"Notes\":\"\"}"
#define SERF CHECK("serfHealth", "Serf Health Status", "passing", "Agent alive and reachable")

static void test_states(void **state)
{
	static const struct {
		const char *checks, *said, *reason;
		bool healthy;
	} rows[] = {
		{"", "healthy", "no checks", true},
		{SERF, "healthy", "no checks", true},
		{SERF "," CHECK("c", "alive", "passing", "ok"), "healthy", "alive: ok", true},
		{SERF "," CHECK("c", "alive", "passing", ""), "healthy", "alive", true},
		{CHECK("a", "disk", "warning", "90%") "," CHECK("c", "alive", "passing", "ok"), "warning",
			"disk: 90%", true},
		{CHECK("a", "disk", "warning", "90%") "," CHECK("c", "alive", "critical", "refused"),
			"critical", "alive: refused", false},
		{CHECK("c", "alive", "critical", "refused") "," CHECK(
			 "_service_maintenance:w", "Maintenance", "critical", "upgrade"),
			"maintenance", "upgrade", false},
		{CHECK("_node_maintenance", "Maintenance", "critical", "move"), "maintenance", "move", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_create();
		const char *text = arena_printf(arena, "{\"Checks\":[%s]}", rows[i].checks);
		json_t *entry = json_loads(text, 0, NULL);

		assert_non_null(entry);
		assert_string_equal(health_state(entry), rows[i].said);
		assert_string_equal(health_reason(arena, entry), rows[i].reason);
		assert_int_equal(health_is_healthy(entry), rows[i].healthy);
		assert_int_equal(health_is_maintenance(entry), str_eq(rows[i].said, "maintenance"));
		json_decref(entry);
		arena_destroy(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_states)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
