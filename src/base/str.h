/* str.h -- strings: comparisons without locale, bounded copies, numbers, durations, UTF-8.
 *
 * Any thread; nothing is allocated. ASCII rules only, whatever the locale. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ASCII lower case of one byte. */
static inline unsigned char str_lower(unsigned char c)
{
	return (unsigned char)(c - 'A') < 26 ? (unsigned char)(c | 0x20) : c;
}

/* True if both are equal but for ASCII case; NULL equals only NULL. */
bool str_ieq(const char *a, const char *b);

/* True if both are equal; NULL equals only NULL. */
bool str_eq(const char *a, const char *b);

/* True if `text` starts with `prefix`. */
bool str_starts(const char *text, const char *prefix);

/* Copies `text` into `ret` of `size` bytes, always terminated; cut at a UTF-8 boundary if it is too long.
 * Returns the number of bytes copied. */
size_t str_copy(char *ret, size_t size, const char *text);

/* Parses a whole decimal number (digits only) of at most `max`. 0, -EINVAL (not digits, empty) or -ERANGE. */
int str_parse_u64(const char *text, uint64_t max, uint64_t *ret);

/* Parses a duration in Go's syntax (time.ParseDuration: "300ms", "10s", "1m30s", "1.5h", "0"; units ns us µs
 * ms s m h; a sign is accepted) into nanoseconds. 0, -EINVAL (bad text or missing unit) or -ERANGE. */
int str_parse_duration(const char *text, int64_t *ret_ns);

/* Writes nanoseconds in Go's canonical form ("10s", "1m0s", "1m30s", "100ms", "1.5s", "0s") into `ret` of at
 * least 32 bytes, and returns `ret`. */
char *str_format_duration(int64_t ns, char ret[32]);

/* True if the `size` bytes are valid UTF-8 (RFC 3629) without NUL. */
bool str_utf8(const char *bytes, size_t size);
