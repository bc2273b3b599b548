/* writer.c -- the writer's thread: takes what waits, applies it in one transaction, and tells everybody. */
#include "registry/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/level.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/wake.h"
#include "registry/apply.h"
#include "registry/checkpoint.h"
#include "registry/inbox_private.h"
#include "registry/migrations.h"

#define BATCH 1024
#define OBSERVERS 8
#define PATIENCE_S 60 /* a slow disk is no reason to be killed */

struct registry_writer {
	struct registry_config config;
	char *own_name, *own_address;
	struct page_thread spare; /* counts, if the config has no slot */
	struct page_thread *slot;
	pthread_t thread;

	pthread_mutex_t lock; /* for what stands up to the blank line */
	pthread_cond_t wake;
	struct registry_command *first, **last;
	uint32_t waiting;
	bool stop;
	struct registry_inbox *observers[OBSERVERS];
	size_t observer_count;

	/* The writer's thread only. */
	struct store *store;
	struct changelog log;
	struct apply apply;
	struct arena *arena; /* own_node's name */
	struct checkpoint checkpoint;
};

static void report(
	const struct registry_writer *writer, enum log_level level, const char *message, const char *detail)
{
	if (writer->config.report)
		writer->config.report(level, message, detail);
}

/* -- One transaction -- */

/* After an error of fsync the kernel may have dropped the pages and call the next fsync a success: what is on
 * the disk is known only to whoever opens the file anew. */
static void end_on_fsync_error(struct registry_writer *writer)
{
	if (!store_is_fsync_error(writer->store))
		return;
	report(writer, LOG_ERROR, "the registry's disk failed to sync; ending, to start from what is on it",
		store_text(writer->store));
	_exit(EX_IOERR);
}

/* The error that sticks, as a result; and forgets it. */
static int database_error(struct registry_writer *writer, char message[REGISTRY_MESSAGE])
{
	int error = store_errno(writer->store);

	end_on_fsync_error(writer);
	if (error == -ENOSPC)
		refusal(message, error, "the disk is full: nothing was written");
	else if (error == -EBUSY)
		refusal(message, error, "the registry is locked by another program");
	else
		refusal(message, error = -EIO, "the registry cannot be written: %s",
			store_text(writer->store));
	store_clear(writer->store);
	return error;
}

static void set_result(struct registry_writer *writer, struct registry_command *command, int error)
{
	command->error = error;
	command->changed = !error && changelog_changed(&writer->log);
	command->index = error ? 0 : (uint64_t)writer->log.now.index;
}

/* One command in a savepoint of its own. False if the whole transaction goes with it: the database undid it,
 * or cannot undo the command alone. */
static bool apply_one(struct registry_writer *writer, struct registry_command *command)
{
	struct store *store = writer->store;

	changelog_command(&writer->log);
	store_exec(store, "SAVEPOINT command");
	int error = apply_command(&writer->apply, command);
	if (store->code != SQLITE_OK)
		error = database_error(writer, command->message);
	if (!error)
		store_exec(store, "RELEASE command");
	if (store->code != SQLITE_OK)
		error = database_error(writer, command->message);
	if (error) {
		changelog_undo(&writer->log);
		if (sqlite3_get_autocommit(store->db)) {
			set_result(writer, command, error);
			return false;
		}
		store_exec(store, "ROLLBACK TO command; RELEASE command");
		if (store->code != SQLITE_OK) { /* half a command must not be committed with the others */
			set_result(writer, command, database_error(writer, command->message));
			return false;
		}
	}
	set_result(writer, command, error);
	return !sqlite3_get_autocommit(store->db);
}

static void fail_all(struct registry_command *batch, int error, const char *message)
{
	for (struct registry_command *command = batch; command; command = command->next) {
		command->error = error;
		command->changed = false;
		command->index = 0;
		str_copy(command->message, sizeof(command->message), message);
	}
}

static void roll_back(struct registry_writer *writer)
{
	if (!sqlite3_get_autocommit(writer->store->db))
		sqlite3_exec(writer->store->db, "ROLLBACK", NULL, NULL, NULL);
	store_clear(writer->store);
}

/* Applies a batch. 0: committed, or nothing had to be; else every command has failed and nothing changed. */
static int transact(struct registry_writer *writer, struct registry_command *batch, struct arena *arena)
{
	struct store *store = writer->store;
	char message[REGISTRY_MESSAGE];
	bool whole = true;

	store_exec(store, "BEGIN IMMEDIATE");
	changelog_begin(&writer->log, arena, clock_wall(writer->config.clock));
	if (store->code != SQLITE_OK)
		goto fail;
	for (struct registry_command *command = batch; command && whole; command = command->next) {
		whole = apply_one(writer, command);
		if (!whole) {
			/* Full disk or I/O error: what the others did is undone too. */
			int error = command->error ? command->error : -EIO;
			str_copy(message, sizeof(message), command->message);
			roll_back(writer);
			fail_all(batch, error, message);
			return error;
		}
	}
	if (!writer->log.effective) {
		roll_back(writer);
		return 0;
	}
	changelog_finish(&writer->log);
	store_exec(store, "COMMIT");
	if (store->code != SQLITE_OK)
		goto fail;
	metrics_add(&writer->slot->metrics, METRIC_REGISTRY_COMMITS, 1);
	return 0;
fail:;
	int error = database_error(writer, message);
	roll_back(writer);
	fail_all(batch, error, message);
	return error;
}

/* -- Telling everybody -- */

static void count_results(struct registry_writer *writer, const struct registry_command *batch)
{
	struct metrics *metrics = &writer->slot->metrics;

	for (; batch; batch = batch->next) {
		metrics_add(metrics, METRIC_REGISTRY_COMMANDS, 1);
		if (batch->error == -EINVAL || batch->error == -ENOENT || batch->error == -EDQUOT)
			metrics_add(metrics, METRIC_REGISTRY_REFUSED, 1);
		else if (batch->error)
			metrics_add(metrics, METRIC_REGISTRY_FAILED, 1);
	}
}

/* The order matters: whoever gets a result finds the index published, and the view has been woken before. */
static void publish(struct registry_writer *writer)
{
	if (writer->config.page)
		atomic_store_explicit(
			&writer->config.page->index, (uint64_t)writer->log.now.index, memory_order_release);
	if (writer->config.wake_fd > 0)
		net_wake_ring(writer->config.wake_fd);
}

static void send_results(struct registry_command *batch)
{
	for (struct registry_command *command = batch, *next; command; command = next) {
		next = command->next;
		if (command->inbox)
			inbox_put_command(command->inbox, command);
		else
			registry_command_destroy(command);
	}
}

/* Tells the observers; takes over `arena`. */
static void send_commit(struct registry_writer *writer, struct arena *arena)
{
	const struct registry_commit commit = {.index = (uint64_t)writer->log.now.index,
		.changes = writer->log.changes,
		.count = writer->log.count};
	struct inbox_commit *shared = inbox_commit_create(arena, &commit);
	struct inbox_item *items[OBSERVERS];
	size_t count;

	pthread_mutex_lock(&writer->lock);
	count = writer->observer_count;
	pthread_mutex_unlock(&writer->lock);
	for (size_t i = 0; i < count; i++)
		items[i] = inbox_commit_item(shared);
	for (size_t i = 0; i < count; i++)
		inbox_put_item(writer->observers[i], items[i]);
	inbox_commit_unref(shared);
}

static void run_batch(struct registry_writer *writer, struct registry_command *batch)
{
	struct arena *arena = arena_create();
	int error = transact(writer, batch, arena);

	count_results(writer, batch);
	if (!error && writer->log.effective)
		publish(writer);
	send_results(batch);
	if (!error && writer->log.count)
		send_commit(writer, arena);
	else
		arena_destroy(arena);
}

/* After the results have gone out, so that nobody waits for it but the next batch. */
static void checkpoint(struct registry_writer *writer, bool last)
{
	int code = last ? checkpoint_truncate(&writer->checkpoint) : checkpoint_run(&writer->checkpoint);

	if (code == SQLITE_OK)
		return;
	writer->store->code = code;
	end_on_fsync_error(writer);
	report(writer, LOG_WARN, "the registry's log cannot be written back", store_text(writer->store));
	store_clear(writer->store);
}

/* -- The thread -- */

/* Waits for commands, at most a second. NULL: none. */
static struct registry_command *take_batch(struct registry_writer *writer, bool *ret_stop)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&writer->lock);
	while (!writer->first && !writer->stop)
		if (pthread_cond_timedwait(&writer->wake, &writer->lock, &until) == ETIMEDOUT)
			break;
	struct registry_command *batch = writer->first, **last = &writer->first;
	for (unsigned i = 0; i < BATCH && *last; i++) {
		last = &(*last)->next;
		writer->waiting--;
	}
	writer->first = *last;
	*last = NULL;
	if (!writer->first)
		writer->last = &writer->first;
	*ret_stop = writer->stop && !writer->first;
	pthread_mutex_unlock(&writer->lock);
	return batch;
}

static void *run(void *ctx)
{
	struct registry_writer *writer = ctx;
	bool stop = false;

	while (!stop) {
		struct registry_command *batch = take_batch(writer, &stop);
		page_tick(writer->slot);
		if (batch)
			run_batch(writer, batch);
		checkpoint(writer, false);
	}
	checkpoint(writer, true);
	return NULL;
}

void registry_writer_observe(struct registry_writer *writer, struct registry_inbox *inbox)
{
	pthread_mutex_lock(&writer->lock);
	if (writer->observer_count == OBSERVERS)
		abort(); /* a mistake in the program */
	writer->observers[writer->observer_count++] = inbox;
	pthread_mutex_unlock(&writer->lock);
}

void registry_writer_submit(
	struct registry_writer *writer, struct registry_command *command, struct registry_inbox *inbox)
{
	command->inbox = inbox;
	command->next = NULL;
	command->message[0] = '\0';
	pthread_mutex_lock(&writer->lock);
	bool full = writer->waiting >= writer->config.limits.queue;
	if (!full) {
		*writer->last = command;
		writer->last = &command->next;
		writer->waiting++;
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
	if (!full)
		return;
	fail_all(command, -EBUSY, "too many writes are waiting for the registry");
	send_results(command);
}

/* -- Start and stop -- */

/* Our own node, in a transaction of its own. */
static int prepare_own_node(struct registry_writer *writer, char message[REGISTRY_MESSAGE])
{
	struct arena *arena = arena_create();
	int error = 0;

	store_exec(writer->store, "BEGIN IMMEDIATE");
	changelog_begin(&writer->log, arena, clock_wall(writer->config.clock));
	changelog_command(&writer->log);
	error = apply_own_node(&writer->apply, writer->arena, writer->own_name, writer->own_address, message);
	if (!error) {
		changelog_finish(&writer->log);
		store_exec(writer->store, "COMMIT");
	}
	if (writer->store->code != SQLITE_OK)
		error = database_error(writer, message);
	roll_back(writer);
	arena_destroy(arena);
	return error;
}

static int open_registry(struct registry_writer *writer, char message[REGISTRY_MESSAGE])
{
	int version;
	int error = store_open(writer->config.path, STORE_WRITE, &writer->store, message);

	if (!error)
		error = migrations_inspect(writer->store, true, &version, message);
	if (error)
		return error;
	store_exec(writer->store, "PRAGMA journal_mode = WAL");
	error = migrations_run(writer->store, migrations, migrations_count,
		clock_wall(writer->config.clock) / CLOCK_NS_PER_S, message);
	if (error)
		return error;
	writer->log =
		(struct changelog){.store = writer->store, .rows = writer->config.limits.changelog_rows};
	writer->apply = (struct apply){.store = writer->store,
		.log = &writer->log,
		.rules = {.limits = &writer->config.limits, .zone_size = writer->config.zone_size}};
	checkpoint_init(&writer->checkpoint, writer->store);
	return prepare_own_node(writer, message);
}

static int start_thread(struct registry_writer *writer)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&writer->lock, NULL);
	writer->last = &writer->first;
	atomic_store(&writer->slot->patience, PATIENCE_S);
	page_tick(writer->slot);
	return -pthread_create(&writer->thread, NULL, run, writer);
}

static void free_writer(struct registry_writer *writer)
{
	store_close(writer->store);
	arena_destroy(writer->arena);
	free(writer->own_name);
	free(writer->own_address);
	free(writer);
}

int registry_writer_start(
	const struct registry_config *config, struct registry_writer **ret, char message[512])
{
	struct registry_writer *writer = mem_alloc(sizeof(*writer));

	message[0] = '\0';
	writer->config = *config;
	writer->slot = config->thread ? config->thread : &writer->spare;
	writer->own_name = mem_strdup(config->node_name);
	writer->own_address = mem_strdup(config->node_address);
	writer->arena = arena_create();
	if (config->page)
		atomic_store(&config->page->state, PAGE_LOADING);
	int error = open_registry(writer, message);
	if (!error) {
		publish(writer);
		if (config->page)
			atomic_store(&config->page->state, PAGE_READY);
		error = start_thread(writer);
	}
	if (error) {
		if (!*message)
			snprintf(message, 512, "cannot start the registry's writer");
		free_writer(writer);
		return error;
	}
	*ret = writer;
	return 0;
}

void registry_writer_stop(struct registry_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	if (writer->config.page)
		atomic_store(&writer->config.page->state, PAGE_DOWN);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free_writer(writer);
}
