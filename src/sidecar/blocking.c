/* blocking.c -- parked queries in a hash by resource, a heap by deadline and a queue of those to look at. */
#include "sidecar/blocking.h"

#include <stdlib.h>

#include "base/siphash.h"
#include "base/str.h"

#define BUCKETS 1024

struct blocking {
	struct siphash_key key;
	struct blocking_wait *buckets[BUCKETS];
	struct blocking_wait *ready_first, *ready_last;
	struct heap timers;
	size_t count;
};

static struct blocking_wait *wait_of(struct heap_node *node)
{
	return (struct blocking_wait *)(void *)((char *)node - offsetof(struct blocking_wait, timer));
}

/* Long names are hashed by their first bytes only; equality is decided by the comparison. */
static uint64_t hash_of(const struct blocking *blocking, enum registry_resource resource, const char *name)
{
	unsigned char bytes[256];
	size_t size = 0;

	bytes[size++] = (unsigned char)resource;
	while (*name && size < sizeof(bytes))
		bytes[size++] = str_lower((unsigned char)*name++);
	return siphash(&blocking->key, bytes, size);
}

struct blocking *blocking_create(void)
{
	struct blocking *blocking = calloc(1, sizeof(*blocking));

	if (!blocking)
		abort();
	blocking->key = siphash_key_random();
	return blocking;
}

void blocking_destroy(struct blocking *blocking)
{
	if (!blocking)
		return;
	heap_finish(&blocking->timers);
	free(blocking);
}

size_t blocking_count(const struct blocking *blocking)
{
	return blocking->count;
}

void blocking_park(struct blocking *blocking, struct blocking_wait *wait)
{
	struct blocking_wait **bucket;

	wait->hash = hash_of(blocking, wait->resource, wait->name);
	bucket = &blocking->buckets[wait->hash % BUCKETS];
	wait->previous = NULL;
	wait->next = *bucket;
	if (*bucket)
		(*bucket)->previous = wait;
	*bucket = wait;
	wait->state = BLOCKING_PARKED;
	heap_put(&blocking->timers, &wait->timer, (uint64_t)wait->deadline_ns);
	blocking->count++;
}

void blocking_leave(struct blocking *blocking, struct blocking_wait *wait)
{
	if (wait->state == BLOCKING_IDLE)
		return;
	if (wait->previous)
		wait->previous->next = wait->next;
	else if (wait->state == BLOCKING_READY)
		blocking->ready_first = wait->next;
	else
		blocking->buckets[wait->hash % BUCKETS] = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	else if (wait->state == BLOCKING_READY)
		blocking->ready_last = wait->previous;
	heap_remove(&blocking->timers, &wait->timer);
	wait->next = wait->previous = NULL;
	wait->state = BLOCKING_IDLE;
	blocking->count--;
}

static void make_ready(struct blocking *blocking, struct blocking_wait *wait)
{
	blocking_leave(blocking, wait);
	wait->state = BLOCKING_READY;
	wait->previous = blocking->ready_last;
	if (blocking->ready_last)
		blocking->ready_last->next = wait;
	else
		blocking->ready_first = wait;
	blocking->ready_last = wait;
	blocking->count++;
}

static bool watches(
	const struct blocking_wait *wait, uint64_t hash, enum registry_resource resource, const char *name)
{
	return wait->hash == hash && wait->resource == resource && str_ieq(wait->name, name);
}

bool blocking_watched(const struct blocking *blocking, enum registry_resource resource, const char *name)
{
	uint64_t hash = hash_of(blocking, resource, name);

	for (const struct blocking_wait *wait = blocking->buckets[hash % BUCKETS]; wait; wait = wait->next)
		if (watches(wait, hash, resource, name))
			return true;
	return false;
}

void blocking_wake(
	struct blocking *blocking, enum registry_resource resource, const char *name, uint64_t index)
{
	uint64_t hash = hash_of(blocking, resource, name);
	struct blocking_wait *next;

	for (struct blocking_wait *wait = blocking->buckets[hash % BUCKETS]; wait; wait = next) {
		next = wait->next;
		if (watches(wait, hash, resource, name) && wait->index < index)
			make_ready(blocking, wait);
	}
}

void blocking_expire(struct blocking *blocking, int64_t now_ns)
{
	struct heap_node *node;

	while ((node = heap_first(&blocking->timers)) && (int64_t)node->key <= now_ns)
		make_ready(blocking, wait_of(node));
}

struct blocking_wait *blocking_next_ready(struct blocking *blocking)
{
	struct blocking_wait *wait = blocking->ready_first;

	if (wait)
		blocking_leave(blocking, wait);
	return wait;
}

int64_t blocking_next(const struct blocking *blocking)
{
	struct heap_node *node = heap_first(&blocking->timers);

	return node ? (int64_t)node->key : INT64_MAX;
}

int64_t blocking_duration(int64_t wait_ns, int64_t default_ns, int64_t max_ns, uint64_t random)
{
	int64_t duration = wait_ns > 0 ? wait_ns : default_ns;

	if (duration > max_ns)
		duration = max_ns;
	if (duration / 16 > 0)
		duration += (int64_t)(random % (uint64_t)(duration / 16));
	return duration;
}
