#include "view/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUCKETS_MIN 256 /* a power of two, as every number of buckets */
#define BUCKET_SLOTS 7
#define FILL_MAX 4 /* names for a bucket on average; then one bucket in twenty has a second line */
#define LINE 64

/* An address has at most 48 bits in user space on all that we run on; the tag stands above it. */
#define ADDRESS_BITS 48
#define ADDRESS_MASK ((UINT64_C(1) << ADDRESS_BITS) - 1)

/* Where a node is, and the upper bits of its name's hash; 0 if there is none. */
typedef _Atomic uint64_t bucket_slot;

struct bucket {
	bucket_slot slots[BUCKET_SLOTS];
	_Atomic(struct bucket *) more;
};

struct table_buckets {
	uint64_t mask;
	struct bucket *lines;
};

const struct view_answer table_empty = {.kind = VIEW_EMPTY};

_Static_assert(sizeof(struct bucket) == LINE, "a bucket is a cache line");

static struct table_node *slot_node(uint64_t slot)
{
	return (struct table_node *)(uintptr_t)(slot & ADDRESS_MASK); // NOLINT(performance-no-int-to-ptr)
}

static uint64_t slot_of(const struct table_node *node, uint64_t hash)
{
	assert(((uintptr_t)node & ~ADDRESS_MASK) == 0);
	return (uintptr_t)node | (hash & ~ADDRESS_MASK);
}

/* True if the node behind a slot may have the name with this hash. */
static bool slot_fits(uint64_t slot, uint64_t hash)
{
	return slot && ((slot ^ hash) & ~ADDRESS_MASK) == 0;
}

static const struct bucket *bucket_of(const struct table *table, uint64_t hash)
{
	const struct table_buckets *buckets = atomic_load_explicit(&table->buckets, memory_order_acquire);

	return &buckets->lines[hash & buckets->mask];
}

static const struct bucket *bucket_more(const struct bucket *bucket)
{
	return atomic_load_explicit(&bucket->more, memory_order_acquire);
}

static struct table_buckets *buckets_create(size_t count)
{
	struct table_buckets *buckets = mem_alloc(sizeof(*buckets));

	buckets->mask = count - 1;
	buckets->lines = mem_alloc_lines(count);
	return buckets;
}

/* Puts a slot into the first free place of its bucket. */
static void buckets_put(struct table_buckets *buckets, uint64_t hash, uint64_t slot)
{
	struct bucket *bucket = &buckets->lines[hash & buckets->mask];

	for (;;) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			if (atomic_load_explicit(&bucket->slots[i], memory_order_relaxed))
				continue;
			/* Whoever finds the node sees what was written to it before. */
			atomic_store_explicit(&bucket->slots[i], slot, memory_order_release);
			return;
		}
		struct bucket *more = atomic_load_explicit(&bucket->more, memory_order_relaxed);
		if (!more) {
			more = mem_alloc_lines(1);
			atomic_store_explicit(&bucket->more, more, memory_order_release);
		}
		bucket = more;
	}
}

/* Puts the buckets with all that hangs on them onto the pile; the nodes stay. */
static void buckets_discard(struct table_buckets *buckets, struct rcu_pile *pile)
{
	for (uint64_t i = 0; i <= buckets->mask; i++)
		for (struct bucket *more = atomic_load(&buckets->lines[i].more); more;
			more = atomic_load(&more->more))
			rcu_pile_add(pile, more);
	rcu_pile_add(pile, buckets->lines);
	rcu_pile_add(pile, buckets);
}

void table_init(struct table *table)
{
	table->key = siphash_key_random();
	table->count = 0;
	atomic_init(&table->buckets, buckets_create(BUCKETS_MIN));
}

void table_finish(struct table *table)
{
	struct rcu_pile pile = {0};

	assert(table->count == 0);
	buckets_discard(atomic_load(&table->buckets), &pile);
	for (size_t i = 0; i < pile.count; i++)
		free(pile.objects[i]);
	pile.count = 0;
	rcu_pile_finish(&pile);
}

void table_prefetch(const struct table *table, uint64_t hash)
{
	__builtin_prefetch(bucket_of(table, hash));
}

void table_approach(const struct table *table, uint64_t hash)
{
	const struct bucket *bucket = bucket_of(table, hash);

	for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
		uint64_t found = atomic_load_explicit(&bucket->slots[i], memory_order_relaxed);
		if (!slot_fits(found, hash))
			continue;
		const struct table_node *node = slot_node(found);
		__builtin_prefetch(node);
		__builtin_prefetch((const uint8_t *)node + LINE - 1); /* most names end on the next line */
		return;
	}
}

struct table_node *table_find(const struct table *table, uint64_t hash, const uint8_t *name, size_t size)
{
	for (const struct bucket *bucket = bucket_of(table, hash); bucket; bucket = bucket_more(bucket)) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			uint64_t found = atomic_load_explicit(&bucket->slots[i], memory_order_acquire);
			if (!slot_fits(found, hash))
				continue;
			struct table_node *node = slot_node(found);
			if (node->size == size && memcmp(node->name, name, size) == 0)
				return node;
		}
	}
	return NULL;
}

struct table_node *table_add(struct table *table, uint64_t hash, const uint8_t *name, size_t size,
	const struct view_answer *answer)
{
	/* The name begins in the padding behind `size`. */
	size_t bytes = offsetof(struct table_node, name) + size;
	struct table_node *node = mem_alloc(bytes < sizeof(*node) ? sizeof(*node) : bytes);

	atomic_init(&node->answer, answer);
	node->size = (uint8_t)size;
	memcpy(node->name, name, size);
	buckets_put(atomic_load_explicit(&table->buckets, memory_order_relaxed), hash, slot_of(node, hash));
	table->count++;
	return node;
}

void table_remove(struct table *table, struct table_node *node, struct rcu_pile *pile)
{
	struct table_buckets *buckets = atomic_load_explicit(&table->buckets, memory_order_relaxed);
	uint64_t hash = table_hash(table, node->name, node->size), wanted = slot_of(node, hash);
	struct bucket *bucket = &buckets->lines[hash & buckets->mask];

	for (; bucket; bucket = atomic_load_explicit(&bucket->more, memory_order_relaxed)) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			if (atomic_load_explicit(&bucket->slots[i], memory_order_relaxed) != wanted)
				continue;
			atomic_store_explicit(&bucket->slots[i], 0, memory_order_release);
			table->count--;
			rcu_pile_add(pile, node);
			return;
		}
	}
	assert(!"the node is in the table");
}

/* Puts all nodes of one bucket into other buckets. */
static void rehash(const struct table *table, const struct bucket *bucket, struct table_buckets *into)
{
	for (; bucket; bucket = bucket_more(bucket)) {
		for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
			uint64_t slot = atomic_load_explicit(&bucket->slots[i], memory_order_relaxed);
			if (!slot)
				continue;
			const struct table_node *node = slot_node(slot);
			buckets_put(into, table_hash(table, node->name, node->size), slot);
		}
	}
}

static size_t room_of(size_t buckets)
{
	return buckets * FILL_MAX;
}

size_t table_room(const struct table *table)
{
	return room_of(atomic_load_explicit(&table->buckets, memory_order_relaxed)->mask + 1);
}

void table_fit(struct table *table, size_t more, struct rcu_pile *pile)
{
	struct table_buckets *old = atomic_load_explicit(&table->buckets, memory_order_relaxed);
	size_t names = table->count + more, count = old->mask + 1;

	while (room_of(count) < names)
		count *= 2;
	/* Shrinks late, so that a service that comes and goes does not make the table breathe. */
	while (count > BUCKETS_MIN && room_of(count / 8) > names)
		count /= 2;
	if (count == old->mask + 1)
		return;
	struct table_buckets *buckets = buckets_create(count);
	for (uint64_t i = 0; i <= old->mask; i++)
		rehash(table, &old->lines[i], buckets);
	atomic_store_explicit(&table->buckets, buckets, memory_order_release);
	buckets_discard(old, pile);
}
