/* supervise.h -- the supervisor: opens what needs privileges, then keeps two processes alive.
 *
 * One thread. It reads nothing from strangers and opens no database. */
#pragma once

#include "main/config.h"

/* Runs until SIGTERM or SIGINT. `config` was loaded from `sources`, which are read again at SIGHUP; it is
 * consumed. Returns the exit status. */
int supervise(struct main_config *config, const struct config_sources *sources);
