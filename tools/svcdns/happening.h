/* happening.h -- what svcdns watch tells: a line for each change, or an object with --json. */
#pragma once

#include "svcdns/cli.h"

/* Prints {Time, Change, Service, Instance, Check, State, Before, Reason}, of which only Time and Change must
 * be there; without a Time it is now. Change is "new", "changed" or "gone". Takes over `happening`. */
void happening_tell(struct cli *cli, json_t *happening);
