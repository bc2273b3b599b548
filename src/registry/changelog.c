/* changelog.c -- see changelog.h. */
#include "registry/changelog.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define DEDUPLICATE 16 /* a command that changes an instance and its checks names its service once */
#define RECENT 16      /* names of a transaction that are remembered, so that a row is not updated twice */

static const struct {
	const char *key;
	size_t offset;
} counters[] = {
	{"index", offsetof(struct changelog_counters, index)},
	{"services", offsetof(struct changelog_counters, services)},
	{"nodes", offsetof(struct changelog_counters, nodes)},
	{"checks", offsetof(struct changelog_counters, checks)},
	{"extinction", offsetof(struct changelog_counters, extinction)},
	{"floor", offsetof(struct changelog_counters, floor)},
	{"instances", offsetof(struct changelog_counters, instances)},
	{"node_count", offsetof(struct changelog_counters, node_count)},
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static const char *const kind_names[] = {
	[CHANGELOG_INSTANCE] = "instance",
	[CHANGELOG_CHECK] = "check",
	[CHANGELOG_NODE] = "node",
};

static int64_t *counter(struct changelog_counters *set, size_t i)
{
	return (int64_t *)(void *)((char *)set + counters[i].offset);
}

void changelog_begin(struct changelog *log, struct arena *arena, int64_t wall_ns)
{
	for (size_t i = 0; i < COUNTERS; i++)
		*counter(&log->now, i) = store_number(
			log->store, 0, "SELECT value FROM meta WHERE key = ?1", "s", counters[i].key);
	log->before = log->start = log->now;
	log->next = log->now.index + 1;
	log->time_ms = wall_ns / CLOCK_NS_PER_MS;
	log->arena = arena;
	log->changes = NULL;
	log->count = log->count_before = 0;
	log->history = NULL;
	log->told = log->told_before = 0;
	log->effective = false;
}

void changelog_command(struct changelog *log)
{
	log->before = log->now;
	log->next = log->now.index + 1;
	log->count_before = log->count;
	log->told_before = log->told;
}

void changelog_undo(struct changelog *log)
{
	log->now = log->before;
	log->count = log->count_before;
	log->told = log->told_before;
}

bool changelog_changed(const struct changelog *log)
{
	return log->now.index == log->next;
}

static void observe(struct changelog *log, struct registry_change change)
{
	change.index = (uint64_t)log->now.index;
	change.service = arena_strdup(log->arena, change.service);
	change.node = arena_strdup(log->arena, change.node);
	change.check_id = arena_strdup(log->arena, change.check_id);
	log->changes = arena_grow(log->arena, log->changes, log->count, sizeof(change));
	log->changes[log->count++] = change;
}

static void observe_service(
	struct changelog *log, const char *service, const char *node, const char *check_id)
{
	size_t first = log->count_before;

	if (log->count > first + DEDUPLICATE)
		first = log->count - DEDUPLICATE;
	for (size_t i = first; i < log->count; i++)
		if (log->changes[i].kind == REGISTRY_SERVICE_CHANGED &&
			str_ieq(log->changes[i].service, service))
			return;
	observe(log, (struct registry_change){.kind = REGISTRY_SERVICE_CHANGED,
			     .service = service,
			     .node = node,
			     .check_id = check_id});
}

/* The command has an effect: it takes the next index, and so do the kinds that it changes. */
static void bump(struct changelog *log, enum changelog_kind kind)
{
	log->now.index = log->next;
	if (kind == CHANGELOG_INSTANCE)
		log->now.services = log->next;
	if (kind == CHANGELOG_INSTANCE || kind == CHANGELOG_NODE)
		log->now.nodes = log->next;
	if (kind == CHANGELOG_CHECK)
		log->now.checks = log->next;
	log->effective = true;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static const char *instance_of(const struct changelog_entry *entry)
{
	return entry->kind == CHANGELOG_INSTANCE ? entry->id : or_empty(entry->instance);
}

/* The reason as it is kept, in `kept`. */
static const char *shorten(const char *reason, char kept[CHANGELOG_REASON + 1])
{
	str_copy(kept, CHANGELOG_REASON + 1, or_empty(reason));
	return kept;
}

/* The row, for whoever wants to hear of it after the commit. */
static void note(struct changelog *log, const struct changelog_entry *entry, const char *reason)
{
	if (!log->tells)
		return;
	log->history = arena_grow(log->arena, log->history, log->told, sizeof(*log->history));
	log->history[log->told++] = (struct registry_history){
		.index = (uint64_t)log->next,
		.time_ms = log->time_ms,
		.kind = kind_names[entry->kind],
		.service = arena_strdup(log->arena, entry->service),
		.node = arena_strdup(log->arena, entry->node),
		.instance = arena_strdup(log->arena, instance_of(entry)),
		.id = arena_strdup(log->arena, or_empty(entry->id)),
		.what = arena_strdup(log->arena, entry->what),
		.former = arena_strdup(log->arena, or_empty(entry->former)),
		.reason = arena_strdup(log->arena, reason),
	};
}

void changelog_add(struct changelog *log, const struct changelog_entry *entry)
{
	char reason[CHANGELOG_REASON + 1];

	bump(log, entry->kind);
	store_run(log->store,
		"INSERT INTO changelog (idx, time_ms, kind, service, node, id, what, reason, instance, "
		"former)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"iissssssss", log->next, log->time_ms, kind_names[entry->kind], entry->service, entry->node,
		entry->id, entry->what, shorten(entry->reason, reason), instance_of(entry),
		or_empty(entry->former));
	note(log, entry, reason);
	if (entry->kind == CHANGELOG_NODE)
		observe(log, (struct registry_change){.kind = REGISTRY_NODE_CHANGED, .node = entry->node});
	if (!*entry->service)
		return;
	observe_service(log, entry->service, entry->node, entry->kind == CHANGELOG_CHECK ? entry->id : NULL);
}

void changelog_touch_node(struct changelog *log, const struct changelog_entry *entry)
{
	struct changelog_entry of_node = *entry;
	char reason[CHANGELOG_REASON + 1];

	of_node.service = "";
	changelog_add(log, &of_node);
	if (entry->kind == CHANGELOG_CHECK)
		observe(log,
			(struct registry_change){
				.kind = REGISTRY_NODE_CHANGED, .node = entry->node, .check_id = entry->id});
	/* In bulk: our own node may hold every service that there is. */
	store_run(log->store,
		"INSERT INTO changelog (idx, time_ms, kind, service, node, id, what, reason, former)"
		" SELECT DISTINCT ?1, ?2, ?3, service, ?4, ?5, ?6, ?7, ?8 FROM instance WHERE node = ?4",
		"iissssss", log->next, log->time_ms, kind_names[entry->kind], entry->node, entry->id,
		entry->what, shorten(entry->reason, reason), or_empty(entry->former));
	sqlite3_stmt *row = store_query(log->store,
		"SELECT DISTINCT service FROM instance WHERE node = ?1 ORDER BY 1", "s", entry->node);
	while (store_row(log->store, row))
		observe(log, (struct registry_change){.kind = REGISTRY_SERVICE_CHANGED,
				     .service = (const char *)sqlite3_column_text(row, 0),
				     .node = entry->node});
}

void changelog_touch_checks(struct changelog *log)
{
	log->now.checks = log->next;
}

void changelog_check_put(struct changelog *log, const struct registry_check *check, bool fresh)
{
	observe(log, (struct registry_change){.kind = REGISTRY_CHECK_PUT,
			     .node = check->node,
			     .check_id = check->id,
			     .check = registry_check_copy(log->arena, check),
			     .fresh = fresh});
}

void changelog_check_gone(struct changelog *log, const char *node, const char *check_id)
{
	observe(log,
		(struct registry_change){.kind = REGISTRY_CHECK_GONE, .node = node, .check_id = check_id});
}

/* The oldest rows go; whoever asks for changes since an index below the floor loads afresh. */
static void prune(struct changelog *log)
{
	int64_t last = store_number(log->store, 0, "SELECT max(seq) FROM changelog", "");
	int64_t cut = last - (int64_t)log->rows;

	if (cut <= 0)
		return;
	int64_t floor = store_number(log->store, 0,
		"SELECT idx FROM changelog WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1", "i", cut);
	if (floor > log->now.floor)
		log->now.floor = floor;
	store_run(log->store, "DELETE FROM changelog WHERE seq <= ?1", "i", cut);
}

/* Names that were dealt with a moment ago. */
struct recent {
	const char *names[RECENT];
	size_t count;
};

/* True if `name` is one of the last ones; else it is from now on. */
static bool is_recent(struct recent *recent, const char *name)
{
	for (size_t i = 0; i < RECENT && i < recent->count; i++)
		if (str_ieq(recent->names[i], name))
			return true;
	recent->names[recent->count++ % RECENT] = name;
	return false;
}

/* The indexes of the services and nodes that changed: once for all commands of the transaction, from the last
 * to the first, so that the first one that names a row has its index. */
static void touch_rows(struct changelog *log)
{
	struct recent services = {.count = 0}, nodes = {.count = 0};

	for (size_t i = log->count; i-- > 0;) {
		const struct registry_change *change = &log->changes[i];
		bool service = change->kind == REGISTRY_SERVICE_CHANGED;

		if (!service && change->kind != REGISTRY_NODE_CHANGED)
			continue;
		if (service && !is_recent(&services, change->service))
			store_run(log->store,
				"UPDATE service SET modify_index = ?1 WHERE name = ?2 AND modify_index < ?1",
				"is", (int64_t)change->index, change->service);
		if (!is_recent(&nodes, change->node))
			store_run(log->store,
				"UPDATE node SET any_index = ?1 WHERE name = ?2 AND any_index < ?1", "is",
				(int64_t)change->index, change->node);
	}
}

void changelog_finish(struct changelog *log)
{
	touch_rows(log);
	prune(log);
	for (size_t i = 0; i < COUNTERS; i++)
		if (*counter(&log->now, i) != *counter(&log->start, i))
			store_run(log->store,
				"INSERT INTO meta (key, value) VALUES (?1, ?2)"
				" ON CONFLICT (key) DO UPDATE SET value = excluded.value",
				"si", counters[i].key, *counter(&log->now, i));
}
