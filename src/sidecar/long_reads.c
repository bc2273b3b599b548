/* long_reads.c -- the queue, the thread, and who shares what. See long_reads.h. */
#include "sidecar/long_reads.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/wake.h"
#include "sidecar/call.h"

/* --- The thread ----------------------------------------------------------------------------------------- */

static void *run(void *ctx)
{
	struct sidecar *sidecar = ctx;
	struct long_reads *long_reads = &sidecar->long_reads;

	pthread_setname_np(pthread_self(), "reads");
	pthread_mutex_lock(&sidecar->mutex);
	while (!long_reads->quit) {
		struct call *call = long_reads->handed;
		int error;

		if (!call) {
			pthread_cond_wait(&long_reads->wanted, &sidecar->mutex);
			continue;
		}
		long_reads->handed = NULL;
		pthread_mutex_unlock(&sidecar->mutex);
		error = call_read_long(call, &long_reads->stop);
		pthread_mutex_lock(&sidecar->mutex);
		long_reads->done = call;
		long_reads->error = error;
		net_wake_ring(sidecar->control_fd);
	}
	pthread_mutex_unlock(&sidecar->mutex);
	return NULL;
}

/* With the first long read; most servers never have one. */
static int start_thread(struct sidecar *sidecar)
{
	struct long_reads *long_reads = &sidecar->long_reads;
	int error = long_reads->has_thread ? 0 : -pthread_create(&long_reads->thread, NULL, run, sidecar);

	long_reads->has_thread = !error;
	return error;
}

/* --- The queue ------------------------------------------------------------------------------------------ */

static bool same(const struct buf *a, const struct buf *b)
{
	return a->size > 0 && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void dequeue(struct call *call)
{
	TAILQ_REMOVE(&call->sidecar->long_reads.queue, call, long_read.link);
	call->long_read.state = LONG_READ_NONE;
}

/* By turns of the clients (start-time fair queueing), and among equals in the order of coming. */
static void enqueue(struct long_reads *long_reads, struct call *call)
{
	struct call *other, *behind = NULL;
	uint64_t turn = long_reads->turn;

	TAILQ_FOREACH(other, &long_reads->queue, long_read.link)
		if (other->long_read.turn >= turn && http_same_client(other->request, call->request))
			turn = other->long_read.turn + 1;
	TAILQ_FOREACH(other, &long_reads->queue, long_read.link)
		if (!behind && other->long_read.turn > turn)
			behind = other;
	call->long_read.turn = turn;
	if (behind)
		TAILQ_INSERT_BEFORE(behind, call, long_read.link);
	else
		TAILQ_INSERT_TAIL(&long_reads->queue, call, long_read.link);
}

void long_reads_add(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	struct long_read *own = &call->long_read;

	if (call->route->flags & ROUTE_QUERY)
		sharing_key(&own->key, call);
	own->state = LONG_READ_WAITS;
	own->number = ++sidecar->long_reads.number;
	enqueue(&sidecar->long_reads, call);
	call_later(call);
	long_reads_next(sidecar);
}

bool long_reads_has_like(const struct call *call)
{
	struct long_reads *long_reads = &call->sidecar->long_reads;
	const struct call *other;
	struct buf key = {0};
	bool found;

	if (!long_reads->running)
		return false; /* nobody waits for nothing */
	sharing_key(&key, call);
	found = same(&long_reads->running->long_read.key, &key);
	TAILQ_FOREACH(other, &long_reads->queue, long_read.link)
		found |= same(&other->long_read.key, &key);
	buf_finish(&key);
	return found;
}

void long_reads_leave(struct call *call)
{
	if (call->long_read.state == LONG_READ_WAITS)
		dequeue(call);
	buf_finish(&call->long_read.key);
}

bool long_reads_keep(struct call *call)
{
	call->long_read.abandoned = call->long_read.state == LONG_READ_RUNS;
	return call->long_read.abandoned;
}

bool long_reads_running(const struct sidecar *sidecar)
{
	return sidecar->long_reads.running != NULL;
}

/* True if there is room for a long reply. If there has been none for too long, all that wait are refused. */
static bool has_room(struct sidecar *sidecar)
{
	struct long_reads *long_reads = &sidecar->long_reads;
	int64_t now = clock_now(sidecar->config.clock);
	struct call *call;

	if (!http_server_is_full(sidecar->server) || sidecar->stopping) {
		long_reads->full_ns = 0;
		return true;
	}
	if (!long_reads->full_ns)
		long_reads->full_ns = now;
	if (now - long_reads->full_ns < sidecar->config.http.write_timeout_ns)
		return false;
	while ((call = TAILQ_FIRST(&long_reads->queue))) {
		dequeue(call);
		call_text(call, 503, "Too many long replies wait for clients that read slowly");
	}
	return false;
}

void long_reads_next(struct sidecar *sidecar)
{
	struct long_reads *long_reads = &sidecar->long_reads;
	bool room = has_room(sidecar);
	struct call *call = TAILQ_FIRST(&long_reads->queue);
	int error;

	if (!room || !call || long_reads->running)
		return;
	dequeue(call);
	error = start_thread(sidecar);
	if (error) {
		call_read_done(call, error);
		return;
	}
	call->long_read.state = LONG_READ_RUNS;
	long_reads->running = call;
	long_reads->started = long_reads->number;
	long_reads->turn = call->long_read.turn;
	metrics_add(&sidecar->config.thread->metrics, METRIC_HTTP_LONG_READS, 1);
	pthread_mutex_lock(&sidecar->mutex);
	long_reads->handed = call;
	pthread_cond_signal(&long_reads->wanted);
	pthread_mutex_unlock(&sidecar->mutex);
}

/* --- The answers ---------------------------------------------------------------------------------------- */

/* All that asked the same before the read began get what it has left. */
static void share(struct sidecar *sidecar, const struct call *from)
{
	const struct sharing_reply reply = {.index = from->index,
		.status = from->status,
		.content_type = from->content_type,
		.body = from->shared};
	struct call *call = TAILQ_FIRST(&sidecar->long_reads.queue), *next;

	for (; call; call = next) {
		next = TAILQ_NEXT(call, long_read.link);
		if (call->long_read.number > sidecar->long_reads.started ||
			!same(&call->long_read.key, &from->long_read.key))
			continue;
		dequeue(call);
		call_read_shared(call, &reply);
	}
}

void long_reads_answer(struct sidecar *sidecar)
{
	struct long_reads *long_reads = &sidecar->long_reads;
	struct call *call;
	int error;

	pthread_mutex_lock(&sidecar->mutex);
	call = long_reads->done;
	error = long_reads->error;
	long_reads->done = NULL;
	pthread_mutex_unlock(&sidecar->mutex);
	if (!call)
		return;
	long_reads->running = NULL;
	call->long_read.state = LONG_READ_NONE;
	if (!error)
		share(sidecar, call);
	if (call->long_read.abandoned) {
		http_request_free(call->request);
		call_end(call);
		return;
	}
	if (!error && call->woken)
		metrics_add(&sidecar->config.thread->metrics, METRIC_HTTP_WOKEN_RENDERED, 1);
	call_read_done(call, error);
}

/* --- Start and end -------------------------------------------------------------------------------------- */

void long_reads_init(struct long_reads *long_reads)
{
	TAILQ_INIT(&long_reads->queue);
	pthread_cond_init(&long_reads->wanted, NULL);
}

void long_reads_stop(struct sidecar *sidecar)
{
	atomic_store(&sidecar->long_reads.stop, true);
}

void long_reads_finish(struct sidecar *sidecar)
{
	struct long_reads *long_reads = &sidecar->long_reads;
	struct call *call = long_reads->running;

	if (!long_reads->has_thread)
		return;
	long_reads_stop(sidecar);
	pthread_mutex_lock(&sidecar->mutex);
	long_reads->quit = true;
	pthread_cond_signal(&long_reads->wanted);
	pthread_mutex_unlock(&sidecar->mutex);
	pthread_join(long_reads->thread, NULL);
	long_reads->has_thread = false;
	if (!call)
		return;
	long_reads->running = NULL;
	call->long_read.state = LONG_READ_NONE;
	if (call->long_read.abandoned)
		http_request_free(call->request);
}
