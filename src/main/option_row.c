/* option_row.c -- the values of options: from text, to text. */
#include "main/option_row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static void *field(const struct main_config *config, const struct option_row *row)
{
	return (char *)(uintptr_t)config + row->offset;
}

/* Splits at commas; blanks around the items go, empty items are refused by count. */
static int list_parse(const char *text, struct main_list *ret)
{
	struct main_list list = {0};
	while (*text) {
		size_t size = strcspn(text, ",");
		const char *start = text, *end = text + size;
		while (start < end && (*start == ' ' || *start == '\t'))
			start++;
		while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if (start == end) {
			options_list_finish(&list);
			return -EINVAL;
		}
		list.items = mem_resize(list.items, list.count + 1, sizeof(char *));
		char *item = mem_alloc((size_t)(end - start) + 1);
		list.items[list.count++] = memcpy(item, start, (size_t)(end - start));
		text += size + (text[size] == ',');
	}
	*ret = list;
	return 0;
}

/* "4096", "16KiB", "4MiB", "1GiB". */
static int size_parse(const char *text, uint64_t *ret)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
	char digits[32];
	size_t length = strspn(text, "0123456789");
	if (length == 0 || length >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	uint64_t number;
	int r = str_parse_u64(digits, UINT64_C(1) << 32, &number);
	if (r < 0 || text[length] == '\0') {
		*ret = number;
		return r;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_eq(text + length, units[i].suffix)) {
			*ret = number << units[i].shift;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_number(const struct option_row *row, void *at, const char *value, char message[256])
{
	uint64_t number = 0;
	int r = row->type == OPTION_SIZE ? size_parse(value, &number)
					 : str_parse_u64(value, UINT32_MAX, &number);
	if (r < 0 || number < (uint64_t)row->min || number > (uint64_t)row->max) {
		snprintf(message, 256, "'%.60s' is not a %s from %lld to %lld", value,
			row->type == OPTION_SIZE ? "size (such as 16KiB)" : "number", (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	*(uint32_t *)at = (uint32_t)number;
	return 0;
}

static int set_duration(const struct option_row *row, void *at, const char *value, char message[256])
{
	int64_t ns = 0;
	int r = str_parse_duration(value, &ns);
	if (r < 0 || ns < row->min * CLOCK_NS_PER_MS || ns > row->max * CLOCK_NS_PER_MS) {
		char low[32], high[32];
		snprintf(message, 256, "'%.60s' is not a duration (such as 500ms, 10s or 5m) from %s to %s",
			value, str_format_duration(row->min * CLOCK_NS_PER_MS, low),
			str_format_duration(row->max * CLOCK_NS_PER_MS, high));
		return -EINVAL;
	}
	*(int64_t *)at = ns;
	return 0;
}

static int set_list(const struct option_row *row, void *at, const char *value, char message[256])
{
	struct main_list list;
	if (list_parse(value, &list) < 0 || list.count < (size_t)row->min) {
		snprintf(message, 256, "'%.60s' is not a comma-separated list%s", value,
			row->min > 0 ? " of at least one item" : "");
		return -EINVAL;
	}
	options_list_finish(at);
	*(struct main_list *)at = list;
	return 0;
}

static int set_text(const struct option_row *row, void *at, const char *value, char message[256])
{
	size_t size = strlen(value);
	if (size < (size_t)row->min || size > (size_t)row->max) {
		snprintf(message, 256, "the value must have %lld to %lld bytes", (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	free(*(char **)at);
	*(char **)at = mem_strdup(value);
	return 0;
}

int option_row_set(
	struct main_config *config, const struct option_row *row, const char *value, char message[256])
{
	void *at = field(config, row);
	switch (row->type) {
	case OPTION_TEXT:
		return set_text(row, at, value, message);
	case OPTION_LIST:
		return set_list(row, at, value, message);
	case OPTION_NUMBER:
	case OPTION_SIZE:
		return set_number(row, at, value, message);
	case OPTION_DURATION:
		return set_duration(row, at, value, message);
	}
	return -EINVAL;
}

void option_row_format(const struct main_config *config, const struct option_row *row, struct buf *ret)
{
	const void *at = field(config, row);
	char duration[32];
	switch (row->type) {
	case OPTION_TEXT:
		buf_str(ret, *(char *const *)at);
		break;
	case OPTION_LIST: {
		const struct main_list *list = at;
		for (size_t i = 0; i < list->count; i++)
			buf_printf(ret, "%s%s", i ? "," : "", list->items[i]);
		break;
	}
	case OPTION_NUMBER:
	case OPTION_SIZE:
		buf_printf(ret, "%u", *(const uint32_t *)at);
		break;
	case OPTION_DURATION:
		buf_str(ret, str_format_duration(*(const int64_t *)at, duration));
		break;
	}
}

void option_row_finish(struct main_config *config, const struct option_row *row)
{
	void *at = field(config, row);
	if (row->type == OPTION_TEXT)
		free(*(char **)at);
	else if (row->type == OPTION_LIST)
		options_list_finish(at);
}

static void list_copy(const struct main_list *from, struct main_list *ret)
{
	struct main_list list = {.items = mem_alloc(from->count * sizeof(char *)), .count = from->count};
	for (size_t i = 0; i < from->count; i++)
		list.items[i] = mem_strdup(from->items[i]);
	*ret = list;
}

void option_row_copy(struct main_config *to, const struct main_config *from, const struct option_row *row)
{
	void *at = field(to, row);
	const void *value = field(from, row);
	option_row_finish(to, row);
	switch (row->type) {
	case OPTION_TEXT:
		*(char **)at = mem_strdup(*(char *const *)value);
		break;
	case OPTION_LIST:
		list_copy(value, at);
		break;
	case OPTION_NUMBER:
	case OPTION_SIZE:
		*(uint32_t *)at = *(const uint32_t *)value;
		break;
	case OPTION_DURATION:
		*(int64_t *)at = *(const int64_t *)value;
		break;
	}
}

bool option_row_equal(const struct main_config *a, const struct main_config *b, const struct option_row *row)
{
	struct buf one = {0}, other = {0};
	option_row_format(a, row, &one);
	option_row_format(b, row, &other);
	bool equal = one.size == other.size && (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
	buf_finish(&one);
	buf_finish(&other);
	return equal;
}
