/* bench_fixture_real.c -- the real view of a real registry in a folder under /tmp, removed at the end. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_fixture.h"
#include "registry/registry.h"

static struct {
	char folder[32], path[64];
	struct page *page;
	unsigned left; /* commands without a result */
} state;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void on_done(struct registry_command *command, void *ctx)
{
	if (command->error)
		die("register", command->message);
	state.left--;
}

static void submit_instance(
	struct registry_writer *writer, struct registry_inbox *inbox, unsigned service, unsigned number)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof *instance);

	instance->service = arena_printf(command->arena, "s%04u", service);
	instance->id = arena_printf(command->arena, "i%03u-s%04u", number, service);
	instance->address =
		arena_printf(command->arena, "10.%u.%u.%u", service >> 8, service & 255, number & 255);
	instance->port = (uint16_t)(1000 + number);
	instance->weight_passing = instance->weight_warning = 1;
	instance->agent = true;
	command->instance = instance;
	command->done = on_done;
	state.left++;
	registry_writer_submit(writer, command, inbox);
}

static void wait_for(struct registry_inbox *inbox, unsigned left)
{
	struct pollfd bell = {.fd = registry_inbox_fd(inbox), .events = POLLIN};

	while (state.left > left) {
		if (poll(&bell, 1, 60000) != 1)
			die("register", "no answer from the writer");
		registry_inbox_drain(inbox);
	}
}

static void fill(unsigned services, unsigned instances)
{
	const struct registry_config config = {.path = state.path,
		.node_name = "bench",
		.node_address = "127.0.0.1",
		.zone_size = 15,
		.limits = {.instances = services * instances,
			.checks_per_instance = 1,
			.tags_per_instance = 1,
			.tag_size = 64,
			.meta_pairs = 1,
			.meta_value_size = 64,
			.output_size = 64,
			.changelog_rows = 1000,
			.queue = 4096},
		.clock = clock_system(),
		.page = state.page,
		.thread = &state.page->threads[PAGE_WRITER],
		.wake_fd = -1};
	const struct registry_inbox_handler handler = {.on_commit = NULL};
	struct registry_writer *writer;
	struct registry_inbox *inbox;
	char message[512] = "";

	if (registry_writer_start(&config, &writer, message) != 0)
		die("registry", message);
	if (registry_inbox_create(&handler, &inbox) != 0)
		die("registry", "no inbox");
	for (unsigned s = 0; s < services; s++)
		for (unsigned i = 0; i < instances; i++) {
			submit_instance(writer, inbox, s, i);
			wait_for(inbox, 2000);
		}
	wait_for(inbox, 0);
	registry_writer_stop(writer);
	registry_inbox_destroy(inbox);
}

struct view *bench_fixture_create(unsigned services, unsigned instances)
{
	static const struct view_zone_config zone = {.name = "service.local"};
	struct view *view;
	char message[512] = "";

	strcpy(state.folder, "/tmp/svcdns-bench-XXXXXX");
	if (!mkdtemp(state.folder))
		die("mkdtemp", state.folder);
	snprintf(state.path, sizeof state.path, "%s/registry.db", state.folder);
	state.page = aligned_alloc(64, sizeof *state.page);
	if (!state.page)
		die("page", "out of memory");
	memset(state.page, 0, sizeof *state.page);
	fill(services, instances);
	const struct view_config config = {.zones = &zone,
		.zone_count = 1,
		.ttl = 5,
		.node_address = "127.0.0.1",
		.registry_path = state.path,
		.thread = &state.page->threads[PAGE_FOLLOWER],
		.wake_fd = -1,
		.notify_fd = -1};
	if (view_create(&config, &view, message) != 0)
		die("view", message);
	if (view_step(view) < 0 || !view_ready(view))
		die("view", "it did not load");
	view_reader_register();
	view_read_begin();
	return view;
}

void bench_fixture_destroy(struct view *view)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	char path[80];

	view_read_end();
	view_reader_unregister();
	view_destroy(view);
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s%s", state.path, files[i]);
		unlink(path);
	}
	rmdir(state.folder);
	free(state.page);
}
