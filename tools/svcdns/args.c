/* args.c -- one walk over argv. */
#include "svcdns/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static bool named(const struct flag *flag, const char *name, size_t size)
{
	return strlen(flag->name) == size && memcmp(flag->name, name, size) == 0;
}

static const struct flag *find_flag(const struct verb *verb, const char *name, size_t size)
{
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		if (named(flag, name, size))
			return flag;
	if (!verb)
		return NULL;
	for (const struct flag *flag = verbs_next_flag(verb, NULL); flag; flag = verbs_next_flag(verb, flag))
		if (named(flag, name, size))
			return flag;
	return NULL;
}

/* "--name..." at argv[at]; returns how many words it took, or -EINVAL. */
static int take_flag(struct arena *arena, char **argv, int at, struct args *args, char message[256])
{
	const char *name = argv[at] + 2, *value = strchr(name, '=');
	size_t size = value ? (size_t)(value - name) : strlen(name);
	const struct flag *flag = find_flag(args->verb, name, size);
	int taken = 1;

	if (!flag) {
		snprintf(message, 256, "there is no flag --%.*s%s%s", size > 60 ? 60 : (int)size, name,
			args->verb ? " for " : " before a verb", args->verb ? args->verb->name : "");
		return -EINVAL;
	}
	if (value && !flag->argument) {
		snprintf(message, 256, "--%s takes no value", flag->name);
		return -EINVAL;
	}
	if (value) {
		value++;
	} else if (flag->argument) {
		value = argv[at + 1];
		taken = 2;
		if (!value) {
			snprintf(message, 256, "--%s wants a value: --%s=%s", flag->name, flag->name,
				flag->argument);
			return -EINVAL;
		}
	}
	args->given = arena_grow(arena, args->given, args->given_count, sizeof(*args->given));
	args->given[args->given_count++] = (struct args_given){flag, value};
	return taken;
}

static int take_word(struct arena *arena, const char *word, struct args *args, char message[256])
{
	if (!args->verb) {
		args->verb = verbs_find(word);
		if (args->verb)
			return 1;
		snprintf(message, 256, "there is no verb '%.60s'", word);
		return -EINVAL;
	}
	if (args->operand_count == args->verb->operands_max) {
		snprintf(message, 256, "'%.60s' is one word too many", word);
		return -EINVAL;
	}
	args->operands = arena_grow(arena, args->operands, args->operand_count, sizeof(*args->operands));
	args->operands[args->operand_count++] = word;
	return 1;
}

static bool is_text(enum word kind, const char *word)
{
	return kind == WORD_FILE || !word || str_utf8(word, strlen(word));
}

/* JSON has no other bytes: an id of them would be left out, and another instance be meant. */
static int check_text(const struct args *args, char message[256])
{
	for (size_t i = 0; i < args->given_count; i++) {
		const struct args_given *given = &args->given[i];

		if (!is_text(given->flag->word, given->value)) {
			snprintf(message, 256, "--%s: '%.60s' is no UTF-8", given->flag->name, given->value);
			return -EINVAL;
		}
	}
	for (size_t i = 0; i < args->operand_count; i++)
		if (!is_text(args->verb->words[i], args->operands[i])) {
			snprintf(message, 256, "'%.60s' is no UTF-8", args->operands[i]);
			return -EINVAL;
		}
	return 0;
}

static int check(const struct args *args, char message[256])
{
	if (args->help || !args->verb)
		return 0;
	if (args->operand_count < args->verb->operands_min ||
		(args->verb->command && (!args->command || !args->command[0]))) {
		snprintf(message, 256, "%s wants %s", args->verb->name, args->verb->operands);
		return -EINVAL;
	}
	return check_text(args, message);
}

int args_parse(struct arena *arena, int argc, char **argv, struct args *ret, char message[256])
{
	bool flags = true;
	int at = 1;

	*ret = (struct args){0};
	while (at < argc) {
		int taken = 1;

		if (flags && str_eq(argv[at], "--")) {
			flags = false;
			if (ret->verb && ret->verb->command) {
				ret->command = argv + at + 1;
				break;
			}
		} else if (flags && str_eq(argv[at], "-h")) {
			ret->help = true;
		} else if (flags && str_starts(argv[at], "--")) {
			taken = take_flag(arena, argv, at, ret, message);
		} else if (flags && argv[at][0] == '-' && argv[at][1]) {
			snprintf(message, 256,
				"there is no flag %.60s; a word with a '-' in front goes behind --",
				argv[at]);
			taken = -EINVAL;
		} else {
			taken = take_word(arena, argv[at], ret, message);
		}
		if (taken < 0)
			return taken;
		at += taken;
	}
	ret->help = ret->help || args_has(ret, "help");
	return check(ret, message);
}

const char *args_value(const struct args *args, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < args->given_count; i++)
		if (str_eq(args->given[i].flag->name, name))
			value = args->given[i].value;
	return value;
}

bool args_has(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->given_count; i++)
		if (str_eq(args->given[i].flag->name, name))
			return true;
	return false;
}

const char *args_each(const struct args *args, const char *name, size_t *at)
{
	while (*at < args->given_count) {
		const struct args_given *given = &args->given[(*at)++];

		if (str_eq(given->flag->name, name))
			return given->value;
	}
	return NULL;
}

bool args_pair(struct arena *arena, const char *text, const char **ret_key, const char **ret_value)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return false;
	*ret_key = arena_copy(arena, text, (size_t)(equals - text));
	*ret_value = equals + 1;
	return true;
}
