/* changelog.h -- the index, and what happened at each.
 *
 * Private to the registry room; the writer's thread only. One changelog serves one transaction after the
 * other: begin, then for each command changelog_command(), and undo if it was refused, then finish. A command
 * that changes something gets the next index, however many rows it changes. Every change is noted four
 * times: as a row of the changelog table, for whoever follows or reads the history; in the indexes of what it
 * touches (consul.md section 2.2); and in memory, for the inboxes that observe, and in words for the log. */
#pragma once

#include "registry/inbox.h"
#include "registry/store.h"

/* Kept in the table meta. Each index is the one of the last change of its kind. */
struct changelog_counters {
	int64_t index;                 /* the registry's */
	int64_t services;              /* any instance */
	int64_t nodes;                 /* any node or instance */
	int64_t checks;                /* any check, or what its row shows of others */
	int64_t extinction;            /* a service lost its last instance */
	int64_t floor;                 /* changes up to this index may have been pruned */
	int64_t instances, node_count; /* no indexes: how many there are */
};

#define CHANGELOG_REASON 512 /* of a check's output, which may be long, the beginning is enough here */

enum changelog_kind { CHANGELOG_INSTANCE, CHANGELOG_CHECK, CHANGELOG_NODE };

/* One thing that happened. Texts are copied. */
struct changelog_entry {
	enum changelog_kind kind;
	const char *service; /* "" if none is concerned */
	const char *node, *id;
	const char *instance; /* whose check it is; NULL for none (an instance is its own) */
	const char *former;   /* a check's status before, or "waiting"; NULL for none */
	const char *what;     /* "registered", "changed", "removed", "passing", ... */
	const char *reason; /* in words, of which the first CHANGELOG_REASON bytes are kept; NULL for none */
};

struct changelog {
	struct store *store;
	struct changelog_counters now, before; /* before: at the start of the command */
	struct changelog_counters start;       /* as they stand in the table */
	int64_t next;                          /* the index that the command gets if it changes anything */
	int64_t time_ms;                       /* wall clock, for the rows */
	uint32_t rows;                         /* that are kept */
	struct arena *arena;                   /* of the transaction: the changes below */
	struct registry_change *changes;
	size_t count, count_before;
	bool tells; /* whether the rows are kept here, too */
	struct registry_history *history;
	size_t told, told_before;
	bool effective; /* something of this transaction has to be committed */
};

/* Starts a transaction's bookkeeping: reads the counters; changes are collected in `arena`. */
void changelog_begin(struct changelog *log, struct arena *arena, int64_t wall_ns);

/* Starts a command. */
void changelog_command(struct changelog *log);

/* Forgets what the command noted (its rows, if it wrote any, are undone by its savepoint). */
void changelog_undo(struct changelog *log);

/* True if the command changed something. */
bool changelog_changed(const struct changelog *log);

/* Notes a change. */
void changelog_add(struct changelog *log, const struct changelog_entry *entry);

/* Notes that a change of the node `node` itself or of one of its checks concerns all services on it. */
void changelog_touch_node(struct changelog *log, const struct changelog_entry *entry);

/* Notes that rows of checks show what the command changed, though no check did: the name and tags of their
 * instance, or their node. Whoever lists checks has to look again. */
void changelog_touch_checks(struct changelog *log);

/* Notes for the observers, and only for them, that a check was put. */
void changelog_check_put(struct changelog *log, const struct registry_check *check, bool fresh);

/* Notes for the observers, and only for them, that a check is gone. */
void changelog_check_gone(struct changelog *log, const char *node, const char *check_id);

/* Writes the counters and the indexes of what was touched, and prunes the table, before COMMIT. */
void changelog_finish(struct changelog *log);
