/* bench_view.c -- what an instance costs in the view: bytes, and time to render and to look up.
 *
 * Run: bench_view [instances] [instances per service]. Each instance has an id of 20 characters, an IPv4
 * address and one tag. Memory is what malloc has handed out (mallinfo2), hash map included. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "view/services.h"

#define LOOKUPS 2000000u
#define NAMES 16384u

/* Of this thread's CPU: others may run beside us. */
static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void apply(struct services *services, unsigned number, unsigned count, struct registry_instance *rows,
	char (*texts)[2][24])
{
	static const char *const tag = "prod";
	char name[32];

	snprintf(name, sizeof(name), "service-%06u", number);
	for (unsigned i = 0; i < count; i++) {
		unsigned n = number * count + i;
		snprintf(texts[i][0], sizeof(texts[i][0]), "instance-%011u", n);
		snprintf(texts[i][1], sizeof(texts[i][1]), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255,
			n & 255);
		rows[i] = (struct registry_instance){.node = "n1",
			.id = texts[i][0],
			.service = name,
			.label = texts[i][0],
			.address = texts[i][1],
			.node_address = "",
			.port = 8080,
			.tags = &tag,
			.tag_count = 1,
			.weight_passing = 1};
	}
	const struct render_request request = {
		.service = name, .instances = rows, .count = count, .ttl = 5, .zone_size = 15};
	services_apply(services, &request);
}

/* Looks random services up as a query does: one hash, one lookup. */
static void look_up(const struct services *services, unsigned service_count)
{
	uint8_t(*names)[32] = mem_alloc(NAMES * sizeof(*names));
	uint64_t records = 0, random = 1;
	char name[32];

	for (unsigned i = 0; i < NAMES; i++) {
		uint8_t wire[WIRE_NAME_MAX];
		random = random * 6364136223846793005u + 1442695040888963407u;
		snprintf(name, sizeof(name), "service-%06u", (unsigned)((random >> 33) % service_count));
		names[i][0] = (uint8_t)(wire_name_parse(name, wire) - 1);
		memcpy(names[i] + 1, wire, names[i][0]);
	}
	rcu_online();
	double start = cpu_seconds();
	for (unsigned i = 0; i < LOOKUPS; i++) {
		const uint8_t *wanted = names[i % NAMES];
		uint64_t hash = table_hash(&services->table, wanted + 1, wanted[0]);
		const struct table_node *node = table_find(&services->table, hash, wanted + 1, wanted[0]);
		records += table_answer(node)->rrsets[0].count;
	}
	double seconds = cpu_seconds() - start;
	rcu_offline();
	printf("%.0f ns for one lookup among %u random names, %.1f records each\n", seconds * 1e9 / LOOKUPS,
		NAMES, (double)records / LOOKUPS);
	free(names);
}

int main(int argc, char **argv)
{
	unsigned instances = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
	unsigned each = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;

	if (instances == 0 || each == 0 || each > instances) {
		fprintf(stderr, "usage: bench_view [instances] [instances per service]\n");
		return 1;
	}
	struct registry_instance *rows = mem_alloc(each * sizeof(*rows));
	char(*texts)[2][24] = mem_alloc(each * sizeof(*texts));
	struct services services;
	unsigned service_count = instances / each;

	rcu_register();
	size_t before = memory_used();
	services_init(&services, NULL, NULL, NULL);
	double start = cpu_seconds();
	for (unsigned i = 0; i < service_count; i++)
		apply(&services, i, each, rows, texts);
	double seconds = cpu_seconds() - start;
	size_t used = memory_used() - before;
	printf("%u instances in %u services: %zu names, %.0f bytes per instance, %.2f s to render (%.2f us "
	       "each)\n",
		service_count * each, service_count, services.table.count,
		(double)used / (service_count * each), seconds, seconds * 1e6 / (service_count * each));
	look_up(&services, service_count);
	services_finish(&services);
	rcu_unregister();
	free(rows);
	free(texts);
	return 0;
}
