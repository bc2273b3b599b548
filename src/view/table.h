/* table.h -- the names that live services have: one hash and one lookup for a query.
 *
 * A node stands for one relative name, lower case, in wire form without the root label. It exists while
 * someone claims the name or a name stands below it (then it is an empty non-terminal, RFC 8020). Readers see
 * the name and the answer; the rest is the follower's. The key is random, so that a stranger cannot make
 * names collide. */
#pragma once

#include "base/siphash.h"
#include "view/rcu.h"
#include "view/view.h"

struct names_claim;

struct table_node {
	struct rcu_link link;
	_Atomic(const struct view_answer *) answer; /* never NULL */
	struct names_claim *claims;                 /* the winner first; the follower's (names.h) */
	uint32_t below;                             /* nodes one label below; the follower's */
	uint8_t size;
	uint8_t name[];
};

struct table {
	struct rcu_map map;
	struct siphash_key key;
};

/* The answer of an empty non-terminal: no records. */
extern const struct view_answer table_empty;

/* An empty table with a key of its own. */
void table_init(struct table *table);

/* Frees an empty table; no reader is left. */
void table_finish(struct table *table);

/* The hash of a name; statics (zones.h) use the same. */
static inline uint64_t table_hash(const struct table *table, const uint8_t *name, size_t size)
{
	return siphash(&table->key, name, size);
}

/* The node of a name (1 to 254 bytes), NULL if there is none. Online. */
struct table_node *table_find(const struct table *table, uint64_t hash, const uint8_t *name, size_t size);

/* A new node for a name that is not in the table, with its first answer. Online, the follower. */
struct table_node *table_add(struct table *table, uint64_t hash, const uint8_t *name, size_t size,
	const struct view_answer *answer);

/* Takes a node out and puts it on the pile. Online, the follower. */
void table_remove(struct table *table, struct table_node *node, struct rcu_pile *pile);

/* Gives the node another answer; readers see the old one or the new one. */
static inline void table_publish(struct table_node *node, const struct view_answer *answer)
{
	atomic_store_explicit(&node->answer, answer, memory_order_release);
}

/* What a reader sees. */
static inline const struct view_answer *table_answer(const struct table_node *node)
{
	return atomic_load_explicit(&node->answer, memory_order_acquire);
}
