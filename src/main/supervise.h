/* supervise.h -- the supervisor: opens what needs privileges, then keeps the other processes alive.
 *
 * One thread. It reads nothing from strangers and opens no database. */
#pragma once

#include "main/activation.h"
#include "main/config.h"

/* Runs until SIGTERM or SIGINT. `config` was loaded from `sources`, which are read again at SIGHUP; it is
 * consumed. `activation` has the sockets that were handed over; they stay the caller's. Returns the exit
 * status. */
int supervise(struct main_config *config, const struct config_sources *sources,
	const struct activation *activation);
