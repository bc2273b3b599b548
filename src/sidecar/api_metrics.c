/* api_metrics.c -- GET /metrics: what both pages hold, and what is worked out when it is asked (home ASKED).
 *
 * The pages are the supervisor's, so what a process counted is there while it is down and goes on when it is
 * back; what it held is not, and is left out rather than shown as 0. */
#include "sidecar/api.h"

static enum page_state state_of(const struct page *page)
{
	return (enum page_state)atomic_load_explicit(&page->state, memory_order_acquire);
}

/* Shows a value, or hides it if it is not known. */
static void show(struct metrics_shown *shown, enum metric id, bool known, uint64_t value)
{
	shown->values[id] = value;
	shown->hidden[id] = !known;
}

/* A process that the config does not want has never been started, and is not shown. */
static void show_processes(struct metrics_shown *shown, const struct page *self)
{
	static const struct {
		enum metric up, start, restarts;
	} rows[PROCESSES] = {
		[PROCESS_DNS] = {METRIC_PROCESS_UP_DNS, METRIC_PROCESS_START_DNS,
			METRIC_PROCESS_RESTARTS_DNS},
		[PROCESS_SIDECAR] = {METRIC_PROCESS_UP_SIDECAR, METRIC_PROCESS_START_SIDECAR,
			METRIC_PROCESS_RESTARTS_SIDECAR},
		[PROCESS_RELAY] = {METRIC_PROCESS_UP_RELAY, METRIC_PROCESS_START_RELAY,
			METRIC_PROCESS_RESTARTS_RELAY},
	};
	uint64_t supervisor = (uint64_t)atomic_load(&self->processes[PROCESS_SUPERVISOR].started_ns);

	show(shown, METRIC_BUILD, true, 1);
	show(shown, METRIC_PROCESS_START_SUPERVISOR, supervisor != 0, supervisor);
	for (int i = PROCESS_DNS; i < PROCESSES; i++) {
		uint64_t started_ns = (uint64_t)atomic_load(&self->processes[i].started_ns);
		uint64_t starts = atomic_load(&self->processes[i].starts);

		show(shown, rows[i].up, starts > 0, started_ns != 0);
		show(shown, rows[i].start, started_ns != 0, started_ns);
		show(shown, rows[i].restarts, starts > 0, starts - 1);
	}
}

/* How long ago the oldest commit was that the view lacks: 0 if there is none. */
static int64_t behind(const struct sidecar_config *config, uint64_t shown_index)
{
	int64_t at_ns[PAGE_COMMITS], now = clock_now(config->clock), oldest = now;
	size_t count = page_commits(config->self, shown_index, UINT64_MAX, at_ns);

	for (size_t i = 0; i < count; i++)
		oldest = at_ns[i] < oldest ? at_ns[i] : oldest;
	return now - oldest;
}

static void show_view(struct metrics_shown *shown, const struct sidecar_config *config)
{
	const struct page *dns = config->dns;
	uint64_t index = atomic_load_explicit(&dns->index, memory_order_acquire);

	show(shown, METRIC_VIEW_READY, true, state_of(dns) == PAGE_READY);
	show(shown, METRIC_VIEW_INDEX, index > 0, index);
	show(shown, METRIC_VIEW_BEHIND, index > 0, (uint64_t)behind(config, index));
	if (state_of(dns) == PAGE_DOWN)
		metrics_hide_gauges(shown, METRIC_HOME_DNS);
}

static void show_registry(
	struct metrics_shown *shown, const struct page *self, const struct registry_reader *reader)
{
	uint64_t index = atomic_load_explicit(&self->index, memory_order_acquire), database = 0, log = 0;
	bool known = reader && registry_reader_sizes(reader, &database, &log) == 0;

	show(shown, METRIC_REGISTRY_INDEX, index > 0, index);
	show(shown, METRIC_REGISTRY_DATABASE, known, database);
	show(shown, METRIC_REGISTRY_WAL, known, log);
}

static void format_zones(const struct page *dns, struct buf *ret)
{
	size_t count = atomic_load_explicit(&dns->zone_count, memory_order_acquire);
	char name[PAGE_ZONE_NAME];

	if (count > 0)
		metrics_format_family(FAMILY_ZONE_SERIAL, ret);
	for (size_t i = 0; i < count && i < PAGE_ZONES; i++) {
		uint32_t serial = page_get_zone(dns, i, name);

		metrics_format_labelled(FAMILY_ZONE_SERIAL, name, serial, ret);
	}
}

void api_metrics(struct call *call)
{
	const struct sidecar_config *config = &call->sidecar->config;
	struct metrics_shown shown = {0};

	page_sum(config->self, shown.values);
	page_sum(config->dns, shown.values);
	show_processes(&shown, config->self);
	show_view(&shown, config);
	show_registry(&shown, config->self, call->sidecar->reader);
	call->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_format(&shown, &call->body);
	format_zones(config->dns, &call->body);
	call_send(call);
}
