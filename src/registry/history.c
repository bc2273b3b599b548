/* history.c -- the changelog read as a story: what happened, in order, from where somebody left off. */
#include "registry/reader_private.h"

#include <errno.h>

#include "registry/columns.h"

struct bounds {
	uint64_t index, floor;
};

static int read_bounds(struct registry_reader *reader, struct bounds *ret)
{
	int64_t index = store_number(reader->store, 0, "SELECT value FROM meta WHERE key = 'index'", "");
	int64_t floor = store_number(reader->store, 0, "SELECT value FROM meta WHERE key = 'floor'", "");
	int error = reader_finish(reader);

	*ret = (struct bounds){.index = (uint64_t)index, .floor = (uint64_t)floor};
	return error;
}

/* One snapshot for several statements, unless there is one. */
static int begin(struct registry_reader *reader, bool *ret_own)
{
	*ret_own = !reader->snapshot;
	return *ret_own ? registry_reader_begin(reader) : 0;
}

static bool is_stale(uint64_t index, const struct bounds *bounds)
{
	return index < bounds->floor || index > bounds->index;
}

static int find_cursor(
	struct registry_reader *reader, uint64_t since, uint32_t last, struct registry_cursor *ret)
{
	struct bounds bounds;
	int64_t seq;
	int error = read_bounds(reader, &bounds);

	if (error)
		return error;
	*ret = (struct registry_cursor){.index = bounds.index, .seq = reader_changelog_newest(reader)};
	if (last > 0) {
		/* The first row of the first index that is shown: a command's changes are not torn apart. */
		seq = ret->seq > (int64_t)last ? ret->seq - (int64_t)last : 0;
		since = (uint64_t)store_number(reader->store, (int64_t)bounds.floor,
			"SELECT idx FROM changelog WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1", "i", seq);
		since = since > bounds.floor ? since : bounds.floor;
	}
	if (is_stale(since, &bounds)) {
		error = reader_finish(reader);
		return error ? error : -ESTALE;
	}
	*ret = (struct registry_cursor){.index = since, .seq = reader_changelog_position(reader, since)};
	return reader_finish(reader);
}

int registry_reader_cursor(
	struct registry_reader *reader, uint64_t since, uint32_t last, struct registry_cursor *ret)
{
	bool own;
	int error = begin(reader, &own);

	if (!error)
		error = find_cursor(reader, since, last, ret);
	if (own)
		registry_reader_end(reader);
	return error;
}

static struct registry_history read_row(sqlite3_stmt *row, struct arena *arena)
{
	return (struct registry_history){
		.index = (uint64_t)sqlite3_column_int64(row, 1),
		.time_ms = sqlite3_column_int64(row, 2),
		.kind = columns_text(row, 3, arena),
		.service = columns_text(row, 4, arena),
		.node = columns_text(row, 5, arena),
		.id = columns_text(row, 6, arena),
		.what = columns_text(row, 7, arena),
		.reason = columns_text(row, 8, arena),
		.instance = columns_text(row, 9, arena),
		.former = columns_text(row, 10, arena),
		.last = true,
	};
}

/* Reads one row more than is wanted: it tells whether the last one ends its index. */
static size_t read_rows(struct registry_reader *reader, struct registry_cursor *cursor, uint64_t until,
	size_t limit, struct arena *arena, struct registry_history **ret)
{
	sqlite3_stmt *row = store_query(reader->store,
		"SELECT seq, idx, time_ms, kind, service, node, id, what, reason, instance, former"
		" FROM changelog WHERE seq > ?1 ORDER BY seq LIMIT ?2",
		"ii", cursor->seq, (int64_t)limit + 1);
	struct registry_history *rows = NULL;
	size_t count = 0;

	while (store_row(reader->store, row)) {
		uint64_t index = (uint64_t)sqlite3_column_int64(row, 1);

		if (count > 0)
			rows[count - 1].last = index != rows[count - 1].index;
		if (index > until || count == limit) {
			store_done(row);
			break;
		}
		rows = arena_grow(arena, rows, count, sizeof(*rows));
		rows[count++] = read_row(row, arena);
		cursor->seq = sqlite3_column_int64(row, 0);
	}
	for (size_t i = 0; i < count; i++)
		if (rows[i].last)
			cursor->index = rows[i].index;
	*ret = rows;
	return count;
}

int registry_reader_history(struct registry_reader *reader, struct registry_cursor *cursor, uint64_t until,
	size_t limit, struct arena *arena, const struct registry_history **ret, size_t *ret_count)
{
	struct registry_cursor moved = *cursor;
	struct registry_history *rows = NULL;
	struct bounds bounds;
	size_t count = 0;
	bool own;
	int error = begin(reader, &own);

	if (error)
		return error;
	error = read_bounds(reader, &bounds);
	if (!error && is_stale(cursor->index, &bounds))
		error = -ESTALE;
	if (!error) {
		count = read_rows(reader, &moved, until, limit, arena, &rows);
		error = reader_finish(reader);
	}
	if (own)
		registry_reader_end(reader);
	if (error)
		return error;
	*cursor = moved;
	*ret = rows;
	*ret_count = count;
	return 0;
}

int registry_reader_time(struct registry_reader *reader, uint64_t index, int64_t *ret_ms)
{
	bool own;
	int error = begin(reader, &own);

	if (error)
		return error;
	int64_t time_ms =
		store_number(reader->store, 0, "SELECT time_ms FROM changelog WHERE seq = ?1 AND idx = ?2",
			"ii", reader_changelog_position(reader, index), (int64_t)index);
	error = reader_finish(reader);
	if (own)
		registry_reader_end(reader);
	if (!error)
		*ret_ms = time_ms;
	return error;
}
