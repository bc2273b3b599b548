/* What one registration costs the database does not grow with the registry. */
#include "fixture.h"

#include <stdio.h>

/* Runs a list of commands and frees it. */
static void run_all(struct transaction *transaction, struct registry_command *first)
{
	struct arena *arena = arena_create();

	transaction->apply.log = &transaction->log;
	assert_int_equal(transaction_run(transaction, first, arena), 0);
	for (struct registry_command *next; first; first = next) {
		next = first->next;
		assert_int_equal(first->error, 0);
		registry_command_destroy(first);
	}
	arena_destroy(arena);
}

static void fill(struct transaction *transaction, unsigned count)
{
	static unsigned number;
	struct registry_command *first = NULL;
	char service[16], id[16];

	for (unsigned i = 0; i < count; i++, number++) {
		snprintf(service, sizeof(service), "s%u", number / 5);
		snprintf(id, sizeof(id), "%u", number);
		struct registry_command *command = put_instance(service, id);
		add_check(command, NULL, REGISTRY_CHECK_TTL);
		command->next = first;
		first = command;
	}
	run_all(transaction, first);
}

/* The sum of a counter of all statements, which starts again at 0. */
static int take_count(struct transaction *transaction, int counter)
{
	int sum = 0;

	for (size_t i = 0; i < STORE_CACHE; i++)
		if (transaction->store->cache[i].handle)
			sum += sqlite3_stmt_status(transaction->store->cache[i].handle, counter, 1);
	return sum;
}

/* Steps of SQLite's machine for a registration and for the first result of its check. */
static int cost_of_one(struct transaction *transaction, const char *id)
{
	struct registry_command *put = put_instance("web", id);
	char check[32];

	add_check(put, NULL, REGISTRY_CHECK_TTL);
	snprintf(check, sizeof(check), "service:%s", id);
	put->next = set_status(check, REGISTRY_PASSING, "ok");
	take_count(transaction, SQLITE_STMTSTATUS_VM_STEP);
	take_count(transaction, SQLITE_STMTSTATUS_FULLSCAN_STEP);
	run_all(transaction, put);
	assert_int_equal(take_count(transaction, SQLITE_STMTSTATUS_FULLSCAN_STEP), 0);
	return take_count(transaction, SQLITE_STMTSTATUS_VM_STEP);
}

static void a_registration_costs_the_same_in_a_large_registry(void **state)
{
	struct fixture *f = *state;

	fixture_start(f); /* makes the file */
	must(f, put_instance("web", "first"));
	fixture_stop(f);
	struct transaction transaction = fixture_transaction(f);
	fill(&transaction, 10);
	int small = cost_of_one(&transaction, "w1");
	fill(&transaction, 1000);
	assert_int_equal(cost_of_one(&transaction, "w2"), small);
	store_close(transaction.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_registration_costs_the_same_in_a_large_registry, fixture_folder, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
