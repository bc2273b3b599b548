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
#include "registry/checkpoint.h"
#include "registry/writer_private.h"
#include "registry/inbox_private.h"
#include "registry/migrations.h"
#include "registry/transaction.h"

#define BATCH 1024
#define OBSERVERS 8
#define PATIENCE_S 60 /* a slow disk is no reason to be killed */

struct registry_writer {
	struct registry_config config;
	char *path, *own_name, *own_address;
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
	struct transaction transaction;
	struct arena *arena; /* own_node's name */
	struct checkpoint checkpoint;
};

static void report(
	const struct registry_writer *writer, enum log_level level, const char *message, const char *detail)
{
	if (writer->config.report)
		writer->config.report(level, message, detail);
}

/* -- Telling everybody -- */

/* The rows of metrics_table.h stand in the order of the commands. */
_Static_assert(METRIC_REGISTRY_COMMANDS_REAP - METRIC_REGISTRY_COMMANDS_PUT_NODE == REGISTRY_REAP,
	"rows by command");

static void count_results(struct registry_writer *writer, const struct registry_command *batch)
{
	struct metrics *metrics = &writer->slot->metrics;

	for (; batch; batch = batch->next) {
		metrics_add(metrics, METRIC_REGISTRY_COMMANDS_PUT_NODE + batch->op, 1);
		metrics_add(metrics, METRIC_REGISTRY_CHANGES, batch->changed);
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
		atomic_store_explicit(&writer->config.page->index,
			(uint64_t)writer->transaction.log.now.index, memory_order_release);
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
	const struct registry_commit commit = {.index = (uint64_t)writer->transaction.log.now.index,
		.changes = writer->transaction.log.changes,
		.count = writer->transaction.log.count};
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

static void tell_changes(const struct registry_writer *writer)
{
	const struct changelog *log = &writer->transaction.log;

	for (size_t i = 0; i < log->told; i++)
		writer->config.changed(&log->history[i]);
}

static void run_batch(struct registry_writer *writer, struct registry_command *batch)
{
	struct arena *arena = arena_create();
	int64_t began = clock_now(writer->config.clock);
	int error = transaction_run(&writer->transaction, batch, arena);

	count_results(writer, batch);
	if (!error && writer->transaction.log.effective) {
		metrics_add(&writer->slot->metrics, METRIC_REGISTRY_COMMITS, 1);
		int64_t now = clock_now(writer->config.clock);
		metrics_observe_time(&writer->slot->metrics, METRIC_REGISTRY_COMMIT_DURATION, now - began, 1);
		if (writer->config.page)
			page_note_commit(
				writer->config.page, (uint64_t)writer->transaction.log.now.index, now);
		publish(writer);
	}
	send_results(batch);
	if (!error)
		tell_changes(writer);
	if (!error && writer->transaction.log.count)
		send_commit(writer, arena);
	else
		arena_destroy(arena);
}

/* What became of a checkpoint. */
static void take_checkpoint(struct registry_writer *writer, int code)
{
	if (code == SQLITE_OK)
		return;
	writer->transaction.store->code = code;
	transaction_end_on_fsync_error(&writer->transaction);
	report(writer, LOG_WARN, "the registry's log cannot be written back",
		store_text(writer->transaction.store));
	store_clear(writer->transaction.store);
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

	pthread_setname_np(pthread_self(), "writer");
	while (!stop) {
		struct registry_command *batch = take_batch(writer, &stop);
		page_tick(writer->slot);
		if (batch)
			run_batch(writer, batch);
		/* After the results have gone out, so that nobody waits for it but the next batch. */
		take_checkpoint(writer, checkpoint_run(&writer->checkpoint));
	}
	take_checkpoint(writer, checkpoint_stop(&writer->checkpoint));
	take_checkpoint(writer, checkpoint_truncate(&writer->checkpoint));
	return NULL;
}

const char *writer_path(const struct registry_writer *writer)
{
	return writer->path;
}

void writer_hold_log(struct registry_writer *writer, bool hold)
{
	atomic_fetch_add(&writer->checkpoint.held, hold ? 1 : -1);
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
	transaction_fail_all(command, -EBUSY, "too many writes are waiting for the registry");
	send_results(command);
}

/* -- Start and stop -- */

/* Our own node, in a transaction of its own. */
static int prepare_own_node(struct registry_writer *writer, char message[REGISTRY_MESSAGE])
{
	struct arena *arena = arena_create();
	int error = 0;

	transaction_begin(&writer->transaction, arena);
	changelog_command(&writer->transaction.log);
	error = apply_own_node(
		&writer->transaction.apply, writer->arena, writer->own_name, writer->own_address, message);
	if (!error) {
		changelog_finish(&writer->transaction.log);
		store_exec(writer->transaction.store, "COMMIT");
	}
	if (writer->transaction.store->code != SQLITE_OK)
		error = transaction_error(&writer->transaction, message);
	transaction_roll_back(&writer->transaction);
	arena_destroy(arena);
	return error;
}

static int open_registry(struct registry_writer *writer, char message[REGISTRY_MESSAGE])
{
	int version;
	int error = store_open(writer->path, STORE_WRITE, &writer->transaction.store, message);

	if (!error)
		error = migrations_inspect(writer->transaction.store, true, &version, message);
	if (error)
		return error;
	store_exec(writer->transaction.store, "PRAGMA journal_mode = WAL");
	error = migrations_run(writer->transaction.store, migrations, migrations_count,
		clock_wall(writer->config.clock) / CLOCK_NS_PER_S, message);
	if (error)
		return error;
	struct transaction *transaction = &writer->transaction;
	transaction->log = (struct changelog){.store = transaction->store,
		.rows = writer->config.limits.changelog_rows,
		.tells = writer->config.changed != NULL};
	transaction->apply = (struct apply){.store = transaction->store,
		.log = &transaction->log,
		.rules = {.limits = &writer->config.limits, .zone_size = writer->config.zone_size}};
	transaction->clock = writer->config.clock;
	transaction->report = writer->config.report;
	checkpoint_init(&writer->checkpoint, writer->transaction.store);
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
	checkpoint_stop(&writer->checkpoint);
	store_close(writer->transaction.store);
	arena_destroy(writer->arena);
	free(writer->path);
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
	writer->path = mem_strdup(config->path);
	writer->own_name = mem_strdup(config->node_name);
	writer->own_address = mem_strdup(config->node_address);
	writer->arena = arena_create();
	if (config->page)
		atomic_store(&config->page->state, PAGE_LOADING);
	int error = open_registry(writer, message);
	if (!error)
		error = checkpoint_start(&writer->checkpoint, writer->path, message);
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
