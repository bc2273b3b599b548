/* api_metrics.c -- GET /metrics: what both pages hold, and what is worked out when it is asked (home ASKED).
 *
 * The pages are the supervisor's, so what a process counted is there while it is down and goes on when it is
 * back; what it held is not, and is left out rather than shown as 0. */
#include "base/usage.h"
#include "sidecar/api.h"

static enum page_state state_of(const struct page *page)
{
	return (enum page_state)atomic_load_explicit(&page->state, memory_order_acquire);
}

/* Shows a value, or hides it if it is not known. METRIC_COUNT is no series. */
static void show(struct metrics_shown *shown, enum metric id, bool known, uint64_t value)
{
	if (id == METRIC_COUNT)
		return;
	shown->values[id] = value;
	shown->hidden[id] = !known;
}

/* The series of a process; METRIC_COUNT where it has none. */
static const struct process_rows {
	enum metric up, start, restarts, cpu, memory;
} process_rows[PROCESSES] = {
#define ROWS(id)                                                                                             \
	METRIC_PROCESS_START_##id, METRIC_PROCESS_RESTARTS_##id, METRIC_PROCESS_CPU_##id,                    \
		METRIC_PROCESS_MEMORY_##id
	[PROCESS_SUPERVISOR] = {METRIC_COUNT, METRIC_PROCESS_START_SUPERVISOR, METRIC_COUNT,
		METRIC_PROCESS_CPU_SUPERVISOR, METRIC_PROCESS_MEMORY_SUPERVISOR},
	[PROCESS_DNS] = {METRIC_PROCESS_UP_DNS, ROWS(DNS)},
	[PROCESS_SIDECAR] = {METRIC_PROCESS_UP_SIDECAR, ROWS(SIDECAR)},
	[PROCESS_RELAY] = {METRIC_PROCESS_UP_RELAY, ROWS(RELAY)},
#undef ROWS
};

/* A process that the config does not want has never been started, and is not shown. */
static void show_process(
	struct metrics_shown *shown, const struct process_rows *rows, const struct page_process *process)
{
	uint64_t started_ns = (uint64_t)atomic_load(&process->started_ns),
		 starts = atomic_load(&process->starts);
	pid_t pid = atomic_load(&process->pid);
	struct usage usage = {0};
	bool known = pid > 0 && usage_read(pid, &usage) == 0;

	show(shown, rows->up, starts > 0, started_ns != 0);
	show(shown, rows->start, started_ns != 0, started_ns);
	show(shown, rows->restarts, starts > 0, starts - 1);
	show(shown, rows->cpu, known, (uint64_t)usage.cpu_ns);
	show(shown, rows->memory, known, usage.resident_bytes);
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
	for (int i = 0; i < PROCESSES; i++) {
		const struct page_process *process = &config->self->processes[i];

		show_process(&shown, &process_rows[i], process);
		shown.values[METRIC_LOG_DROPPED] += atomic_load(&process->log_dropped);
	}
	show_view(&shown, config);
	show_registry(&shown, config->self, call->sidecar->reader);
	call->content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_format_family(FAMILY_BUILD, &call->body);
	metrics_format_labelled(FAMILY_BUILD, config->revision, 1, &call->body);
	metrics_format(&shown, &call->body);
	format_zones(config->dns, &call->body);
	call_send(call);
}
