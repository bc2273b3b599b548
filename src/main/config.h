/* config.h -- where the options come from: defaults, then a file, then flags; and whether they fit together.
 *
 * Every error is told, one line each, with file, line and key (or the flag). Supervisor only. */
#pragma once

#include "main/options.h"

/* What to read; the pointers stay the caller's. */
struct config_sources {
	const char *file;         /* --config, NULL for none */
	const char *const *flags; /* "section.key=value", flag_count of them */
	size_t flag_count;
};

/* Reads all sources over the defaults into *ret and checks it whole, zone files (whose zones are noted in
 * zone.of_file) and addresses included.
 * Errors are appended to ret_errors, one line each. 0, or -EINVAL (then *ret is untouched). */
int config_load(const struct config_sources *sources, struct main_config *ret, struct buf *ret_errors);

/* Reads the sources again while a server runs. `started` is what they said at its start, `in_force` what it
 * runs by. *ret is what is in force next: what needs a restart is as in `in_force`, all else is fresh, and
 * both that and the sources alone were checked whole. Appends the keys that need a restart to `ret_restart`,
 * and errors to `ret_errors`, one line each. 0, or -EINVAL (then *ret is untouched). */
int config_reload(const struct config_sources *sources, const struct main_config *started,
	const struct main_config *in_force, struct main_config *ret, struct buf *ret_restart,
	struct buf *ret_errors);
