/* test_log_text.c -- a log line stays one line that its reader understands, whatever the values hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log_text.h"
#include "base/str.h"

#define REPLACED "\xef\xbf\xbd" /* U+FFFD */

/* One line with these pairs, closed by NULL; terminated, in storage of its own. */
__attribute__((sentinel)) static const char *line_of(enum log_format format, ...)
{
	static struct log_text line;
	static char text[LOG_LINE + 1];
	const char *key;
	va_list pairs;

	log_text_begin(&line, format);
	va_start(pairs, format);
	while ((key = va_arg(pairs, const char *)) != NULL)
		log_text_pair(&line, key, va_arg(pairs, const char *));
	va_end(pairs);
	log_text_end(&line);
	assert_true(line.size <= LOG_LINE);
	memcpy(text, line.text, line.size);
	text[line.size] = '\0';
	assert_int_equal(strlen(text), line.size);
	assert_ptr_equal(strchr(text, '\n'), text + line.size - 1);
	assert_true(str_utf8(text, line.size));
	return text;
}

/* The line as jansson reads it, which takes nothing that is not strictly JSON in UTF-8. */
static json_t *read_json(const char *line)
{
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	if (!object)
		fail_msg("%s: %s", error.text, line);
	return object;
}

static void hostile_values(void **state)
{
	static const struct {
		const char *value;
		const char *logfmt; /* as it is written */
		const char *read;   /* from the JSON line; NULL: the value */
	} rows[] = {
		{"plain", "plain", NULL},
		{"", "\"\"", NULL},
		{"two words", "\"two words\"", NULL},
		{"say \"hi\" \\", "\"say \\\"hi\\\" \\\\\"", NULL},
		{"a=b", "\"a=b\"", NULL},
		{"x\",\"level\":\"error", "\"x\\\",\\\"level\\\":\\\"error\"", NULL},
		{"line\nlevel=error", "\"line\\nlevel=error\"", NULL},
		{"\t\r", "\"\\t\\r\"", NULL},
		{"\x1b[2J\x01\x7f", "\"\\x1b[2J\\x01\\x7f\"", NULL},
		{"\xc2\x9b", "\"\\u009b\"", NULL},
		{"m\xc3\xbcnchen", "m\xc3\xbcnchen", NULL},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", NULL},
		{"\xff", "\"\\xff\"", REPLACED},
		{"\xc3\xbc\xc3", "\"\xc3\xbc\\xc3\"", "\xc3\xbc" REPLACED},          /* cut short */
		{"\xc0\xaf", "\"\\xc0\\xaf\"", REPLACED REPLACED},                   /* overlong */
		{"\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", REPLACED REPLACED REPLACED}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"", REPLACED REPLACED REPLACED REPLACED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *logfmt = line_of(LOG_LOGFMT, "a", rows[i].value, "z", "end", NULL);
		assert_int_equal(strncmp(logfmt, "a=", 2), 0);
		assert_int_equal(strncmp(logfmt + 2, rows[i].logfmt, strlen(rows[i].logfmt)), 0);
		assert_string_equal(logfmt + 2 + strlen(rows[i].logfmt), " z=end\n");
		json_t *object = read_json(line_of(LOG_JSON, "a", rows[i].value, "z", "end", NULL));
		assert_int_equal(json_object_size(object), 2);
		assert_string_equal(json_string_value(json_object_get(object, "a")),
			rows[i].read ? rows[i].read : rows[i].value);
		assert_string_equal(json_string_value(json_object_get(object, "z")), "end");
		json_decref(object);
	}
}

/* Every byte alone, and between two others. */
static void every_byte(void **state)
{
	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char alone[2] = {(char)byte, '\0'}, between[4] = {'a', (char)byte, 'b', '\0'};
		line_of(LOG_LOGFMT, "k", alone, "k", between, NULL);
		json_t *object = read_json(line_of(LOG_JSON, "k", alone, "l", between, NULL));
		assert_string_equal(
			json_string_value(json_object_get(object, "k")), byte < 0x80 ? alone : REPLACED);
		json_decref(object);
	}
}

/* So many characters, of `size` bytes, as a value between two others: where it is cut the line stays whole.
 */
static void check_cut(const char *character, size_t count)
{
	static char value[2 * LOG_LINE];
	size_t size = strlen(character);

	for (size_t i = 0; i < count; i++)
		memcpy(value + i * size, character, size);
	value[count * size] = '\0';
	line_of(LOG_LOGFMT, "head", "h", "k", value, "behind", "b", NULL);
	json_t *object = read_json(line_of(LOG_JSON, "head", "h", "k", value, "behind", "b", NULL));
	const char *read = json_string_value(json_object_get(object, "k"));
	assert_non_null(read);
	if (strlen(read) >= 3 && str_eq(read + strlen(read) - 3, "..."))
		assert_int_equal(json_object_size(object), 2); /* nothing stands behind it */
	else if (str_utf8(character, size))
		assert_string_equal(read, value);
	json_decref(object);
}

/* Every length around the largest that fits, of characters that are written with one to six bytes. */
static void long_values(void **state)
{
	static const struct {
		const char *character;
		size_t widths[2]; /* as it is written: logfmt, JSON */
	} rows[] = {{"v", {1, 1}}, {" ", {1, 1}}, {"\xc3\xbc", {2, 2}}, {"\xf0\x9f\x98\x80", {4, 4}},
		{"\x01", {4, 6}}, {"\xff", {4, 6}}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
			size_t most = LOG_LINE / rows[i].widths[format];
			for (size_t count = most - 60; count <= most + 2; count++)
				check_cut(rows[i].character, count);
		}
}

static void what_does_not_fit_is_left_out(void **state)
{
	static char value[LOG_LINE];
	size_t pairs = 0;
	struct log_text line;

	(void)state;
	memset(value, 'v', 90);
	for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
		log_text_begin(&line, (enum log_format)format);
		for (pairs = 0; pairs < 100; pairs++)
			log_text_pair(&line, "key", value);
		log_text_end(&line);
		assert_true(line.size <= LOG_LINE && line.size > LOG_LINE - 100);
		assert_int_equal(line.text[line.size - 1], '\n');
	}
	assert_int_equal(line.text[line.size - 2], '}');
	assert_string_equal(line_of(LOG_LOGFMT, NULL), "\n");
	assert_string_equal(line_of(LOG_JSON, NULL), "{}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_values),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(long_values),
		cmocka_unit_test(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
