/* test_trace.c -- rings of queries: what a reader gets, and what it is told it has missed. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/page.h"

#define RINGS 2
#define ENTRIES 50000

static struct trace_ring rings[RINGS];

/* Every byte of an entry tells which one it is. */
static struct trace_entry entry_of(uint64_t number)
{
	struct trace_entry entry;

	memset(&entry, (int)(number * 7 % 251), sizeof(entry));
	entry.time_ns = (int64_t)number;
	return entry;
}

static bool is_whole(const struct trace_entry *entry)
{
	struct trace_entry expected = entry_of((uint64_t)entry->time_ns);

	return memcmp(entry, &expected, sizeof(expected)) == 0;
}

static int clear(void **state)
{
	memset(rings, 0, sizeof(rings));
	return 0;
}

static void put(struct trace_ring *ring, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++) {
		struct trace_entry entry = entry_of(i);
		trace_put(ring, &entry);
	}
}

static void expect(uint64_t *cursor, uint64_t first, uint64_t count, uint64_t lost)
{
	struct trace_entry entry;
	uint64_t missed = 0;

	for (uint64_t i = first; i < first + count; i++) {
		assert_true(trace_get(&rings[0], cursor, &entry, &missed));
		assert_int_equal(entry.time_ns, i);
		assert_true(is_whole(&entry));
	}
	assert_false(trace_get(&rings[0], cursor, &entry, &missed));
	assert_int_equal(missed, lost);
}

static void in_order_and_once(void **state)
{
	uint64_t first = 0, second;

	expect(&first, 0, 0, 0);
	put(&rings[0], 0, 3);
	second = trace_end(&rings[0]);
	put(&rings[0], 3, 2);
	expect(&first, 0, 5, 0);
	expect(&second, 3, 2, 0); /* a reader disturbs no other */
	put(&rings[0], 5, TRACE_SLOTS);
	expect(&first, 5, TRACE_SLOTS, 0); /* as many as it holds */
}

static void the_oldest_are_lost(void **state)
{
	uint64_t cursor = 0;

	put(&rings[0], 0, TRACE_SLOTS + 1);
	expect(&cursor, 1, TRACE_SLOTS, 1);
	put(&rings[0], TRACE_SLOTS + 1, 10 * TRACE_SLOTS);
	expect(&cursor, 10 * TRACE_SLOTS + 1, TRACE_SLOTS, 9 * TRACE_SLOTS);
}

/* As a writer that died in the middle leaves it, and as the next one goes on. */
static void a_torn_entry_is_lost(void **state)
{
	uint64_t cursor = 0;

	put(&rings[0], 0, 4);
	atomic_store(&rings[0].slots[2].number, 2 * (2 + TRACE_SLOTS) + 1);
	struct trace_entry entry;
	uint64_t lost = 0;
	for (int i = 0; i < 3; i++)
		assert_true(trace_get(&rings[0], &cursor, &entry, &lost));
	assert_int_equal(entry.time_ns, 3);
	assert_int_equal(lost, 1);
	assert_false(trace_get(&rings[0], &cursor, &entry, &lost));
	put(&rings[0], 4, TRACE_SLOTS);
	expect(&cursor, 4, TRACE_SLOTS, 0);
}

static _Atomic unsigned ended;

static void *produce(void *ring)
{
	for (uint64_t i = 0; i < ENTRIES; i += 50) {
		put(ring, i, 50);
		sched_yield();
	}
	ended++;
	return NULL;
}

/* Two writers and a reader that is often overtaken: no entry is torn or told twice, and each is told or
 * counted. */
static void threads(void **state)
{
	pthread_t writers[RINGS];
	uint64_t cursors[RINGS] = {0}, lost[RINGS] = {0}, got[RINGS] = {0}, torn = 0, twice = 0;
	int64_t last[RINGS] = {-1, -1};
	struct trace_entry entry;
	bool over = false;

	ended = 0;
	for (int i = 0; i < RINGS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, produce, &rings[i]), 0);
	while (!over) {
		over = ended == RINGS;
		for (int i = 0; i < RINGS; i++)
			while (trace_get(&rings[i], &cursors[i], &entry, &lost[i])) {
				got[i]++;
				torn += !is_whole(&entry);
				twice += entry.time_ns <= last[i];
				last[i] = entry.time_ns;
			}
	}
	for (int i = 0; i < RINGS; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(torn, 0);
	assert_int_equal(twice, 0);
	for (int i = 0; i < RINGS; i++) {
		assert_int_equal(got[i] + lost[i], ENTRIES);
		assert_true(got[i] >= TRACE_SLOTS);
	}
}

/* dns writes behind its page, the sidecar can only read there, and a new dns goes on where the old one ended.
 */
static void behind_a_page(void **state)
{
	struct page_traces *writer, *reader, *none = NULL;
	struct trace_entry entry;
	uint64_t cursor = 0, lost = 0;
	struct page *page;
	int writable, readable;

	assert_int_equal(page_create(&writable, &readable), 0);
	assert_int_equal(page_map(writable, true, &page), 0);
	assert_int_equal(page_map_traces(writable, true, &writer), 0);
	assert_int_equal(page_map_traces(readable, false, &reader), 0);
	assert_int_equal(page_map_traces(readable, true, &none), -EACCES);
	put(&writer->rings[2 * PAGE_WORKERS - 1], 0, 1);
	atomic_store(&page->listeners, 2);
	page_reset(page);
	assert_int_equal(atomic_load(&page->listeners), 0);
	put(&writer->rings[2 * PAGE_WORKERS - 1], 1, 1);
	for (int i = 0; i < 2; i++) {
		assert_true(trace_get(&reader->rings[2 * PAGE_WORKERS - 1], &cursor, &entry, &lost));
		assert_int_equal(entry.time_ns, i);
	}
	assert_int_equal(lost, 0);
	page_unmap_traces(writer);
	page_unmap_traces(reader);
	page_unmap_traces(NULL);
	page_unmap(page);
	close(writable);
	close(readable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_order_and_once, clear),
		cmocka_unit_test_setup(the_oldest_are_lost, clear),
		cmocka_unit_test_setup(a_torn_entry_is_lost, clear),
		cmocka_unit_test_setup(threads, clear),
		cmocka_unit_test(behind_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
