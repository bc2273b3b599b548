#include "view/loader.h"

#include <errno.h>
#include <pthread.h>

struct loader {
	struct registry_reader *reader; /* the reading thread's until it is joined, and so is `index` */
	uint64_t index;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	struct registry_batch queue[LOADER_QUEUE];
	size_t first, count;
	bool read;      /* nothing more comes; `error` says how it ended */
	bool cancelled; /* nothing more is wanted */
	int error;
};

/* The reading thread: waits for room, and puts the batch there. */
static int put(struct registry_batch *batch, void *ctx)
{
	struct loader *loader = ctx;

	pthread_mutex_lock(&loader->lock);
	while (loader->count == LOADER_QUEUE && !loader->cancelled)
		pthread_cond_wait(&loader->changed, &loader->lock);
	bool cancelled = loader->cancelled;
	if (!cancelled)
		loader->queue[(loader->first + loader->count++) % LOADER_QUEUE] = *batch;
	pthread_cond_signal(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
	if (!cancelled)
		return 0;
	registry_batch_finish(batch);
	return -ECANCELED;
}

static void *read_all(void *ctx)
{
	struct loader *loader = ctx;
	int error = registry_reader_walk_batches(loader->reader, LOADER_BATCH, put, loader, &loader->index);

	pthread_mutex_lock(&loader->lock);
	loader->error = error;
	loader->read = true;
	pthread_cond_signal(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
	return NULL;
}

/* The rendering thread: waits for a batch; false if none comes any more. */
static bool get(struct loader *loader, struct registry_batch *ret)
{
	pthread_mutex_lock(&loader->lock);
	while (loader->count == 0 && !loader->read)
		pthread_cond_wait(&loader->changed, &loader->lock);
	bool got = loader->count > 0;
	if (got) {
		*ret = loader->queue[loader->first];
		loader->first = (loader->first + 1) % LOADER_QUEUE;
		loader->count--;
		pthread_cond_signal(&loader->changed);
	}
	pthread_mutex_unlock(&loader->lock);
	return got;
}

static void cancel(struct loader *loader)
{
	pthread_mutex_lock(&loader->lock);
	loader->cancelled = true;
	pthread_cond_signal(&loader->changed);
	pthread_mutex_unlock(&loader->lock);
}

int loader_walk(
	struct registry_reader *reader, registry_service_visitor *visit, void *ctx, uint64_t *ret_index)
{
	struct loader loader = {
		.reader = reader, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct registry_batch batch;
	pthread_t thread;
	int result = 0;

	/* It inherits the mask of the follower, which blocks all signals. */
	if (pthread_create(&thread, NULL, read_all, &loader) != 0)
		return registry_reader_walk(reader, visit, ctx, ret_index);
	pthread_setname_np(thread, "loader");
	while (get(&loader, &batch)) {
		if (!result) {
			result = registry_batch_visit(&batch, visit, ctx);
			if (result)
				cancel(&loader);
		}
		registry_batch_finish(&batch);
	}
	pthread_join(thread, NULL);
	pthread_cond_destroy(&loader.changed);
	pthread_mutex_destroy(&loader.lock);
	if (!result)
		result = loader.error;
	if (!result)
		*ret_index = loader.index;
	return result;
}
