/* walk.c -- the whole registry in one pass, in batches of services. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "registry/columns.h"
#include "registry/failing.h"
#include "registry/reader_private.h"

#define BATCH_SIZE 65536 /* bytes that a walk service by service holds, about */

struct walk {
	struct registry_reader *reader;
	struct failing *failing;
	size_t size;
	registry_batch_taker *take;
	void *ctx;
	struct registry_batch batch;
	/* The service that is being read: its rows are put together here, and then copied as they are. */
	struct registry_instance *rows;
	size_t count, capacity;
};

void registry_batch_finish(struct registry_batch *batch)
{
	arena_destroy(batch->arena);
	*batch = (struct registry_batch){0};
}

int registry_batch_visit(const struct registry_batch *batch, registry_service_visitor *visit, void *ctx)
{
	int result = 0;

	for (size_t i = 0; i < batch->count && !result; i++) {
		const struct registry_batch_service *one = &batch->services[i];
		result = visit(one->service, one->instances, one->count, ctx);
	}
	return result;
}

static void add_row(struct walk *walk, sqlite3_stmt *row)
{
	struct arena *arena = walk->batch.arena;

	if (walk->count == walk->capacity) {
		walk->capacity = walk->capacity ? walk->capacity * 2 : 64;
		walk->rows = mem_resize(walk->rows, walk->capacity, sizeof(*walk->rows));
	}
	struct registry_instance *instance = &walk->rows[walk->count];
	columns_instance(row, arena, walk->count ? instance - 1 : NULL, instance);
	failing_judge(walk->failing, walk->reader->store, instance);
	walk->count++;
}

static void end_service(struct walk *walk)
{
	struct registry_batch *batch = &walk->batch;
	struct registry_instance *rows = arena_alloc(batch->arena, walk->count * sizeof(*rows));

	memcpy(rows, walk->rows, walk->count * sizeof(*rows));
	batch->services = arena_grow(batch->arena, batch->services, batch->count, sizeof(*batch->services));
	batch->services[batch->count++] = (struct registry_batch_service){rows[0].service, rows, walk->count};
	walk->count = 0;
}

static int hand_over(struct walk *walk)
{
	struct registry_batch batch = walk->batch;

	walk->batch = (struct registry_batch){0};
	return walk->take(&batch, walk->ctx);
}

static int walk_rows(struct walk *walk, sqlite3_stmt *row)
{
	struct store *store = walk->reader->store;
	bool more = store_row(store, row);
	int result = 0;

	while (more && !result) {
		if (!walk->batch.arena)
			walk->batch.arena = arena_create();
		add_row(walk, row);
		more = store_row(store, row);
		if (more && str_ieq((const char *)sqlite3_column_text(row, 2), walk->rows[0].service))
			continue;
		if (store->code != SQLITE_OK)
			break;
		end_service(walk);
		if (!more || arena_size(walk->batch.arena) >= walk->size)
			result = hand_over(walk);
	}
	if (more)
		store_done(row);
	registry_batch_finish(&walk->batch);
	free(walk->rows);
	return result;
}

int registry_reader_walk_batches(struct registry_reader *reader, size_t size, registry_batch_taker *take,
	void *ctx, uint64_t *ret_index)
{
	struct walk walk = {.reader = reader, .size = size, .take = take, .ctx = ctx};
	bool own = !reader->snapshot;
	uint64_t index = 0;
	int error = own ? registry_reader_begin(reader) : 0;

	if (error)
		return error;
	error = registry_reader_index(reader, &index);
	if (!error) {
		walk.failing = failing_read(reader->store);
		/* As COLUMNS_DERIVED, but for the worst check, which is not asked for with each row. */
		sqlite3_stmt *row = store_query(reader->store,
			"SELECT " COLUMNS_INSTANCE ", n.address, 0"
			" FROM instance i CROSS JOIN node n ON n.name = i.node"
			" ORDER BY i.service, i.node, i.id",
			"");
		error = walk_rows(&walk, row);
		failing_destroy(walk.failing);
		int failed = reader_finish(reader);
		error = error ? error : failed;
	}
	if (own)
		registry_reader_end(reader);
	if (!error)
		*ret_index = index;
	return error;
}

struct visit {
	registry_service_visitor *visit;
	void *ctx;
};

static int visit_batch(struct registry_batch *batch, void *ctx)
{
	const struct visit *visit = ctx;
	int result = registry_batch_visit(batch, visit->visit, visit->ctx);

	registry_batch_finish(batch);
	return result;
}

int registry_reader_walk(
	struct registry_reader *reader, registry_service_visitor *visit, void *ctx, uint64_t *ret_index)
{
	struct visit each = {visit, ctx};

	return registry_reader_walk_batches(reader, BATCH_SIZE, visit_batch, &each, ret_index);
}
