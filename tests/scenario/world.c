#include "world_private.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

struct health_probe {
	struct health_probe *next;
	struct health_probe_request request;
	char target[64];
	int64_t deadline_ns;
};

/* -- The probes' network -- */

static int start_probe(const struct health_check_type *type, const struct health_probe_request *request,
	void *ctx, struct health_probe **ret)
{
	struct world *world = ctx;
	struct health_probe *probe = calloc(1, sizeof(*probe));

	probe->request = *request;
	probe->deadline_ns = clock_now(&world->clock.clock) + request->timeout_ns;
	snprintf(probe->target, sizeof(probe->target), "%s", request->definition->target);
	probe->next = world->probes;
	*ret = world->probes = probe;
	return 0;
}

static void take_out(struct world *world, struct health_probe *probe)
{
	struct health_probe **at = &world->probes;

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
}

static void cancel_probe(const struct health_check_type *type, struct health_probe *probe, void *ctx)
{
	take_out(ctx, probe);
	free(probe);
}

static enum world_host host_of(const struct world *world, const char *target)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (strcmp(world->hosts[i].target, target) == 0)
			return world->hosts[i].host;
	return WORLD_UP;
}

bool world_run_network(struct world *world)
{
	static const struct health_result results[] = {
		[WORLD_UP] = {true, REGISTRY_PASSING, "up"},
		[WORLD_ILL] = {true, REGISTRY_WARNING, "ill"},
		[WORLD_DOWN] = {true, REGISTRY_CRITICAL, "connection refused"},
		[WORLD_SILENT] = {true, REGISTRY_CRITICAL, "i/o timeout"},
	};
	struct health_probe *probe = world->probes;

	while (probe && host_of(world, probe->target) == WORLD_SILENT &&
		probe->deadline_ns > clock_now(&world->clock.clock))
		probe = probe->next;
	if (!probe)
		return false;
	take_out(world, probe);
	probe->request.done(&results[host_of(world, probe->target)], probe->request.ctx);
	free(probe);
	return true;
}

/* -- The writer and the loops -- */

static int look_up(
	const char *node, const char *check_id, struct arena *arena, struct registry_check *ret, void *ctx)
{
	const struct registry_filter filter = {.node = node, .id = check_id};
	const struct registry_check *rows;
	struct registry_reader *reader;
	struct world *world = ctx;
	size_t count;

	assert_int_equal(registry_reader_open(world->path, &reader), 0);
	assert_int_equal(registry_reader_checks(reader, &filter, arena, &rows, &count), 0);
	registry_reader_close(reader);
	if (!count)
		return -ENOENT;
	*ret = rows[0];
	return 0;
}

static void submit_of_health(struct registry_command *command, void *ctx)
{
	struct world *world = ctx;

	if (world->disk_full) {
		command->error = -ENOSPC;
		command->next = world->refused;
		world->refused = command;
	} else {
		world->with_writer++;
		registry_writer_submit(world->writer, command, world->inbox);
	}
}

static void tell_refused(struct world *world)
{
	struct registry_command *command = world->refused, *next;

	world->refused = NULL;
	for (; command; command = next) {
		next = command->next;
		command->done(command, command->ctx);
		registry_command_destroy(command);
	}
}

static void on_commit(const struct registry_commit *commit, void *ctx)
{
	struct world *world = ctx;

	health_core_commit(&world->core, commit);
}

static void drain(struct world *world)
{
	struct pollfd poll_fd = {.fd = registry_inbox_fd(world->inbox), .events = POLLIN};

	assert_true(poll(&poll_fd, 1, 10000) == 1);
	registry_inbox_drain(world->inbox);
}

void world_run_dns(struct world *world)
{
	if (world->dns == WORLD_DNS_SERVES)
		assert_true(view_step(world->view) >= 0);
}

static void on_marker(struct registry_command *command, void *ctx)
{
	*(bool *)ctx = true;
}

/* A command without effect: what was submitted before it is answered before it. */
static void pass_marker(struct world *world)
{
	struct registry_command *marker = registry_command_create(REGISTRY_REMOVE_CHECK);
	bool reached = false;

	marker->node_name = "";
	marker->check_id = "no such check";
	marker->done = on_marker;
	marker->ctx = &reached;
	registry_writer_submit(world->writer, marker, world->inbox);
	while (!reached)
		drain(world);
}

/* Waits until the writer has answered all that it was given. Twice, because a transaction is told to
 * observers behind the results of its commands, and the first marker may be one of them. */
void world_settle_writer(struct world *world)
{
	world->with_writer = 0;
	pass_marker(world);
	pass_marker(world);
}

void world_run_loops(struct world *world)
{
	bool busy = true;

	while (busy) {
		health_core_step(&world->core);
		busy = world_run_network(world);
		tell_refused(world);
		while (world->with_writer) {
			world_settle_writer(world);
			busy = true;
		}
	}
	world_run_dns(world);
	publish_run(&world->gate, UINT_MAX);
}

/* -- Start and end -- */

void world_start_sidecar(struct world *world)
{
	const struct registry_inbox_handler handler = {.on_commit = on_commit, .ctx = world};
	const struct registry_config config = {
		.path = world->path,
		.node_name = "node",
		.node_address = "127.0.0.1",
		.zone_size = 15,
		.limits = {.instances = 1000,
			.checks_per_instance = 16,
			.tags_per_instance = 16,
			.tag_size = 64,
			.meta_pairs = 64,
			.meta_value_size = 512,
			.output_size = 4096,
			.changelog_rows = 1000,
			.queue = 1000},
		.clock = &world->clock.clock,
		.page = &world->sidecar_page,
		.thread = &world->sidecar_page.threads[PAGE_WRITER],
		.wake_fd = -1,
	};
	struct health_core_config core = {
		.tuning = {.in_flight = 64,
			.interval_min_ns = 1 * S,
			.interval_default_ns = 10 * S,
			.timeout_default_ns = 10 * S,
			.timeout_max_ns = 600 * S,
			.restart_spread_ns = 10 * S,
			.stopped_ns = 2 * S,
			.output_size = 4096},
		.seed = 1,
		.clock = &world->clock.clock,
		.metrics = &world->sidecar_page.threads[PAGE_HEALTH].metrics,
		.start = start_probe,
		.cancel = cancel_probe,
		.look_up = look_up,
		.submit = submit_of_health,
		.ctx = world,
	};
	const struct registry_filter all = {0};
	const struct registry_check *rows;
	struct arena *arena = arena_create();
	struct registry_reader *reader;
	char message[512];
	size_t count;

	if (registry_writer_start(&config, &world->writer, message) < 0)
		fail_msg("%s", message);
	core.live = world->live = registry_live_create(4096);
	health_core_init(&world->core, &core);
	/* As health.c does it: observe, then load. */
	assert_int_equal(registry_inbox_create(&handler, &world->inbox), 0);
	registry_writer_observe(world->writer, world->inbox);
	assert_int_equal(registry_reader_open(world->path, &reader), 0);
	assert_int_equal(registry_reader_checks(reader, &all, arena, &rows, &count), 0);
	for (size_t i = 0; i < count; i++)
		health_core_put(&world->core, &rows[i], false);
	registry_reader_close(reader);
	arena_destroy(arena);
}

void world_end_sidecar(struct world *world)
{
	health_core_finish(&world->core);
	registry_writer_stop(world->writer);
	registry_inbox_destroy(world->inbox);
	registry_live_destroy(world->live);
	for (struct registry_command *next; world->refused; world->refused = next) {
		next = world->refused->next;
		registry_command_destroy(world->refused);
	}
}

void world_start_dns(struct world *world)
{
	static const struct view_zone_config zone = {.name = "service.local"};
	const struct view_config config = {
		.zones = &zone,
		.zone_count = 1,
		.ttl = 5,
		.node_address = "127.0.0.1",
		.registry_path = world->path,
		.page = &world->dns_page,
		.thread = &world->dns_page.threads[PAGE_FOLLOWER],
		.wake_fd = -1,
		.notify_fd = -1,
	};
	char message[512];

	page_reset(&world->dns_page);
	if (view_create(&config, &world->view, message) < 0)
		fail_msg("%s", message);
	world->dns = WORLD_DNS_SERVES;
	world_run_dns(world);
}

int world_setup(void **state)
{
	struct world *world = aligned_alloc(64, (sizeof(*world) + 63) / 64 * 64);

	memset(world, 0, sizeof(*world));
	log_setup("test", LOG_ERROR);
	snprintf(world->folder, sizeof(world->folder), "/tmp/svcdns-scenario-XXXXXX");
	if (!mkdtemp(world->folder))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/registry.db", world->folder);
	clock_manual_init(&world->clock, 1000 * S, 1700000000 * S);
	view_reader_register();
	world_start_sidecar(world);
	world_start_dns(world);
	publish_init(&world->gate, &world->dns_page, &world->clock.clock,
		&world->sidecar_page.threads[PAGE_HTTP].metrics, 500 * MS);
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	struct world *world = *state;
	char path[128];

	publish_finish(&world->gate);
	world_end_sidecar(world);
	view_destroy(world->view);
	view_reader_unregister();
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", world->path, files[i]);
		unlink(path);
	}
	rmdir(world->folder);
	free(world);
	return 0;
}
