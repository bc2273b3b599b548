/* test_args.c -- the command line, and the verb table that it is read by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "svcdns/args.h"

#define WORDS 12

/* Parses a line of words separated by single blanks. */
static int parse(struct arena *arena, const char *line, struct args *ret, char message[256])
{
	static char copy[512], *argv[WORDS + 1];
	int argc = 0;

	str_copy(copy, sizeof(copy), line);
	for (char *word = strtok(copy, " "); word && argc < WORDS; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	message[0] = '\0';
	return args_parse(arena, argc, argv, ret, message);
}

static void test_good(void **state)
{
	struct arena *arena = arena_create();
	struct args args;
	char message[256];

	assert_int_equal(
		parse(arena, "svcdns query --json web --dns 127.0.0.1:53 SRV --tcp", &args, message), 0);
	assert_string_equal(args.verb->name, "query");
	assert_int_equal(args.operand_count, 2);
	assert_string_equal(args.operands[0], "web");
	assert_string_equal(args.operands[1], "SRV");
	assert_string_equal(args_value(&args, "dns"), "127.0.0.1:53");
	assert_null(args_value(&args, "http"));
	assert_true(args_has(&args, "tcp") && args_has(&args, "json"));
	assert_false(args_has(&args, "zone"));

	assert_int_equal(parse(arena, "svcdns --dns=a --dns=b query -- --tcp", &args, message), 0);
	assert_string_equal(args_value(&args, "dns"), "b");
	assert_string_equal(args.operands[0], "--tcp");
	assert_false(args_has(&args, "tcp"));

	assert_int_equal(parse(arena, "svcdns backup \xff --token-file=\xff", &args, message), 0);

	assert_int_equal(parse(arena, "svcdns query --help", &args, message), 0);
	assert_true(args.help);
	assert_int_equal(parse(arena, "svcdns -h", &args, message), 0);
	assert_true(args.help && !args.verb);
	assert_int_equal(parse(arena, "svcdns", &args, message), 0);
	assert_null(args.verb);
	arena_destroy(arena);
}

static void test_bad(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"svcdns nonsense", "there is no verb 'nonsense'"},
		{"svcdns --tcp query web", "there is no flag --tcp before a verb"},
		{"svcdns query web --tag=x", "there is no flag --tag for query"},
		{"svcdns query web --tcp=yes", "--tcp takes no value"},
		{"svcdns query web --dns", "--dns wants a value: --dns=ADDRESS"},
		{"svcdns query", "query wants NAME [TYPE]"},
		{"svcdns query a A b", "'b' is one word too many"},
		{"svcdns query web --=x", "there is no flag -- for query"},
		{"svcdns list -j", "there is no flag -j; a word with a '-' in front goes behind --"},
		{"svcdns register web --id=\xff", "--id: '\xff' is no UTF-8"},
		{"svcdns show \xff", "'\xff' is no UTF-8"},
	};
	struct arena *arena = arena_create();
	struct args args;
	char message[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(arena, rows[i].line, &args, message), -EINVAL);
		assert_string_equal(message, rows[i].message);
	}
	arena_destroy(arena);
}

static void test_repeated(void **state)
{
	struct arena *arena = arena_create();
	struct args args;
	char message[256];
	size_t at = 0;

	assert_int_equal(parse(arena, "svcdns list --tag=a --problems --tag b", &args, message), 0);
	assert_string_equal(args_each(&args, "tag", &at), "a");
	assert_string_equal(args_each(&args, "tag", &at), "b");
	assert_null(args_each(&args, "tag", &at));
	arena_destroy(arena);
}

static void test_pairs(void **state)
{
	struct arena *arena = arena_create();
	const char *key = NULL, *value = NULL;

	assert_true(args_pair(arena, "dns-alias=pg=1", &key, &value));
	assert_string_equal(key, "dns-alias");
	assert_string_equal(value, "pg=1");
	assert_true(args_pair(arena, "empty=", &key, &value));
	assert_string_equal(value, "");
	assert_false(args_pair(arena, "=x", &key, &value));
	assert_false(args_pair(arena, "x", &key, &value));
	arena_destroy(arena);
}

/* What the usage, the completion and the man page take for granted about a row. */
static void test_table(void **state)
{
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb)) {
		assert_ptr_equal(verbs_find(verb->name), verb);
		assert_non_null(verb->run);
		assert_true(*verb->summary && !strchr(verb->summary, '\n'));
		assert_true(verb->operands_min <= verb->operands_max);
		assert_int_equal(verb->operands_max == 0 && !verb->command, *verb->operands == '\0');
		for (const struct flag *flag = verbs_next_flag(verb, NULL); flag;
			flag = verbs_next_flag(verb, flag)) {
			assert_true(*flag->help);
			for (const struct flag *other = verbs_common; other->name; other++)
				assert_string_not_equal(flag->name, other->name);
			for (const struct flag *other = verbs_next_flag(verb, flag); other;
				other = verbs_next_flag(verb, other))
				assert_string_not_equal(flag->name, other->name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
