/* Whatever happened before, the view shows what the services say now: after each of many random changes of
 * services that fight for names, it is compared with a view that was made afresh from the same services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live.h"

#define ROUNDS 120

static const char *const services[] = {"a", "b", "a.b", "b.a", "c.a.b", "a.b.a"};
enum { SERVICES = sizeof(services) / sizeof(services[0]) };

static uint32_t seed = 1;

/* A number below `limit`, the same in each run. */
static unsigned pick(unsigned limit)
{
	seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
	return (seed >> 16) % limit;
}

/* What a service says, as numbers; without rows it is not there. */
struct said {
	unsigned rows;
	unsigned labels[2], tags[2][2], aliases[2];
};

static struct said say(void)
{
	struct said said = {.rows = pick(3)};

	for (unsigned i = 0; i < 2; i++) {
		said.labels[i] = i == 0 ? pick(3) : (said.labels[0] + 1 + pick(2)) % 3;
		said.tags[i][0] = pick(5);
		said.tags[i][1] = pick(5);
		said.aliases[i] = pick(3);
	}
	return said;
}

static void put(struct live *live, const char *service, const struct said *said)
{
	static const char *const words[] = {"a", "b", "c", "a.b", "b.a"};
	struct registry_instance rows[2] = {{0}};
	struct registry_pair metas[2];
	const char *tags[2][2];

	for (unsigned i = 0; i < said->rows; i++) {
		metas[i] = (struct registry_pair){"dns-alias", words[said->aliases[i]]};
		tags[i][0] = words[said->tags[i][0]];
		tags[i][1] = words[said->tags[i][1]];
		rows[i] = (struct registry_instance){.node = "n1",
			.id = i ? "2" : "1",
			.service = service,
			.label = words[said->labels[i]],
			.address = i ? "10.0.0.2" : "10.0.0.1",
			.node_address = "192.0.2.99",
			.port = 80,
			.tags = tags[i],
			.tag_count = 2,
			.meta = &metas[i],
			.meta_count = 1,
			.weight_passing = 1};
	}
	live_put(live, service, rows, said->rows);
}

static void expect_same(struct live *left, struct live *right, const char *name)
{
	const struct view_answer *a = live_find(left, name), *b = live_find(right, name);

	assert_int_equal(a != NULL, b != NULL);
	if (!a)
		return;
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->rrset_count, b->rrset_count);
	char *left_text = live_text(a, name, WIRE_SRV), *right_text = live_text(b, name, WIRE_SRV);
	assert_string_equal(left_text, right_text);
	free(left_text);
	free(right_text);
}

/* Every name that there can be under `below`: below a name that does not exist there is none (RFC 8020).
 * Returns how many exist. */
static size_t compare_below(struct live *left, struct live *right, const char *below)
{
	static const char *const labels[] = {"a", "b", "c", "_a", "_b", "_c", "_tcp"};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		char name[256];
		snprintf(name, sizeof(name), "%s%s%s", labels[i], *below ? "." : "", below);
		expect_same(left, right, name);
		if (live_find(left, name))
			count += 1 + compare_below(left, right, name);
	}
	return count;
}

static void any_history_ends_in_the_same_view(void **state)
{
	struct live changed, fresh;
	struct said now[SERVICES] = {{0}};

	(void)state;
	live_begin(&changed, NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned which = pick(SERVICES), first = pick(SERVICES);
		now[which] = say();
		put(&changed, services[which], &now[which]);
		live_begin(&fresh, NULL);
		for (unsigned i = 0; i < SERVICES; i++)
			put(&fresh, services[(first + i) % SERVICES], &now[(first + i) % SERVICES]);
		size_t names = compare_below(&changed, &fresh, "");
		assert_int_equal(changed.services.table.count, names);
		assert_int_equal(fresh.services.table.count, names);
		live_end(&fresh);
	}
	live_end(&changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_history_ends_in_the_same_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
