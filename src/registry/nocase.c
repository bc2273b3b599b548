/* nocase.c -- see nocase.h. */
#include "registry/nocase.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

static uint64_t load(const unsigned char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* The first byte in which two words that are not equal differ. */
static size_t first_difference(uint64_t a, uint64_t b)
{
	return (size_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_ctzll(a ^ b)
								  : __builtin_clzll(a ^ b)) /
	       8;
}

static int compare(void *ctx, int a_size, const void *a_bytes, int b_size, const void *b_bytes)
{
	const unsigned char *a = a_bytes, *b = b_bytes;
	const size_t size = (size_t)(a_size < b_size ? a_size : b_size);

	for (size_t i = 0; i < size; i++) {
		if (size - i >= sizeof(uint64_t)) {
			const uint64_t of_a = load(a + i), of_b = load(b + i);
			if (of_a == of_b) {
				i += sizeof(uint64_t) - 1;
				continue;
			}
			i += first_difference(of_a, of_b);
		}
		if (a[i] != b[i] && str_lower(a[i]) != str_lower(b[i]))
			return str_lower(a[i]) - str_lower(b[i]);
	}
	return a_size - b_size;
}

int nocase_install(sqlite3 *db)
{
	return sqlite3_create_collation_v2(db, "NOCASE", SQLITE_UTF8, NULL, compare, NULL);
}
