/* transaction.c -- see transaction.h. */
#include "registry/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/str.h"

/* After an error of fsync the kernel may have dropped the pages and call the next fsync a success: what is on
 * the disk is known only to whoever opens the file anew. */
void transaction_end_on_fsync_error(struct transaction *transaction)
{
	if (!store_is_fsync_error(transaction->store))
		return;
	if (transaction->report)
		transaction->report(LOG_ERROR,
			"the registry's disk failed to sync; ending, to start from what is on it",
			store_text(transaction->store));
	_exit(EX_IOERR);
}

/* The error that sticks, as a result; and forgets it. */
int transaction_error(struct transaction *transaction, char message[REGISTRY_MESSAGE])
{
	int error = store_errno(transaction->store);

	transaction_end_on_fsync_error(transaction);
	if (error == -ENOSPC)
		refusal(message, error, "the disk is full: nothing was written");
	else if (error == -EBUSY)
		refusal(message, error, "the registry is locked by another program");
	else
		refusal(message, error = -EIO, "the registry cannot be written: %s",
			store_text(transaction->store));
	store_clear(transaction->store);
	return error;
}

static void set_result(struct transaction *transaction, struct registry_command *command, int error)
{
	command->error = error;
	command->changed = !error && changelog_changed(&transaction->log);
	command->index = error ? 0 : (uint64_t)transaction->log.now.index;
}

/* True if a command that ended with `error` left nothing behind that a savepoint would have to undo. */
static bool is_clean(const struct transaction *transaction, int error, int64_t changes_before)
{
	return transaction->store->code == SQLITE_OK &&
	       (!error || sqlite3_total_changes64(transaction->store->db) == changes_before);
}

/* One command without a savepoint. False if it failed after it wrote something: the whole batch has to be
 * done again, with savepoints. */
static bool apply_plain(struct transaction *transaction, struct registry_command *command)
{
	int64_t before = sqlite3_total_changes64(transaction->store->db);

	changelog_command(&transaction->log);
	int error = apply_command(&transaction->apply, command);
	if (!is_clean(transaction, error, before))
		return false;
	if (error)
		changelog_undo(&transaction->log);
	set_result(transaction, command, error);
	return true;
}

/* One command in a savepoint of its own. False if the whole transaction goes with it: the database undid it,
 * or cannot undo the command alone. */
static bool apply_guarded(struct transaction *transaction, struct registry_command *command)
{
	struct store *store = transaction->store;

	changelog_command(&transaction->log);
	store_run(store, "SAVEPOINT command", "");
	int error = apply_command(&transaction->apply, command);
	if (store->code != SQLITE_OK)
		error = transaction_error(transaction, command->message);
	if (!error)
		store_run(store, "RELEASE command", "");
	if (store->code != SQLITE_OK)
		error = transaction_error(transaction, command->message);
	if (error) {
		changelog_undo(&transaction->log);
		if (sqlite3_get_autocommit(store->db)) {
			set_result(transaction, command, error);
			return false;
		}
		store_run(store, "ROLLBACK TO command", "");
		store_run(store, "RELEASE command", "");
		if (store->code != SQLITE_OK) { /* half a command must not be committed with the others */
			set_result(transaction, command, transaction_error(transaction, command->message));
			return false;
		}
	}
	set_result(transaction, command, error);
	return !sqlite3_get_autocommit(store->db);
}

void transaction_fail_all(struct registry_command *batch, int error, const char *message)
{
	for (struct registry_command *command = batch; command; command = command->next) {
		command->error = error;
		command->changed = false;
		command->index = 0;
		str_copy(command->message, sizeof(command->message), message);
	}
}

void transaction_roll_back(struct transaction *transaction)
{
	if (!sqlite3_get_autocommit(transaction->store->db))
		sqlite3_exec(transaction->store->db, "ROLLBACK", NULL, NULL, NULL);
	store_clear(transaction->store);
}

void transaction_begin(struct transaction *transaction, struct arena *arena)
{
	store_run(transaction->store, "BEGIN IMMEDIATE", "");
	changelog_begin(&transaction->log, arena, clock_wall(transaction->clock));
}

/* What the database says about the whole batch: every command has failed, and nothing changed. */
static int fail_batch(struct transaction *transaction, struct registry_command *batch)
{
	char message[REGISTRY_MESSAGE];
	int error = transaction_error(transaction, message);

	transaction_roll_back(transaction);
	transaction_fail_all(batch, error, message);
	return error;
}

/* Begins and applies each command without a savepoint, as most of them succeed. -EAGAIN: one did not, and
 * nothing changed. Else 0, or the error of the database sticks. */
static int apply_all_plain(
	struct transaction *transaction, struct registry_command *batch, struct arena *arena)
{
	transaction_begin(transaction, arena);
	for (struct registry_command *command = batch; command && transaction->store->code == SQLITE_OK;
		command = command->next) {
		if (apply_plain(transaction, command))
			continue;
		transaction_end_on_fsync_error(transaction);
		transaction_roll_back(transaction);
		return -EAGAIN;
	}
	return 0;
}

/* The same with savepoints. A negative errno if the transaction is gone; what the others did is undone too
 * then, and every command has failed. */
static int apply_all_guarded(
	struct transaction *transaction, struct registry_command *batch, struct arena *arena)
{
	char message[REGISTRY_MESSAGE];

	transaction_begin(transaction, arena);
	for (struct registry_command *command = batch; command && transaction->store->code == SQLITE_OK;
		command = command->next) {
		command->message[0] = '\0';
		if (apply_guarded(transaction, command))
			continue;
		/* Full disk or I/O error. */
		int error = command->error ? command->error : -EIO;
		str_copy(message, sizeof(message), command->message);
		transaction_roll_back(transaction);
		transaction_fail_all(batch, error, message);
		return error;
	}
	return 0;
}

/* Applies a batch. 0: committed, or nothing had to be; else every command has failed and nothing changed. */
int transaction_run(struct transaction *transaction, struct registry_command *batch, struct arena *arena)
{
	struct store *store = transaction->store;
	int error = apply_all_plain(transaction, batch, arena);

	if (error == -EAGAIN)
		error = apply_all_guarded(transaction, batch, arena);
	if (error)
		return error;
	if (store->code != SQLITE_OK)
		return fail_batch(transaction, batch);
	if (!transaction->log.effective) {
		transaction_roll_back(transaction);
		return 0;
	}
	changelog_finish(&transaction->log);
	store_run(store, "COMMIT", "");
	if (store->code != SQLITE_OK)
		return fail_batch(transaction, batch);
	return 0;
}
