/* watch_all.h -- svcdns watch without a name: the server's stream of events, from now on. */
#pragma once

#include "svcdns/cli.h"

/* Tells of each change until we are interrupted. Goes on where it was when the server is back; what cannot be
 * known any more is said. An exit status if it could not begin. */
int watch_all(struct cli *cli);
