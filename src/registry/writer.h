/* writer.h -- the one thread that writes.
 *
 * The writer takes all commands that wait, applies them in one transaction, commits (synchronous=FULL), and
 * then puts every result into its sender's inbox: group commit. A refused command undoes nothing else: most
 * are refused before they write anything, and when one is refused later the whole transaction is begun again,
 * with a savepoint for each command. If the COMMIT fails they all fail: -ENOSPC when the disk is full, else
 * -EIO; after an error of fsync the process exits (the next start knows what is on disk). */
#pragma once

#include "base/clock.h"
#include "base/level.h"
#include "base/page.h"
#include "registry/command.h"
#include "registry/inbox.h"

struct registry_config {
	const char *path;      /* the database file */
	const char *node_name; /* our own node: made or updated when the registry is opened */
	const char *node_address;
	uint32_t zone_size; /* wire size of the longest zone name: names must fit into 255 octets with it */
	struct registry_limits limits;
	const struct clock *clock;
	struct page *page;          /* the sidecar's page: index and state are published here */
	struct page_thread *thread; /* the writer's slot, for ticks and counters */
	int wake_fd; /* rung for the view after each commit, before the results; -1 or 0 for none */
	/* Says one thing worth a log line, on the writer's thread: may be NULL. */
	void (*report)(enum log_level level, const char *message, const char *detail);
	/* Hears of each change when it is on disk and its sender has its result, on the writer's thread; of
	 * one that concerns all services of a node, once. `last` says nothing here. May be NULL. */
	void (*changed)(const struct registry_history *change);
};

struct registry_writer;

/* Opens (creates, migrates) the registry and starts the writer's thread. 0 or negative errno with a sentence
 * in `message`: a newer schema, a file that is no database, a folder that cannot be written. */
int registry_writer_start(
	const struct registry_config *config, struct registry_writer **ret, char message[512]);

/* Applies what was submitted so far, checkpoints, ends the thread and closes the file. NULL is fine. */
void registry_writer_stop(struct registry_writer *writer);

/* From now on `inbox` also gets every commit (see registry_inbox_handler). Before the first submit. */
void registry_writer_observe(struct registry_writer *writer, struct registry_inbox *inbox);

/* Hands a command over; any thread, never blocks on the disk. Its result comes through `inbox`. If the queue
 * is full, the result is -EBUSY and comes the same way. */
void registry_writer_submit(
	struct registry_writer *writer, struct registry_command *command, struct registry_inbox *inbox);
