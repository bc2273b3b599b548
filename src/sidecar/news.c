/* news.c -- see news.h. */
#include "sidecar/news.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "sidecar/context.h"

void news_open(struct sidecar *sidecar)
{
	int error;

	if (sidecar->reader && registry_reader_replaced(sidecar->reader)) {
		registry_reader_close(sidecar->reader);
		sidecar->reader = NULL;
		sharing_clear(&sidecar->sharing);
	}
	if (sidecar->reader)
		return;
	error = registry_reader_open(sidecar->config.registry_path, &sidecar->reader);
	if (error && error != -ENOENT && error != -EAGAIN)
		log_warn("the registry cannot be opened for reading", "error", err_str(error));
}

/* Wakes the watchers of a whole table, if its index has moved past what they have seen; all of them, if that
 * cannot be read now. */
static void wake_resource(struct sidecar *sidecar, enum registry_resource resource)
{
	uint64_t index;

	if (!blocking_watched(sidecar->blocking, resource, ""))
		return;
	/* Which node a query watches is not known here: all of them look again. */
	if (resource == REGISTRY_RESOURCE_NODE || !sidecar->reader ||
		registry_reader_resource(sidecar->reader, resource, "", &index) != 0)
		index = UINT64_MAX;
	blocking_wake(sidecar->blocking, resource, "", index);
}

void news_commit(const struct registry_commit *commit, void *ctx)
{
	struct sidecar *sidecar = ctx;

	if (commit->count > 0)
		sharing_clear(&sidecar->sharing);
	for (size_t i = 0; i < commit->count; i++)
		if (commit->changes[i].kind == REGISTRY_CHECK_PUT ||
			commit->changes[i].kind == REGISTRY_CHECK_GONE)
			sidecar->checks_ns = clock_now(sidecar->config.clock);
	events_commit(sidecar->streams, commit->index);
	if (blocking_count(sidecar->blocking) == 0)
		return;
	for (size_t i = 0; i < commit->count; i++)
		if (commit->changes[i].kind == REGISTRY_SERVICE_CHANGED)
			blocking_wake(sidecar->blocking, REGISTRY_RESOURCE_SERVICE,
				commit->changes[i].service, commit->changes[i].index);
	wake_resource(sidecar, REGISTRY_RESOURCE_SERVICES);
	wake_resource(sidecar, REGISTRY_RESOURCE_NODES);
	wake_resource(sidecar, REGISTRY_RESOURCE_NODE);
	wake_resource(sidecar, REGISTRY_RESOURCE_CHECKS);
}
