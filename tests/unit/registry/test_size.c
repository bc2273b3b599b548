/* What a registration holds in memory grows with its size, not with its tags times its checks. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define TAGS 60
#define TAG_SIZE 16000
#define CHECKS 32
#define SIZE (TAGS * TAG_SIZE) /* bytes of an instance's tags */

struct sizes {
	size_t command, commit; /* bytes of their arenas */
};

static const char *tags[TAGS];

/* An empty registry and a reader of it, without a writer's thread. */
static int setup(void **state)
{
	struct fixture *f;

	if (fixture_folder(state))
		return -1;
	f = *state;
	f->config.limits.tags_per_instance = TAGS;
	f->config.limits.tag_size = TAG_SIZE;
	f->config.limits.checks_per_instance = CHECKS;
	fixture_start(f); /* makes the file */
	fixture_stop(f);
	return registry_reader_open(f->path, &f->reader);
}

/* Runs a command and frees it. */
static struct sizes run_one(struct transaction *transaction, struct registry_command *command)
{
	struct arena *arena = arena_create();
	struct sizes sizes;

	transaction->apply.log = &transaction->log;
	assert_int_equal(transaction_run(transaction, command, arena), 0);
	assert_int_equal(command->error, 0);
	assert_true(transaction->log.count > 0);
	sizes = (struct sizes){arena_size(command->arena), arena_size(arena)};
	registry_command_destroy(command);
	arena_destroy(arena);
	return sizes;
}

static struct registry_command *put_large(void)
{
	struct registry_command *command = put_instance("web", "w1");
	struct registry_instance *instance = instance_of(command);

	instance->tags = tags;
	instance->tag_count = TAGS;
	command->replace_checks = true;
	for (unsigned i = 0; i < CHECKS; i++)
		add_check(command, NULL, REGISTRY_CHECK_TTL);
	return command;
}

/* Checks that name the instance, as the catalog's do. */
static struct registry_command *put_its_checks(void)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);
	char id[32];

	for (unsigned i = 0; i < CHECKS; i++) {
		snprintf(id, sizeof(id), "service:w1:%u", i + 1);
		add_check(command, id, REGISTRY_CHECK_NONE)->instance_id = "w1";
	}
	return command;
}

static void a_command_holds_the_tags_once(void **state)
{
	struct transaction transaction = fixture_transaction(*state);
	struct registry_command *(*const commands[])(void) = {put_large, put_large, put_its_checks};
	struct sizes sizes;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		sizes = run_one(&transaction, commands[i]());
		assert_in_range(sizes.command, 0, 2 * SIZE); /* once, as they are stored */
		assert_in_range(sizes.commit, 0, SIZE / 2);
	}
	sizes = run_one(&transaction, remove_instance("w1"));
	assert_in_range(sizes.command, 0, SIZE / 2);
	assert_in_range(sizes.commit, 0, SIZE / 2);
	store_close(transaction.store);
}

static void the_checks_of_an_instance_share_its_tags(void **state)
{
	struct fixture *f = *state;
	struct transaction transaction = fixture_transaction(f);
	struct registry_filter filter = {.service = "web"};
	const struct registry_check *rows;
	size_t count = 0, before;

	run_one(&transaction, put_large());
	store_close(transaction.store);
	assert_int_equal(registry_reader_checks(f->reader, &filter, f->arena, &rows, &count), 0);
	assert_int_equal(count, CHECKS);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].service_tag_count, TAGS);
		assert_string_equal(rows[i].service_tags[TAGS - 1], tags[TAGS - 1]);
	}
	before = arena_size(f->arena);
	assert_in_range(before, SIZE, 2 * SIZE);

	filter.without_tags = true;
	assert_int_equal(registry_reader_checks(f->reader, &filter, f->arena, &rows, &count), 0);
	assert_int_equal(count, CHECKS);
	assert_int_equal(rows[0].service_tag_count, 0);
	assert_string_equal(rows[0].service, "web");
	assert_in_range(arena_size(f->arena) - before, 0, SIZE / 2);
}

static void a_copy_of_a_check_has_no_tags(void **state)
{
	struct fixture *f = *state;
	const struct registry_check check = {.node = "own",
		.id = "c",
		.name = "c",
		.notes = "",
		.instance_id = "w1",
		.service = "web",
		.service_tags = tags,
		.service_tag_count = TAGS,
		.output = "fine"};
	const struct registry_check *copy = registry_check_copy(f->arena, &check);

	assert_string_equal(copy->output, "fine");
	assert_int_equal(copy->service_tag_count, 0);
	assert_in_range(arena_size(f->arena), 0, TAG_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_command_holds_the_tags_once, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			the_checks_of_an_instance_share_its_tags, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_copy_of_a_check_has_no_tags, setup, fixture_teardown),
	};
	int failed;

	for (size_t i = 0; i < TAGS; i++) {
		char *tag = malloc(TAG_SIZE + 1);

		memset(tag, 'a' + (int)(i % 26), TAG_SIZE);
		tag[TAG_SIZE] = '\0';
		tags[i] = tag;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < TAGS; i++)
		free((char *)(uintptr_t)tags[i]);
	return failed;
}
