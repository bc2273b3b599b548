/* rcu.h -- read-copy-update and the lock-free hash map: the only file that knows liburcu.
 *
 * QSBR flavour: a reader costs nothing between rcu_online() and rcu_offline(), and what it found may not be
 * freed before it is offline again. One thread, the follower, changes the map; it puts what it took out on a
 * pile and frees the pile after one grace period for the whole step.
 *
 * Pointers are published by C11 atomics (release, acquire), which ThreadSanitizer understands. What happens
 * inside liburcu it does not see, so this header tells it of three things: a link that was added is seen by
 * whoever finds it (rcu_found), and a reader that went offline is seen by whoever waited for a grace period.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/urcu-qsbr.h>
#include <urcu/rculfhash.h>

#if defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1
#endif
#endif

#ifdef RCU_TSAN
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_release(sync) ((void)(sync))
#define __tsan_acquire(sync) ((void)(sync))
#endif

/* What this thread did so far is seen by whoever calls rcu_tell_acquire() with the same address. */
static inline void rcu_tell_release(void *sync)
{
	__tsan_release(sync);
}

/* What was done before rcu_tell_release() with the same address is seen from here. */
static inline void rcu_tell_acquire(void *sync)
{
	__tsan_acquire(sync);
}

/* The first member of whatever stands in a map. Its address is what TSan's notes are about. */
struct rcu_link {
	struct cds_lfht_node node;
};

/* A hash map: read by any number of online threads, changed by one thread. */
struct rcu_map {
	struct cds_lfht *lfht;
	size_t count;   /* links in it */
	size_t buckets; /* a power of two */
};

/* Objects from the heap (base/mem.h) that readers may still see. */
struct rcu_pile {
	void **objects;
	size_t count, capacity;
};

/* Makes the calling thread known, offline. May be nested within a thread. */
void rcu_register(void);

/* Undoes one rcu_register(). Offline only. */
void rcu_unregister(void);

/* Opens a read-side section of a registered thread; not nested. */
void rcu_online(void);

/* Closes it: nothing found since may be touched any more. */
void rcu_offline(void);

/* Waits until every section that was open at the call is closed. Offline only. */
void rcu_wait(void);

/* Puts an object that no new reader can find onto the pile. NULL is fine. */
void rcu_pile_add(struct rcu_pile *pile, void *object);

/* Frees what is on the pile after one grace period (none if it is empty). Offline only. */
void rcu_pile_free(struct rcu_pile *pile);

/* Frees the pile's own memory; it is empty. */
void rcu_pile_finish(struct rcu_pile *pile);

/* An empty map. */
void rcu_map_init(struct rcu_map *map);

/* Frees the map, which must be empty. No reader is left. */
void rcu_map_finish(struct rcu_map *map);

/* Adds a link whose key is not in the map. Online. */
void rcu_map_add(struct rcu_map *map, uint64_t hash, struct rcu_link *link);

/* Takes a link out; readers may hold it until a grace period has passed. Online. */
void rcu_map_remove(struct rcu_map *map, struct rcu_link *link);

/* Gives the map about as many buckets as it has links; readers go on meanwhile. Offline. */
void rcu_map_fit(struct rcu_map *map);

/* Each match function calls this first: what was written to the link before it was added is seen from here.
 */
static inline struct rcu_link *rcu_found(struct cds_lfht_node *node)
{
	struct rcu_link *link = (struct rcu_link *)node;

	rcu_tell_acquire(link);
	return link;
}

/* The link with `hash` for which match(node, key) is not 0; NULL if there is none. Online. */
static inline struct rcu_link *rcu_map_find(const struct rcu_map *map, uint64_t hash,
	int (*match)(struct cds_lfht_node *node, const void *key), const void *key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(map->lfht, hash, match, key, &iter);
	return (struct rcu_link *)cds_lfht_iter_get_node(&iter);
}
