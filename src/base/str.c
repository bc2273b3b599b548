#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool str_ieq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	for (; *a && str_lower((unsigned char)*a) == str_lower((unsigned char)*b); a++)
		b++;
	return str_lower((unsigned char)*a) == str_lower((unsigned char)*b);
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

size_t str_copy(char *ret, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (size == 0)
		return 0;
	if (length >= size) {
		length = size - 1;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(ret, text, length);
	ret[length] = '\0';
	return length;
}

int str_parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	bool over = false;
	const char *p;

	if (!*text)
		return -EINVAL;
	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		over |= __builtin_mul_overflow(value, 10, &value);
		over |= __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	if (over || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	/* A name that starts with another one's stands before it. */
	{"ns", 1},
	{"us", 1000},
	{"\xc2\xb5s", 1000}, /* U+00B5, micro sign */
	{"\xce\xbcs", 1000}, /* U+03BC, Greek mu */
	{"ms", 1000000},
	{"s", 1000000000},
	{"m", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
};

/* Parses one "1.5h" of a duration and moves *text behind it. */
static int parse_term(const char **text, uint64_t *ret_ns)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit = 0;
	const char *p = *text;
	bool digits = false, over = false;
	size_t i;

	for (; *p >= '0' && *p <= '9'; p++) {
		digits = true;
		over |= __builtin_mul_overflow(whole, 10, &whole);
		over |= __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole);
	}
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			digits = true;
			/* Digits below a nanosecond of an hour do not count. */
			if (scale < UINT64_C(1000000000000000)) {
				scale *= 10;
				fraction = fraction * 10 + (uint64_t)(*p - '0');
			}
		}
	}
	if (!digits)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]) && unit == 0; i++) {
		if (!str_starts(p, units[i].name))
			continue;
		unit = units[i].ns;
		p += strlen(units[i].name);
	}
	if (unit == 0)
		return -EINVAL;
	if (over || __builtin_mul_overflow(whole, unit, &whole) ||
		__builtin_add_overflow(whole, (uint64_t)((unsigned __int128)fraction * unit / scale), &whole))
		return -ERANGE;
	*text = p;
	*ret_ns = whole;
	return 0;
}

int str_parse_duration(const char *text, int64_t *ret_ns)
{
	uint64_t sum = 0, term;
	bool negative = *text == '-', over = false;
	int r;

	if (*text == '-' || *text == '+')
		text++;
	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*text)
		return -EINVAL;
	while (*text) {
		r = parse_term(&text, &term);
		if (r < 0)
			return r;
		over |= __builtin_add_overflow(sum, term, &sum);
	}
	if (over || sum > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret_ns = negative ? (int64_t)-sum : (int64_t)sum;
	return 0;
}

/* Writes `value` divided by `scale` (a power of ten) with the fraction's zeroes cut off at the end. */
static int format_fraction(char *ret, size_t size, uint64_t value, uint64_t scale)
{
	uint64_t fraction = value % scale;
	int digits = 0;

	if (fraction == 0)
		return snprintf(ret, size, "%" PRIu64, value / scale);
	for (uint64_t s = scale; s > 1; s /= 10)
		digits++;
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	return snprintf(ret, size, "%" PRIu64 ".%0*" PRIu64, value / scale, digits, fraction);
}

char *str_format_duration(int64_t ns, char ret[32])
{
	uint64_t value = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, minutes;
	char *p = ret, *end = ret + 32;

	if (ns < 0)
		*p++ = '-';
	if (value > 0 && value < 1000000000) {
		size_t unit = value < 1000 ? 0 : value < 1000000 ? 2 : 4; /* rows of the table above */

		p += format_fraction(p, (size_t)(end - p), value, units[unit].ns);
		snprintf(p, (size_t)(end - p), "%s", units[unit].name);
		return ret;
	}
	minutes = value / UINT64_C(60000000000);
	if (minutes >= 60)
		p += snprintf(p, (size_t)(end - p), "%" PRIu64 "h", minutes / 60);
	if (minutes > 0)
		p += snprintf(p, (size_t)(end - p), "%" PRIu64 "m", minutes % 60);
	p += format_fraction(p, (size_t)(end - p), value % UINT64_C(60000000000), 1000000000);
	snprintf(p, (size_t)(end - p), "s");
	return ret;
}

bool str_utf8(const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes, *end = p + size;
	uint32_t code;
	int more;

	while (p < end) {
		unsigned char c = *p++;

		if (c == 0 || (c >= 0x80 && c < 0xc2) || c > 0xf4)
			return false;
		if (c < 0x80)
			continue;
		more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		if (end - p < more)
			return false;
		code = c & (0x3fu >> more);
		for (int i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*p & 0x3f);
		}
		/* No overlong forms, no surrogates, nothing above U+10FFFF. */
		if ((more == 2 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
			(more == 3 && (code < 0x10000 || code > 0x10ffff)))
			return false;
	}
	return true;
}
