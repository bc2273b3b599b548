/* test_table.c -- what reaches a terminal: escapes and columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "svcdns/table.h"

static void test_escapes(void **state)
{
	static const struct {
		const char *text, *clean;
	} rows[] = {
		{"", ""},
		{"web-1.example", "web-1.example"},
		{"Größe €", "Größe €"},
		{"\xf0\x9f\x90\x99", "\xf0\x9f\x90\x99"},
		{"a\nb\tc\rd", "a\\nb\\tc\\rd"},
		{"\x1b[31mred", "\\x1b[31mred"},
		{"\a\x7f", "\\x07\\x7f"},
		{"C:\\x", "C:\\\\x"},
		{"\xc2\x9b"
		 "31m",
			"\\u{009b}31m"},                     /* CSI as one character */
		{"\xe2\x80\xaetxt.exe", "\\u{202e}txt.exe"}, /* right to left */
		{"\xef\xbb\xbf", "\\u{feff}"},
		{"\xff\xc3", "\\xff\\xc3"},
		{"\xc0\xaf", "\\xc0\\xaf"}, /* overlong */
		{"\xe2\x82", "\\xe2\\x82"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf buf = {0};

		table_escape(&buf, rows[i].text);
		assert_string_equal(buf.data ? buf.data : "", rows[i].clean);
		buf_finish(&buf);
	}
}

static void test_columns(void **state)
{
	static const char *const headings[] = {"A", "LONG", "LAST"};
	struct arena *arena = arena_create();
	struct table table;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	table_init(&table, arena, 3, headings);
	table_cell(&table, "größe");
	table_cellf(&table, "%d/%d", 1, 2);
	table_cell(&table, "");
	table_cell(&table, "x\n");
	table_cell(&table, NULL);
	table_cell(&table, "end");
	table_print(&table, file);
	fclose(file);
	assert_string_equal(text, "A      LONG  LAST\n"
				  "größe  1/2   -\n"
				  "x\\n    -     end\n");
	free(text);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
