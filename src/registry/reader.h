/* reader.h -- a read-only connection, and the questions that the other rooms ask.
 *
 * A reader belongs to one thread at a time. Rows are copied into the caller's arena; every list comes sorted
 * by node name, then id (Consul's order), and is empty rather than NULL. Each question is one read
 * transaction unless registry_reader_begin() opened one, which makes several questions see the same index.
 * Only the first load may stay in a transaction for long: a reader that stays stops the checkpoints. */
#pragma once

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
	REGISTRY_RESOURCE_CHECKS    /* health/node, checks, state: any check change */
};

/* 0 or negative errno; the value is at least 1. */
int registry_reader_resource(
	struct registry_reader *reader, enum registry_resource resource, const char *name, uint64_t *ret);

/* Which rows: every field that is not NULL must match. node, service and status are found by an index, id and
 * instance_id together with node; agent_only alone, and id alone, read all rows. */
struct registry_filter {
	const char *node;
	const char *id;                     /* instances: the instance's id; checks: the check's id */
	const char *service;                /* service name */
	const char *instance_id;            /* checks only: "" for checks of nodes */
	const enum registry_status *status; /* checks only */
	bool agent_only;                    /* instances: registered through the agent API */
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

/* The services that changed after `since` (each once), and the index up to which that is the whole truth.
 * 0, -ESTALE if the changelog no longer reaches back that far (or the index went backwards: another
 * registry): load afresh; or another negative errno. */
int registry_reader_changes(struct registry_reader *reader, uint64_t since, struct arena *arena,
	const char *const **ret_services, size_t *ret_count, uint64_t *ret_index);
