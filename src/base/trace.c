/* trace.c -- see trace.h. */
#include "base/trace.h"

#include <string.h>

void trace_put(struct trace_ring *ring, const struct trace_entry *entry)
{
	uint64_t number = atomic_load_explicit(&ring->written, memory_order_relaxed);
	struct trace_slot *slot = &ring->slots[number % TRACE_SLOTS];
	uint64_t words[TRACE_WORDS];

	memcpy(words, entry, sizeof(words));
	atomic_store_explicit(&slot->number, 2 * number + 1, memory_order_relaxed);
	for (int i = 0; i < TRACE_WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
	atomic_store_explicit(&slot->number, 2 * number + 2, memory_order_release);
	atomic_store_explicit(&ring->written, number + 1, memory_order_release);
}

uint64_t trace_end(const struct trace_ring *ring)
{
	return atomic_load_explicit(&ring->written, memory_order_acquire);
}

/* True if the slot held entry `number`, whole, from before to after it was copied. */
static bool copy(const struct trace_slot *slot, uint64_t number, struct trace_entry *ret)
{
	uint64_t words[TRACE_WORDS];

	if (atomic_load_explicit(&slot->number, memory_order_acquire) != 2 * number + 2)
		return false;
	for (int i = 0; i < TRACE_WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
	if (atomic_load_explicit(&slot->number, memory_order_relaxed) != 2 * number + 2)
		return false;
	memcpy(ret, words, sizeof(words));
	return true;
}

bool trace_get(const struct trace_ring *ring, uint64_t *cursor, struct trace_entry *ret, uint64_t *lost)
{
	uint64_t end = trace_end(ring);

	while (*cursor < end) {
		uint64_t number = *cursor;
		if (end - number > TRACE_SLOTS) {
			*cursor = end - TRACE_SLOTS;
			*lost += *cursor - number;
			continue;
		}
		*cursor = number + 1;
		if (copy(&ring->slots[number % TRACE_SLOTS], number, ret))
			return true;
		++*lost;
	}
	return false;
}
