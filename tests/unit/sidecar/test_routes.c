/* test_routes.c -- which path finds which row, what it takes, and how its argument is decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sidecar/routes.h"

static const struct {
	const char *path, *route, *rest; /* route NULL: 404 */
} paths[] = {
	{"/", "/", ""},
	{"", NULL, NULL},
	{"/v1", NULL, NULL},
	{"/v1/", NULL, NULL},
	{"/V1/agent/services", NULL, NULL},
	{"//v1/agent/services", NULL, NULL},
	{"/v1/agent/services", "/v1/agent/services", ""},
	{"/v1/agent/services/", NULL, NULL},
	{"/v1/agent/servicesx", NULL, NULL},
	{"/v1/agent/service/web1", "/v1/agent/service/", "web1"},
	{"/v1/agent/service/", "/v1/agent/service/", ""},
	{"/v1/agent/service", NULL, NULL},
	{"/v1/agent/service/register", "/v1/agent/service/register", ""},
	{"/v1/agent/service/registers", "/v1/agent/service/", "registers"},
	{"/v1/agent/service/deregister/a/b", "/v1/agent/service/deregister/", "a/b"},
	{"/v1/agent/service/deregister//a", "/v1/agent/service/deregister/", "/a"},
	{"/v1/agent/service/deregister/a%2Fb", "/v1/agent/service/deregister/", "a%2Fb"},
	{"/v1/agent/service/maintenance/x", "/v1/agent/service/maintenance/", "x"},
	{"/v1/agent/maintenance", "/v1/agent/maintenance", ""},
	{"/v1/agent/check/pass/service:web1", "/v1/agent/check/pass/", "service:web1"},
	{"/v1/agent/check/register", "/v1/agent/check/register", ""},
	{"/v1/agent/health/service/id/x", "/v1/agent/health/service/id/", "x"},
	{"/v1/catalog/services", "/v1/catalog/services", ""},
	{"/v1/catalog/service/web", "/v1/catalog/service/", "web"},
	{"/v1/catalog/node/n", "/v1/catalog/node/", "n"},
	{"/v1/catalog/nodes", "/v1/catalog/nodes", ""},
	{"/v1/health/service/user.rpc", "/v1/health/service/", "user.rpc"},
	{"/v1/health/state/any", "/v1/health/state/", "any"},
	{"/v1/status/leader", "/v1/status/leader", ""},
	{"/v1/kv/a", NULL, NULL},
	{"/v1/session/create", NULL, NULL},
	{"/v1/event/list", NULL, NULL},
	{"/v1/events", "/v1/events", ""},
	{"/v1/agent/dns", "/v1/agent/dns", ""},
	{"/ui", "/ui", ""},
	{"/ui/", "/ui/", ""},
	{"/ui/app.js", "/ui/", "app.js"},
	{"/ui/data/services", "/ui/data/services", ""},
	{"/ui/data/service/web", "/ui/data/service/", "web"},
	{"/ui/data/", "/ui/", "data/"},
	{"/metrics", "/metrics", ""},
	{"/healthz", "/healthz", ""},
	{"/readyz", "/readyz", ""},
};

static void finds_the_longest_row(void **state)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *rest = NULL;
		const struct route *route = routes_find(paths[i].path, &rest);

		print_message("%s\n", paths[i].path);
		if (!paths[i].route) {
			assert_null(route);
			continue;
		}
		assert_non_null(route);
		assert_string_equal(route->path, paths[i].route);
		assert_string_equal(rest, paths[i].rest);
	}
}

static const struct {
	const char *path, *allow;
} methods[] = {
	{"/v1/agent/services", "OPTIONS,GET"},
	{"/v1/agent/service/register", "OPTIONS,PUT"},
	{"/v1/catalog/register", "OPTIONS,PUT"},
	{"/v1/agent/check/update/x", "OPTIONS,PUT"},
	{"/v1/agent/maintenance", "OPTIONS,PUT"},
	/* What python-consul 0.7.1 does by GET. */
	{"/v1/agent/service/deregister/x", "OPTIONS,GET,PUT"},
	{"/v1/agent/check/deregister/x", "OPTIONS,GET,PUT"},
	{"/v1/agent/check/pass/x", "OPTIONS,GET,PUT"},
	{"/v1/agent/check/warn/x", "OPTIONS,GET,PUT"},
	{"/v1/agent/check/fail/x", "OPTIONS,GET,PUT"},
};

static void says_what_it_takes(void **state)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		const char *rest;
		const struct route *route = routes_find(methods[i].path, &rest);

		assert_non_null(route);
		assert_string_equal(routes_allow(route), methods[i].allow);
		assert_int_equal(routes_method(route, "GET"), strstr(methods[i].allow, "GET") != NULL);
		assert_int_equal(routes_method(route, "PUT"), strstr(methods[i].allow, "PUT") != NULL);
		assert_false(routes_method(route, "HEAD"));
		assert_false(routes_method(route, "POST"));
		assert_false(routes_method(route, "get"));
	}
}

static const struct {
	const char *text, *decoded; /* NULL: refused */
} encoded[] = {
	{"", ""},
	{"web", "web"},
	{"a/b", "a/b"},
	{"a%2Fb%2fc", "a/b/c"},
	{"a+b", "a+b"},
	{"a%20b", "a b"},
	{"%2541", "%41"}, /* once */
	{"%C3%A9", "\xc3\xa9"},
	{"%", NULL},
	{"%4", NULL},
	{"%4g", NULL},
	{"%00", NULL},
	{"a%00b", NULL},
	{"%ff", NULL},
	{"%C3", NULL},
};

static void decodes_once(void **state)
{
	struct arena *arena = arena_create();

	for (size_t i = 0; i < sizeof(encoded) / sizeof(encoded[0]); i++) {
		const char *decoded = routes_decode(arena, encoded[i].text);

		print_message("%s\n", encoded[i].text);
		if (encoded[i].decoded)
			assert_string_equal(decoded, encoded[i].decoded);
		else
			assert_null(decoded);
	}
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_longest_row),
		cmocka_unit_test(says_what_it_takes),
		cmocka_unit_test(decodes_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
