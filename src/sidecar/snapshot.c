/* snapshot.c -- one thread, one copy. */
#include "sidecar/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "sidecar/context.h"
#include "sidecar/errand.h"

static bool must_stop(void *ctx)
{
	const struct snapshot_thread *snapshot = ctx;

	return atomic_load(&snapshot->stop) || clock_now(clock_system()) >= snapshot->until_ns;
}

static void *run(void *ctx)
{
	struct snapshot_thread *snapshot = ctx;
	char text[256] = "";
	int error = registry_backup(snapshot->sidecar->config.writer, snapshot->path, must_stop, snapshot);

	if (error == -ECANCELED)
		(void)snprintf(text, sizeof(text),
			"copying the registry took longer than http.snapshot_timeout, or the server ends");
	else if (error)
		(void)snprintf(text, sizeof(text), "the registry cannot be copied: %s", err_str(error));
	errand_done(snapshot->sidecar, ERRAND_SNAPSHOT, !error ? 200 : error == -ENOSPC ? 507 : 503, text);
	return NULL;
}

int snapshot_start(struct sidecar *sidecar)
{
	struct snapshot_thread *snapshot = &sidecar->snapshot;
	int error;

	free(snapshot->path);
	snapshot->sidecar = sidecar;
	if (asprintf(&snapshot->path, "%s.snapshot", sidecar->config.registry_path) < 0)
		mem_out();
	snapshot->until_ns = clock_now(clock_system()) + sidecar->config.snapshot_timeout_ns;
	atomic_store(&snapshot->stop, false);
	error = -pthread_create(&snapshot->thread, NULL, run, snapshot);
	snapshot->running = !error;
	return error;
}

int snapshot_take(struct sidecar *sidecar)
{
	struct snapshot_thread *snapshot = &sidecar->snapshot;
	int fd;

	if (!snapshot->running)
		return -1;
	atomic_store(&snapshot->stop, true);
	pthread_join(snapshot->thread, NULL);
	snapshot->running = false;
	fd = open(snapshot->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unlink(snapshot->path);
	return fd;
}

void snapshot_finish(struct sidecar *sidecar)
{
	int fd = snapshot_take(sidecar);

	if (fd >= 0)
		close(fd);
	free(sidecar->snapshot.path);
	sidecar->snapshot.path = NULL;
}
