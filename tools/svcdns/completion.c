/* completion.c -- svcdns completion: scripts for bash, zsh and fish, written from the verb table.
 *
 * The ids of instances are free text that strangers chose: the scripts read them as lines, never as shell
 * words, and what goes to the command line is quoted. */
#include <stdio.h>

#include "base/str.h"
#include "svcdns/cli.h"

/* Prints the shell command that lists the words of a kind, one a line. False if there is none. */
static bool print_command(enum word word)
{
	switch (word) {
	case WORD_SERVICE:
		printf("svcdns list --names 2>/dev/null");
		return true;
	case WORD_INSTANCE:
		printf("svcdns list --ids 2>/dev/null");
		return true;
	case WORD_SHELL:
		printf("printf \"%%s\\n\" bash zsh fish");
		return true;
	case WORD_TYPE:
		printf("printf \"%%s\\n\" A AAAA SRV SOA NS TXT");
		return true;
	case WORD_VERB:
		printf("printf \"%%s\\n\"");
		for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb))
			printf(" %s", verb->name);
		return true;
	case WORD_FILE:
	case WORD_FREE:
		break;
	}
	return false;
}

/* Prints the commands for all operands of a verb, separated by "; ". */
static bool print_operands(const struct verb *verb)
{
	bool any = false;

	for (size_t i = 0; i < VERB_WORDS; i++) {
		if (verb->words[i] == WORD_FREE || verb->words[i] == WORD_FILE)
			continue;
		printf("%s", any ? "; " : "");
		any = print_command(verb->words[i]) || any;
	}
	return any;
}

static bool takes_files(const struct verb *verb)
{
	for (size_t i = 0; i < VERB_WORDS; i++)
		if (verb->words[i] == WORD_FILE)
			return true;
	return false;
}

/* In single quotes, without what could end them. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++)
		if (*text != '\'' && *text != '\\')
			putchar(*text);
	putchar('\'');
}

static void print_names(const char *between)
{
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb))
		printf("%s%s", verb == verbs_next(NULL) ? "" : between, verb->name);
}

static void print_flags(const struct verb *verb)
{
	for (const struct flag *flag = verbs_next_flag(verb, NULL); flag; flag = verbs_next_flag(verb, flag))
		printf(" --%s", flag->name);
}

static void print_common(void)
{
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		printf(" --%s", flag->name);
}

/* --- bash and zsh: the same cases, other words for them ---------------------------------------------------
 */

struct dialect {
	const char *files;  /* completes a file */
	const char *before; /* in front of a command whose lines are offered, and behind it */
	const char *after;
	const char *flags; /* in front of flags */
};

static const struct dialect bash = {"_svcdns_files", "_svcdns_lines < <(", ")", "_svcdns_words"};
static const struct dialect zsh = {"_files", "compadd -- \"${(@f)$(", ")}\"", "compadd --"};

/* A case for the value of a flag; `verb` is NULL for the common flags. */
static void print_value(const struct dialect *dialect, const struct verb *verb, const struct flag *flag)
{
	if (!flag->argument)
		return;
	if (verb)
		printf("\t\"%s --%s\")\n\t\t", verb->name, flag->name);
	else
		printf("\t*\" --%s\")\n\t\t", flag->name);
	if (flag->word == WORD_FILE) {
		printf("%s\n\t\t", dialect->files);
	} else if (flag->word != WORD_FREE) {
		printf("%s", dialect->before);
		print_command(flag->word);
		printf("%s\n\t\t", dialect->after);
	}
	printf("return ;;\n");
}

static void print_values(const struct dialect *dialect, const char *previous)
{
	printf("\tcase \"$verb %s\" in\n", previous);
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb))
		for (const struct flag *flag = verbs_next_flag(verb, NULL); flag;
			flag = verbs_next_flag(verb, flag))
			print_value(dialect, verb, flag);
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		print_value(dialect, NULL, flag);
	printf("\tesac\n");
}

static void print_verbs(const struct dialect *dialect)
{
	printf("\tcase $verb in\n\t'')\n\t\t%s ", dialect->flags);
	print_names(" ");
	printf(" ;;\n");
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb)) {
		printf("\t%s)\n", verb->name);
		if (takes_files(verb))
			printf("\t\t%s\n", dialect->files);
		if (verb->words[0] != WORD_FREE && verb->words[0] != WORD_FILE) {
			printf("\t\t%s", dialect->before);
			print_operands(verb);
			printf("%s\n", dialect->after);
		}
		if (verbs_next_flag(verb, NULL)) {
			printf("\t\t%s", dialect->flags);
			print_flags(verb);
			printf("\n");
		}
		printf("\t\t;;\n");
	}
	printf("\tesac\n\t%s", dialect->flags);
	print_common();
	printf("\n}\n");
}

/* Sets $verb to the first word that is one. */
static void print_find_verb(const char *words)
{
	printf("\tfor at in %s; do\n\t\tcase $at in\n\t\t", words);
	print_names("|");
	printf(")\n\t\t\tverb=$at\n\t\t\tbreak ;;\n\t\tesac\n\tdone\n");
}

static void print_bash(void)
{
	printf("# bash completion for svcdns, from 'svcdns completion bash'\n"
	       "_svcdns_lines()\n{\n\tlocal line\n\twhile IFS= read -r line; do\n"
	       "\t\t[[ $line != \"$word\"* ]] || COMPREPLY+=(\"$(printf %%q \"$line\")\")\n\tdone\n}\n"
	       "_svcdns_words()\n{\n\t_svcdns_lines < <(printf '%%s\\n' \"$@\")\n}\n"
	       "_svcdns_files()\n{\n\tcompopt -o filenames 2>/dev/null\n"
	       "\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n}\n"
	       "_svcdns()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} "
	       "verb='' at\n"
	       "\tCOMPREPLY=()\n");
	print_find_verb("\"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"");
	print_values(&bash, "$previous");
	print_verbs(&bash);
	printf("complete -F _svcdns svcdns\n");
}

static void print_zsh(void)
{
	printf("#compdef svcdns\n# zsh completion for svcdns, from 'svcdns completion zsh'\n"
	       "_svcdns()\n{\n\tlocal verb='' at\n");
	print_find_verb("\"${(@)words[2,CURRENT-1]}\"");
	print_values(&zsh, "${words[CURRENT-1]}");
	print_verbs(&zsh);
	printf("if [ \"${funcstack[1]}\" = _svcdns ]; then\n\t_svcdns \"$@\"\nelse\n\tcompdef _svcdns "
	       "svcdns\nfi\n");
}

/* --- fish -------------------------------------------------------------------------------------------------
 */

static void print_fish_flag(const char *condition, const struct flag *flag)
{
	printf("complete -c svcdns%s -l %s%s -d ", condition, flag->name,
		!flag->argument           ? ""
		: flag->word == WORD_FILE ? " -r -F"
					  : " -x");
	print_quoted(flag->help);
	if (flag->argument && flag->word != WORD_FILE && flag->word != WORD_FREE) {
		printf(" -a '(");
		print_command(flag->word);
		printf(")'");
	}
	putchar('\n');
}

static void print_fish_verb(const struct verb *verb)
{
	char condition[128];

	snprintf(condition, sizeof(condition), " -n '__fish_seen_subcommand_from %s'", verb->name);
	printf("complete -c svcdns -n __fish_use_subcommand -a %s -d ", verb->name);
	print_quoted(verb->summary);
	putchar('\n');
	if (takes_files(verb))
		printf("complete -c svcdns%s -F\n", condition);
	if (verb->words[0] != WORD_FREE && verb->words[0] != WORD_FILE) {
		printf("complete -c svcdns%s -a '(", condition);
		print_operands(verb);
		printf(")'\n");
	}
	for (const struct flag *flag = verbs_next_flag(verb, NULL); flag; flag = verbs_next_flag(verb, flag))
		print_fish_flag(condition, flag);
}

static void print_fish(void)
{
	printf("# fish completion for svcdns, from 'svcdns completion fish'\ncomplete -c svcdns -f\n");
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb))
		print_fish_verb(verb);
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		print_fish_flag("", flag);
}

int verb_completion(struct cli *cli)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	const char *shell = cli->args.operands[0];

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (str_eq(shells[i].shell, shell)) {
			shells[i].print();
			return CLI_YES;
		}
	return cli_fail(
		CLI_TROUBLE, "there is no completion for '%.60s'; there is for bash, zsh and fish", shell);
}
