/* Readers beside the follower: what they find is whole, stays while they look, and points to what is there.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "live.h"

#define READERS 2
#define MOST 120
#define ROUNDS 120

static struct live live;
static _Atomic bool done, targets_stay;
static _Atomic unsigned long found, wrong;

static const struct view_answer *find(const uint8_t *name, size_t size)
{
	uint64_t hash = table_hash(&live.services.table, name, size);
	struct table_node *node = table_find(&live.services.table, hash, name, size);

	return node ? table_answer(node) : NULL;
}

/* One set: all its records carry the weight of one round, and glue that fits to the record. */
static bool consistent(const struct view_rrset *set, bool added_only)
{
	uint16_t weight = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct view_record *record = view_rrset_record(set, i);
		const uint8_t *rdata = record->bytes + 12, *glue = view_record_glue(record);

		weight = i ? weight : wire_get16(rdata + 2);
		if (wire_get16(rdata + 2) != weight || wire_get16(rdata + 4) != i)
			return false;
		if (record->glue_count != 1 || glue[13] != i)
			return false;
		/* A target that is missing is missing since before the first removal. */
		if (added_only &&
			!find(record->bytes + record->target_at, record->size - (size_t)record->target_at) &&
			atomic_load(&targets_stay))
			return false;
	}
	return true;
}

static void *read_on(void *ctx)
{
	static const uint8_t web[] = "\003web", stays[] = "\005stays", tag[] = "\004prod\003web";

	(void)ctx;
	view_reader_register();
	while (!atomic_load(&done)) {
		view_read_begin();
		for (unsigned i = 0; i < 16; i++) {
			bool added_only = atomic_load(&targets_stay);
			const struct view_answer *answer = find(i % 2 ? tag : web, i % 2 ? 9 : 4);
			const struct view_rrset *set = answer ? view_answer_find(answer, WIRE_SRV) : NULL;

			if (set && !consistent(set, added_only))
				atomic_fetch_add(&wrong, 1);
			if (!find(stays, 6))
				atomic_fetch_add(&wrong, 1);
			atomic_fetch_add(&found, set != NULL);
		}
		view_read_end();
	}
	view_reader_unregister();
	return NULL;
}

/* Shows a service; a grace period only now and then, because each costs a time slice on a busy machine. */
static void put(const char *service, const struct registry_instance *instances, size_t count)
{
	static unsigned puts;
	const struct render_request request = {.service = service,
		.instances = instances,
		.count = count,
		.ttl = 5,
		.zone_size = live.zones->longest};

	services_apply(&live.services, &request);
	if (++puts % 32 == 0)
		services_reclaim(&live.services);
}

static void put_web(unsigned count, unsigned first, uint32_t weight)
{
	static const char *const tag = "prod";
	struct registry_instance instances[MOST];
	char texts[MOST][2][24];

	for (unsigned i = 0; i < count; i++) {
		snprintf(texts[i][0], 24, "i%u", first + i);
		snprintf(texts[i][1], 24, "10.0.0.%u", i);
		instances[i] = (struct registry_instance){.node = "n1",
			.id = texts[i][0],
			.service = "web",
			.label = texts[i][0],
			.address = texts[i][1],
			.node_address = "",
			.port = (uint16_t)i,
			.tags = &tag,
			.tag_count = 1,
			.weight_passing = weight};
	}
	put("web", instances, count);
}

static void readers_see_whole_answers(void **state)
{
	const struct registry_instance other = {.node = "n1",
		.id = "a",
		.service = "stays",
		.label = "a",
		.address = "10.0.0.1",
		.node_address = "",
		.port = 1};
	pthread_t readers[READERS];
	char name[32];

	(void)state;
	live_begin(&live, NULL);
	put("stays", &other, 1);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
	/* While instances are only added, each target of a set is there: targets are published first. */
	atomic_store(&targets_stay, true);
	for (unsigned i = 1; i <= MOST; i++)
		put_web(i, 0, i);
	atomic_store(&targets_stay, false);
	/* Then everything changes, comes and goes, and the map is resized under the readers. */
	for (unsigned i = 0; i < ROUNDS; i++) {
		put_web(i % MOST, i, i);
		for (unsigned j = 0; i < 5 && j < 300; j++) {
			snprintf(name, sizeof(name), "other-%u-%u", i, j);
			put(name, &other, 1);
		}
	}
	services_begin_load(&live.services);
	put("stays", &other, 1);
	services_sweep(&live.services);
	services_reclaim(&live.services);
	put_web(MOST, 0, 1);
	while (atomic_load(&found) == 0)
		sched_yield();
	atomic_store(&done, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_whole_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
