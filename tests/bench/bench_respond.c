/* bench_respond.c -- nanoseconds for an answer, without the kernel.
 *
 *   bench_respond                        all kinds
 *   bench_respond --kind SRV             one kind
 *   valgrind --tool=callgrind --toggle-collect=dns_respond bench_respond --kind A --count 10000
 *                                        instructions: the total divided by the count
 *
 * Queries go over all services in a scattered order, so that what an answer reads is not always in the
 * nearest cache. Build with -Dbuildtype=release and nothing else running. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_fixture.h"
#include "dns/dns.h"

#define QUERIES 4096
#define BATCH 32
#define ROUNDS 5

struct kind {
	const char *name;
	char prefix; /* of the question's first label; the service's number follows */
	const char *zone;
	uint16_t type;
	uint16_t rcode;
	bool answers;
};

static const struct kind kinds[] = {
	{"A", 's', "service.local", WIRE_A, WIRE_NOERROR, true},
	{"SRV", 's', "service.local", WIRE_SRV, WIRE_NOERROR, true},
	{"AAAA", 's', "service.local", WIRE_AAAA, WIRE_NOERROR, false},
	{"NXDOMAIN", 'n', "service.local", WIRE_A, WIRE_NXDOMAIN, false},
	{"REFUSED", 's', "example.com", WIRE_A, WIRE_REFUSED, false},
};

#define KINDS (sizeof kinds / sizeof *kinds)

struct query {
	size_t size;
	uint8_t bytes[80];
};

static struct metrics metrics;
static struct query queries[QUERIES];
static uint8_t answers[BATCH][1232];

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may run beside us */
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A query with EDNS and RD, as a resolver sends it. */
static void make_query(const struct kind *kind, unsigned service, struct query *query)
{
	static const uint8_t header[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	uint8_t name[WIRE_NAME_MAX];
	char text[64];

	snprintf(text, sizeof text, "%c%04u.%s", kind->prefix, service, kind->zone);
	size_t size = (size_t)wire_name_parse(text, name);
	uint8_t *p = query->bytes;
	memcpy(p, header, sizeof header);
	memcpy(p + 12, name, size);
	wire_set16(p + 12 + size, kind->type);
	wire_set16(p + 14 + size, WIRE_CLASS_IN);
	memcpy(p + 16 + size, opt, sizeof opt);
	query->size = 16 + size + sizeof opt;
}

/* Asks for BATCH answers, as a busy UDP socket does; the first of them is in answers[0]. Returns its size. */
static size_t ask(struct dns_context *context, unsigned first)
{
	struct dns_message messages[BATCH];

	for (unsigned i = 0; i < BATCH; i++) {
		const struct query *query = &queries[(first + i) % QUERIES];
		messages[i] = (struct dns_message){.source = {.hash = first + i},
			.query = query->bytes,
			.query_size = query->size,
			.answer = answers[i],
			.capacity = sizeof(answers[i])};
	}
	dns_respond(context, messages, BATCH);
	return messages[0].answer_size;
}

/* Measures `count` answers of one kind, in rounds, and prints the best round. */
static void measure(
	struct dns_context *context, const struct kind *kind, unsigned services, unsigned long count)
{
	const uint8_t *answer = answers[0];
	unsigned long batches = count / ROUNDS / BATCH;
	double best = 0;

	for (unsigned i = 0; i < QUERIES; i++)
		make_query(kind, i * 7919u % services, &queries[i]);
	size_t size = ask(context, 0);
	if ((wire_get16(answer + 2) & 15) != kind->rcode || (wire_get16(answer + 6) != 0) != kind->answers) {
		fprintf(stderr, "%s: not the answer that was to be measured\n", kind->name);
		exit(1);
	}
	unsigned records = wire_get16(answer + 6), glue = wire_get16(answer + 10) - 1u;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double start = now_ns();
		for (unsigned long i = 0; i < batches; i++)
			ask(context, (unsigned)i * BATCH);
		double each = (now_ns() - start) / (double)(batches * BATCH);
		if (round == 0 || each < best)
			best = each;
	}
	printf("%-10s %3u answers %3u glue %5zu bytes %8.1f ns\n", kind->name, records, glue, size, best);
}

static const struct kind *find_kind(const char *name)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fprintf(stderr, "no such kind: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"kind", required_argument, NULL, 'k'},
		{"count", required_argument, NULL, 'c'}, {"services", required_argument, NULL, 's'},
		{"instances", required_argument, NULL, 'i'}, {0}};
	const struct kind *only = NULL;
	unsigned long count = 5000000;
	unsigned services = 1000, instances = 10;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'k')
			only = find_kind(optarg);
		else if (option == 'c')
			count = strtoul(optarg, NULL, 10);
		else if (option == 's')
			services = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'i')
			instances = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (count < ROUNDS * BATCH || !services || !instances || services > 9999) {
		fprintf(stderr, "count (160 or more), services (1 to 9999) and instances are numbers\n");
		return 2;
	}
	struct view *view = bench_fixture_create(services, instances);
	struct dns_context context = {.view = view, .udp_size = 1232, .metrics = &metrics};
	for (unsigned i = 0; i < KINDS; i++)
		if (!only || only == &kinds[i])
			measure(&context, &kinds[i], services, count);
	bench_fixture_destroy(view);
	return 0;
}
