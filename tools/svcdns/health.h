/* health.h -- how an instance is, from what /v1/health/service says of it.
 *
 * The rule is the server's: an instance is healthy unless a check of it or of its node is critical. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"

/* True if no check of the entry ({Node, Service, Checks}) is critical. */
bool health_is_healthy(const json_t *entry);

/* True if the instance of the entry, or its node, was taken out on purpose, whatever else fails. */
bool health_is_maintenance(const json_t *entry);

/* The state in a word: "healthy", "warning", "critical" or "maintenance"; static. */
const char *health_state(const json_t *entry);

/* The check that decides the state: the first one with the worst status; NULL if there are no checks. */
const json_t *health_worst(const json_t *entry);

/* Why it is so, in the arena: the deciding check and its output, or "no checks". Not escaped. */
const char *health_reason(struct arena *arena, const json_t *entry);
