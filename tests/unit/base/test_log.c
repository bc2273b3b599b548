/* test_log.c -- what a log line looks like, and what happens when it cannot be written. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

/* Stands in for stderr while a test logs; cmocka tells its failures there, so it is put back before
 * asserting. */
struct capture {
	int reader, saved;
	char text[128 * 1024];
	size_t size;
};

static struct capture capture;

static void capture_start(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	capture.saved = dup(STDERR_FILENO);
	capture.reader = fds[0];
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
}

static const char *capture_end(void)
{
	ssize_t n;

	dup2(capture.saved, STDERR_FILENO);
	close(capture.saved);
	capture.size = 0;
	while ((n = read(capture.reader, capture.text + capture.size,
			sizeof(capture.text) - 1 - capture.size)) > 0)
		capture.size += (size_t)n;
	capture.text[capture.size] = '\0';
	close(capture.reader);
	return capture.text;
}

static size_t lines_in(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void line_form(void **state)
{
	int year, month, day, hour, minute, second, ms, end = 0;
	const char *text;

	(void)state;
	capture_start();
	errno = EDOM;
	log_info("registry opened", "path", "/tmp/x.db", "none", NULL, "rows", log_u64(12), "empty", "");
	assert_int_equal(errno, EDOM);
	text = capture_end();
	assert_int_equal(lines_in(text), 1);
	assert_int_equal(sscanf(text, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
				 &minute, &second, &ms, &end),
		7);
	assert_int_equal(end, (int)strlen("time=2025-01-01T00:00:00.000Z"));
	assert_true(year >= 2024);
	assert_string_equal(text + end,
		" level=info process=test msg=\"registry opened\" path=/tmp/x.db rows=12 empty=\"\"\n");
}

static void quoting(void **state)
{
	static const struct {
		const char *value, *written;
	} rows[] = {
		{"plain", " v=plain\n"},
		{"two words", " v=\"two words\"\n"},
		{"a=b", " v=\"a=b\"\n"},
		{"say \"hi\"", " v=\"say \\\"hi\\\"\"\n"},
		{"back\\slash", " v=\"back\\\\slash\"\n"},
		{"a\nlevel=error b", " v=\"a\\nlevel=error b\"\n"},
		{"tab\tcr\r", " v=\"tab\\tcr\\r\"\n"},
		{"\x1b[31m", " v=\"\\x1b[31m\"\n"},
		{"\x7f", " v=\"\\x7f\"\n"},
		{"m\xc3\xbcnchen", " v=m\xc3\xbcnchen\n"},
		{"\xc2\x9b", " v=\"\\u009b\"\n"},
		{"\xff\xc3\xbc", " v=\"\\xff\xc3\xbc\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text;

		capture_start();
		log_warn("x", "v", rows[i].value);
		text = capture_end();
		assert_int_equal(lines_in(text), 1);
		assert_non_null(strstr(text, "level=warn process=test msg=x v="));
		assert_string_equal(strstr(text, " v="), rows[i].written);
	}
}

static void levels(void **state)
{
	enum log_level level = LOG_DEBUG;
	enum log_format format = LOG_LOGFMT;
	const char *text;

	(void)state;
	capture_start();
	log_debug("hidden");
	log_setup("dns", LOG_ERROR);
	log_warn("hidden too");
	log_error("seen");
	log_setup("test", LOG_INFO);
	text = capture_end();
	assert_int_equal(lines_in(text), 1);
	assert_non_null(strstr(text, "level=error process=dns msg=seen\n"));
	assert_int_equal(log_parse_level("warn", &level), 0);
	assert_int_equal(level, LOG_WARN);
	assert_int_equal(log_parse_level("Warn", &level), -EINVAL);
	assert_int_equal(log_parse_level("", &level), -EINVAL);
	assert_int_equal(level, LOG_WARN);
	assert_int_equal(log_parse_format("json", &format), 0);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_parse_format("JSON", &format), -EINVAL);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_parse_format("logfmt", &format), 0);
	assert_int_equal(format, LOG_LOGFMT);
}

static void json_lines(void **state)
{
	const char *text;

	(void)state;
	log_set_format(LOG_JSON);
	capture_start();
	log_warn("two \"words\"", "none", NULL, "key", "a\nb", "empty", "");
	text = capture_end();
	log_set_format(LOG_LOGFMT);
	assert_int_equal(lines_in(text), 1);
	assert_int_equal(strncmp(text, "{\"time\":\"2", 10), 0);
	assert_string_equal(strstr(text, ",\"level\""),
		",\"level\":\"warn\",\"process\":\"test\",\"msg\":\"two \\\"words\\\"\","
		"\"key\":\"a\\nb\",\"empty\":\"\"}\n");
}

static void long_lines_are_cut(void **state)
{
	static char value[10000];
	const char *text;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	capture_start();
	log_info("long", "value", value, "behind", "it");
	text = capture_end();
	assert_true(strlen(text) <= 4096 && strlen(text) > 4080);
	assert_string_equal(text + strlen(text) - 5, "v...\n");
}

/* Writes `count` lines, and more if a second begins near the end: the last one is not written. Returns how
 * many lines it tried, and how many seconds began meanwhile. */
static size_t flood(
	struct log_site *site, enum log_level level, size_t count, const char *message, size_t *ret_seconds)
{
	int64_t began = clock_now(clock_system()) / CLOCK_NS_PER_S;
	size_t tried = 0;

	do
		log_line(site, level, message, NULL);
	while (++tried < count || atomic_load(&site->dropped) == 0);
	*ret_seconds = (size_t)(clock_now(clock_system()) / CLOCK_NS_PER_S - began);
	return tried;
}

static void one_site_has_a_limit(void **state)
{
	static struct log_site site, other;
	unsigned long long before = log_dropped();
	unsigned suppressed;
	const char *text;
	size_t lines, tried, seconds;

	(void)state;
	capture_start();
	tried = flood(&site, LOG_INFO, 500, "again", &seconds);
	log_line(&other, LOG_INFO, "elsewhere", NULL);
	text = capture_end();
	lines = lines_in(text) - 1;
	assert_in_range(lines, LOG_BURST, (1 + seconds) * LOG_BURST);
	assert_non_null(strstr(text, "msg=elsewhere\n"));
	assert_int_equal(log_dropped() - before, tried - lines);
	/* As if that had been in another second. */
	suppressed = atomic_load(&site.dropped);
	assert_true(suppressed > 0);
	atomic_store(&site.second, -1);
	capture_start();
	log_line(&site, LOG_INFO, "later", "key", "value", NULL);
	log_line(&site, LOG_INFO, "last", NULL);
	text = capture_end();
	log_tell_suppressed(); /* it is told by now */
	assert_non_null(strstr(text, "msg=later suppressed="));
	assert_int_equal(strtoul(strstr(text, "suppressed=") + 11, NULL, 10), suppressed);
	assert_non_null(strstr(text, "msg=last\n"));
}

static void suppressed_lines_are_told_though_none_follows(void **state)
{
	static struct log_site site, quiet;
	unsigned suppressed;
	const char *text;
	char expected[96];
	size_t seconds;

	(void)state;
	capture_start();
	flood(&site, LOG_WARN, 200, "a flood", &seconds);
	log_line(&quiet, LOG_WARN, "a drop", NULL);
	suppressed = atomic_load(&site.dropped);
	atomic_store(&site.second, -1);
	log_setup("test", LOG_ERROR);
	log_tell_suppressed(); /* whoever wants no warnings wants none about them */
	log_setup("test", LOG_INFO);
	log_tell_suppressed();
	log_tell_suppressed();
	text = capture_end();
	assert_true(suppressed > 0);
	snprintf(expected, sizeof(expected),
		"level=warn process=test msg=\"lines suppressed\" suppressed=%u of=\"a flood\"\n",
		suppressed);
	text = strstr(text, expected);
	assert_non_null(text);
	assert_null(strstr(text + strlen(expected), "lines suppressed"));
	assert_int_equal(atomic_load(&site.dropped), 0);
}

static void blocked_stderr(void **state)
{
	unsigned long long before = log_dropped(), dropped;
	char byte[4096] = {0};
	const char *text;

	(void)state;
	capture_start();
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	while (write(STDERR_FILENO, byte, sizeof(byte)) > 0)
		;
	fcntl(STDERR_FILENO, F_SETFL, 0);
	log_info("would hang"); /* the test's time limit says whether it did */
	log_info("would hang too");
	dropped = log_dropped() - before;
	/* Someone reads again. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(read(capture.reader, byte, sizeof(byte)), sizeof(byte));
	log_info("back");
	log_info("on");
	text = capture_end();
	assert_int_equal(dropped, 2);
	for (size_t i = 0; i < capture.size; i++)
		if (!capture.text[i])
			text = capture.text + i + 1;
	assert_non_null(strstr(text, "msg=back lost=2\n"));
	assert_non_null(strstr(text, "msg=on\n"));
}

static void closed_stderr(void **state)
{
	unsigned long long before = log_dropped();
	const char *text;
	int saved = dup(STDERR_FILENO);

	(void)state;
	capture_start();
	close(capture.reader);
	log_info("nobody reads");
	capture.reader = -1;
	capture_end();
	close(STDERR_FILENO);
	log_info("nothing there");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(log_dropped() - before, 2);
	capture_start();
	log_info("told");
	text = capture_end();
	assert_non_null(strstr(text, "msg=told lost=2\n"));
}

static void value_storage(void **state)
{
	const char *values[8];
	char expected[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		values[i] = i % 2 ? log_u64(i) : log_fmt("%u!", i);
	for (unsigned i = 0; i < 8; i++) {
		snprintf(expected, sizeof(expected), i % 2 ? "%u" : "%u!", i);
		assert_string_equal(values[i], expected);
	}
	assert_int_equal(strlen(log_fmt("%300d", 1)), 255);
	assert_string_equal(log_u64(UINT64_MAX), "18446744073709551615");
}

static void *write_lines(void *ctx)
{
	for (int i = 0; i < 50; i++)
		log_line(
			NULL, LOG_INFO, "from a thread", "thread", ctx, "number", log_u64((unsigned)i), NULL);
	return NULL;
}

static void threads_do_not_mix(void **state)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	pthread_t threads[4];
	const char *text;
	size_t whole = 0;

	(void)state;
	capture_start();
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	text = capture_end();
	for (const char *p = text; *p; p = strchr(p, '\n') + 1)
		whole += strncmp(p, "time=", 5) == 0;
	assert_int_equal(whole, 200);
	assert_int_equal(lines_in(text), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_form),
		cmocka_unit_test(quoting),
		cmocka_unit_test(levels),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(one_site_has_a_limit),
		cmocka_unit_test(suppressed_lines_are_told_though_none_follows),
		cmocka_unit_test(blocked_stderr),
		cmocka_unit_test(closed_stderr),
		cmocka_unit_test(value_storage),
		cmocka_unit_test(threads_do_not_mix),
	};

	log_setup("test", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
