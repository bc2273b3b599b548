#include "view/services.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The pile is freed when it is this large even in the middle of a load. */
#define PILE_LIMIT 65536

struct service {
	struct render_block *block; /* NULL while its name cannot be shown */
	uint64_t generation;
	bool reported; /* the rows that cannot be shown were reported */
	char name[];   /* as registered; the tree is of these */
};

static int compare(const void *left, const void *right)
{
	const unsigned char *a = left, *b = right;

	while (*a && str_lower(*a) == str_lower(*b))
		a++, b++;
	return str_lower(*a) - str_lower(*b);
}

static struct service *of_name(char *name)
{
	return (struct service *)(void *)(name - offsetof(struct service, name));
}

static struct service *find(const struct services *services, const char *name)
{
	char **found = tfind(name, &services->tree, compare);

	return found ? of_name(*found) : NULL;
}

static struct service *add(struct services *services, const char *name)
{
	size_t size = strlen(name) + 1;
	struct service *service = mem_alloc(sizeof(*service) + size);

	memcpy(service->name, name, size);
	if (!tsearch(service->name, &services->tree, compare))
		mem_out();
	services->count++;
	return service;
}

/* Puts `block` (or nothing) in the place of what the service shows now. */
static void swap(struct services *services, struct service *service, struct render_block *block,
	const struct plan_name *names)
{
	struct render_block *old = service->block;

	rcu_online();
	for (uint32_t i = 0; block && i < block->claim_count; i++) {
		block->claims[i].owner = service->name;
		names_claim(&services->names, &block->claims[i], names[i].name, names[i].size);
	}
	for (uint32_t i = old ? old->claim_count : 0; i-- > 0;)
		names_release(&services->names, &old->claims[i]);
	for (uint32_t i = 0; block && i < block->claim_count; i++)
		names_settle(&services->names, &block->claims[i]);
	rcu_offline();
	for (size_t i = 0; i < RENDER_STATUSES; i++)
		services->by_status[i] +=
			(block ? block->by_status[i] : 0) - (uint64_t)(old ? old->by_status[i] : 0);
	service->block = block;
	rcu_pile_add(&services->pile, old);
}

/* Gives the table buckets for the names that `block` brings beyond those that the service has. One service
 * may have more of them than all the others together, and names that share too few buckets are found one
 * behind the other. */
static void make_room(
	struct services *services, const struct service *service, const struct render_block *block)
{
	uint32_t before = service->block ? service->block->claim_count : 0;
	uint32_t after = block ? block->claim_count : 0;

	table_fit(&services->table, after > before ? after - before : 0, &services->pile);
}

static void drop(struct services *services, struct service *service)
{
	swap(services, service, NULL, NULL);
	tdelete(service->name, &services->tree, compare);
	services->count--;
	free(service);
}

static void count(struct services *services)
{
	if (!services->metrics)
		return;
	metrics_set(services->metrics, METRIC_VIEW_NAMES, services->table.count);
	metrics_set(services->metrics, METRIC_VIEW_SERVICES, services->count);
	for (unsigned i = 0; i < RENDER_STATUSES; i++)
		metrics_set(services->metrics, METRIC_VIEW_INSTANCES_PASSING + i, services->by_status[i]);
}

/* A row that cannot be shown: counted at each render, reported once. */
struct skip_report {
	struct services *services;
	bool quiet;
	const char *service;
};

static void skipped(void *ctx, const char *name, const char *why)
{
	struct skip_report *skip = ctx;

	if (skip->services->metrics)
		metrics_add(skip->services->metrics, METRIC_VIEW_SKIPPED, 1);
	if (skip->quiet || !skip->services->names.report)
		return;
	char detail[512];
	str_copy(detail, sizeof(detail), skip->service);
	size_t used = strlen(detail);
	str_copy(detail + used, sizeof(detail) - used, ": ");
	used = strlen(detail);
	str_copy(detail + used, sizeof(detail) - used, why);
	skip->services->names.report(LOG_WARN, "cannot be shown in DNS", name, detail);
}

void services_init(struct services *services, _Atomic(const struct zones *) *zones,
	void (*report)(enum log_level level, const char *message, const char *name, const char *detail),
	struct metrics *metrics)
{
	*services = (struct services){.metrics = metrics};
	table_init(&services->table);
	services->names = (struct names){
		.table = &services->table, .pile = &services->pile, .zones = zones, .report = report};
}

void services_apply(struct services *services, const struct render_request *request)
{
	struct service *service = find(services, request->service);

	if (request->count == 0) {
		if (service)
			drop(services, service);
		count(services);
		return;
	}
	if (!service)
		service = add(services, request->service);
	service->generation = services->generation;

	struct skip_report report = {
		.services = services, .quiet = service->reported, .service = request->service};
	struct render_request with_report = *request;
	with_report.skipped = skipped;
	with_report.ctx = &report;
	struct arena *scratch = arena_create();
	const struct plan_name *names = NULL;
	struct render_block *block = render_service(&with_report, scratch, &names);
	service->reported = !block || block->skipped > 0;
	make_room(services, service, block);
	swap(services, service, block, names);
	arena_destroy(scratch);
	if (services->metrics)
		metrics_add(services->metrics, METRIC_VIEW_RENDERED, 1);
	count(services);
	table_fit(&services->table, 0, &services->pile);
	if (services->pile.count > PILE_LIMIT)
		services_reclaim(services);
}

void services_begin_load(struct services *services)
{
	services->generation++;
}

/* What services_sweep() collects while it walks the tree, which may not change meanwhile. */
struct sweep {
	struct services *services;
	struct service **stale;
	size_t count;
};

static void collect(const void *node, VISIT visit, void *ctx)
{
	struct sweep *sweep = ctx;
	struct service *service = of_name(*(char *const *)node);

	if ((visit != postorder && visit != leaf) || service->generation == sweep->services->generation)
		return;
	sweep->stale[sweep->count++] = service;
}

void services_sweep(struct services *services)
{
	struct sweep sweep = {.services = services};

	if (services->count == 0)
		return;
	sweep.stale = mem_resize(NULL, services->count, sizeof(void *));
	twalk_r(services->tree, collect, &sweep);
	for (size_t i = 0; i < sweep.count; i++)
		drop(services, sweep.stale[i]);
	free(sweep.stale);
	table_fit(&services->table, 0, &services->pile);
	count(services);
}

void services_reclaim(struct services *services)
{
	rcu_pile_free(&services->pile);
}

void services_finish(struct services *services)
{
	services_begin_load(services);
	services_sweep(services);
	services_reclaim(services);
	rcu_pile_finish(&services->pile);
	table_finish(&services->table);
}
