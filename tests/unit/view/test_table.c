/* The table of names: what is in it is found, what is not is not, however full its buckets are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "view/table.h"

#define NAMES 20000u /* many times what the first buckets have room for */

static struct table table;
static struct rcu_pile pile;
static struct view_answer answers[NAMES];

static size_t make_name(unsigned i, uint8_t name[16])
{
	name[0] = (uint8_t)snprintf((char *)name + 1, 15, "n%u", i);
	return 1u + name[0];
}

static struct table_node *find(unsigned i)
{
	uint8_t name[16];
	size_t size = make_name(i, name);
	uint64_t hash = table_hash(&table, name, size);

	table_prefetch(&table, hash);
	table_approach(&table, hash);
	return table_find(&table, hash, name, size);
}

static void add(unsigned i)
{
	uint8_t name[16];
	size_t size = make_name(i, name);

	table_add(&table, table_hash(&table, name, size), name, size, &answers[i]);
}

/* Each name up to `count` is there if its number divided by `step` leaves nothing, and no other is. */
static void expect_multiples(unsigned count, unsigned step)
{
	for (unsigned i = 0; i < count; i++) {
		const struct table_node *node = find(i);
		if (i % step)
			assert_null(node);
		else
			assert_ptr_equal(table_answer(node), &answers[i]);
	}
	for (unsigned i = count; i < count + 100; i++)
		assert_null(find(i));
}

static int begin(void **state)
{
	rcu_register();
	table_init(&table);
	return 0;
}

static int end(void **state)
{
	rcu_pile_free(&pile);
	rcu_pile_finish(&pile);
	table_finish(&table);
	rcu_unregister();
	return 0;
}

static void remove_all(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct table_node *node = find(i);
		if (node)
			table_remove(&table, node, &pile);
	}
	assert_int_equal(table.count, 0);
}

/* Buckets that are never fitted: their names hang on further lines. */
static void full_buckets(void **state)
{
	size_t room = table_room(&table);

	for (unsigned i = 0; i < NAMES; i++)
		add(i);
	assert_true(NAMES > 7 * room / 4);
	assert_int_equal(table_room(&table), room);
	expect_multiples(NAMES, 1);
	for (unsigned i = 0; i < NAMES; i++)
		if (i % 3)
			table_remove(&table, find(i), &pile);
	expect_multiples(NAMES, 3);
	/* What went leaves its place to what comes. */
	for (unsigned i = 0; i < NAMES; i++)
		if (i % 3)
			add(i);
	expect_multiples(NAMES, 1);
	remove_all(NAMES);
	expect_multiples(0, 1);
}

static void fits_to_what_it_holds(void **state)
{
	size_t least = table_room(&table);

	for (unsigned i = 0; i < NAMES; i++) {
		add(i);
		table_fit(&table, 0, &pile);
		assert_true(table_room(&table) >= table.count);
	}
	assert_true(table_room(&table) <= 2 * NAMES);
	expect_multiples(NAMES, 1);
	for (unsigned i = 0; i < NAMES; i++)
		if (i % 100)
			table_remove(&table, find(i), &pile);
	table_fit(&table, 0, &pile);
	assert_true(table_room(&table) < NAMES);
	expect_multiples(NAMES, 100);
	remove_all(NAMES);
	table_fit(&table, 0, &pile);
	assert_int_equal(table_room(&table), least);
}

/* Room for what is to come is made once, and kept while it is asked for. */
static void fits_to_what_is_to_come(void **state)
{
	table_fit(&table, NAMES, &pile);
	size_t room = table_room(&table);
	assert_true(room >= NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		add(i);
		table_fit(&table, NAMES - 1 - i, &pile);
		assert_int_equal(table_room(&table), room);
	}
	expect_multiples(NAMES, 1);
	remove_all(NAMES);
}

/* The size is part of the name: no name is found by the beginning of another. */
static void names_are_whole(void **state)
{
	static const uint8_t longer[] = "\003web\004prod";

	uint64_t hash = table_hash(&table, longer, 9);
	struct table_node *node = table_add(&table, hash, longer, 9, &answers[0]);
	assert_ptr_equal(table_find(&table, hash, longer, 9), node);
	assert_null(table_find(&table, hash, longer, 4));
	table_publish(node, &answers[1]);
	assert_ptr_equal(table_answer(node), &answers[1]);
	table_remove(&table, node, &pile);
	assert_null(table_find(&table, hash, longer, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(full_buckets, begin, end),
		cmocka_unit_test_setup_teardown(fits_to_what_it_holds, begin, end),
		cmocka_unit_test_setup_teardown(fits_to_what_is_to_come, begin, end),
		cmocka_unit_test_setup_teardown(names_are_whole, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
