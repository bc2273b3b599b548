/* table.c -- columns and escapes. */
#include "svcdns/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* The size of the UTF-8 character at `text`, 0 if there is none. */
static size_t character(const char *text, uint32_t *ret)
{
	unsigned char first = (unsigned char)text[0];
	size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (strnlen(text, size) < size || !str_utf8(text, size))
		return 0;
	*ret = size == 1 ? first : first & (0x7fU >> size);
	for (size_t i = 1; i < size; i++)
		*ret = *ret << 6 | ((unsigned char)text[i] & 0x3f);
	return size;
}

/* Marks that turn the direction of writing, and line ends that are no control characters (Unicode, TR 36). */
static bool unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void table_escape(struct buf *ret, const char *text)
{
	static const char named[] = "\n\t\r\\", letters[] = "ntr\\";

	while (*text) {
		uint32_t c = 0;
		size_t size = character(text, &c);
		const char *found = size == 1 ? strchr(named, (int)c) : NULL;

		if (found)
			buf_printf(ret, "\\%c", letters[found - named]);
		else if (size == 0)
			buf_printf(ret, "\\x%02x", (unsigned char)*text);
		else if (unsafe(c))
			buf_printf(ret, c < 0x80 ? "\\x%02x" : "\\u{%04x}", c);
		else
			buf_add(ret, text, size);
		text += size ? size : 1;
	}
}

const char *table_clean(struct arena *arena, const char *text)
{
	struct buf buf = {0};
	const char *clean;

	table_escape(&buf, text);
	clean = arena_strdup(arena, buf.data ? buf.data : "");
	buf_finish(&buf);
	return clean;
}

void table_init(struct table *table, struct arena *arena, size_t columns, const char *const *headings)
{
	*table = (struct table){.arena = arena, .columns = columns};
	for (size_t i = 0; i < columns; i++)
		table_cell(table, headings[i]);
}

void table_cell(struct table *table, const char *text)
{
	table->cells = arena_grow(table->arena, table->cells, table->count, sizeof(*table->cells));
	table->cells[table->count++] = text && *text ? table_clean(table->arena, text) : "-";
}

void table_cellf(struct table *table, const char *format, ...)
{
	char *text;
	va_list list;
	int size;

	va_start(list, format);
	size = vasprintf(&text, format, list);
	va_end(list);
	table_cell(table, size < 0 ? NULL : text);
	if (size >= 0)
		free(text);
}

/* Characters, not bytes; all are taken to be one wide. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

void table_print(const struct table *table, FILE *file)
{
	size_t widths[TABLE_COLUMNS] = {0};

	for (size_t i = 0; i < table->count; i++) {
		size_t size = width(table->cells[i]), column = i % table->columns;

		widths[column] = size > widths[column] ? size : widths[column];
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		bool last = column + 1 == table->columns;
		size_t pad = last ? 0 : widths[column] - width(table->cells[i]) + 2;

		fprintf(file, "%s%*s%s", table->cells[i], (int)pad, "", last ? "\n" : "");
	}
}
