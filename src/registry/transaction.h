/* transaction.h -- a batch of commands in one transaction: all of it on the disk, or nothing.
 *
 * Private to the registry room; the writer's thread only. Commands are applied without savepoints, as most of
 * them succeed or are refused before they write anything. When one is refused later, the whole transaction is
 * undone and begun again, with a savepoint for each command: so a refused one undoes nothing else. */
#pragma once

#include "base/clock.h"
#include "base/level.h"
#include "registry/apply.h"

struct transaction {
	struct store *store;
	struct changelog log; /* of the last transaction, until the next begins */
	struct apply apply;
	const struct clock *clock;
	void (*report)(enum log_level level, const char *message, const char *detail); /* may be NULL */
};

/* Begins a transaction and its bookkeeping; the changes are collected in `arena`. An error sticks in the
 * store. */
void transaction_begin(struct transaction *transaction, struct arena *arena);

/* Undoes what was begun, if it was, and forgets the store's error. */
void transaction_roll_back(struct transaction *transaction);

/* Applies a batch and fills in each command's result. 0: committed if log.effective, else nothing had to be
 * written. Else a negative errno: every command has failed with it, and nothing changed. */
int transaction_run(struct transaction *transaction, struct registry_command *batch, struct arena *arena);

/* The error that sticks in the store as -ENOSPC, -EBUSY or -EIO with a sentence in `message`; and forgets it.
 */
int transaction_error(struct transaction *transaction, char message[REGISTRY_MESSAGE]);

/* Ends the process if the error that sticks is one of fsync. */
void transaction_end_on_fsync_error(struct transaction *transaction);

/* Gives all of a batch one failure. */
void transaction_fail_all(struct registry_command *batch, int error, const char *message);
