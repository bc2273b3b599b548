/* names.h -- the DNS names of a service, and which of them do not lead to it.
 *
 * A name has one owner: zone file, service, alias, instance, tag, in this order. The registry does not know
 * who won, so DNS is asked. */
#pragma once

#include <jansson.h>

#include "svcdns/cli.h"

/* The names that the entries of a service ({Node, Service, Checks}) ask for: an array of {Name, Kind, Hidden,
 * Reason}, Kind being "service", "alias" or "tag"; Reason is "" unless it is hidden. *ret belongs
 * to the caller. 0, or the exit status, if DNS cannot be asked. */
int names_of(struct cli *cli, const char *service, const json_t *entries, json_t **ret);
