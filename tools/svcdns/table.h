/* table.h -- text for a terminal: aligned columns, and nothing that a stranger's name could do to the
 * terminal.
 *
 * Names, tags and outputs come from whoever registers. What is printed of them goes through table_escape().
 */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

#define TABLE_COLUMNS 8

struct table {
	struct arena *arena;
	size_t columns;
	const char **cells; /* row by row */
	size_t count;
};

/* Appends `text` with what a terminal would obey made visible: control characters (also U+0080 to U+009F),
 * what changes the direction of writing, line ends and bytes that are no UTF-8 become \n, \t, \xNN or
 * \u{NNNN}, and a backslash is doubled. */
void table_escape(struct buf *ret, const char *text);

/* The same as a string in `arena`. */
const char *table_clean(struct arena *arena, const char *text);

/* An empty table whose headings are the `columns` (up to TABLE_COLUMNS) strings; the cells live in `arena`.
 */
void table_init(struct table *table, struct arena *arena, size_t columns, const char *const *headings);

/* The next cell, escaped; NULL and "" print as "-". */
void table_cell(struct table *table, const char *text);

/* The next cell by printf, escaped. */
void table_cellf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints headings and rows, the columns two blanks apart, without blanks at the ends. */
void table_print(const struct table *table, FILE *file);
