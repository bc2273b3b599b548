/* rcu.h -- read-copy-update: the only file that knows liburcu.
 *
 * QSBR flavour: a reader costs nothing between rcu_online() and rcu_offline(), and what it found may not be
 * freed before it is offline again. One thread, the follower, changes what readers see; it puts what it took
 * out on a pile and frees the pile after one grace period for the whole step.
 *
 * Pointers are published by C11 atomics (release, acquire), which ThreadSanitizer understands. What happens
 * inside liburcu it does not see, so rcu.c tells it that a reader which went offline is seen by whoever
 * waited for a grace period. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

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
