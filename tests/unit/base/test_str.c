/* test_str.c -- strings, numbers, durations, UTF-8, error words and clocks. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void comparisons(void **state)
{
	(void)state;
	assert_true(str_ieq("Web.Service", "wEB.sERVICE"));
	assert_false(str_ieq("web", "webs"));
	assert_false(str_ieq("webs", "web"));
	assert_false(str_ieq("[", "{")); /* not letters, though 0x20 apart */
	assert_false(str_ieq("@", "`"));
	assert_true(str_ieq(NULL, NULL));
	assert_false(str_ieq(NULL, ""));
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "A"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("", NULL));
	assert_true(str_starts("prefix", "pre"));
	assert_true(str_starts("x", ""));
	assert_false(str_starts("pr", "pre"));
	for (int c = 0; c < 256; c++)
		assert_int_equal(str_lower((unsigned char)c), c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static void copies(void **state)
{
	char ret[8] = "zzzzzzz";

	(void)state;
	assert_int_equal(str_copy(ret, sizeof(ret), "short"), 5);
	assert_string_equal(ret, "short");
	assert_int_equal(str_copy(ret, sizeof(ret), "exactly"), 7);
	assert_int_equal(str_copy(ret, sizeof(ret), "too long"), 7);
	assert_string_equal(ret, "too lon");
	/* The euro sign is three bytes; it is kept whole or left out. */
	assert_int_equal(str_copy(ret, sizeof(ret), "abcd\xe2\x82\xac"), 7);
	assert_int_equal(str_copy(ret, sizeof(ret), "abcde\xe2\x82\xac"), 5);
	assert_string_equal(ret, "abcde");
	assert_int_equal(str_copy(ret, 1, "x"), 0);
	assert_string_equal(ret, "");
	ret[0] = 'k';
	assert_int_equal(str_copy(ret, 0, "x"), 0);
	assert_int_equal(ret[0], 'k');
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int r;
		uint64_t value;
	} rows[] = {
		{"0", 0, 0, 0},
		{"65535", 65535, 0, 65535},
		{"65536", 65535, -ERANGE, 0},
		{"007", 10, 0, 7},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999x", UINT64_MAX, -EINVAL, 0},
		{"", 10, -EINVAL, 0},
		{"-1", 10, -EINVAL, 0},
		{"+1", 10, -EINVAL, 0},
		{" 1", 10, -EINVAL, 0},
		{"1 ", 10, -EINVAL, 0},
		{"0x1", 10, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 4711;

		assert_int_equal(str_parse_u64(rows[i].text, rows[i].max, &value), rows[i].r);
		assert_int_equal(value, rows[i].r < 0 ? 4711 : rows[i].value);
	}
}

static void durations_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t ns;
	} rows[] = {
		{"0", 0, 0},
		{"-0", 0, 0},
		{"5s", 0, 5 * CLOCK_NS_PER_S},
		{"+5s", 0, 5 * CLOCK_NS_PER_S},
		{"-5s", 0, -5 * CLOCK_NS_PER_S},
		{"300ms", 0, 300 * CLOCK_NS_PER_MS},
		{"1m30s", 0, 90 * CLOCK_NS_PER_S},
		{"1.5h", 0, 5400 * CLOCK_NS_PER_S},
		{"1h1m1s1ms1us1ns", 0, INT64_C(3661001001001)},
		{"5.s", 0, 5 * CLOCK_NS_PER_S},
		{".5s", 0, 500 * CLOCK_NS_PER_MS},
		{"10\xc2\xb5s", 0, 10000},
		{"10\xce\xbcs", 0, 10000},
		{"1s1s", 0, 2 * CLOCK_NS_PER_S},
		{"0.3333333333333333333h", 0, INT64_C(1199999999999)},
		{"0.100000000000000000000h", 0, 360 * CLOCK_NS_PER_S},
		{"0.9223372036854775807h", 0, INT64_C(3320413933267)},
		{"9223372036854775807ns", 0, INT64_MAX},
		{"-9223372036854775808ns", 0, INT64_MIN},
		{"9223372036854775808ns", -ERANGE, 0},
		{"2562047h47m16.854775807s", 0, INT64_MAX},
		{"2562048h", -ERANGE, 0},
		{"99999999999999999999h", -ERANGE, 0},
		{"3000000h-", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"-", -EINVAL, 0},
		{"10", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{".s", -EINVAL, 0},
		{"1d", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"10s ", -EINVAL, 0},
		{"--1s", -EINVAL, 0},
		{"1s-1s", -EINVAL, 0},
		{"1e3s", -EINVAL, 0},
		{"1S", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t ns = 4711;

		assert_int_equal(str_parse_duration(rows[i].text, &ns), rows[i].r);
		assert_int_equal(ns, rows[i].r < 0 ? 4711 : rows[i].ns);
	}
}

static void durations_format(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1ns"},
		{1100, "1.1\xc2\xb5s"},
		{2200000, "2.2ms"},
		{100 * CLOCK_NS_PER_MS, "100ms"},
		{999999999, "999.999999ms"},
		{1500 * CLOCK_NS_PER_MS, "1.5s"},
		{10 * CLOCK_NS_PER_S, "10s"},
		{60 * CLOCK_NS_PER_S, "1m0s"},
		{90 * CLOCK_NS_PER_S, "1m30s"},
		{3600 * CLOCK_NS_PER_S, "1h0m0s"},
		{-90 * CLOCK_NS_PER_S, "-1m30s"},
		{72 * 3600 * CLOCK_NS_PER_S + 1, "72h0m0.000000001s"},
		{INT64_MAX, "2562047h47m16.854775807s"},
		{INT64_MIN, "-2562047h47m16.854775808s"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[32];
		int64_t back;

		assert_string_equal(str_format_duration(rows[i].ns, text), rows[i].text);
		assert_int_equal(str_parse_duration(text, &back), 0);
		assert_int_equal(back, rows[i].ns);
	}
}

static void utf8(void **state)
{
	static const char *const good[] = {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"m\xc3\xbcnchen"};
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ",
		"\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ok\xfe"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(str_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(str_utf8(bad[i], strlen(bad[i])));
	assert_false(str_utf8("a\0b", 3));
	assert_false(str_utf8("\xe2\x82\xac", 2));
}

static void error_words(void **state)
{
	(void)state;
	assert_string_equal(err_str(-ENOENT), "No such file or directory");
	assert_string_equal(err_str(ENOENT), "No such file or directory");
	assert_string_equal(err_str(-99999), "error -99999");
	assert_non_null(err_str(INT_MIN));
	assert_string_equal(err_str(0), "no error");
}

static void clocks(void **state)
{
	const struct clock *system = clock_system();
	int64_t before = clock_now(system);
	struct clock_manual manual;

	(void)state;
	assert_true(before > 0);
	assert_true(clock_now(system) >= before);
	assert_true(clock_wall(system) > INT64_C(1700000000) * CLOCK_NS_PER_S);
	clock_manual_init(&manual, 100, 2000);
	assert_int_equal(clock_now(&manual.clock), 100);
	assert_int_equal(clock_wall(&manual.clock), 2000);
	clock_manual_advance(&manual, 5);
	assert_int_equal(clock_now(&manual.clock), 105);
	assert_int_equal(clock_wall(&manual.clock), 2005);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparisons),
		cmocka_unit_test(copies),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations_parse),
		cmocka_unit_test(durations_format),
		cmocka_unit_test(utf8),
		cmocka_unit_test(error_words),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
