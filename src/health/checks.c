#include "health/checks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "base/str.h"

static uint64_t hash(const struct health_checks *checks, const char *text, uint64_t seed)
{
	const struct siphash_key key = {checks->key[0], checks->key[1] ^ seed};
	unsigned char lower[256] = {0};
	uint64_t value = 0;
	size_t size = strlen(text);

	do { /* names are shorter than one round; ids may not be */
		size_t n = size < sizeof(lower) ? size : sizeof(lower);

		for (size_t i = 0; i < n; i++)
			lower[i] = str_lower((unsigned char)text[i]);
		value = value * 31 + siphash(&key, lower, n);
		text += n;
		size -= n;
	} while (size);
	return value;
}

static uint64_t hash_key(const struct health_checks *checks, const char *node, const char *id)
{
	return hash(checks, id, hash(checks, node, 0));
}

static struct health_check **bucket(const struct health_checks *checks, uint64_t key_hash)
{
	return &checks->buckets[key_hash & (checks->bucket_count - 1)];
}

static void insert(struct health_checks *checks, struct health_check *check)
{
	struct health_check **at = bucket(checks, check->hash);

	check->next = *at;
	*at = check;
}

static void grow(struct health_checks *checks)
{
	struct health_check **old = checks->buckets;
	size_t old_count = checks->bucket_count;

	checks->bucket_count = old_count * 2;
	checks->buckets = mem_alloc(checks->bucket_count * sizeof(struct health_check *));
	for (size_t i = 0; i < old_count; i++) {
		for (struct health_check *check = old[i], *next; check; check = next) {
			next = check->next;
			insert(checks, check);
		}
	}
	free(old);
}

void health_checks_init(struct health_checks *checks)
{
	struct siphash_key key = siphash_key_random();

	*checks = (struct health_checks){.bucket_count = 256, .key = {key.k0, key.k1}};
	checks->buckets = mem_alloc(checks->bucket_count * sizeof(struct health_check *));
}

static void free_check(struct health_check *check)
{
	arena_destroy(check->arena);
	free(check);
}

void health_checks_finish(struct health_checks *checks)
{
	for (size_t i = 0; i < checks->bucket_count; i++) {
		for (struct health_check *check = checks->buckets[i], *next; check; check = next) {
			next = check->next;
			free_check(check);
		}
	}
	free(checks->buckets);
	*checks = (struct health_checks){0};
}

struct health_check *health_checks_find(const struct health_checks *checks, const char *node, const char *id)
{
	uint64_t wanted = hash_key(checks, node, id);
	struct health_check *check = *bucket(checks, wanted);

	while (check &&
		(check->hash != wanted || !str_ieq(check->row->node, node) || !str_ieq(check->row->id, id)))
		check = check->next;
	return check;
}

struct health_check *health_checks_add(struct health_checks *checks, const struct registry_check *row)
{
	struct health_check *check = mem_alloc(sizeof(*check));

	health_checks_replace(check, row);
	for (int kind = 0; kind < HEALTH_TIMERS; kind++)
		check->timers[kind] = (struct health_timer){.owner = check, .kind = kind};
	if (checks->count == checks->bucket_count)
		grow(checks);
	check->hash = hash_key(checks, row->node, row->id);
	insert(checks, check);
	checks->count++;
	return check;
}

void health_checks_replace(struct health_check *check, const struct registry_check *row)
{
	struct arena *arena = arena_create();

	check->row = registry_check_copy(arena, row);
	arena_destroy(check->arena);
	check->arena = arena;
}

void health_checks_remove(struct health_checks *checks, struct health_check *check)
{
	struct health_check **at = bucket(checks, check->hash);

	while (*at != check)
		at = &(*at)->next;
	*at = check->next;
	checks->count--;
	free_check(check);
}

void health_checks_each(
	const struct health_checks *checks, void (*visit)(struct health_check *check, void *ctx), void *ctx)
{
	for (size_t i = 0; i < checks->bucket_count; i++)
		for (struct health_check *check = checks->buckets[i]; check; check = check->next)
			visit(check, ctx);
}
