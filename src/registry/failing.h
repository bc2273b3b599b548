/* failing.h -- which instances a walk over everything must look checks up for.
 *
 * Private to the registry room. Nearly all checks pass, and to ask for the checks of each of a million
 * instances takes longer than to read the instances. So a walk reads the checks that do not pass once, and
 * marks their owners by hash in a bitmap of fixed size. Who is not marked passes; who is marked, rightly or
 * by a collision, is asked about exactly. */
#pragma once

#include <stdbool.h>

#include "registry/model.h"
#include "registry/store.h"

struct failing;

/* Reads the checks in the store's transaction. An error sticks in the store. The caller frees it with
 * failing_destroy(). */
struct failing *failing_read(struct store *store);

/* NULL is fine. */
void failing_destroy(struct failing *failing);

/* Sets `status`, `waiting` and `maintenance` of an instance that has its node and id, in the same
 * transaction. */
void failing_judge(const struct failing *failing, struct store *store, struct registry_instance *instance);
