#include "view/table.h"

#include <string.h>

#include "base/mem.h"

const struct view_answer table_empty = {.kind = VIEW_EMPTY};

_Static_assert(offsetof(struct table_node, link) == 0, "a link is cast to its node");

struct key {
	const uint8_t *name;
	size_t size;
};

static int match(struct cds_lfht_node *found, const void *wanted)
{
	const struct table_node *node = (struct table_node *)rcu_found(found);
	const struct key *key = wanted;

	return node->size == key->size && memcmp(node->name, key->name, key->size) == 0;
}

void table_init(struct table *table)
{
	rcu_map_init(&table->map);
	table->key = siphash_key_random();
}

void table_finish(struct table *table)
{
	rcu_map_finish(&table->map);
}

struct table_node *table_find(const struct table *table, uint64_t hash, const uint8_t *name, size_t size)
{
	const struct key key = {.name = name, .size = size};

	return (struct table_node *)rcu_map_find(&table->map, hash, match, &key);
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
	rcu_map_add(&table->map, hash, &node->link);
	return node;
}

void table_remove(struct table *table, struct table_node *node, struct rcu_pile *pile)
{
	rcu_map_remove(&table->map, &node->link);
	rcu_pile_add(pile, node);
}
