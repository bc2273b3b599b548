/* Our NOCASE orders as SQLite's does, so that a file is the same to both. */
#include "fixture.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "registry/nocase.h"

#define TEXTS 400

/* Texts that often have a beginning in common, of bytes at the edges of what has a case. */
static void make_text(unsigned *seed, char ret[32])
{
	static const char bytes[] = "aAzZ@[`{_-09\x01\x7f\x80\xc3\xff";
	size_t same = (unsigned)rand_r(seed) % 12, size = same + (unsigned)rand_r(seed) % 12;

	for (size_t i = 0; i < size; i++)
		ret[i] = i < same ? "iNsTaNcE-000"[i] : bytes[(unsigned)rand_r(seed) % (sizeof(bytes) - 1)];
	if (same > 2 && rand_r(seed) % 2)
		ret[same / 2] ^= 0x20;
	ret[size] = '\0';
}

static sqlite3_stmt *prepare(bool ours, sqlite3 **ret)
{
	sqlite3_stmt *compare;

	assert_int_equal(sqlite3_open(":memory:", ret), SQLITE_OK);
	if (ours)
		assert_int_equal(nocase_install(*ret), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(*ret, "SELECT (?1 < ?2 COLLATE NOCASE) - (?1 > ?2 COLLATE NOCASE)", -1,
			&compare, NULL),
		SQLITE_OK);
	return compare;
}

static int order(sqlite3_stmt *compare, const char *a, const char *b)
{
	sqlite3_reset(compare);
	sqlite3_bind_text(compare, 1, a, -1, SQLITE_STATIC);
	sqlite3_bind_text(compare, 2, b, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(compare), SQLITE_ROW);
	return sqlite3_column_int(compare, 0);
}

static void the_order_is_sqlites(void **state)
{
	static char texts[TEXTS][32];
	sqlite3 *ours, *theirs;
	sqlite3_stmt *our = prepare(true, &ours), *their = prepare(false, &theirs);
	unsigned seed = 1, equal = 0;

	for (size_t i = 0; i < TEXTS; i++)
		make_text(&seed, texts[i]);
	for (size_t i = 0; i < TEXTS; i++)
		for (size_t j = 0; j < TEXTS; j++) {
			int found = order(our, texts[i], texts[j]);
			if (found != order(their, texts[i], texts[j]))
				fail_msg("'%s' and '%s': %d", texts[i], texts[j], found);
			equal += i != j && !found;
		}
	assert_true(equal > 0);
	sqlite3_finalize(our);
	sqlite3_finalize(their);
	sqlite3_close(ours);
	sqlite3_close(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_order_is_sqlites)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
