#include "view/rcu.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define MAP_BUCKETS_MIN 1024

static _Thread_local unsigned registrations;
static char grace; /* stands for "a grace period" in the notes for TSan */

void rcu_register(void)
{
	if (registrations++ > 0)
		return;
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
}

void rcu_unregister(void)
{
	assert(registrations > 0);
	if (--registrations == 0)
		urcu_qsbr_unregister_thread();
}

void rcu_online(void)
{
	urcu_qsbr_thread_online();
}

void rcu_offline(void)
{
	rcu_tell_release(&grace);
	urcu_qsbr_thread_offline();
}

void rcu_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	rcu_tell_acquire(&grace);
}

void rcu_pile_add(struct rcu_pile *pile, void *object)
{
	if (!object)
		return;
	if (pile->count == pile->capacity) {
		pile->capacity = pile->capacity ? pile->capacity * 2 : 64;
		pile->objects = mem_resize(pile->objects, pile->capacity, sizeof(void *));
	}
	pile->objects[pile->count++] = object;
}

void rcu_pile_free(struct rcu_pile *pile)
{
	if (pile->count == 0)
		return;
	rcu_wait();
	for (size_t i = 0; i < pile->count; i++)
		free(pile->objects[i]);
	pile->count = 0;
}

void rcu_pile_finish(struct rcu_pile *pile)
{
	assert(pile->count == 0);
	free(pile->objects);
	*pile = (struct rcu_pile){0};
}

void rcu_map_init(struct rcu_map *map)
{
	/* No flags: liburcu would resize on a thread of its own; the follower does it between two steps. */
	map->lfht = cds_lfht_new_flavor(MAP_BUCKETS_MIN, MAP_BUCKETS_MIN, 0, 0, &urcu_qsbr_flavor, NULL);
	if (!map->lfht)
		mem_out();
	map->count = 0;
	map->buckets = MAP_BUCKETS_MIN;
}

void rcu_map_finish(struct rcu_map *map)
{
	assert(map->count == 0);
	if (cds_lfht_destroy(map->lfht, NULL) != 0)
		abort();
	map->lfht = NULL;
}

void rcu_map_add(struct rcu_map *map, uint64_t hash, struct rcu_link *link)
{
	rcu_tell_release(link);
	cds_lfht_add(map->lfht, hash, &link->node);
	map->count++;
}

void rcu_map_remove(struct rcu_map *map, struct rcu_link *link)
{
	if (cds_lfht_del(map->lfht, &link->node) == 0)
		map->count--;
}

void rcu_map_fit(struct rcu_map *map)
{
	size_t wanted = map->buckets;

	while (wanted < map->count)
		wanted *= 2;
	/* Shrinks late, so that a service that comes and goes does not make the map breathe. */
	while (wanted > MAP_BUCKETS_MIN && wanted / 8 > map->count)
		wanted /= 2;
	if (wanted == map->buckets)
		return;
	cds_lfht_resize(map->lfht, wanted);
	map->buckets = wanted;
}
