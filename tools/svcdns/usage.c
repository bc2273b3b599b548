/* usage.c -- walks over the table. */
#include "svcdns/usage.h"

#include <string.h>

#include "svcdns/cli.h"

#define FLAG_WIDTH 28
#define MDOC_WIDTH 76

static void print_flag(FILE *file, const struct flag *flag)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", flag->name, flag->argument ? "=" : "",
		flag->argument ? flag->argument : "");
	fprintf(file, "  %-*s %s\n", FLAG_WIDTH, left, flag->help);
}

static void print_common(FILE *file)
{
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		print_flag(file, flag);
}

void usage_print(FILE *file)
{
	fprintf(file,
		"svcdns %s: looks at svcdns, and registers with it\n\nusage: svcdns VERB [--flag ...]\n\n",
		SVCDNS_VERSION);
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb)) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", verb->name, verb->operands);
		fprintf(file, "  %-*s %s\n", FLAG_WIDTH, left, verb->summary);
	}
	fprintf(file, "\nEvery verb takes, and 'svcdns help VERB' tells its own:\n");
	print_common(file);
	fprintf(file, "\nExit status: 0 done; 1 not found, refused or not healthy; 2 wrong usage, or "
		      "trouble with the server or a file.\n");
}

void usage_print_verb(FILE *file, const struct verb *verb)
{
	fprintf(file, "usage: svcdns %s%s%s\n\n%s\n\n", verb->name, *verb->operands ? " " : "",
		verb->operands, verb->summary);
	for (const struct flag *flag = verbs_next_flag(verb, NULL); flag; flag = verbs_next_flag(verb, flag))
		print_flag(file, flag);
	print_common(file);
}

int verb_help(struct cli *cli)
{
	const struct verb *verb;

	if (cli->args.operand_count == 0) {
		usage_print(stdout);
		return CLI_YES;
	}
	verb = verbs_find(cli->args.operands[0]);
	if (!verb)
		return cli_fail(CLI_TROUBLE, "there is no verb '%.60s'; 'svcdns help' lists them",
			cli->args.operands[0]);
	usage_print_verb(stdout, verb);
	return CLI_YES;
}

/* A sentence, in lines of a length that mandoc likes. */
static void mdoc_sentence(FILE *file, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t size = strcspn(text, " ");

		if (column > 0)
			fputc(column + size < MDOC_WIDTH ? ' ' : '\n', file);
		column = column > 0 && column + size < MDOC_WIDTH ? column + 1 + size : size;
		fprintf(file, "%.*s", (int)size, text);
		text += size + (text[size] == ' ');
	}
	fprintf(file, ".\n");
}

static void mdoc_flag(FILE *file, const struct flag *flag)
{
	fprintf(file, ".It Fl -%s", flag->name);
	if (flag->argument)
		fprintf(file, " Ns = Ns Ar %s", flag->argument);
	fputc('\n', file);
	mdoc_sentence(file, flag->help);
}

/* What the usage shows, with hyphens that mdoc takes as such. */
static void mdoc_operands(FILE *file, const struct verb *verb)
{
	fprintf(file, ".It Cm %s%s", verb->name, *verb->operands ? " Ar " : "");
	for (const char *at = verb->operands; *at; at++)
		fprintf(file, "%s%c", *at == '-' ? "\\" : "", *at);
	fputc('\n', file);
	mdoc_sentence(file, verb->summary);
}

void usage_print_mdoc(FILE *file)
{
	fprintf(file, ".Bl -tag -width Ds\n");
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb)) {
		const struct flag *flag = verbs_next_flag(verb, NULL);

		mdoc_operands(file, verb);
		if (flag)
			fprintf(file, ".Bl -tag -width Ds\n");
		for (const struct flag *at = flag; at; at = verbs_next_flag(verb, at))
			mdoc_flag(file, at);
		if (flag)
			fprintf(file, ".El\n");
	}
	fprintf(file, ".El\n.Pp\nEvery verb takes these flags:\n.Bl -tag -width Ds\n");
	for (const struct flag *flag = verbs_common; flag->name; flag++)
		mdoc_flag(file, flag);
	fprintf(file, ".El\n");
}
