/* report.h -- what the doctor says, as text and as JSON. */
#pragma once

#include <jansson.h>

#include "svcdns/cli.h"
#include "svcdns/doctor/diagnosis.h"
#include "svcdns/doctor/proof.h"
#include "svcdns/doctor/recipes.h"

/* {Name, Title, Reload, Pieces: [{Path, How, Text}]} with the addresses filled in; the caller's to free. */
json_t *report_recipe(struct cli *cli, const struct recipe *recipe);

/* Prints the pieces of a recipe on stdout, as they go into files, with a comment in front of each that says
 * where. */
void report_print_recipe(struct cli *cli, const struct recipe *recipe);

/* Prints all on stdout, as text or by --json. `proof` is NULL if nothing was looked up. */
void report_print(struct cli *cli, const struct diagnosis *diagnosis, const struct proof *proof);
