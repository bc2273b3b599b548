/* args.h -- the command line, read by the verb table.
 *
 * "--flag=value", "--flag value" and "--switch" may stand anywhere; what follows "--" is never a flag.
 * Nothing is printed here. The strings are those of argv. */
#pragma once

#include "base/arena.h"
#include "svcdns/verbs.h"

struct args_given {
	const struct flag *flag;
	const char *value; /* NULL for a switch */
};

struct args {
	const struct verb *verb; /* NULL if none was given */
	struct args_given *given;
	size_t given_count;
	const char **operands;
	size_t operand_count;
	char **command; /* what follows "--" of a verb with .command, NULL at its end; NULL if it is not there
			 */
	bool help;
};

/* Reads argv[1] and on into *ret, with arrays in `arena`. 0, or -EINVAL with a sentence for the user in
 * `message`; then ret->verb tells whose usage to look at. Too few operands are an error unless --help is
 * there. */
int args_parse(struct arena *arena, int argc, char **argv, struct args *ret, char message[256]);

/* The value of a flag, the last one if it was given several times; NULL if it was not given. */
const char *args_value(const struct args *args, const char *name);

/* True if the flag was given. */
bool args_has(const struct args *args, const char *name);

/* The values of a flag that may be repeated, one a call; *at starts with 0. NULL at the end. */
const char *args_each(const struct args *args, const char *name, size_t *at);

/* Splits "key=value" at the first '='. The key is copied into `arena`. False if there is no '=' or no key. */
bool args_pair(struct arena *arena, const char *text, const char **ret_key, const char **ret_value);
