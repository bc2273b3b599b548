/* Thresholds and the deregister clock, as rows: results in, statuses out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/scheduler.h"
#include "health/state.h"

#define S CLOCK_NS_PER_S

struct row {
	const char *name;
	uint32_t success, warning, critical; /* thresholds */
	char start;                          /* status at the start: p, w or c */
	bool judged;                         /* it came from results */
	const char *results, *statuses;      /* one letter each */
};

static const struct row rows[] = {
	{"no thresholds: each result applies", 0, 0, 0, 'c', false, "pcwcp", "pcwcp"},
	{"ones are as good as none", 1, 1, 1, 'c', false, "pcwcp", "pcwcp"},
	{"the first good result applies at once", 3, 0, 3, 'c', false, "pcp", "ppp"},
	{"the first bad result applies at once", 3, 0, 3, 'p', false, "c", "c"},
	{"the second bad one does not", 0, 0, 3, 'c', false, "pccc", "pppc"},
	{"a good one between starts the count again", 0, 0, 3, 'c', false, "pccpccc", "ppppppc"},
	{"back needs its good ones in a row", 3, 0, 0, 'p', false, "cppcppp", "ccccccp"},
	{"warning on the way", 0, 2, 4, 'c', false, "pcccc", "ppwwc"},
	{"a bad result never betters critical", 3, 1, 3, 'c', false, "cpc", "ccc"},
	{"loaded: one bad result does not undo what stood", 2, 0, 3, 'p', true, "ccc", "ppc"},
	{"loaded: one good result does not either", 2, 0, 3, 'c', true, "pp", "cp"},
	{"warnings are good results", 2, 0, 0, 'p', false, "cww", "ccw"},
};

static enum registry_status status_of(char letter)
{
	return letter == 'p' ? REGISTRY_PASSING : letter == 'w' ? REGISTRY_WARNING : REGISTRY_CRITICAL;
}

static void thresholds(void **unused)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		const struct registry_check_definition definition = {
			.success_before_passing = row->success,
			.failures_before_warning = row->warning,
			.failures_before_critical = row->critical,
		};
		struct health_state state;
		char got[16] = "";

		health_state_init(&state, &definition, status_of(row->start), row->judged);
		for (size_t k = 0; row->results[k]; k++)
			got[k] = "pwc"[health_state_result(
				&state, &definition, status_of(row->results[k]), (int64_t)k * S)];
		if (strcmp(got, row->statuses) != 0)
			fail_msg("%s: %s gave %s, not %s", row->name, row->results, got, row->statuses);
	}
}

static void the_clock_starts_with_the_first_critical_result(void **unused)
{
	const struct registry_check_definition definition = {.deregister_after_ns = 3 * S};
	struct health_state state;

	health_state_init(&state, &definition, REGISTRY_CRITICAL, false);
	assert_int_equal(health_state_deregister_at(&state, &definition), HEALTH_NEVER); /* no result yet */
	health_state_result(&state, &definition, REGISTRY_CRITICAL, 10 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), 13 * S);
	health_state_result(&state, &definition, REGISTRY_CRITICAL, 12 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), 13 * S);
	health_state_result(&state, &definition, REGISTRY_WARNING, 12 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), HEALTH_NEVER);
	health_state_result(&state, &definition, REGISTRY_CRITICAL, 20 * S);
	health_state_shift(&state, 30 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), 53 * S);
}

static void the_clock_waits_for_the_threshold(void **unused)
{
	const struct registry_check_definition definition = {
		.deregister_after_ns = 3 * S, .failures_before_critical = 2, .success_before_passing = 2};
	struct health_state state;

	health_state_init(&state, &definition, REGISTRY_PASSING, true);
	health_state_result(&state, &definition, REGISTRY_CRITICAL, 1 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), HEALTH_NEVER);
	health_state_result(&state, &definition, REGISTRY_CRITICAL, 2 * S);
	assert_int_equal(health_state_deregister_at(&state, &definition), 5 * S);
	health_state_result(&state, &definition, REGISTRY_PASSING, 3 * S); /* not yet passing */
	assert_int_equal(health_state_deregister_at(&state, &definition), 5 * S);

	health_state_init(&state, &definition, REGISTRY_CRITICAL, true);
	health_state_result(&state, &definition, REGISTRY_PASSING, 3 * S); /* loaded, and getting better */
	assert_int_equal(health_state_deregister_at(&state, &definition), HEALTH_NEVER);
}

static void no_time_given_means_never(void **unused)
{
	const struct registry_check_definition none = {0}, huge = {.deregister_after_ns = INT64_MAX};
	struct health_state state;

	health_state_init(&state, &none, REGISTRY_CRITICAL, false);
	health_state_set(&state, REGISTRY_CRITICAL, 5);
	assert_int_equal(health_state_deregister_at(&state, &none), HEALTH_NEVER);
	assert_int_equal(health_state_deregister_at(&state, &huge), HEALTH_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds),
		cmocka_unit_test(the_clock_starts_with_the_first_critical_result),
		cmocka_unit_test(the_clock_waits_for_the_threshold),
		cmocka_unit_test(no_time_given_means_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
