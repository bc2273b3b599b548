/* reader.h -- a read-only connection, and the questions that the other rooms ask.
 *
 * A reader belongs to one thread at a time. Rows are copied into the caller's arena; every list comes sorted
 * by node name, then id (Consul's order), and is empty rather than NULL. Each question is one read
 * transaction unless registry_reader_begin() opened one, which makes several questions see the same index.
 * Only the first load may stay in a transaction for long: a reader that stays stops the checkpoints. */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "registry/model.h"

struct registry_reader;

/* Opens the registry read-only. 0, -ENOENT (no such file), -EAGAIN (there, but its schema is not ready),
 * -EPROTO (a schema newer than this program), -EBADMSG (damaged, or no database), -EINVAL (another program's
 * database) or another negative errno. Close with registry_reader_close().
 */
int registry_reader_open(const char *path, struct registry_reader **ret);

/* Closes; NULL is fine. */
void registry_reader_close(struct registry_reader *reader);

/* True if the path now names another file than the one that is open (replaced, removed). */
bool registry_reader_replaced(const struct registry_reader *reader);

/* Opens a snapshot for the questions up to registry_reader_end(). 0 or negative errno. */
int registry_reader_begin(struct registry_reader *reader);

/* As registry_reader_begin(), for a snapshot with a bound: questions that go on beyond `until_ns` (monotonic,
 * of the system's clock; 0: as long as they take) fail with -E2BIG, and once *stop is true (NULL: never) with
 * -ECANCELED. Short ones do not look at either. */
int registry_reader_begin_bounded(struct registry_reader *reader, int64_t until_ns, const atomic_bool *stop);

/* Ends the snapshot. */
void registry_reader_end(struct registry_reader *reader);

/* The registry's index. 0 or negative errno. */
int registry_reader_index(struct registry_reader *reader, uint64_t *ret);

/* Index of a resource for X-Consul-Index and blocking queries (consul.md section 2.2). */
enum registry_resource {
	REGISTRY_RESOURCE_SERVICE,  /* `name`: health/service and catalog/service; of an unknown one, the
				       extinction index */
	REGISTRY_RESOURCE_SERVICES, /* catalog/services: any instance change */
	REGISTRY_RESOURCE_NODES,    /* catalog/nodes: any node or instance change */
	REGISTRY_RESOURCE_NODE,     /* `name`: one node, its instances and checks */
	REGISTRY_RESOURCE_CHECKS    /* health/node, checks, state: any check change, and changes of
				       the instances and nodes that are there, which checks name */
};

/* 0 or negative errno; the value is at least 1. */
int registry_reader_resource(
	struct registry_reader *reader, enum registry_resource resource, const char *name, uint64_t *ret);

/* Which rows: every field that is not NULL must match. node, service and a status other than passing are
 * found by an index, id and instance_id together with node; the others, each alone, read all rows. */
struct registry_filter {
	const char *node;
	const char *id;                     /* instances: the instance's id; checks: the check's id */
	const char *service;                /* service name */
	const char *instance_id;            /* checks only: "" for checks of nodes */
	const enum registry_status *status; /* checks only */
	bool agent_only;                    /* instances: registered through the agent API */
	/* Not which but what of them; checks only: service_tags are left empty. They may be long. */
	bool without_tags;
};

/* 0 or negative errno. */
int registry_reader_nodes(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_node **ret, size_t *ret_count);

/* 0 or negative errno. */
int registry_reader_instances(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_instance **ret, size_t *ret_count);

/* 0 or negative errno. */
int registry_reader_checks(struct registry_reader *reader, const struct registry_filter *filter,
	struct arena *arena, const struct registry_check **ret, size_t *ret_count);

/* The catalog, sorted by name. 0 or negative errno. */
int registry_reader_services(struct registry_reader *reader, struct arena *arena,
	const struct registry_service **ret, size_t *ret_count);

/* One service's name in the spelling that came first, and its instances; called for each service in turn. */
typedef int registry_service_visitor(
	const char *service, const struct registry_instance *instances, size_t count, void *ctx);

/* Streams the whole registry, service by service, ordered by name, in one transaction; the rows of a service
 * live during its visit only. A visitor that returns non-zero ends the walk with that value. ret_index: the
 * index that was read. */
int registry_reader_walk(
	struct registry_reader *reader, registry_service_visitor *visit, void *ctx, uint64_t *ret_index);

/* Some services that follow one another, with all their rows, in an arena of their own. */
struct registry_batch {
	struct arena *arena;
	struct registry_batch_service {
		const char *service; /* as above */
		const struct registry_instance *instances;
		size_t count;
	} * services;
	size_t count;
};

/* Owns the batch from here, whatever it returns; registry_batch_finish() frees what is in it. */
typedef int registry_batch_taker(struct registry_batch *batch, void *ctx);

/* As registry_reader_walk(), in batches: each is handed over when its arena holds `size` bytes, and the last
 * one at the end. A service is never divided. */
int registry_reader_walk_batches(struct registry_reader *reader, size_t size, registry_batch_taker *take,
	void *ctx, uint64_t *ret_index);

/* Visits the services of a batch in turn; a visitor that returns non-zero ends it with that value. */
int registry_batch_visit(const struct registry_batch *batch, registry_service_visitor *visit, void *ctx);

/* Frees the rows of a batch, and leaves it empty. */
void registry_batch_finish(struct registry_batch *batch);

/* The services that changed after `since` (each once), and the index up to which that is the whole truth.
 * 0, -ESTALE if the changelog no longer reaches back that far (or the index went backwards: another
 * registry): load afresh; or another negative errno. */
int registry_reader_changes(struct registry_reader *reader, uint64_t since, struct arena *arena,
	const char *const **ret_services, size_t *ret_count, uint64_t *ret_index);

/* How far somebody has read the changelog. Between two rows of one index, `index` is the one before. */
struct registry_cursor {
	uint64_t index; /* that is known in whole */
	int64_t seq;    /* the row that was read last */
};

/* A cursor behind index `since`, or (`last` > 0) in front of the last so many changes. 0, -ESTALE if the
 * changelog does not reach back to `since` or the registry was never there; another negative errno. The
 * cursor is set in any case but the last: to where the changelog ends, if it is stale. */
int registry_reader_cursor(
	struct registry_reader *reader, uint64_t since, uint32_t last, struct registry_cursor *ret);

/* The next rows behind the cursor, at most `limit` of them and none above index `until`; moves the cursor
 * behind them. 0, -ESTALE if the changelog was pruned past it or is another one, or another negative errno;
 * then the cursor stays. */
int registry_reader_history(struct registry_reader *reader, struct registry_cursor *cursor, uint64_t until,
	size_t limit, struct arena *arena, const struct registry_history **ret, size_t *ret_count);

/* Sizes of the database and of its write-ahead log on the disk. 0 or negative errno. */
int registry_reader_sizes(const struct registry_reader *reader, uint64_t *ret_database, uint64_t *ret_log);

/* When the change with this index was made (wall clock, ms since 1970), 0 if the changelog no longer knows. 0
 * or negative errno. */
int registry_reader_time(struct registry_reader *reader, uint64_t index, int64_t *ret_ms);
