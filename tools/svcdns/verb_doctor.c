/* verb_doctor.c -- svcdns doctor: do programs on this machine find services, and what is missing if not? It
 * reads, asks, and changes nothing. */
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "svcdns/ask.h"
#include "svcdns/doctor/diagnosis.h"
#include "svcdns/doctor/proof.h"
#include "svcdns/doctor/recipes.h"
#include "svcdns/doctor/report.h"

static int print_recipe(struct cli *cli, const char *name)
{
	const struct recipe *recipe = recipes_find(name);
	const char *names = "";

	for (const struct recipe *row = recipes_next(NULL); !recipe && row; row = recipes_next(row))
		names = arena_printf(cli->arena, "%s%s%s", names, *names ? ", " : "", row->name);
	if (!recipe)
		return cli_fail(CLI_TROUBLE, "--print: there is no recipe '%s', but %s", name, names);
	if (cli->json) {
		json_auto_t *json = report_recipe(cli, recipe);

		cli_print_json(json);
	} else {
		report_print_recipe(cli, recipe);
	}
	return CLI_YES;
}

/* It goes into configurations as it is. */
static bool is_zone(const char *zone)
{
	return *zone && strspn(zone, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
				strlen(zone);
}

int verb_doctor(struct cli *cli)
{
	const char *root = args_value(&cli->args, "root"), *print = args_value(&cli->args, "print");
	const char *name = cli->args.operand_count > 0 ? cli->args.operands[0] : NULL;
	struct diagnosis diagnosis;
	struct files files;
	struct proof proof;
	bool yes;
	int error;

	if (!is_zone(cli_zone(cli)))
		return cli_fail(CLI_TROUBLE, "--zone: '%s' is not the name of a zone", cli_zone(cli));
	if (name && !ask_name(cli_full_name(cli, name)))
		return cli_fail(CLI_TROUBLE, "'%s' is not a domain name", name);
	if (print)
		return print_recipe(cli, print);
	error = files_init(&files, cli->arena, root ? root : "/");
	if (error < 0)
		return cli_fail(CLI_TROUBLE, "--root: cannot open %s: %s", root ? root : "/", err_str(error));
	diagnosis_make(&files, cli_zone(cli), cli_dns(cli), &diagnosis);
	files_finish(&files);
	if (root) {
		report_print(cli, &diagnosis, NULL);
		return diagnosis.reaches ? CLI_YES : CLI_NO;
	}
	proof_make(cli, name, &proof);
	report_print(cli, &diagnosis, &proof);
	yes = proof.verdict == PROOF_YES;
	proof_finish(&proof);
	return yes ? CLI_YES : CLI_NO;
}
