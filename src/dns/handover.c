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
	QUERY_MAX = 4096, /* bytes; what is longer comes from no resolver, and would fill the link */
	GRACE_MS = 250,   /* for an answer that the relay gives up on in time */
	ANSWERS_MAX = 64, /* taken before the event loop gets its turn */
	UNASKED_MAX = 256 /* of them nobody waits for; more are left for the next sweep */
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
	unsigned unasked; /* answers that nobody waited for, since the last sweep */
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

/* True if both begin with the same question; `asked` is whole. */
static bool same_question(const uint8_t *asked, const uint8_t *answer, size_t size)
{
	size_t end = WIRE_HEADER_SIZE;
	while (asked[end] != 0)
		end += 1u + asked[end];
	end += 1 + 4;
	return size >= end &&
	       memcmp(asked + WIRE_HEADER_SIZE, answer + WIRE_HEADER_SIZE, end - WIRE_HEADER_SIZE) == 0;
}

/* The slot that waits for this answer, or NULL. */
static struct handover_slot *find(
	struct handover *h, const struct net_link_head *head, const uint8_t *answer, size_t size)
{
	struct handover_slot *slot = &h->slots[head->token % h->capacity];
	bool fits = head->token != 0 && slot->token == head->token && size >= WIRE_HEADER_SIZE &&
		    size <= slot->limit && wire_get16(answer) == slot->id &&
		    (wire_get16(answer + 2) & (WIRE_FLAG_QR | WIRE_FLAG_AA)) == WIRE_FLAG_QR &&
		    same_question(slot->fallback, answer, size);
	return fits ? slot : NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;
	struct net_link_head head;
	for (unsigned i = 0; i < ANSWERS_MAX; i++) {
		int size = net_link_receive(fd, &head, h->answer);
		if (size == -EAGAIN)
			return;
		bool ended = size < 0 && size != -EBADMSG; /* the supervisor is gone, and we shall be */
		struct handover_slot *slot = size < 0 ? NULL : find(h, &head, h->answer, (size_t)size);
		if (ended || (!slot && ++h->unasked >= UNASKED_MAX)) {
			event_del(h->readable);
			return;
		}
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
	h->unasked = 0;
	event_add(h->readable, NULL);
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

/* Who shares a limit: an address, or an IPv6 /64, all of which one host can have. */
static uint32_t client_of(const struct handover *h, const struct dns_source *source)
{
	const struct sockaddr_in6 *client = (const void *)source->client;
	return source->ipv6 ? (uint32_t)siphash(h->worker->key, &client->sin6_addr, 8) : source->hash;
}

/* Sends it over the link. 0 or negative errno; the slot waits then. */
static int ask(struct handover *h, struct handover_slot *slot, const struct dns_message *message)
{
	int64_t now = clock_now(h->worker->clock);
	struct net_link_head head = {.token = ++h->count * h->capacity + (uint64_t)(slot - h->slots),
		.at_ns = now,
		.limit = message->limit,
		.client = client_of(h, &message->source)};
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
	bool fits = message->query_size <= QUERY_MAX && message->answer_size <= sizeof(slot->fallback);
	if (!slot || !fits || ask(h, slot, message) < 0) {
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
