/* relay_checks.h -- what must be true of the relay's options together. */
#pragma once

#include "main/options.h"

#define RELAY_LIST_MAX 64 /* entries of relay.upstream and of relay.allow */

/* Checks relay.upstream against dns.listen, and relay.allow. 0, or -EINVAL with the key in *ret_key and what
 * is wrong in `message`. An upstream that is one of our own listening addresses would ask us what we ask it.
 */
int relay_check(const struct main_config *config, const char **ret_key, char message[256]);
