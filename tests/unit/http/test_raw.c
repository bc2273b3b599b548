/* test_raw.c -- the table tests/support/http_raw.txt against the HTTP server: each row whole, and byte by
 * byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"

struct row {
	char name[64];
	int statuses[8];
	size_t status_count;
	bool open;
	char bytes[1024];
	size_t size;
};

/* Decodes \r \n \t \\ and \xHH. */
static void unescape(const char *text, struct row *row)
{
	for (; *text && *text != '\n'; text++) {
		char c = *text;
		unsigned hex;

		if (c == '\\') {
			c = *++text;
			if (c == 'x') {
				assert_int_equal(sscanf(text + 1, "%2x", &hex), 1);
				text += 2;
				c = (char)hex;
			} else {
				assert_non_null(strchr("rnt\\", c));
				c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : '\\';
			}
		}
		assert_true(row->size < sizeof(row->bytes));
		row->bytes[row->size++] = c;
	}
}

static bool parse_row(char *line, struct row *row)
{
	char *expected, *bytes, *word, *rest;

	memset(row, 0, sizeof(*row));
	if (*line == '#' || *line == '\n')
		return false;
	expected = strstr(line, " | ");
	assert_non_null(expected);
	bytes = strstr(expected + 3, " | ");
	assert_non_null(bytes);
	*expected = *bytes = '\0';
	snprintf(row->name, sizeof(row->name), "%.60s", line);
	for (rest = expected + 3; (word = strsep(&rest, " "));) {
		row->open = strcmp(word, "open") == 0;
		if (row->open || strcmp(word, "close") == 0)
			break;
		row->statuses[row->status_count++] = atoi(word);
	}
	unescape(bytes + 3, row);
	return true;
}

static void check_row(struct pump *pump, const struct row *row, bool byte_by_byte)
{
	int fd = pump_connect(pump, false);

	if (byte_by_byte) {
		for (size_t i = 0; i < row->size; i++) {
			pump_send(pump, fd, row->bytes + i, 1);
			event_base_loop(pump->base, EVLOOP_NONBLOCK);
		}
	} else {
		pump_send(pump, fd, row->bytes, row->size);
	}
	for (size_t i = 0; i < row->status_count; i++) {
		int status = pump_reply(pump, fd, NULL, NULL);

		if (status == 100 && byte_by_byte) /* the body came too late for the server to leave it out */
			status = pump_reply(pump, fd, NULL, NULL);
		if (status != row->statuses[i])
			fail_msg("%s: reply %zu is %d, not %d", row->name, i + 1, status, row->statuses[i]);
	}
	if (row->open)
		pump_alive(pump, fd, "/after");
	else if (!pump_closed(pump, fd))
		fail_msg("%s: more than was expected", row->name);
	close(fd);
}

static void check_table(bool byte_by_byte)
{
	struct pump pump;
	struct row row;
	char line[2048];
	unsigned rows = 0;
	FILE *table = fopen(HTTP_RAW_TABLE, "r");

	assert_non_null(table);
	pump_init(&pump);
	pump_start(&pump);
	while (fgets(line, sizeof(line), table)) {
		if (!parse_row(line, &row))
			continue;
		check_row(&pump, &row, byte_by_byte);
		rows++;
	}
	fclose(table);
	assert_true(rows > 150);
	pump_stop(&pump);
}

static void whole(void **state)
{
	(void)state;
	check_table(false);
}

static void byte_by_byte(void **state)
{
	(void)state;
	check_table(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
