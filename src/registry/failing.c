#include "registry/failing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "registry/columns.h"

/* 1 MiB: even if each of a million instances fails, seven of eight bits say something. */
#define BITS (8u << 20)

struct failing {
	bool any;
	uint64_t bits[BITS / 64];
};

/* FNV-1a without ASCII case: collisions that a stranger makes cost a question each, no more. */
static uint64_t add(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ str_lower((unsigned char)*text)) * UINT64_C(0x100000001b3);
	} while (*text++);
	return hash;
}

static size_t bit_of(const char *node, const char *id)
{
	uint64_t hash = add(add(UINT64_C(0xcbf29ce484222325), node), id);

	return (hash ^ hash >> 32) % BITS;
}

struct failing *failing_read(struct store *store)
{
	struct failing *failing = mem_alloc(sizeof(*failing));
	sqlite3_stmt *row = store_query(store, "SELECT node, instance_id FROM checks WHERE status > 0", "");

	while (store_row(store, row)) {
		size_t bit = bit_of(
			(const char *)sqlite3_column_text(row, 0), (const char *)sqlite3_column_text(row, 1));
		failing->bits[bit / 64] |= UINT64_C(1) << bit % 64;
		failing->any = true;
	}
	return failing;
}

void failing_destroy(struct failing *failing)
{
	free(failing);
}

static bool marked(const struct failing *failing, const char *node, const char *id)
{
	size_t bit = bit_of(node, id);

	return failing->bits[bit / 64] >> bit % 64 & 1;
}

void failing_judge(const struct failing *failing, struct store *store, struct registry_instance *instance)
{
	int64_t worst = 0;

	if (failing->any &&
		(marked(failing, instance->node, instance->id) || marked(failing, instance->node, "")))
		worst = store_number(store, 0,
			"SELECT " COLUMNS_WORST
			" FROM checks c WHERE c.node = ?1 AND c.instance_id IN (?2, '') AND c.status > 0",
			"ss", instance->node, instance->id);
	columns_worst((int)worst, instance);
}
