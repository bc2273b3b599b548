/* bench_registry.c -- what a registration costs in the registry alone: no HTTP, no probe.
 *
 *   bench_registry REGISTRY COUNT GROUP
 *
 * Registers COUNT instances with a TCP check each, ten to a service, and has each check pass in the next
 * commit, GROUP of both to a commit; after each commit the services that changed are read, as the view does.
 * Prints the processor time of the writer's thread and of the reader's, in microseconds for an instance. The
 * registry must not be there yet. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "registry/registry.h"

static unsigned left; /* commands without a result */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void on_done(struct registry_command *command, void *ctx)
{
	if (command->error)
		die("register", command->message);
	left--;
}

static void submit(
	struct registry_writer *writer, struct registry_inbox *inbox, struct registry_command *command)
{
	command->done = on_done;
	left++;
	registry_writer_submit(writer, command, inbox);
}

static struct registry_command *registration(unsigned number)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof(*instance));
	struct registry_check *check = arena_alloc(command->arena, sizeof(*check));

	*instance = (struct registry_instance){
		.service = arena_printf(command->arena, "service-%06u", number / 10),
		.id = arena_printf(command->arena, "instance-%011u", number),
		.address = "10.0.0.1",
		.port = (uint16_t)(1024 + number % 60000),
		.weight_passing = 1,
		.weight_warning = 1,
		.agent = true};
	*check = (struct registry_check){.status = REGISTRY_CRITICAL,
		.definition = {.type = REGISTRY_CHECK_TCP,
			.target = "127.0.0.1:12345",
			.interval_ns = 600 * INT64_C(1000000000),
			.timeout_ns = 10 * INT64_C(1000000000)}};
	command->instance = instance;
	command->checks = check;
	command->check_count = 1;
	return command;
}

static struct registry_command *first_result(unsigned number)
{
	struct registry_command *command = registry_command_create(REGISTRY_SET_STATUS);

	command->check_id = arena_printf(command->arena, "service:instance-%011u", number);
	command->status = REGISTRY_PASSING;
	command->output = "TCP connect 127.0.0.1:12345: Success";
	command->reason = command->output;
	return command;
}

static void wait_for_results(struct registry_inbox *inbox)
{
	struct pollfd bell = {.fd = registry_inbox_fd(inbox), .events = POLLIN};

	while (left > 0) {
		if (poll(&bell, 1, 60000) != 1)
			die("register", "no answer from the writer");
		registry_inbox_drain(inbox);
	}
}

/* What the view does after a commit. */
static void follow(struct registry_reader *reader, uint64_t *seen)
{
	struct arena *arena = arena_create();
	const struct registry_instance *instances;
	const char *const *names;
	size_t count, rows;
	int error = registry_reader_begin(reader);

	if (!error)
		error = registry_reader_changes(reader, *seen, arena, &names, &count, seen);
	for (size_t i = 0; !error && i < count; i++) {
		const struct registry_filter filter = {.service = names[i]};
		error = registry_reader_instances(reader, &filter, arena, &instances, &rows);
	}
	registry_reader_end(reader);
	arena_destroy(arena);
	if (error)
		die("follow", strerror(-error));
}

static double seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void measure(const char *path, unsigned count, unsigned group)
{
	static struct page page;
	const struct registry_config config = {.path = path,
		.node_name = "bench",
		.node_address = "127.0.0.1",
		.zone_size = 15,
		.limits = {.instances = 100000000,
			.checks_per_instance = 32,
			.tags_per_instance = 128,
			.tag_size = 16384,
			.meta_pairs = 64,
			.meta_value_size = 512,
			.output_size = 4096,
			.changelog_rows = 100000,
			.queue = 4 * group},
		.clock = clock_system(),
		.page = &page,
		.thread = &page.threads[PAGE_WRITER],
		.wake_fd = -1};
	const struct registry_inbox_handler handler = {.on_commit = NULL};
	struct registry_writer *writer;
	struct registry_reader *reader;
	struct registry_inbox *inbox;
	char message[512] = "";
	uint64_t seen;

	if (registry_writer_start(&config, &writer, message) != 0)
		die(path, message);
	if (registry_inbox_create(&handler, &inbox) != 0 || registry_reader_open(path, &reader) != 0 ||
		registry_reader_index(reader, &seen) != 0)
		die(path, "cannot be read");
	double own = seconds(CLOCK_THREAD_CPUTIME_ID), all = seconds(CLOCK_PROCESS_CPUTIME_ID), reading = 0;
	double start = seconds(CLOCK_MONOTONIC);
	for (unsigned first = 0; first < count + group; first += group) {
		for (unsigned i = first; i < first + group; i++) {
			if (i < count)
				submit(writer, inbox, registration(i));
			if (i >= group && i - group < count)
				submit(writer, inbox, first_result(i - group));
		}
		wait_for_results(inbox);
		double before = seconds(CLOCK_THREAD_CPUTIME_ID);
		follow(reader, &seen);
		reading += seconds(CLOCK_THREAD_CPUTIME_ID) - before;
	}
	own = seconds(CLOCK_THREAD_CPUTIME_ID) - own;
	all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
	printf("%.1f us writing, %.1f us reading, %.1f us real, %lu commits for %u instances\n",
		(all - own) * 1e6 / count, reading * 1e6 / count,
		(seconds(CLOCK_MONOTONIC) - start) * 1e6 / count,
		(unsigned long)atomic_load(
			&page.threads[PAGE_WRITER].metrics.values[METRIC_REGISTRY_COMMITS]),
		count);
	registry_reader_close(reader);
	registry_writer_stop(writer);
	registry_inbox_destroy(inbox);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench_registry REGISTRY COUNT GROUP\n");
		return 2;
	}
	measure(argv[1], (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
	return 0;
}
