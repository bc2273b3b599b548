/* table.h -- the names that live services have: one hash and one lookup for a query.
 *
 * A node stands for one relative name, lower case, in wire form without the root label. It exists while
 * someone claims the name or a name stands below it (then it is an empty non-terminal, RFC 8020). Readers see
 * the name and the answer; the rest is the follower's. The key is random, so that a stranger cannot make
 * names collide.
 *
 * A bucket is one cache line: pointers to seven nodes, each with sixteen bits of its name's hash beside it,
 * and a pointer to another line when the seven are not enough. So a name that is not there costs one line,
 * and one that is there two. Readers take no lock: a pointer comes and goes by one store, nothing moves
 * within the buckets, and buckets for more or fewer names are made whole before they are swapped. */
#pragma once

#include "base/siphash.h"
#include "view/rcu.h"
#include "view/view.h"

struct names_claim;
struct table_buckets;

struct table_node {
	_Atomic(const struct view_answer *) answer; /* never NULL */
	struct names_claim *claims;                 /* the winner first; the follower's (names.h) */
	uint32_t below;                             /* nodes one label below; the follower's */
	uint8_t size;
	uint8_t name[];
};

struct table {
	_Atomic(struct table_buckets *) buckets;
	struct siphash_key key;
	size_t count; /* nodes; the follower's */
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

/* Asks for the memory that table_approach() and table_find() read first. Online, as all readers here. */
void table_prefetch(const struct table *table, uint64_t hash);

/* Asks for the node that table_find() will most likely read. */
void table_approach(const struct table *table, uint64_t hash);

/* The node of a name (1 to 254 bytes), NULL if there is none. */
struct table_node *table_find(const struct table *table, uint64_t hash, const uint8_t *name, size_t size);

/* A new node for a name that is not in the table, with its first answer. The follower. */
struct table_node *table_add(struct table *table, uint64_t hash, const uint8_t *name, size_t size,
	const struct view_answer *answer);

/* Takes a node out and puts it on the pile. The follower. */
void table_remove(struct table *table, struct table_node *node, struct rcu_pile *pile);

/* How many names the buckets are made for. The follower. */
size_t table_room(const struct table *table);

/* Gives the table buckets for what it holds and for `more` names that are about to come, if it has too few or
 * far too many; readers go on meanwhile. What was replaced goes onto the pile. The follower. */
void table_fit(struct table *table, size_t more, struct rcu_pile *pile);

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
