/* verbs.h -- the one table of verbs: name, operands, flags, what completes them, and what runs.
 *
 * Adding a verb is adding a row to verbs.c and a file verb_<name>.c. The table drives the dispatch, --help,
 * the completion of three shells and the lists in the man page. A function of a verb gets the program's state
 * and returns the exit status: CLI_YES, CLI_NO or CLI_TROUBLE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cli;

/* What a word on the command line is, for completion. */
enum word { WORD_FREE, WORD_FILE, WORD_SERVICE, WORD_INSTANCE, WORD_SHELL, WORD_TYPE, WORD_VERB };

struct flag {
	const char *name;     /* without the dashes; NULL ends a list */
	const char *argument; /* how its value is called; NULL for a switch */
	const char *help;
	enum word word;
};

#define VERB_FLAG_LISTS 2
#define VERB_WORDS 2

struct verb {
	const char *name;
	const char *operands; /* as the usage shows them */
	const char *summary;
	int (*run)(struct cli *cli);
	size_t operands_min, operands_max;
	bool command;                              /* "-- COMMAND" follows */
	enum word words[VERB_WORDS];               /* what its operands are */
	const struct flag *flags[VERB_FLAG_LISTS]; /* lists that end with a row without name */
};

/* The verb after `previous`, the first one for NULL; NULL at the end. */
const struct verb *verbs_next(const struct verb *previous);

/* The verb of that name, NULL if there is none. */
const struct verb *verbs_find(const char *name);

/* The flag after `previous` among a verb's own, the first one for NULL; NULL at the end. */
const struct flag *verbs_next_flag(const struct verb *verb, const struct flag *previous);

/* The flags that every verb takes, ended by a row without name. */
extern const struct flag verbs_common[];

/* What runs; each in verb_<name>.c, or in the file that the comment names. */

/* A table of the services. */
int verb_list(struct cli *cli);

/* One service in full. */
int verb_show(struct cli *cli);

/* A line a change, until it is ended. */
int verb_watch(struct cli *cli);

/* One question to DNS. */
int verb_query(struct cli *cli);

/* How names are resolved on this machine, what a forward zone needs here, and a look-up that proves it. */
int verb_doctor(struct cli *cli);

/* A line a query that DNS answers, until it is ended. */
int verb_trace(struct cli *cli);

/* The server itself. */
int verb_status(struct cli *cli);

/* An instance comes, goes, is taken out of the answers and put back (register.c). */
int verb_register(struct cli *cli);

/* As above. */
int verb_deregister(struct cli *cli);

/* As above. */
int verb_drain(struct cli *cli);

/* As above. */
int verb_undrain(struct cli *cli);

/* A command, registered while it runs; its exit status, or 128 + signal. */
int verb_exec(struct cli *cli);

/* A copy of the registry. */
int verb_backup(struct cli *cli);

/* What svcdnsd says of a config file. */
int verb_check_config(struct cli *cli);

/* SIGHUP by HTTP (verb_check_config.c). */
int verb_reload(struct cli *cli);

/* The script for a shell (completion.c). */
int verb_completion(struct cli *cli);

/* The usage of a verb (usage.c). */
int verb_help(struct cli *cli);
