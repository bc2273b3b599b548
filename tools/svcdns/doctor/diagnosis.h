/* diagnosis.h -- how names are resolved on a machine, and whether those of the zone get to svcdns.
 *
 * Follows a look-up as glibc does it: the modules of the hosts line in nsswitch.conf, the first name server
 * of resolv.conf, the program that listens there, and that program's configuration. It reads files, and asks
 * nobody. */
#pragma once

#include <stdbool.h>

#include "net/addr.h"
#include "svcdns/doctor/files.h"

#define DIAGNOSIS_LINES 24

struct resolver;

struct diagnosis {
	const char *found[DIAGNOSIS_LINES]; /* sentences: what there is */
	size_t found_count;
	const char *todo[DIAGNOSIS_LINES]; /* sentences: what else must be changed, or known */
	size_t todo_count;
	const struct resolver *resolver; /* what is asked; NULL if it cannot be told, or nobody is */
	const char *nameserver;          /* by this address; NULL if it is not by an address */
	bool reaches;                    /* names of the zone get to svcdns, as far as files tell */
	const char *recipe;              /* which recipe to apply (recipes.h); NULL if none helps */
};

/* Fills in *ret, with strings in the arena of `files`. `dns` is where svcdns answers. */
void diagnosis_make(
	const struct files *files, const char *zone, const struct net_addr *dns, struct diagnosis *ret);
