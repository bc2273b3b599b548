/* The writer's thread: group commit, order, and every way in which a disk can fail. */
#include "fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "net/wake.h"

static uint64_t metric(struct fixture *f, enum metric id)
{
	return atomic_load(&f->page->threads[PAGE_WRITER].metrics.values[id]);
}

/* A connection of another program that holds the write lock. */
static sqlite3 *lock(struct fixture *f)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void unlock(sqlite3 *db)
{
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* -- Senders -- */

struct sender {
	struct fixture *f;
	struct registry_inbox *inbox;
	const char *service;
	unsigned count, done, bad;
	unsigned long next; /* the number of the command that must come next */
	uint64_t index;
	pthread_t thread;
};

static void on_sent(struct registry_command *command, void *ctx)
{
	struct sender *sender = ctx;

	sender->bad += command->error != 0;
	sender->bad += strtoul(command->instance->id, NULL, 10) != sender->next++;
	sender->bad += command->index <= sender->index;
	/* The law: whoever holds a result finds its index published. */
	sender->bad += atomic_load_explicit(&sender->f->page->index, memory_order_acquire) < command->index;
	sender->index = command->index;
	sender->done++;
}

static void submit(struct sender *sender)
{
	char id[16];

	for (unsigned i = 0; i < sender->count; i++) {
		snprintf(id, sizeof(id), "%u", i);
		struct registry_command *command = put_on_node(sender->service, sender->service, id);
		command->done = on_sent;
		command->ctx = sender;
		registry_writer_submit(sender->f->writer, command, sender->inbox);
	}
}

static void collect(struct sender *sender)
{
	struct pollfd bell = {.fd = registry_inbox_fd(sender->inbox), .events = POLLIN};

	while (sender->done < sender->count && poll(&bell, 1, 20000) == 1)
		registry_inbox_drain(sender->inbox);
}

static void *send_and_collect(void *ctx)
{
	submit(ctx);
	collect(ctx);
	return NULL;
}

static void results_come_in_order(void **state)
{
	struct fixture *f = *state;
	struct sender senders[2] = {
		{.f = f, .service = "a", .count = 300}, {.f = f, .service = "b", .count = 300}};

	for (int i = 0; i < 2; i++) {
		assert_int_equal(registry_inbox_create(NULL, &senders[i].inbox), 0);
		assert_int_equal(pthread_create(&senders[i].thread, NULL, send_and_collect, &senders[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(senders[i].thread, NULL);
		assert_int_equal(senders[i].done, 300);
		assert_int_equal(senders[i].bad, 0);
		registry_inbox_destroy(senders[i].inbox);
	}
	assert_string_equal(sql_text(f, "SELECT count(*) FROM svcdns_instances"), "600");
	/* And the observer saw each commit: once it has the last, it had all. */
	must(f, put_instance("c", "last"));
	assert_int_equal(f->commits, metric(f, METRIC_REGISTRY_COMMITS));
}

static void what_waits_is_committed_together(void **state)
{
	struct fixture *f = *state;
	struct sender sender = {.f = f, .service = "a", .count = 400};
	uint64_t commits = metric(f, METRIC_REGISTRY_COMMITS), changes = metric(f, METRIC_REGISTRY_CHANGES);
	uint64_t commands = metric(f, METRIC_REGISTRY_COMMANDS_PUT_INSTANCE);
	sqlite3 *db = lock(f);

	assert_int_equal(registry_inbox_create(NULL, &sender.inbox), 0);
	submit(&sender);
	unlock(db);
	collect(&sender);
	registry_inbox_destroy(sender.inbox);
	assert_int_equal(sender.done, 400);
	assert_int_equal(sender.bad, 0);
	assert_int_equal(metric(f, METRIC_REGISTRY_COMMANDS_PUT_INSTANCE) - commands, 400);
	assert_int_equal(metric(f, METRIC_REGISTRY_CHANGES) - changes, 400);
	assert_in_range(metric(f, METRIC_REGISTRY_COMMITS) - commits, 1, 3);
	/* Each commit was timed. */
	uint64_t timed = 0;
	for (unsigned i = 0; i <= METRICS_TIME_BOUNDS; i++)
		timed += metric(f, METRIC_REGISTRY_COMMIT_DURATION + i);
	assert_int_equal(timed, metric(f, METRIC_REGISTRY_COMMITS));
}

static void a_refused_one_undoes_nothing_else(void **state)
{
	struct fixture *f = *state;
	uint64_t refusals = metric(f, METRIC_REGISTRY_REFUSED);
	sqlite3 *db = lock(f);

	/* Without an inbox nobody is told; all three wait for the lock, in one or two transactions. */
	registry_writer_submit(f->writer, put_instance("web", "w1"), NULL);
	registry_writer_submit(f->writer, put_instance("-bad", "w2"), NULL);
	registry_writer_submit(f->writer, put_instance("web", "w3"), NULL);
	unlock(db);
	must(f, put_instance("web", "w4"));
	assert_string_equal(sql_text(f, "SELECT group_concat(id) FROM (SELECT id FROM instance ORDER BY id)"),
		"w1,w3,w4");
	assert_int_equal(metric(f, METRIC_REGISTRY_REFUSED), refusals + 1);
}

/* A limit that is seen only after something was written. */
static void one_refused_late_undoes_nothing_else(void **state)
{
	struct fixture *f = *state;

	f->config.limits.checks_per_instance = 1;
	fixture_start(f);
	uint64_t first = must(f, put_instance("web", "w1")) + 1;
	sqlite3 *db = lock(f);
	struct registry_command *late = put_instance("late", "w2");
	add_check(late, "c1", REGISTRY_CHECK_TTL);
	add_check(late, "c2", REGISTRY_CHECK_TTL);
	registry_writer_submit(f->writer, put_instance("db", "d1"), NULL);
	registry_writer_submit(f->writer, put_instance("web", "w3"), NULL);
	registry_writer_submit(f->writer, late, NULL);
	registry_writer_submit(f->writer, put_instance("db", "d2"), NULL);
	unlock(db);
	assert_int_equal(must(f, put_instance("api", "a1")), first + 3);
	assert_string_equal(sql_text(f, "SELECT group_concat(id) FROM (SELECT id FROM instance ORDER BY id)"),
		"a1,d1,d2,w1,w3");
	assert_string_equal(sql_text(f, "SELECT (SELECT count(*) FROM checks) || ' ' || count(*) FROM name"),
		"0 8"); /* five instances, three services */
	assert_string_equal(sql_text(f, "SELECT value FROM meta WHERE key = 'instances'"), "5");
	/* Each has the index of its last change in that transaction. */
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICE, "web"), first + 1);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_SERVICE, "db"), first + 2);
	assert_int_equal(resource(f, REGISTRY_RESOURCE_NODE, "own"), first + 3);
}

static void nothing_changed_is_nothing_written(void **state)
{
	struct fixture *f = *state;

	must(f, put_instance("web", "w"));
	uint64_t commits = metric(f, METRIC_REGISTRY_COMMITS);
	const char *version = sql_text(f, "PRAGMA data_version");
	for (int i = 0; i < 5; i++)
		assert_false(run(f, put_instance("web", "w")).changed);
	assert_int_equal(metric(f, METRIC_REGISTRY_COMMITS), commits);
	assert_string_equal(sql_text(f, "PRAGMA data_version"), version);
}

static void the_view_is_woken_before_the_result(void **state)
{
	struct fixture *f = *state;

	f->config.wake_fd = net_wake_create();
	fixture_start(f);
	struct pollfd bell = {.fd = f->config.wake_fd, .events = POLLIN};
	assert_int_equal(poll(&bell, 1, 0), 1); /* the registry is open */
	net_wake_clear(f->config.wake_fd);
	must(f, put_instance("web", "w"));
	assert_int_equal(poll(&bell, 1, 0), 1);
	net_wake_clear(f->config.wake_fd);
	must(f, put_instance("web", "w"));
	assert_int_equal(poll(&bell, 1, 0), 0);
	close(f->config.wake_fd);
	f->config.wake_fd = -1;
}

static void a_full_queue_says_so(void **state)
{
	struct fixture *f = *state;

	f->config.limits.queue = 0;
	fixture_start(f);
	struct result result = run(f, put_instance("web", "w"));
	assert_int_equal(result.error, -EBUSY);
	assert_non_null(strstr(result.message, "too many writes are waiting"));
}

static void what_was_submitted_is_applied_before_the_end(void **state)
{
	struct fixture *f = *state;
	char id[16];

	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "%d", i);
		registry_writer_submit(f->writer, put_instance("web", id), f->inbox);
	}
	fixture_stop(f); /* with results that nobody took */
	fixture_start(f);
	assert_string_equal(sql_text(f, "SELECT count(*) FROM instance"), "50");
}

/* -- Faults -- */

static void a_locked_registry_answers_in_time(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = lock(f);
	unsigned tries = 0;
	int64_t took;

	do { /* a busy machine may hold us up for longer, but not every time */
		int64_t begin = clock_now(clock_system());
		struct result result = run(f, put_instance("web", "w"));

		took = clock_now(clock_system()) - begin;
		assert_int_equal(result.error, -EBUSY);
		assert_non_null(strstr(result.message, "locked by another program"));
		assert_int_equal(metric(f, METRIC_REGISTRY_FAILED), ++tries);
	} while (took >= 2 * CLOCK_NS_PER_S && tries < 8);
	assert_true(took < 2 * CLOCK_NS_PER_S);
	unlock(db);
	must(f, put_instance("web", "w"));
}

static void start_faulty(struct fixture *f)
{
	fault_vfs_register();
	fixture_start(f);
}

static void stop_faulty(struct fixture *f)
{
	fault_vfs_set(FAULT_NONE);
	fixture_stop(f);
	fault_vfs_unregister();
}

static void a_full_disk_fails_writes_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	uint64_t index;

	start_faulty(f);
	uint64_t before = must(f, put_instance("web", "w"));
	fault_vfs_set(FAULT_DISK_FULL);
	struct result result = run(f, put_instance("web", "w2"));
	assert_int_equal(result.error, -ENOSPC);
	assert_non_null(strstr(result.message, "the disk is full"));
	assert_int_equal(run(f, remove_instance("w")).error, -ENOSPC);
	/* Reads go on, and show what was committed. */
	assert_int_equal(registry_reader_index(f->reader, &index), 0);
	assert_int_equal(index, before);
	assert_int_equal(atomic_load(&f->page->index), before);
	assert_non_null(find_instance(f, "w"));
	assert_null(find_instance(f, "w2"));
	fault_vfs_set(FAULT_NONE);
	assert_int_equal(must(f, put_instance("web", "w2")), before + 1);
	stop_faulty(f);
}

static void a_write_error_is_told(void **state)
{
	struct fixture *f = *state;

	start_faulty(f);
	fault_vfs_set(FAULT_WRITE);
	struct result result = run(f, put_instance("web", "w"));
	assert_int_equal(result.error, -EIO);
	assert_non_null(strstr(result.message, "the registry cannot be written"));
	fault_vfs_set(FAULT_NONE);
	must(f, put_instance("web", "w"));
	stop_faulty(f);
}

static int report_fd;

static void on_report(enum log_level level, const char *message, const char *detail)
{
	dprintf(report_fd, "%s", message);
}

/* An instance whose row takes two pages. */
static struct registry_command *put_large(const char *id)
{
	struct registry_command *command = put_instance("web", id);
	const char **tags = arena_alloc(command->arena, 8 * sizeof(*tags));

	for (int i = 0; i < 8; i++)
		tags[i] = arena_printf(command->arena, "%d%0980d", i, 0);
	instance_of(command)->tags = tags;
	instance_of(command)->tag_count = 8;
	return command;
}

static void assert_fsync_error_ends(struct fixture *f, enum fault fault, unsigned registrations)
{
	char text[256] = "";
	int pipes[2], status;

	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (!child) {
		report_fd = pipes[1];
		f->config.report = on_report;
		start_faulty(f);
		fault_vfs_set(fault);
		for (unsigned i = 0; i < registrations; i++)
			run(f, put_large(arena_printf(f->arena, "%u", i)));
		poll(NULL, 0, 20000);
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EX_IOERR);
	assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "failed to sync"));
	close(pipes[0]);
	fixture_start(f); /* whatever is there, it is whole */
	must(f, put_instance("web", "w"));
	assert_string_equal(sql_text(f, "PRAGMA integrity_check"), "ok");
}

static void an_fsync_error_ends_the_process(void **state)
{
	assert_fsync_error_ends(*state, FAULT_FSYNC, 1);
}

/* The thread that copies the log answers nobody: the writer ends, before anything is copied again. The log is
 * too small for the writer to copy it itself. */
static void so_does_one_of_a_checkpoint(void **state)
{
	assert_fsync_error_ends(*state, FAULT_FSYNC_DATABASE, 250);
}

#define ACKNOWLEDGED 600 /* enough that the log was copied meanwhile */

/* The child registers for ever, tells each acknowledged id, and kills itself in the middle. */
static void on_acknowledged(struct registry_command *command, void *ctx)
{
	static unsigned count;
	int *fd = ctx;
	unsigned number = (unsigned)strtoul(command->instance->id, NULL, 10);

	if (command->error || write(*fd, &number, sizeof(number)) != sizeof(number))
		_exit(1);
	if (++count == ACKNOWLEDGED)
		kill(getpid(), SIGKILL);
}

static void register_until_killed(struct fixture *f, int fd)
{
	char id[16];

	fixture_start(f);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		struct registry_command *command = put_large(id);
		add_check(command, NULL, REGISTRY_CHECK_TTL);
		command->done = on_acknowledged;
		command->ctx = &fd;
		registry_writer_submit(f->writer, command, f->inbox);
		registry_inbox_drain(f->inbox);
	}
	for (;;) {
		struct pollfd bell = {.fd = registry_inbox_fd(f->inbox), .events = POLLIN};
		poll(&bell, 1, 20000);
		registry_inbox_drain(f->inbox);
	}
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	struct fixture *f = *state;
	unsigned number, count = 0;
	int pipes[2], status;
	char id[16];

	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (!child) {
		register_until_killed(f, pipes[1]);
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	fixture_start(f);
	while (read(pipes[0], &number, sizeof(number)) == sizeof(number)) {
		snprintf(id, sizeof(id), "%u", number);
		assert_non_null(find_instance(f, id));
		count++;
	}
	close(pipes[0]);
	assert_int_equal(count, ACKNOWLEDGED);
	/* Unacknowledged ones are there or not, never by half. */
	assert_string_equal(
		sql_text(f, "SELECT (SELECT count(*) FROM instance) - (SELECT count(*) FROM checks)"), "0");
	assert_string_equal(
		sql_text(f,
			"SELECT value - (SELECT count(*) FROM instance) FROM meta WHERE key = 'instances'"),
		"0");
	assert_string_equal(sql_text(f, "PRAGMA integrity_check"), "ok");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
#define TEST_FOLDER(function) cmocka_unit_test_setup_teardown(function, fixture_folder, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(results_come_in_order),
		TEST(what_waits_is_committed_together),
		TEST(a_refused_one_undoes_nothing_else),
		TEST_FOLDER(one_refused_late_undoes_nothing_else),
		TEST(nothing_changed_is_nothing_written),
		TEST_FOLDER(the_view_is_woken_before_the_result),
		TEST_FOLDER(a_full_queue_says_so),
		TEST(what_was_submitted_is_applied_before_the_end),
		TEST(a_locked_registry_answers_in_time),
		TEST_FOLDER(a_full_disk_fails_writes_until_there_is_room),
		TEST_FOLDER(a_write_error_is_told),
		TEST_FOLDER(an_fsync_error_ends_the_process),
		TEST_FOLDER(so_does_one_of_a_checkpoint),
		TEST_FOLDER(what_was_acknowledged_survives_kill_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
