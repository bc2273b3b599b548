#include "view/view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "net/wake.h"
#include "view/follower.h"

struct view {
	struct services services;
	_Atomic(const struct zones *) zones;
	pthread_mutex_t reload; /* one reload at a time */
	struct zones *current;  /* what `zones` points to; under `reload` */
	struct follower follower;
};

int view_check_zones(const struct view_config *config,
	void (*visit)(size_t at, const uint8_t *name, size_t size, void *ctx), void *ctx, char message[512])
{
	const struct siphash_key key = siphash_key_random();
	struct zones *zones = NULL;
	int rc = zones_load(config, &key, false, &zones, message);

	for (size_t i = 0; visit && rc == 0 && i < zones->count; i++)
		visit(zones->zones[i].config_at, zones->zones[i].name, zones->zones[i].name_size, ctx);
	if (rc == 0)
		rc = (int)zones->longest;
	zones_destroy(zones);
	return rc;
}

int view_create(const struct view_config *config, struct view **ret, char message[512])
{
	struct view *view = mem_alloc(sizeof(*view));
	struct metrics *metrics = config->thread ? &config->thread->metrics : NULL;
	int rc;

	services_init(&view->services, &view->zones, config->report, metrics);
	rc = zones_load(config, &view->services.table.key, true, &view->current, message);
	if (rc < 0)
		goto fail;
	int kick_fd = net_wake_create();
	if (kick_fd < 0) {
		rc = kick_fd;
		snprintf(message, 512, "eventfd: %s", err_str(rc));
		goto fail;
	}
	atomic_init(&view->zones, view->current);
	pthread_mutex_init(&view->reload, NULL);
	view->follower.services = &view->services;
	view->follower.zones = &view->zones;
	view->follower.path = mem_strdup(config->registry_path);
	view->follower.page = config->page;
	view->follower.slot = config->thread;
	view->follower.commits = config->commits;
	view->follower.clock = config->clock ? config->clock : clock_system();
	view->follower.wake_fd = config->wake_fd;
	view->follower.notify_fd = config->notify_fd;
	view->follower.kick_fd = kick_fd;
	view->follower.report = config->report;
	if (config->page)
		atomic_store_explicit(&config->page->state, PAGE_LOADING, memory_order_release);
	*ret = view;
	return 0;
fail:
	zones_destroy(view->current);
	services_finish(&view->services);
	free(view);
	return rc;
}

void view_destroy(struct view *view)
{
	if (!view)
		return;
	follower_stop(&view->follower);
	rcu_register();
	services_finish(&view->services);
	rcu_unregister();
	close(view->follower.kick_fd);
	free(view->follower.path);
	pthread_mutex_destroy(&view->reload);
	zones_destroy(view->current);
	free(view);
}

int view_reload_zones(struct view *view, const struct view_config *config, char message[512])
{
	struct zones *zones = NULL, *old;
	int rc;

	pthread_mutex_lock(&view->reload);
	rc = zones_load(config, &view->services.table.key, false, &zones, message);
	/* Names were judged by the longest zone; the registry judges new ones by it too. Who reloads knows
	 * that, but a file may have changed since. */
	if (rc == 0 && zones->longest > view->current->longest) {
		snprintf(message, 512, "a longer zone name than before needs a restart");
		zones_destroy(zones);
		rc = -EINVAL;
	}
	if (rc == 0) {
		old = view->current;
		view->current = zones;
		atomic_store_explicit(&view->zones, zones, memory_order_release);
		if (zones->ttl != old->ttl)
			atomic_store_explicit(&view->follower.reload, true, memory_order_release);
		atomic_store_explicit(&view->follower.zones_changed, true, memory_order_release);
		net_wake_ring(view->follower.kick_fd);
		rcu_wait();
		zones_destroy(old);
	}
	pthread_mutex_unlock(&view->reload);
	return rc;
}

int view_follow(struct view *view)
{
	return follower_start(&view->follower);
}

int view_step(struct view *view)
{
	return follower_step(&view->follower);
}

bool view_ready(const struct view *view)
{
	return atomic_load_explicit(&view->follower.ready, memory_order_acquire);
}

uint64_t view_index(const struct view *view)
{
	return atomic_load_explicit(&view->follower.index, memory_order_acquire);
}

void view_reader_register(void)
{
	rcu_register();
}

void view_reader_unregister(void)
{
	rcu_unregister();
}

void view_read_begin(void)
{
	rcu_online();
}

void view_read_end(void)
{
	rcu_offline();
}

const struct view_zone *view_find_zone(
	const struct view *view, const struct wire_query *query, size_t *ret_relative)
{
	const struct zones *zones = atomic_load_explicit(&view->zones, memory_order_acquire);

	for (size_t i = 0; i < zones->count; i++) {
		const struct view_zone *zone = &zones->zones[i];
		if (query->label_count < zone->label_count)
			continue;
		size_t at = query->label_at[query->label_count - zone->label_count];
		if ((size_t)query->name_size - at != zone->name_size ||
			memcmp(query->name + at, zone->name, zone->name_size) != 0)
			continue;
		*ret_relative = at;
		return zone;
	}
	return NULL;
}

bool view_is_above_zone(const struct view *view, const struct wire_query *query)
{
	const struct zones *zones = atomic_load_explicit(&view->zones, memory_order_acquire);

	for (size_t i = 0; i < zones->count; i++) {
		const struct view_zone *zone = &zones->zones[i];
		if (zone->name_size > query->name_size &&
			wire_name_within(zone->name, zone->name_size, query->name, query->name_size))
			return true;
	}
	return false;
}

void view_search_begin(const struct view *view, const struct view_zone *zone, const uint8_t *relative,
	size_t size, struct view_search *ret)
{
	const struct table *table = &view->services.table;

	*ret = (struct view_search){view, zone, relative, size, table_hash(table, relative, size)};
	table_prefetch(table, ret->hash);
}

void view_search_approach(const struct view_search *search)
{
	table_approach(&search->view->services.table, search->hash);
}

const struct view_answer *view_search_end(const struct view_search *search)
{
	const struct zones_statics *statics = search->zone->statics;

	if (search->size == 0)
		return statics->apex;
	const struct view_answer *fixed =
		zones_find_static(search->zone, search->hash, search->name, search->size);
	if (fixed && fixed->kind != VIEW_EMPTY)
		return fixed;
	const struct table_node *node =
		table_find(&search->view->services.table, search->hash, search->name, search->size);
	return node ? table_answer(node) : fixed;
}
