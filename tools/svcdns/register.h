/* register.h -- the flags that describe an instance, and the registration made of them.
 *
 * Shared by `register` and `exec`. */
#pragma once

#include <jansson.h>

#include "svcdns/cli.h"

extern const struct flag register_flags[];

/* The body for /v1/agent/service/register from the flags of the command line; `name` is the service's. *ret
 * belongs to the caller. 0, or CLI_TROUBLE with what is wrong told. */
int register_body(struct cli *cli, const char *name, json_t **ret);

/* Appends a check to a body. `kind` is its field ("TCP", "HTTP", "TTL"). */
void register_add_check(json_t *body, const char *kind, const char *value, const char *interval,
	const char *timeout, const char *deregister_after);

/* The id that the instance of a body gets. */
const char *register_id(const json_t *body);
