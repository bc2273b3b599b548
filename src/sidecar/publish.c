/* publish.c -- the gate: a heap by index for the bell, a list by arrival for the timeout. */
#include "sidecar/publish.h"

static struct publish_wait *wait_of(struct heap_node *node)
{
	return (struct publish_wait *)(void *)((char *)node - offsetof(struct publish_wait, node));
}

void publish_init(struct publish *publish, const struct page *dns, const struct clock *clock,
	struct metrics *metrics, int64_t timeout_ns)
{
	*publish = (struct publish){.dns = dns, .clock = clock, .metrics = metrics, .timeout_ns = timeout_ns};
}

void publish_cancel(struct publish *publish, struct publish_wait *wait)
{
	if (!heap_holds(&wait->node))
		return;
	heap_remove(&publish->heap, &wait->node);
	if (wait->previous)
		wait->previous->next = wait->next;
	else
		publish->first = wait->next;
	if (wait->next)
		wait->next->previous = wait->previous;
	else
		publish->last = wait->previous;
	wait->next = wait->previous = NULL;
}

static void let_go(struct publish *publish, struct publish_wait *wait, bool published)
{
	publish_cancel(publish, wait);
	if (!published)
		metrics_add(publish->metrics, METRIC_HTTP_UNPUBLISHED, 1);
	wait->release(wait, published);
}

static bool serving(const struct publish *publish)
{
	return atomic_load_explicit(&publish->dns->state, memory_order_acquire) == PAGE_READY;
}

static uint64_t applied(const struct publish *publish)
{
	return atomic_load_explicit(&publish->dns->index, memory_order_acquire);
}

enum publish_verdict publish_hold(struct publish *publish, struct publish_wait *wait, uint64_t index,
	void (*release)(struct publish_wait *wait, bool published))
{
	if (!serving(publish)) {
		metrics_add(publish->metrics, METRIC_HTTP_UNPUBLISHED, 1);
		return PUBLISH_NOT;
	}
	if (applied(publish) >= index)
		return PUBLISH_DONE;
	wait->release = release;
	wait->since_ns = clock_now(publish->clock);
	wait->next = NULL;
	wait->previous = publish->last;
	if (publish->last)
		publish->last->next = wait;
	else
		publish->first = wait;
	publish->last = wait;
	heap_put(&publish->heap, &wait->node, index);
	return PUBLISH_HELD;
}

/* The next that may leave, NULL if none may. */
static struct publish_wait *next_due(const struct publish *publish, bool *ret_published)
{
	struct publish_wait *first = wait_of(heap_first(&publish->heap));

	*ret_published = serving(publish) && first->node.key <= applied(publish);
	if (*ret_published)
		return first;
	/* A DNS process that does not serve gives no old answer, so there is nothing to wait for. */
	return !serving(publish) ||
			       clock_now(publish->clock) - publish->first->since_ns >= publish->timeout_ns
		       ? publish->first
		       : NULL;
}

bool publish_run(struct publish *publish, unsigned limit)
{
	struct publish_wait *wait;
	bool published;

	while (publish->first && (wait = next_due(publish, &published))) {
		if (limit-- == 0)
			return true;
		let_go(publish, wait, published);
	}
	return false;
}

int64_t publish_next(const struct publish *publish)
{
	return publish->first ? publish->first->since_ns + publish->timeout_ns : INT64_MAX;
}

void publish_finish(struct publish *publish)
{
	uint64_t index = serving(publish) ? applied(publish) : 0;

	while (publish->first)
		let_go(publish, publish->first, publish->first->node.key <= index);
	heap_finish(&publish->heap);
}
