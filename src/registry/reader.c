/* reader.c -- opening, snapshots, indexes and changes. The questions about rows are in questions.c. */
#include "registry/reader_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "registry/columns.h"
#include "registry/migrations.h"

/* Steps of SQLite's virtual machine between two looks at a snapshot's bound; a row takes some hundred. */
#define STEPS_AT_ONCE 1000

int reader_finish(struct registry_reader *reader)
{
	int error = store_errno(reader->store);

	if (reader->store->code == SQLITE_INTERRUPT && reader->cut_off)
		error = reader->cut_off;
	store_clear(reader->store);
	return error;
}

int registry_reader_open(const char *path, struct registry_reader **ret)
{
	struct registry_reader *reader = mem_alloc(sizeof(*reader));
	char message[512];
	struct stat status;
	int version = 0;

	reader->path = mem_strdup(path);
	/* Before SQLite opens it: if it is replaced in between, the first poll says so, and it is opened
	 * anew. */
	int error = stat(path, &status) < 0 ? -errno : 0;
	if (!error)
		error = store_open(path, STORE_READ, &reader->store, message);
	if (!error)
		error = migrations_inspect(reader->store, false, &version, message);
	if (!error && version != migrations_newest())
		error = -EAGAIN;
	if (error) {
		registry_reader_close(reader);
		return error == -EBUSY ? -EAGAIN : error;
	}
	reader->device = status.st_dev;
	reader->inode = status.st_ino;
	*ret = reader;
	return 0;
}

void registry_reader_close(struct registry_reader *reader)
{
	if (!reader)
		return;
	for (int i = 0; i < READER_QUESTIONS; i++)
		for (int j = 0; j < 1 << READER_FILTERS; j++)
			sqlite3_finalize(reader->questions[i][j]);
	store_close(reader->store);
	free(reader->path);
	free(reader);
}

bool registry_reader_replaced(const struct registry_reader *reader)
{
	struct stat status;

	return stat(reader->path, &status) < 0 || status.st_dev != reader->device ||
	       status.st_ino != reader->inode;
}

int registry_reader_sizes(const struct registry_reader *reader, uint64_t *ret_database, uint64_t *ret_log)
{
	struct stat database, log;
	char path[PATH_MAX];

	/* The name is SQLite's, and part of its file format. */
	int size = snprintf(path, sizeof(path), "%s-wal", reader->path);
	if (size < 0 || (size_t)size >= sizeof(path))
		return -ENAMETOOLONG;
	if (stat(reader->path, &database) < 0 || stat(path, &log) < 0)
		return -errno;
	*ret_database = (uint64_t)database.st_size;
	*ret_log = (uint64_t)log.st_size;
	return 0;
}

static int64_t meta(struct registry_reader *reader, const char *key)
{
	return store_number(reader->store, 0, "SELECT value FROM meta WHERE key = ?1", "s", key);
}

int registry_reader_begin(struct registry_reader *reader)
{
	store_exec(reader->store, "BEGIN");
	meta(reader, "index"); /* the first read is what fixes the snapshot */
	int error = reader_finish(reader);
	reader->snapshot = !error;
	if (error)
		registry_reader_end(reader);
	return error;
}

static int look_at_bound(void *ctx)
{
	struct registry_reader *reader = ctx;

	if (reader->until_ns && clock_now(clock_system()) > reader->until_ns)
		reader->cut_off = -E2BIG;
	if (reader->stop && atomic_load_explicit(reader->stop, memory_order_relaxed))
		reader->cut_off = -ECANCELED;
	return reader->cut_off;
}

int registry_reader_begin_bounded(struct registry_reader *reader, int64_t until_ns, const atomic_bool *stop)
{
	int error = registry_reader_begin(reader);

	if (error)
		return error;
	reader->until_ns = until_ns;
	reader->stop = stop;
	sqlite3_progress_handler(reader->store->db, STEPS_AT_ONCE, look_at_bound, reader);
	return 0;
}

void registry_reader_end(struct registry_reader *reader)
{
	sqlite3_progress_handler(reader->store->db, 0, NULL, NULL);
	reader->cut_off = 0;
	reader->snapshot = false;
	if (!sqlite3_get_autocommit(reader->store->db))
		sqlite3_exec(reader->store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* For a question of several statements: a snapshot of its own, if none is open. */
static int begin_own(struct registry_reader *reader, bool *ret_own)
{
	*ret_own = !reader->snapshot;
	return *ret_own ? registry_reader_begin(reader) : 0;
}

static int end_own(struct registry_reader *reader, bool own)
{
	int error = reader_finish(reader);

	if (own)
		registry_reader_end(reader);
	return error;
}

int registry_reader_index(struct registry_reader *reader, uint64_t *ret)
{
	int64_t index = meta(reader, "index");
	int error = reader_finish(reader);

	if (!error)
		*ret = (uint64_t)index;
	return error;
}

/* Of a service without instances: when any service last lost its last one, else the highest index that there
 * is. */
static int64_t unknown_service(struct registry_reader *reader)
{
	int64_t extinction = meta(reader, "extinction"), nodes = meta(reader, "nodes");
	int64_t checks = meta(reader, "checks");

	if (extinction)
		return extinction;
	return nodes > checks ? nodes : checks;
}

int registry_reader_resource(
	struct registry_reader *reader, enum registry_resource resource, const char *name, uint64_t *ret)
{
	int64_t index = 0;
	bool own;
	int error = begin_own(reader, &own);

	if (error)
		return error;
	switch (resource) {
	case REGISTRY_RESOURCE_SERVICE:
		index = store_number(
			reader->store, 0, "SELECT modify_index FROM service WHERE name = ?1", "s", name);
		if (!index)
			index = unknown_service(reader);
		break;
	case REGISTRY_RESOURCE_SERVICES:
		index = meta(reader, "services");
		break;
	case REGISTRY_RESOURCE_NODES:
		index = meta(reader, "nodes");
		break;
	case REGISTRY_RESOURCE_NODE:
		index = store_number(
			reader->store, 0, "SELECT any_index FROM node WHERE name = ?1", "s", name);
		if (!index) /* it rises when the node comes, and does not fall when it goes */
			index = meta(reader, "nodes");
		break;
	case REGISTRY_RESOURCE_CHECKS:
		index = meta(reader, "checks");
		break;
	}
	error = end_own(reader, own);
	if (!error)
		*ret = index > 0 ? (uint64_t)index : 1;
	return error;
}

int registry_reader_changes(struct registry_reader *reader, uint64_t since, struct arena *arena,
	const char *const **ret_services, size_t *ret_count, uint64_t *ret_index)
{
	const char **services = arena_alloc(arena, sizeof(*services));
	size_t count = 0;
	bool own;
	int error = begin_own(reader, &own);

	if (error)
		return error;
	int64_t index = meta(reader, "index"), floor = meta(reader, "floor");
	bool stale = (int64_t)since < floor || (int64_t)since > index;
	if (!stale && (int64_t)since < index) {
		sqlite3_stmt *row = store_query(reader->store,
			"SELECT DISTINCT service FROM changelog WHERE seq > ?1 AND service <> ''", "i",
			reader_changelog_position(reader, since));
		while (store_row(reader->store, row)) {
			services = arena_grow(arena, services, count, sizeof(*services));
			services[count++] = columns_text(row, 0, arena);
		}
	}
	error = end_own(reader, own);
	if (!error && stale)
		error = -ESTALE;
	if (error)
		return error;
	*ret_services = services;
	*ret_count = count;
	*ret_index = (uint64_t)index;
	return 0;
}
