/* test_name.c -- names between text and wire form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "wire/wire.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int size;
		const char *wire;
	} rows[] = {
		{".", 1, ""},
		{"web", 5, "\3web"},
		{"web.", 5, "\3web"},
		{"web.service.local", 19, "\3web\7service\5local"},
		{"Web.Service.LOCAL.", 19, "\3Web\7Service\5LOCAL"},
		{"a\\.b.c", 7, "\3a.b\1c"},
		{"a\\\\b", 5, "\3a\\b"},
		{"\\000\\255\\065", 5, "\3\0\377A"},
		{"_web._tcp", 11, "\4_web\4_tcp"},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t name[WIRE_NAME_MAX];
		assert_int_equal(wire_name_parse(rows[i].text, name), rows[i].size);
		assert_memory_equal(name, rows[i].wire, (size_t)rows[i].size);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const rows[] = {"", "..", ".a", "a..b", "a..", "a.b..", "\\", "a\\", "\\25", "\\2",
		"\\256", "\\999", "\\2a5",
		"1234567890123456789012345678901234567890123456789012345678901234"};

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t name[WIRE_NAME_MAX], before[WIRE_NAME_MAX];
		memset(name, 0x5A, sizeof name);
		memcpy(before, name, sizeof name);
		assert_int_equal(wire_name_parse(rows[i], name), -EINVAL);
		assert_memory_equal(name, before, sizeof name);
	}
}

/* 63 bytes are a label and 255 are a name; one more is neither. */
static void test_parse_limits(void **state)
{
	char label[65], text[400];
	uint8_t name[WIRE_NAME_MAX];

	memset(label, 'x', 64);
	label[63] = '\0';
	assert_int_equal(wire_name_parse(label, name), 65);
	snprintf(text, sizeof text, "%s.%s.%s.%.61s", label, label, label, label);
	assert_int_equal(wire_name_parse(text, name), 255);
	strcat(text, ".");
	assert_int_equal(wire_name_parse(text, name), 255);
	snprintf(text, sizeof text, "%s.%s.%s.%.62s", label, label, label, label);
	assert_int_equal(wire_name_parse(text, name), -EINVAL);
	for (unsigned i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	assert_int_equal(wire_name_parse(text, name), 255);
	memcpy(text + 254, "a", 2);
	assert_int_equal(wire_name_parse(text, name), -EINVAL);
}

static void test_format(void **state)
{
	char text[WIRE_NAME_TEXT];

	assert_string_equal(wire_name_format((const uint8_t *)"", 1, text), ".");
	assert_string_equal(wire_name_format((const uint8_t *)"", 0, text), "");
	assert_string_equal(wire_name_format((const uint8_t *)"\3web\5local", 11, text), "web.local");
	assert_string_equal(wire_name_format((const uint8_t *)"\3web\5local", 10, text), "web.local");
	assert_string_equal(wire_name_format((const uint8_t *)"\6a.b\\c\"", 8, text), "a\\.b\\\\c\\\"");
	assert_string_equal(
		wire_name_format((const uint8_t *)"\4\0 \177\377", 6, text), "\\000\\032\\127\\255");
	/* Bytes that are no name: nothing behind the end is read. */
	assert_string_equal(wire_name_format((const uint8_t *)"\3web\5lo", 7, text), "web");
}

/* Every byte value survives the way to text and back, in the longest name. */
static void test_round_trip(void **state)
{
	for (unsigned start = 0; start < 256; start += 15) {
		uint8_t name[WIRE_NAME_MAX], again[WIRE_NAME_MAX];
		char text[WIRE_NAME_TEXT];
		size_t at = 0;
		static const uint8_t labels[] = {63, 63, 63, 61, 0};
		for (unsigned l = 0; l < 5; l++) {
			name[at++] = labels[l];
			for (unsigned i = 0; i < labels[l]; i++, at++)
				name[at] = (uint8_t)(start + at);
		}
		assert_int_equal(at, 255);
		wire_name_format(name, at, text);
		assert_true(strlen(text) < WIRE_NAME_TEXT);
		assert_int_equal(wire_name_parse(text, again), 255);
		assert_memory_equal(name, again, 255);
	}
}

/* The longest text that there is fits to the byte. */
static void test_format_longest(void **state)
{
	uint8_t name[WIRE_NAME_MAX] = {0};
	char text[WIRE_NAME_TEXT];

	name[0] = name[64] = name[128] = 63;
	name[192] = 61;
	wire_name_format(name, sizeof name, text);
	assert_int_equal(strlen(text), 250 * 4 + 3);
}

static void test_lower_and_equal(void **state)
{
	uint8_t all[256], lower[256];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	wire_name_lower(all, 256, lower);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(lower[i], i >= 'A' && i <= 'Z' ? i + 32 : i);
	assert_true(wire_name_equal(all, 256, lower, 256));
	assert_true(wire_name_equal((const uint8_t *)"\3WeB", 5, (const uint8_t *)"\3wEb", 5));
	assert_false(wire_name_equal((const uint8_t *)"\3WeB", 5, (const uint8_t *)"\3wEc", 5));
	assert_false(wire_name_equal((const uint8_t *)"\3WeB", 5, (const uint8_t *)"\3wEb", 4));
	/* '@' and '`', '[' and '{' differ by the bit that letters differ by. */
	assert_false(wire_name_equal((const uint8_t *)"\1@", 3, (const uint8_t *)"\1`", 3));
	assert_false(wire_name_equal((const uint8_t *)"\1[", 3, (const uint8_t *)"\1{", 3));
}

static void test_within(void **state)
{
	static const struct {
		const char *name, *zone;
		bool within;
	} rows[] = {{"a.b", "a.b", true}, {"x.a.b", "a.b", true}, {"x.y.a.b", "a.b", true},
		{"b", "a.b", false}, {"xa.b", "a.b", false}, {"x.c.b", "a.b", false}, {".", "a.b", false},
		{"a.b", ".", true}, {"a.bb", "b", false}, {"b.a", "a.b", false}, {"a.b.c", "a.b", false}};
	uint8_t name[WIRE_NAME_MAX], zone[WIRE_NAME_MAX];

	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t size = (size_t)wire_name_parse(rows[i].name, name);
		size_t zone_size = (size_t)wire_name_parse(rows[i].zone, zone);
		if (wire_name_within(name, size, zone, zone_size) != rows[i].within)
			fail_msg("%s in %s", rows[i].name, rows[i].zone);
	}
}

static void test_host_label(void **state)
{
	static const char *const good[] = {"a", "web", "WEB-1", "0", "a_b", "a_", "1-2-3",
		"123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"", "-a", "a-", "_a", "a.b", "a b", "\xC3\xA9", "a@", "a/", "a`",
		"a[", "1234567890123456789012345678901234567890123456789012345678901234"};

	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(wire_label_is_host(good[i]));
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(wire_label_is_host(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_limits),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_format_longest),
		cmocka_unit_test(test_lower_and_equal),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_host_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
