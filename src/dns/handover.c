/* handover.c -- see handover.h. */
#include "dns/handover.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/exchange.h"
#include "net/link.h"

enum {
	SWEEP_US = 50000,
	GRACE_MS = 250,  /* for an answer that the relay gives up on in time */
	ANSWERS_MAX = 64 /* taken before the event loop gets its turn */
};

TAILQ_HEAD(slots, handover_slot);

struct handover {
	struct dns_worker *worker;
	int link;
	int64_t patience;
	void (*deliver)(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg);
	void *arg;
	struct event *readable, *sweep;
	struct slots idle, waiting; /* waiting: the oldest first */
	uint64_t count;             /* of queries so far: the upper part of the token */
	unsigned capacity, in_flight;
	uint8_t answer[NET_LINK_MESSAGE];
	struct handover_slot slots[];
};

/* Nobody waits for this slot's answer any more. */
static void take_out(struct handover *h, struct handover_slot *slot)
{
	TAILQ_REMOVE(&h->waiting, slot, link);
	slot->token = 0;
	metrics_set(h->worker->context.metrics, METRIC_RELAY_IN_FLIGHT, --h->in_flight);
	if (h->in_flight == 0)
		event_del(h->sweep);
}

/* Ends the wait of a slot with this answer. */
static void finish(struct handover *h, struct handover_slot *slot, const uint8_t *answer, size_t size)
{
	dns_count_response(h->worker->context.metrics, answer[3] & 0xF, answer[2] & WIRE_FLAG_TC >> 8);
	take_out(h, slot);
	h->deliver(slot, answer, size, h->arg);
	TAILQ_INSERT_HEAD(&h->idle, slot, link);
}

/* The slot that waits for this answer, or NULL. */
static struct handover_slot *find(
	struct handover *h, const struct net_link_head *head, const uint8_t *answer, size_t size)
{
	struct handover_slot *slot = &h->slots[head->token % h->capacity];
	bool fits = head->token != 0 && slot->token == head->token && size >= WIRE_HEADER_SIZE &&
		    size <= slot->limit && wire_get16(answer) == slot->id;
	return fits ? slot : NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;
	struct net_link_head head;
	for (unsigned i = 0; i < ANSWERS_MAX; i++) {
		int size = net_link_receive(fd, &head, h->answer);
		if (size == -EBADMSG)
			continue;
		if (size < 0 && size != -EAGAIN)
			event_del(h->readable); /* the supervisor is gone, and we shall be */
		if (size < 0)
			return;
		struct handover_slot *slot = find(h, &head, h->answer, (size_t)size);
		if (!slot)
			continue;
		metrics_add(h->worker->context.metrics, METRIC_RELAY_ANSWERED, 1);
		finish(h, slot, h->answer, (size_t)size);
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;
	int64_t now = clock_now(h->worker->clock);
	struct handover_slot *slot;
	while ((slot = TAILQ_FIRST(&h->waiting)) && slot->until <= now) {
		metrics_add(h->worker->context.metrics, METRIC_RELAY_EXPIRED, 1);
		finish(h, slot, slot->fallback, slot->fallback_size);
	}
}

struct handover *handover_create(struct dns_worker *worker, int link, unsigned capacity, int64_t timeout_ns,
	void (*deliver)(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg), void *arg)
{
	struct handover *h = mem_alloc(sizeof(*h) + capacity * sizeof(h->slots[0]));
	h->worker = worker;
	h->link = link;
	h->patience = timeout_ns + GRACE_MS * CLOCK_NS_PER_MS;
	h->deliver = deliver;
	h->arg = arg;
	h->capacity = capacity;
	/* What a dns process before us asked is answered to nobody. */
	h->count = siphash(worker->key, &link, sizeof(link)) >> 32;
	TAILQ_INIT(&h->idle);
	TAILQ_INIT(&h->waiting);
	for (unsigned i = 0; i < capacity; i++)
		TAILQ_INSERT_TAIL(&h->idle, &h->slots[i], link);
	h->readable = worker_event(worker, link, EV_READ | EV_PERSIST, on_readable, h);
	h->sweep = worker_event(worker, -1, EV_PERSIST, on_sweep, h);
	event_add(h->readable, NULL);
	return h;
}

/* Sends it over the link. 0 or negative errno; the slot waits then. */
static int ask(struct handover *h, struct handover_slot *slot, const struct dns_message *message)
{
	int64_t now = clock_now(h->worker->clock);
	struct net_link_head head = {.token = ++h->count * h->capacity + (uint64_t)(slot - h->slots),
		.at_ns = now,
		.limit = message->limit,
		.client = message->source.hash};
	int r = net_link_send(h->link, &head, message->query, message->query_size);
	if (r < 0)
		return r;
	TAILQ_REMOVE(&h->idle, slot, link);
	TAILQ_INSERT_TAIL(&h->waiting, slot, link);
	slot->token = head.token;
	slot->until = now + h->patience;
	slot->id = wire_get16(message->query);
	slot->limit = message->limit;
	slot->fallback_size = (uint16_t)message->answer_size;
	memcpy(slot->fallback, message->answer, message->answer_size);
	slot->owner = NULL;
	return 0;
}

struct handover_slot *handover_pass(struct handover *h, const struct dns_message *message)
{
	static const struct timeval sweep = {.tv_usec = SWEEP_US};
	struct handover_slot *slot = TAILQ_FIRST(&h->idle);
	if (!slot || message->answer_size > sizeof(slot->fallback) || ask(h, slot, message) < 0) {
		metrics_add(h->worker->context.metrics, METRIC_RELAY_FULL, 1);
		dns_count_response(h->worker->context.metrics, WIRE_SERVFAIL, false);
		return NULL;
	}
	if (h->in_flight++ == 0)
		event_add(h->sweep, &sweep);
	metrics_set(h->worker->context.metrics, METRIC_RELAY_IN_FLIGHT, h->in_flight);
	return slot;
}

void handover_forget(struct handover *h, const void *owner)
{
	for (struct handover_slot *slot = TAILQ_FIRST(&h->waiting), *next; slot; slot = next) {
		next = TAILQ_NEXT(slot, link);
		if (slot->owner != owner)
			continue;
		take_out(h, slot);
		TAILQ_INSERT_HEAD(&h->idle, slot, link);
	}
}

void handover_destroy(struct handover *h)
{
	if (!h)
		return;
	event_free(h->readable);
	event_free(h->sweep);
	free(h);
}
