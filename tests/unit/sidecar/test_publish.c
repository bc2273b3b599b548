/* test_publish.c -- the gate, with a page and a clock of the test's own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sidecar/publish.h"

#define TIMEOUT (500 * CLOCK_NS_PER_MS)

struct gate {
	struct page *page;
	struct metrics *metrics;
	struct clock_manual clock;
	struct publish publish;
};

struct held {
	struct publish_wait wait; /* first */
	int released;             /* how often */
	bool published;
	int order;
};

static int released_so_far;

static void release(struct publish_wait *wait, bool published)
{
	struct held *held = (struct held *)(void *)wait;

	held->released++;
	held->published = published;
	held->order = ++released_so_far;
}

static int setup(void **state)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	gate->page = aligned_alloc(64, sizeof(struct page));
	for (size_t i = 0; i < sizeof(struct page); i++)
		((char *)gate->page)[i] = 0;
	gate->metrics = &gate->page->threads[0].metrics;
	clock_manual_init(&gate->clock, 1000 * CLOCK_NS_PER_S, 0);
	atomic_store(&gate->page->state, PAGE_READY);
	atomic_store(&gate->page->index, 10);
	publish_init(&gate->publish, gate->page, &gate->clock.clock, gate->metrics, TIMEOUT);
	released_so_far = 0;
	*state = gate;
	return 0;
}

static int teardown(void **state)
{
	struct gate *gate = *state;

	publish_finish(&gate->publish);
	free(gate->page);
	free(gate);
	return 0;
}

static uint64_t unpublished(const struct gate *gate)
{
	return atomic_load(&gate->metrics->values[METRIC_HTTP_UNPUBLISHED]);
}

static enum publish_verdict hold(struct gate *gate, struct held *held, uint64_t index)
{
	return publish_hold(&gate->publish, &held->wait, index, release);
}

static void what_dns_shows_passes(void **state)
{
	struct gate *gate = *state;
	struct held held = {0};

	assert_int_equal(hold(gate, &held, 9), PUBLISH_DONE);
	assert_int_equal(hold(gate, &held, 10), PUBLISH_DONE);
	assert_int_equal(publish_next(&gate->publish), INT64_MAX);
	assert_int_equal(held.released, 0);
	assert_int_equal(unpublished(gate), 0);
}

static void held_until_the_index_is_applied(void **state)
{
	struct gate *gate = *state;
	struct held held = {0};

	assert_int_equal(hold(gate, &held, 11), PUBLISH_HELD);
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(held.released, 0);
	atomic_store(&gate->page->index, 11);
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(held.released, 1);
	assert_true(held.published);
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(held.released, 1);
	assert_int_equal(unpublished(gate), 0);
}

/* Replies leave by index, whatever the order in which they came. */
static void leaves_in_the_order_of_indexes(void **state)
{
	static const uint64_t indexes[] = {15, 11, 13, 12, 20, 14, 11};
	enum { COUNT = sizeof(indexes) / sizeof(indexes[0]) };
	struct gate *gate = *state;
	struct held held[COUNT] = {0};

	for (int i = 0; i < COUNT; i++)
		assert_int_equal(hold(gate, &held[i], indexes[i]), PUBLISH_HELD);
	atomic_store(&gate->page->index, 15);
	publish_run(&gate->publish, UINT_MAX);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(held[i].released, indexes[i] <= 15);
		for (int j = 0; j < COUNT; j++)
			if (indexes[i] < indexes[j] && indexes[j] <= 15)
				assert_true(held[i].order < held[j].order);
	}
	publish_cancel(&gate->publish, &held[4].wait);
}

static void slow_dns_holds_no_longer_than_the_timeout(void **state)
{
	struct gate *gate = *state;
	struct held first = {0}, second = {0};

	assert_int_equal(hold(gate, &first, 12), PUBLISH_HELD);
	clock_manual_advance(&gate->clock, TIMEOUT / 2);
	assert_int_equal(hold(gate, &second, 11), PUBLISH_HELD);
	assert_int_equal(publish_next(&gate->publish), first.wait.since_ns + TIMEOUT);
	clock_manual_advance(&gate->clock, TIMEOUT / 2 - 1);
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(first.released, 0);
	clock_manual_advance(&gate->clock, 1);
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(first.released, 1);
	assert_false(first.published);
	assert_int_equal(second.released, 0);
	assert_int_equal(unpublished(gate), 1);
	/* A shorter timeout counts for those who wait, too. */
	gate->publish.timeout_ns = TIMEOUT / 4;
	publish_run(&gate->publish, UINT_MAX);
	assert_int_equal(second.released, 1);
	assert_false(second.published);
	assert_int_equal(unpublished(gate), 2);
}

static void dead_dns_holds_nobody(void **state)
{
	static const enum page_state states[] = {PAGE_DOWN, PAGE_LOADING};

	for (int i = 0; i < 2; i++) {
		struct gate *gate = *state;
		struct held waiting = {0}, late = {0};

		atomic_store(&gate->page->state, PAGE_READY);
		atomic_store(&gate->page->index, 10);
		assert_int_equal(hold(gate, &waiting, 11), PUBLISH_HELD);
		/* It dies: the supervisor resets the page and rings. */
		atomic_store(&gate->page->index, 0);
		atomic_store(&gate->page->state, states[i]);
		publish_run(&gate->publish, UINT_MAX);
		assert_int_equal(waiting.released, 1);
		assert_false(waiting.published);
		assert_int_equal(hold(gate, &late, 1), PUBLISH_NOT);
		assert_int_equal(late.released, 0);
		assert_int_equal(unpublished(gate), 2 * (i + 1));
	}
}

/* The next process loads what was committed: its index is at once as high as it has to be. */
static void restarted_dns_releases(void **state)
{
	struct gate *gate = *state;
	struct held held = {0};

	assert_int_equal(hold(gate, &held, 11), PUBLISH_HELD);
	atomic_store(&gate->page->index, 0);
	atomic_store(&gate->page->index, 12);
	publish_run(&gate->publish, UINT_MAX);
	assert_true(held.published);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
	struct gate *gate = *state;
	struct held held[5] = {0}, never = {0};

	for (int i = 0; i < 5; i++)
		assert_int_equal(hold(gate, &held[i], 11 + (uint64_t)i), PUBLISH_HELD);
	publish_cancel(&gate->publish, &held[0].wait);
	publish_cancel(&gate->publish, &held[2].wait);
	publish_cancel(&gate->publish, &held[4].wait);
	publish_cancel(&gate->publish, &held[2].wait);
	publish_cancel(&gate->publish, &never.wait);
	atomic_store(&gate->page->index, 99);
	publish_run(&gate->publish, UINT_MAX);
	for (int i = 0; i < 5; i++)
		assert_int_equal(held[i].released, i % 2);
	assert_int_equal(publish_next(&gate->publish), INT64_MAX);
}

static void the_end_releases_all(void **state)
{
	struct gate *gate = *state;
	struct held held[2] = {0};

	assert_int_equal(hold(gate, &held[0], 11), PUBLISH_HELD);
	assert_int_equal(hold(gate, &held[1], 12), PUBLISH_HELD);
	atomic_store(&gate->page->index, 11);
	publish_finish(&gate->publish);
	assert_true(held[0].published);
	assert_int_equal(held[1].released, 1);
	assert_false(held[1].published);
}

/* The heap under many random comings and goings, against counting. */
static void heap_stays_ordered(void **state)
{
	struct heap_node nodes[500] = {0};
	struct heap heap = {0};
	uint64_t seed = 1, last = 0;
	size_t in = 0;

	for (int i = 0; i < 20000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		struct heap_node *node = &nodes[(seed >> 33) % 500];

		if (heap_holds(node)) {
			heap_remove(&heap, node);
			in--;
		} else {
			heap_put(&heap, node, (seed >> 20) % 1000);
			in++;
		}
		assert_int_equal(heap.count, in);
	}
	for (; in > 0; in--) {
		struct heap_node *first = heap_first(&heap);

		assert_true(first->key >= last);
		last = first->key;
		heap_remove(&heap, first);
	}
	assert_null(heap_first(&heap));
	heap_finish(&heap);
}

static void no_more_than_the_limit_at_once(void **state)
{
	struct gate *gate = *state;
	struct held held[3] = {0};

	for (int i = 0; i < 3; i++)
		hold(gate, &held[i], 11);
	assert_false(publish_run(&gate->publish, 2));
	atomic_store(&gate->page->index, 11);
	assert_true(publish_run(&gate->publish, 2));
	assert_int_equal(held[0].released + held[1].released + held[2].released, 2);
	assert_false(publish_run(&gate->publish, 2));
	for (int i = 0; i < 3; i++)
		assert_int_equal(held[i].released, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_dns_shows_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(held_until_the_index_is_applied, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_in_the_order_of_indexes, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_dns_holds_no_longer_than_the_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(dead_dns_holds_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(restarted_dns_releases, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_leaves_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_the_limit_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_releases_all, setup, teardown),
		cmocka_unit_test(heap_stays_ordered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
