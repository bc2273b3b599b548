#include "fixture.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

static const char *const kind_names[] = {"service", "put", "gone", "node"};

static void on_commit(const struct registry_commit *commit, void *ctx)
{
	struct fixture *f = ctx;
	size_t used = 0;

	f->commits++;
	f->committed = commit->index;
	f->changes[0] = '\0';
	for (size_t i = 0; i < commit->count && used < sizeof(f->changes) - 200; i++) {
		const struct registry_change *change = &commit->changes[i];
		const char *name = change->kind == REGISTRY_SERVICE_CHANGED ? change->service
				   : change->kind == REGISTRY_NODE_CHANGED  ? change->node
									    : change->check_id;
		used += (size_t)snprintf(f->changes + used, sizeof(f->changes) - used, "%s:%s%s ",
			kind_names[change->kind], name, change->fresh ? "!" : "");
	}
}

int fixture_folder(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	/* In memory where there is such a place: the tests sync thousands of times. */
	strcpy(f->folder, "/dev/shm/svcdns-registry-XXXXXX");
	if (!mkdtemp(f->folder)) {
		strcpy(f->folder, "/tmp/svcdns-registry-XXXXXX");
		if (!mkdtemp(f->folder))
			return -1;
	}
	snprintf(f->path, sizeof(f->path), "%s/registry.db", f->folder);
	clock_manual_init(&f->clock, 1, START_S * CLOCK_NS_PER_S);
	f->page = aligned_alloc(64, sizeof(*f->page));
	memset(f->page, 0, sizeof(*f->page));
	f->arena = arena_create();
	f->config = (struct registry_config){.path = f->path,
		.node_name = "own",
		.node_address = "192.0.2.1",
		.zone_size = 15,
		.limits = {.instances = 100000,
			.checks_per_instance = 8,
			.tags_per_instance = 8,
			.tag_size = 1000,
			.meta_pairs = 64,
			.meta_value_size = 512,
			.output_size = 100,
			.changelog_rows = 10000,
			.queue = 100000},
		.clock = &f->clock.clock,
		.page = f->page,
		.thread = &f->page->threads[PAGE_WRITER],
		.wake_fd = -1};
	*state = f;
	return 0;
}

void fixture_start(struct fixture *f)
{
	char message[512] = "";
	const struct registry_inbox_handler handler = {.on_commit = on_commit, .ctx = f};

	if (registry_writer_start(&f->config, &f->writer, message))
		fail_msg("%s", message);
	assert_int_equal(registry_inbox_create(&handler, &f->inbox), 0);
	registry_writer_observe(f->writer, f->inbox);
	assert_int_equal(registry_reader_open(f->path, &f->reader), 0);
}

void fixture_stop(struct fixture *f)
{
	registry_reader_close(f->reader);
	registry_writer_stop(f->writer);
	registry_inbox_destroy(f->inbox);
	f->reader = NULL;
	f->writer = NULL;
	f->inbox = NULL;
}

int fixture_setup(void **state)
{
	if (fixture_folder(state))
		return -1;
	fixture_start(*state);
	return 0;
}

int fixture_teardown(void **state)
{
	static const char *const files[] = {"", "-wal", "-shm", "-link", "-journal"};
	struct fixture *f = *state;
	char path[128];

	fixture_stop(f);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, files[i]);
		unlink(path);
	}
	rmdir(f->folder);
	arena_destroy(f->arena);
	free(f->page);
	free(f);
	return 0;
}

static void on_done(struct registry_command *command, void *ctx)
{
	struct result *result = ctx;

	*result = (struct result){
		.done = true, .error = command->error, .index = command->index, .changed = command->changed};
	strcpy(result->message, command->message);
}

static void wait_for_bell(struct fixture *f)
{
	struct pollfd bell = {.fd = registry_inbox_fd(f->inbox), .events = POLLIN};

	assert_int_equal(poll(&bell, 1, 20000), 1);
	registry_inbox_drain(f->inbox);
}

struct transaction fixture_transaction(struct fixture *f)
{
	struct store *store;
	char message[512];

	assert_int_equal(store_open(f->path, STORE_WRITE, &store, message), 0);
	return (struct transaction){
		.store = store,
		.log = {.store = store, .rows = f->config.limits.changelog_rows},
		.apply = {.store = store, .rules = {.limits = &f->config.limits}, .own_node = "own"},
		.clock = &f->clock.clock,
	};
}

struct result run(struct fixture *f, struct registry_command *command)
{
	struct result result = {0};

	command->done = on_done;
	command->ctx = &result;
	registry_writer_submit(f->writer, command, f->inbox);
	while (!result.done)
		wait_for_bell(f);
	while (result.changed && f->committed < result.index)
		wait_for_bell(f);
	return result;
}

struct registry_command *put_instance(const char *service, const char *id)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof(*instance));

	instance->service = arena_strdup(command->arena, service);
	instance->id = arena_strdup(command->arena, id);
	instance->address = "10.0.0.1";
	instance->port = 80;
	instance->weight_passing = instance->weight_warning = 1;
	instance->agent = true;
	command->instance = instance;
	return command;
}

struct registry_instance *instance_of(struct registry_command *command)
{
	struct registry_instance *copy = arena_alloc(command->arena, sizeof(*copy));

	*copy = *command->instance;
	command->instance = copy;
	return copy;
}

struct registry_command *put_on_node(const char *node, const char *service, const char *id)
{
	struct registry_command *command = put_instance(service, id);
	struct registry_node *row = arena_alloc(command->arena, sizeof(*row));

	row->name = arena_strdup(command->arena, node);
	row->address = "192.0.2.9";
	command->node = row;
	instance_of(command)->agent = false;
	return command;
}

struct registry_command *put_node(const char *name, const char *address)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_NODE);
	struct registry_node *row = arena_alloc(command->arena, sizeof(*row));

	row->name = arena_strdup(command->arena, name);
	row->address = arena_strdup(command->arena, address);
	command->node = row;
	return command;
}

struct registry_command *remove_instance(const char *id)
{
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_INSTANCE);

	command->instance_id = arena_strdup(command->arena, id);
	return command;
}

struct registry_check *add_check(
	struct registry_command *command, const char *id, enum registry_check_type type)
{
	struct registry_check *checks =
		arena_alloc(command->arena, (command->check_count + 1) * sizeof(*checks));
	struct registry_check *check = &checks[command->check_count];

	if (command->check_count)
		memcpy(checks, command->checks, command->check_count * sizeof(*checks));
	check->id = arena_strdup(command->arena, id);
	check->status = REGISTRY_CRITICAL;
	check->definition.type = type;
	if (type == REGISTRY_CHECK_TTL)
		check->definition.ttl_ns = 10 * CLOCK_NS_PER_S;
	if (type == REGISTRY_CHECK_TCP || type == REGISTRY_CHECK_HTTP || type == REGISTRY_CHECK_GRPC)
		check->definition.interval_ns = 10 * CLOCK_NS_PER_S;
	if (type == REGISTRY_CHECK_TCP || type == REGISTRY_CHECK_GRPC)
		check->definition.target = "127.0.0.1:80";
	if (type == REGISTRY_CHECK_HTTP)
		check->definition.target = "http://127.0.0.1/";
	command->checks = checks;
	command->check_count++;
	return check;
}

struct registry_command *put_check(const char *id, const char *instance_id, enum registry_check_type type)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);

	add_check(command, id, type)->instance_id = arena_strdup(command->arena, instance_id);
	return command;
}

struct registry_command *set_status(const char *id, enum registry_status status, const char *output)
{
	struct registry_command *command = registry_command_create(REGISTRY_SET_STATUS);

	command->check_id = arena_strdup(command->arena, id);
	command->status = status;
	command->output = arena_strdup(command->arena, output);
	return command;
}

struct registry_command *set_maintenance(const char *instance_id, bool enable)
{
	struct registry_command *command = registry_command_create(REGISTRY_SET_MAINTENANCE);

	command->instance_id = arena_strdup(command->arena, instance_id);
	command->enable = enable;
	return command;
}

uint64_t must(struct fixture *f, struct registry_command *command)
{
	struct result result = run(f, command);

	if (result.error)
		fail_msg("%d: %s", result.error, result.message);
	return result.index;
}

void refused(struct fixture *f, struct registry_command *command, int error, const char *text)
{
	uint64_t before, after;

	assert_int_equal(registry_reader_index(f->reader, &before), 0);
	struct result result = run(f, command);
	if (result.error != error || !strstr(result.message, text))
		fail_msg("expected %d '%s', got %d '%s'", error, text, result.error, result.message);
	assert_int_equal(result.index, 0);
	assert_false(result.changed);
	assert_int_equal(registry_reader_index(f->reader, &after), 0);
	assert_int_equal(before, after);
}

const struct registry_instance *find_instance(struct fixture *f, const char *id)
{
	const struct registry_instance *list;
	size_t count;

	assert_int_equal(registry_reader_instances(
				 f->reader, &(struct registry_filter){.id = id}, f->arena, &list, &count),
		0);
	return count ? &list[0] : NULL;
}

const struct registry_check *find_check(struct fixture *f, const char *id)
{
	const struct registry_check *list;
	size_t count;

	assert_int_equal(registry_reader_checks(
				 f->reader, &(struct registry_filter){.id = id}, f->arena, &list, &count),
		0);
	return count ? &list[0] : NULL;
}

uint64_t resource(struct fixture *f, enum registry_resource kind, const char *name)
{
	uint64_t index = 0;

	assert_int_equal(registry_reader_resource(f->reader, kind, name, &index), 0);
	return index;
}

const char *sql_text(struct fixture *f, const char *sql)
{
	const char *text = NULL;
	sqlite3 *db;
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(statement) == SQLITE_ROW)
		text = arena_strdup(f->arena, (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}
