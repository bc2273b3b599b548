/* settings.h -- a config that outlives its giver, and the token behind it.
 *
 * Private to the sidecar room; any thread. */
#pragma once

#include "base/arena.h"
#include "sidecar/sidecar.h"

/* A copy whose strings live in `arena`; descriptors are copied too, for the server. */
struct sidecar_config settings_copy(struct arena *arena, const struct sidecar_config *config);

/* Puts into a new config what stays as it was in `old`: who we are, and what was handed in at the start. */
void settings_keep(struct arena *arena, const struct sidecar_config *old, struct sidecar_config *config);

/* Reads the token that the config names: 0 and the token (free() it; NULL if none is configured), or negative
 * errno after a line in the log. */
int settings_token(const struct sidecar_config *config, char **ret);
