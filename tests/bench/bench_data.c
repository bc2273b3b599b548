/* bench_data.c -- makes the registry that is measured, by the registry's own writer, and shows it to the
 * peers.
 *
 *   bench_data fill REGISTRY SERVICES INSTANCES [TAG]   service-000000 ... with so many instances each
 *   bench_data zone REGISTRY ZONE                       the registry as a master file on stdout
 *   bench_data walk REGISTRY                            seconds that reading it takes
 *
 * An instance has an id of 20 characters, an IPv4 address, a port, and the tag if one is given. The zone
 * holds what svcdns answers for it: A and SRV of each service, its _service._tcp SRV and the addresses of the
 * instances. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "registry/registry.h"

enum { IN_FLIGHT = 4000 };

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

static void submit(struct registry_writer *writer, struct registry_inbox *inbox, unsigned service,
	unsigned number, const char *tag)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof(*instance));
	const char **tags = arena_alloc(command->arena, sizeof(*tags));

	*tags = tag;
	*instance =
		(struct registry_instance){.service = arena_printf(command->arena, "service-%06u", service),
			.id = arena_printf(command->arena, "instance-%011u", number),
			.address = arena_printf(command->arena, "10.%u.%u.%u", number >> 16 & 255,
				number >> 8 & 255, number & 255),
			.port = (uint16_t)(1024 + number % 60000),
			.tags = tags,
			.tag_count = tag ? 1 : 0,
			.weight_passing = 1,
			.weight_warning = 1,
			.agent = true};
	command->instance = instance;
	command->done = on_done;
	left++;
	registry_writer_submit(writer, command, inbox);
}

static void wait_for(struct registry_inbox *inbox, unsigned count)
{
	struct pollfd bell = {.fd = registry_inbox_fd(inbox), .events = POLLIN};

	while (left > count) {
		if (poll(&bell, 1, 60000) != 1)
			die("register", "no answer from the writer");
		registry_inbox_drain(inbox);
	}
}

static int fill(const char *path, unsigned services, unsigned each, const char *tag)
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
			.queue = 2 * IN_FLIGHT},
		.clock = clock_system(),
		.page = &page,
		.thread = &page.threads[PAGE_WRITER],
		.wake_fd = -1};
	const struct registry_inbox_handler handler = {.on_commit = NULL};
	struct registry_writer *writer;
	struct registry_inbox *inbox;
	char message[512] = "";

	if (registry_writer_start(&config, &writer, message) != 0)
		die(path, message);
	if (registry_inbox_create(&handler, &inbox) != 0)
		die("inbox", "cannot be made");
	for (unsigned service = 0; service < services; service++)
		for (unsigned i = 0; i < each; i++) {
			submit(writer, inbox, service, service * each + i, tag);
			if (left >= IN_FLIGHT)
				wait_for(inbox, IN_FLIGHT / 2);
		}
	wait_for(inbox, 0);
	registry_writer_stop(writer);
	registry_inbox_destroy(inbox);
	return 0;
}

static int show_service(
	const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	for (size_t i = 0; i < count; i++) {
		const struct registry_instance *instance = &instances[i];
		printf("%s A %s\n", service, instance->address);
		printf("%s SRV 1 1 %u %s.%s\n", service, instance->port, instance->label, service);
		printf("_%s._tcp SRV 1 1 %u %s.%s\n", service, instance->port, instance->label, service);
		printf("%s.%s A %s\n", instance->label, service, instance->address);
	}
	return 0;
}

static int zone(const char *path, const char *name)
{
	struct registry_reader *reader;
	uint64_t index;
	int error = registry_reader_open(path, &reader);

	if (error)
		die(path, strerror(-error));
	printf("$ORIGIN %s.\n$TTL 5\n@ SOA ns1 hostmaster 1 3600 600 86400 5\n@ NS ns1\nns1 A 127.0.0.1\n",
		name);
	error = registry_reader_walk(reader, show_service, NULL, &index);
	registry_reader_close(reader);
	if (error)
		die(path, strerror(-error));
	return fflush(stdout) != 0;
}

static int count_instances(
	const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	*(size_t *)ctx += count;
	return 0;
}

static int walk(const char *path)
{
	struct timespec start, end;
	struct registry_reader *reader;
	uint64_t index;
	size_t count = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	int error = registry_reader_open(path, &reader);
	if (!error)
		error = registry_reader_walk(reader, count_instances, &count, &index);
	if (error)
		die(path, strerror(-error));
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.4f seconds for %zu instances\n",
		(double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9, count);
	registry_reader_close(reader);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "zone") == 0)
		return zone(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "walk") == 0)
		return walk(argv[2]);
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
			(unsigned)strtoul(argv[4], NULL, 10), argc == 6 ? argv[5] : NULL);
	fprintf(stderr,
		"usage: bench_data fill REGISTRY SERVICES INSTANCES [TAG] | bench_data zone REGISTRY ZONE | "
		"bench_data walk REGISTRY\n");
	return 2;
}
