/* live.c -- see live.h. A hash table with chains under one mutex; ids come from strangers, so the hash is
 * keyed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "base/str.h"
#include "registry/live.h"

#define FIRST_BUCKETS 64
#define WRITES 1024 /* a power of two */

struct entry {
	struct entry *next;
	uint64_t hash;
	char *output; /* NULL means "" */
	enum registry_check_type type;
	enum registry_status status;
	bool checked;
	int64_t heartbeat_ns, deadline_ns, ttl_ns;
	uint32_t output_size; /* of this check, 0 = the table's */
	size_t key_size;
	char key[]; /* node NUL check id NUL, in lower case */
};

struct registry_live {
	pthread_mutex_t lock;
	struct siphash_key hash_key;
	uint32_t output_size;
	struct entry **buckets;
	size_t bucket_count, count; /* buckets: a power of two */
	/* Statuses under way, counted by hash: an entry may come and go meanwhile. Checks that share a count
	 * are written in vain now and then, which changes nothing. */
	uint32_t writes[WRITES];
};

/* A key that is being looked for. */
struct key {
	char *text;
	size_t size;
	uint64_t hash;
	char small[256];
};

struct registry_live *registry_live_create(uint32_t output_size)
{
	struct registry_live *live = mem_alloc(sizeof(*live));

	pthread_mutex_init(&live->lock, NULL);
	live->hash_key = siphash_key_random();
	live->output_size = output_size;
	live->bucket_count = FIRST_BUCKETS;
	live->buckets = mem_alloc(live->bucket_count * sizeof(struct entry *));
	return live;
}

static void free_entry(struct entry *entry)
{
	free(entry->output);
	free(entry);
}

void registry_live_destroy(struct registry_live *live)
{
	if (!live)
		return;
	for (size_t i = 0; i < live->bucket_count; i++) {
		for (struct entry *entry = live->buckets[i], *next; entry; entry = next) {
			next = entry->next;
			free_entry(entry);
		}
	}
	pthread_mutex_destroy(&live->lock);
	free(live->buckets);
	free(live);
}

static void make_key(
	const struct registry_live *live, const char *node, const char *check_id, struct key *ret)
{
	size_t node_size = strlen(node) + 1, size = node_size + strlen(check_id) + 1;

	ret->text = size <= sizeof(ret->small) ? ret->small : mem_alloc(size);
	ret->size = size;
	for (size_t i = 0; i < size; i++)
		ret->text[i] =
			(char)str_lower((unsigned char)(i < node_size ? node[i] : check_id[i - node_size]));
	ret->hash = siphash(&live->hash_key, ret->text, size);
}

static void free_key(struct key *key)
{
	if (key->text != key->small)
		free(key->text);
}

/* Where the entry is linked, or where a new one would be. */
static struct entry **find(struct registry_live *live, const struct key *key)
{
	struct entry **link = &live->buckets[key->hash & (live->bucket_count - 1)];

	while (*link && ((*link)->hash != key->hash || (*link)->key_size != key->size ||
				memcmp((*link)->key, key->text, key->size)))
		link = &(*link)->next;
	return link;
}

/* Makes the key, takes the lock, finds; the caller unlocks. */
static struct entry **lock_and_find(
	struct registry_live *live, const char *node, const char *check_id, struct key *key)
{
	make_key(live, node, check_id, key);
	pthread_mutex_lock(&live->lock);
	return find(live, key);
}

static void unlock(struct registry_live *live, struct key *key)
{
	pthread_mutex_unlock(&live->lock);
	free_key(key);
}

static uint32_t *writes(struct registry_live *live, const struct key *key)
{
	return &live->writes[key->hash & (WRITES - 1)];
}

static void grow(struct registry_live *live)
{
	size_t count = live->bucket_count * 2;
	struct entry **buckets = mem_alloc(count * sizeof(struct entry *));

	for (size_t i = 0; i < live->bucket_count; i++) {
		for (struct entry *entry = live->buckets[i], *next; entry; entry = next) {
			next = entry->next;
			entry->next = buckets[entry->hash & (count - 1)];
			buckets[entry->hash & (count - 1)] = entry;
		}
	}
	free(live->buckets);
	live->buckets = buckets;
	live->bucket_count = count;
}

static void set_output(const struct registry_live *live, struct entry *entry, const char *output)
{
	size_t size = entry->output_size && entry->output_size < live->output_size ? entry->output_size
										   : live->output_size;
	size_t length = output ? strlen(output) : 0;

	if (length > size)
		length = size;
	if (entry->output && strlen(entry->output) != length) {
		free(entry->output);
		entry->output = NULL;
	}
	if (!length)
		return;
	if (!entry->output)
		entry->output = mem_alloc(length + 1);
	str_copy(entry->output, length + 1, output);
}

static struct entry *add(struct registry_live *live, struct entry **link, const struct key *key)
{
	struct entry *entry = mem_alloc(sizeof(*entry) + key->size);

	entry->hash = key->hash;
	entry->key_size = key->size;
	memcpy(entry->key, key->text, key->size);
	*link = entry;
	if (++live->count > live->bucket_count)
		grow(live);
	return entry;
}

void registry_live_put(struct registry_live *live, const struct registry_check *check, int64_t deadline_ns)
{
	struct key key;
	struct entry **link = lock_and_find(live, check->node, check->id, &key);
	struct entry *entry = *link ? *link : add(live, link, &key);

	entry->type = check->definition.type;
	entry->status = check->status;
	entry->checked = check->checked;
	entry->ttl_ns = check->definition.ttl_ns;
	entry->output_size = check->definition.output_max_size;
	if (deadline_ns)
		entry->deadline_ns = deadline_ns;
	if (!entry->heartbeat_ns)
		set_output(live, entry, check->output);
	unlock(live, &key);
}

void registry_live_remove(struct registry_live *live, const char *node, const char *check_id)
{
	struct key key;
	struct entry **link = lock_and_find(live, node, check_id, &key), *entry = *link;

	if (entry) {
		*link = entry->next;
		live->count--;
		free_entry(entry);
	}
	unlock(live, &key);
}

bool registry_live_get(struct registry_live *live, const char *node, const char *check_id,
	struct arena *arena, struct registry_live_check *ret)
{
	struct key key;
	const struct entry *entry = *lock_and_find(live, node, check_id, &key);
	bool found = entry;

	if (entry)
		*ret = (struct registry_live_check){
			.type = entry->type,
			.status = entry->status,
			.checked = entry->checked,
			.heartbeat_ns = entry->heartbeat_ns,
			.deadline_ns = entry->deadline_ns,
			.ttl_ns = entry->ttl_ns,
			.output = arena_strdup(arena, entry->output ? entry->output : ""),
		};
	unlock(live, &key);
	return found;
}

enum registry_live_verdict registry_live_heartbeat(struct registry_live *live, const char *node,
	const char *check_id, enum registry_status status, const char *output, int64_t now_ns)
{
	struct key key;
	struct entry *entry = *lock_and_find(live, node, check_id, &key);
	enum registry_live_verdict verdict = REGISTRY_LIVE_UNKNOWN;

	if (entry && entry->type != REGISTRY_CHECK_TTL) {
		verdict = REGISTRY_LIVE_NOT_TTL;
	} else if (entry) {
		entry->heartbeat_ns = now_ns;
		entry->deadline_ns = now_ns + entry->ttl_ns;
		set_output(live, entry, output);
		verdict = entry->checked && entry->status == status && !*writes(live, &key)
				  ? REGISTRY_LIVE_SAME
				  : REGISTRY_LIVE_CHANGED;
	}
	unlock(live, &key);
	return verdict;
}

void registry_live_write_begins(struct registry_live *live, const char *node, const char *check_id)
{
	struct key key;

	(void)lock_and_find(live, node, check_id, &key);
	++*writes(live, &key);
	unlock(live, &key);
}

void registry_live_write_ends(struct registry_live *live, const char *node, const char *check_id)
{
	struct key key;

	(void)lock_and_find(live, node, check_id, &key);
	--*writes(live, &key);
	unlock(live, &key);
}

void registry_live_set_status(
	struct registry_live *live, const char *node, const char *check_id, enum registry_status status)
{
	struct key key;
	struct entry *entry = *lock_and_find(live, node, check_id, &key);

	if (entry) {
		entry->status = status;
		entry->checked = true;
	}
	unlock(live, &key);
}

void registry_live_output(struct registry_live *live, const char *node, const char *check_id,
	const char *output, int64_t now_ns)
{
	struct key key;
	struct entry *entry = *lock_and_find(live, node, check_id, &key);

	if (entry && entry->heartbeat_ns <= now_ns) {
		entry->heartbeat_ns = now_ns;
		set_output(live, entry, output);
	}
	unlock(live, &key);
}

void registry_live_shift(struct registry_live *live, int64_t ns, int64_t since_ns)
{
	pthread_mutex_lock(&live->lock);
	for (size_t i = 0; i < live->bucket_count; i++)
		for (struct entry *entry = live->buckets[i]; entry; entry = entry->next)
			if (entry->deadline_ns && entry->heartbeat_ns <= since_ns)
				entry->deadline_ns += ns;
	pthread_mutex_unlock(&live->lock);
}
