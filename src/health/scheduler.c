#include "health/scheduler.h"

#include <stdlib.h>

#include "base/mem.h"

static bool earlier(const struct health_timer *a, const struct health_timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void place(struct health_heap *heap, size_t position, struct health_timer *timer)
{
	heap->timers[position] = timer;
	timer->position = position;
}

static void sift_up(struct health_heap *heap, struct health_timer *timer)
{
	size_t at = timer->position;

	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (!earlier(timer, heap->timers[parent]))
			break;
		place(heap, at, heap->timers[parent]);
		at = parent;
	}
	place(heap, at, timer);
}

static void sift_down(struct health_heap *heap, struct health_timer *timer)
{
	size_t at = timer->position;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && earlier(heap->timers[child + 1], heap->timers[child]))
			child++;
		if (!earlier(heap->timers[child], timer))
			break;
		place(heap, at, heap->timers[child]);
		at = child;
	}
	place(heap, at, timer);
}

static void arm(struct health_scheduler *scheduler, struct health_heap *heap, struct health_timer *timer,
	int64_t due_ns)
{
	health_scheduler_disarm(timer);
	if (heap->count == heap->capacity) {
		heap->capacity = heap->capacity ? 2 * heap->capacity : 64;
		heap->timers = mem_resize(heap->timers, heap->capacity, sizeof(struct health_timer *));
	}
	timer->due_ns = due_ns;
	timer->order = scheduler->order++;
	timer->heap = heap;
	place(heap, heap->count++, timer);
	sift_up(heap, timer);
}

static struct health_timer *take(struct health_heap *heap, int64_t now_ns)
{
	struct health_timer *timer = heap->count ? heap->timers[0] : NULL;

	if (!timer || timer->due_ns > now_ns)
		return NULL;
	health_scheduler_disarm(timer);
	return timer;
}

/* splitmix64: jitter needs spread, not secrecy. */
static uint64_t random_below(struct health_scheduler *scheduler, uint64_t bound)
{
	uint64_t z = scheduler->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return bound ? z % bound : 0;
}

void health_scheduler_init(struct health_scheduler *scheduler, unsigned limit, uint64_t seed)
{
	*scheduler = (struct health_scheduler){.limit = limit, .random = seed};
}

void health_scheduler_finish(struct health_scheduler *scheduler)
{
	free(scheduler->probes.timers);
	free(scheduler->alarms.timers);
	scheduler->probes = scheduler->alarms = (struct health_heap){0};
}

void health_scheduler_probe_at(struct health_scheduler *scheduler, struct health_timer *timer, int64_t due_ns)
{
	arm(scheduler, &scheduler->probes, timer, due_ns);
}

void health_scheduler_alarm_at(struct health_scheduler *scheduler, struct health_timer *timer, int64_t due_ns)
{
	arm(scheduler, &scheduler->alarms, timer, due_ns);
}

void health_scheduler_disarm(struct health_timer *timer)
{
	struct health_heap *heap = timer->heap;
	struct health_timer *last;

	if (!heap)
		return;
	timer->heap = NULL;
	last = heap->timers[--heap->count];
	if (last == timer)
		return;
	place(heap, timer->position, last);
	sift_up(heap, last);
	sift_down(heap, last);
}

struct health_timer *health_scheduler_take_probe(struct health_scheduler *scheduler, int64_t now_ns)
{
	struct health_timer *timer;

	if (scheduler->in_flight >= scheduler->limit)
		return NULL;
	timer = take(&scheduler->probes, now_ns);
	if (timer)
		scheduler->in_flight++;
	return timer;
}

struct health_timer *health_scheduler_take_alarm(struct health_scheduler *scheduler, int64_t now_ns)
{
	return take(&scheduler->alarms, now_ns);
}

void health_scheduler_finished(struct health_scheduler *scheduler)
{
	scheduler->in_flight--;
}

int64_t health_scheduler_next(const struct health_scheduler *scheduler)
{
	int64_t next = scheduler->alarms.count ? scheduler->alarms.timers[0]->due_ns : HEALTH_NEVER;

	if (scheduler->probes.count && scheduler->in_flight < scheduler->limit &&
		scheduler->probes.timers[0]->due_ns < next)
		next = scheduler->probes.timers[0]->due_ns;
	return next;
}

void health_scheduler_shift(struct health_scheduler *scheduler, int64_t ns)
{
	/* The same for all, so the heaps stay in order. */
	for (size_t i = 0; i < scheduler->probes.count; i++)
		scheduler->probes.timers[i]->due_ns += ns;
	for (size_t i = 0; i < scheduler->alarms.count; i++)
		scheduler->alarms.timers[i]->due_ns += ns;
}

int64_t health_scheduler_first(struct health_scheduler *scheduler, bool fresh, int64_t interval_ns,
	int64_t spread_ns, int64_t now_ns)
{
	int64_t within = interval_ns < spread_ns ? interval_ns : spread_ns;

	return fresh ? now_ns : now_ns + (int64_t)random_below(scheduler, (uint64_t)within);
}

int64_t health_scheduler_again(struct health_scheduler *scheduler, int64_t interval_ns, int64_t now_ns)
{
	return now_ns + interval_ns - (int64_t)random_below(scheduler, (uint64_t)interval_ns / 10);
}
