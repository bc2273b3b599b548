#include "view/follower.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "net/wake.h"
#include "view/loader.h"

#define BATCH_SERVICES 256     /* that are copied in one snapshot, at most */
#define BATCH_SIZE (16u << 20) /* bytes of rows that are held while they are rendered, about */
#define POLL_MS 1000           /* without a bell, and for the ticks */
#define POLL_ABSENT_MS 50      /* while there is no registry yet */
#define POLL_ERROR_MS 200      /* after an error that may pass: a reply may be waiting for the index */

static void tick(struct follower *f)
{
	if (f->slot)
		page_tick(f->slot);
}

/* There is no registry (yet): the sidecar is about to make it. */
static bool absent(int error)
{
	return error == -ENOENT || error == -EAGAIN;
}

/* Says what keeps the view from following; once for each new reason. */
static int complain(struct follower *f, int error, const char *what)
{
	if (f->report && error != f->error && (f->loaded || !absent(error)))
		f->report(LOG_ERROR, what, f->path, err_str(error));
	f->error = error;
	registry_reader_close(f->reader);
	f->reader = NULL;
	return error;
}

/* The zones' share of a request. The longest name cannot grow in a reload (view_reload_zones). */
static void use_zones(struct follower *f, struct render_request *request)
{
	rcu_online();
	const struct zones *zones = atomic_load_explicit(f->zones, memory_order_acquire);
	request->ttl = zones->ttl;
	request->zone_size = zones->longest;
	rcu_offline();
}

static void apply(
	struct follower *f, const char *service, const struct registry_instance *instances, size_t count)
{
	struct render_request request = {.service = service, .instances = instances, .count = count};

	use_zones(f, &request);
	services_apply(f->services, &request);
	tick(f);
}

/* What each zone's SOA says now, for whoever cannot ask. */
static void show_zones(struct follower *f)
{
	char name[WIRE_NAME_TEXT];

	if (!f->page)
		return;
	rcu_online();
	const struct zones *zones = atomic_load_explicit(f->zones, memory_order_acquire);
	size_t count = zones->count < PAGE_ZONES ? zones->count : PAGE_ZONES;
	for (size_t i = 0; i < count; i++)
		page_set_zone(f->page, i,
			wire_name_format(zones->zones[i].name, zones->zones[i].name_size, name),
			view_zone_serial(&zones->zones[i], f->seen));
	atomic_store_explicit(&f->page->zone_count, (uint32_t)count, memory_order_release);
	rcu_offline();
}

/* How long the commits behind `before` have taken to get here. A load shows what may have been there for
 * days, so only changes count. */
static void time_changes(struct follower *f, uint64_t before)
{
	int64_t at_ns[PAGE_COMMITS], now = clock_now(f->clock);

	if (!f->slot)
		return;
	metrics_set(&f->slot->metrics, METRIC_VIEW_PUBLISHED, (uint64_t)clock_wall(f->clock));
	size_t count = f->commits && before ? page_commits(f->commits, before, f->seen, at_ns) : 0;
	for (size_t i = 0; i < count; i++)
		metrics_observe_time(&f->slot->metrics, METRIC_VIEW_PUBLISH_DURATION, now - at_ns[i], 1);
}

/* Everything is swapped: now the world may know, and then what is old may go. `before`: the index before
 * these changes, 0 for a load. */
static void publish(struct follower *f, uint64_t index, uint64_t before)
{
	f->seen = index;
	atomic_store_explicit(&f->index, index, memory_order_release);
	atomic_store_explicit(&f->ready, true, memory_order_release);
	if (f->page) {
		atomic_store_explicit(&f->page->index, index, memory_order_release);
		atomic_store_explicit(&f->page->state, PAGE_READY, memory_order_release);
	}
	if (f->notify_fd >= 0)
		net_wake_ring(f->notify_fd);
	time_changes(f, before);
	show_zones(f);
	services_reclaim(f->services);
}

struct load {
	struct follower *follower;
	int count;
};

static int visit(const char *service, const struct registry_instance *instances, size_t count, void *ctx)
{
	struct load *load = ctx;

	if (atomic_load_explicit(&load->follower->stop, memory_order_relaxed))
		return -ECANCELED;
	apply(load->follower, service, instances, count);
	load->count++;
	return 0;
}

static int load_all(struct follower *f)
{
	struct load load = {.follower = f};
	uint64_t index = 0;

	/* An exchange, so that a reload whose zones are not seen yet cannot be forgotten by this. */
	atomic_exchange_explicit(&f->reload, false, memory_order_acq_rel);
	services_begin_load(f->services);
	int rc = loader_walk(f->reader, visit, &load, &index);
	if (rc < 0) {
		atomic_store_explicit(&f->reload, true, memory_order_relaxed);
		services_reclaim(f->services);
		return rc == -ECANCELED ? rc : complain(f, rc, "cannot load the registry");
	}
	services_sweep(f->services);
	if (f->slot)
		metrics_add(&f->slot->metrics, METRIC_VIEW_LOADS, 1);
	f->loaded = true;
	publish(f, index, 0);
	return load.count;
}

/* Copies services from names[*next] on, until the batch is large enough; moves *next behind them. */
static int copy_batch(struct follower *f, const char *const *names, size_t count, size_t *next,
	struct registry_batch *batch)
{
	batch->arena = arena_create();
	while (*next < count && batch->count < BATCH_SERVICES && arena_size(batch->arena) < BATCH_SIZE) {
		const struct registry_filter filter = {.service = names[*next]};
		struct registry_batch_service copied = {.service = names[*next]};
		int rc = registry_reader_instances(
			f->reader, &filter, batch->arena, &copied.instances, &copied.count);
		if (rc < 0)
			return rc;
		if (copied.count)
			copied.service = copied.instances[0].service;
		batch->services =
			arena_grow(batch->arena, batch->services, batch->count, sizeof(*batch->services));
		batch->services[batch->count++] = copied;
		(*next)++;
		tick(f);
	}
	return 0;
}

/* Applies the services `names`: batch by batch, each copied in a snapshot that ends before it is rendered.
 * The first snapshot is open. Rows of a later one may be newer than the index that is published then; what is
 * newer is applied again in the next step. */
static int apply_services(struct follower *f, const char *const *names, size_t count)
{
	size_t next = 0;
	int rc;

	do {
		struct registry_batch batch = {0};
		rc = copy_batch(f, names, count, &next, &batch);
		registry_reader_end(f->reader);
		for (size_t i = 0; rc == 0 && i < batch.count; i++)
			apply(f, batch.services[i].service, batch.services[i].instances,
				batch.services[i].count);
		registry_batch_finish(&batch);
		if (rc == 0 && next < count)
			rc = registry_reader_begin(f->reader);
	} while (rc == 0 && next < count);
	return rc;
}

static int apply_changes(struct follower *f)
{
	struct arena *arena = arena_create();
	const char *const *names = NULL;
	size_t count = 0;
	uint64_t index = f->seen;
	int rc = registry_reader_begin(f->reader);

	if (rc == 0) {
		rc = registry_reader_changes(f->reader, f->seen, arena, &names, &count, &index);
		if (rc == 0)
			rc = apply_services(f, names, count);
		else
			registry_reader_end(f->reader);
	}
	arena_destroy(arena);
	if (rc == -ESTALE)
		return load_all(f);
	if (rc < 0)
		return complain(f, rc, "cannot read the registry");
	if (index != f->seen)
		publish(f, index, f->seen);
	return (int)count;
}

static int step(struct follower *f)
{
	if (f->reader && registry_reader_replaced(f->reader)) {
		registry_reader_close(f->reader);
		f->reader = NULL;
	}
	if (!f->reader) {
		int rc = registry_reader_open(f->path, &f->reader);
		if (rc < 0)
			return complain(f, rc, "cannot open the registry");
		/* It may be another file than before, whose indexes say nothing about the old one. */
		atomic_store_explicit(&f->reload, true, memory_order_relaxed);
	}
	if (atomic_exchange_explicit(&f->zones_changed, false, memory_order_acquire)) {
		rcu_online();
		names_report_statics(&f->services->names);
		rcu_offline();
		show_zones(f);
	}
	bool load = atomic_load_explicit(&f->reload, memory_order_acquire);
	int rc = load ? load_all(f) : apply_changes(f);
	if (rc >= 0)
		f->error = 0;
	return rc;
}

int follower_step(struct follower *f)
{
	rcu_register();
	int rc = step(f);
	rcu_unregister();
	return rc;
}

/* How long to wait for a bell. */
static int patience(const struct follower *f)
{
	if (!f->error)
		return POLL_MS;
	return !f->loaded && absent(f->error) ? POLL_ABSENT_MS : POLL_ERROR_MS;
}

static void *run(void *ctx)
{
	struct follower *f = ctx;

	rcu_register();
	while (!atomic_load_explicit(&f->stop, memory_order_acquire)) {
		struct pollfd bells[] = {
			{.fd = f->kick_fd, .events = POLLIN}, {.fd = f->wake_fd, .events = POLLIN}};

		tick(f);
		/* First the bells, then the look: what rings during the look is seen in the next round. */
		net_wake_clear(f->kick_fd);
		if (f->wake_fd >= 0)
			net_wake_clear(f->wake_fd);
		step(f);
		tick(f);
		if (!atomic_load_explicit(&f->stop, memory_order_acquire))
			poll(bells, 2, patience(f));
	}
	rcu_unregister();
	return NULL;
}

int follower_start(struct follower *f)
{
	sigset_t all, before;

	/* Signals are for the process's first thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int rc = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return -rc;
	pthread_setname_np(f->thread, "follower");
	f->running = true;
	return 0;
}

void follower_stop(struct follower *f)
{
	if (f->running) {
		atomic_store_explicit(&f->stop, true, memory_order_release);
		net_wake_ring(f->kick_fd);
		pthread_join(f->thread, NULL);
		f->running = false;
	}
	registry_reader_close(f->reader);
	f->reader = NULL;
}
