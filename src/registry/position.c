/* position.c -- places in the changelog. See reader_private.h. */
#include "registry/reader_private.h"

int64_t reader_changelog_newest(struct registry_reader *reader)
{
	return store_number(reader->store, 0, "SELECT max(seq) FROM changelog", "");
}

/* The index of a row, or of the one before it if it was pruned; -1 if there is none. */
static int64_t index_of(struct registry_reader *reader, int64_t seq)
{
	return store_number(reader->store, -1,
		"SELECT idx FROM changelog WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1", "i", seq);
}

/* There is one writer, so an index is never below that of the row before. Most often it is asked for what
 * came last: back from the end in steps that grow, then by halves. */
int64_t reader_changelog_position(struct registry_reader *reader, uint64_t index)
{
	int64_t low = reader_changelog_newest(reader), high = low + 1;

	for (int64_t step = 1; low > 0 && index_of(reader, low) > (int64_t)index; step *= 2) {
		high = low;
		low = low > step ? low - step : 0;
	}
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (index_of(reader, middle) > (int64_t)index)
			high = middle;
		else
			low = middle;
	}
	return low;
}
