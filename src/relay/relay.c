/* relay.c -- the relay's thread: questions from the links, answers back. See relay.h. */
#include "relay/relay.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/link.h"
#include "net/wake.h"
#include "relay/answer.h"
#include "relay/resolver.h"

enum {
	TICK_US = 500000, /* the page slot must move at least once a second */
	SWEEP_US = 20000,
	TAKEN_MAX = 64, /* from one link before the event loop gets its turn */
	MARK_SIZE = 16, /* letters of the mark by which we know our own queries */
	CLIENTS = 4096  /* counters of queries, by the hash of the client's address; a power of two */
};

/* A query under way. When its time is over it is answered, but libunbound still works on it. */
struct pending {
	struct resolver_question question; /* first: it is how libunbound's answer finds us */
	TAILQ_ENTRY(pending) link;
	struct relay *relay;
	int fd; /* of its link */
	uint64_t token;
	int64_t until;
	uint16_t *client; /* the counter that it is counted in */
	bool alias_first; /* it is asked whether the name is an alias; see resolve() */
	bool late;        /* answered already; in the list `late` */
	struct answer_query query;
	uint8_t bytes[]; /* query.bytes: header and question, the parts that an answer repeats */
};

TAILQ_HEAD(pendings, pending);

struct relay {
	const struct clock *clock;
	struct page_thread *slot;
	int64_t timeout;
	unsigned in_flight, in_flight_max, client_max;
	uint16_t clients[CLIENTS]; /* queries under way */
	uint16_t udp_size;
	char mark[MARK_SIZE + 1];
	struct event_base *base;
	struct resolver *resolver;
	struct pendings waiting, late; /* the oldest first */
	struct event *bell, *tick, *sweep;
	int bell_fd;
	bool running;
	pthread_t thread;
	uint8_t query[NET_LINK_MESSAGE], answer[NET_LINK_MESSAGE];
	size_t link_count;
	struct event *links[];
};

/* A full link loses an answer; dns tells the client that none came. */
static void reply(const struct relay *relay, int fd, uint64_t token, int size)
{
	const struct net_link_head head = {.token = token, .at_ns = clock_now(relay->clock)};
	net_link_send(fd, &head, relay->answer, (size_t)size);
}

static void fail(struct relay *relay, int fd, uint64_t token, const struct answer_query *query,
	uint16_t rcode, enum wire_ede ede, const char *why)
{
	reply(relay, fd, token, answer_fail(query, rcode, ede, why, relay->answer));
}

static void pending_finish(struct pending *p)
{
	TAILQ_REMOVE(p->late ? &p->relay->late : &p->relay->waiting, p, link);
	p->relay->in_flight--;
	--*p->client;
	free(p);
}

/* Asks libunbound. 0, when `p` may be gone, or negative errno.
 *
 * DS records are with the servers of the zone above, so libunbound, led by an alias to a zone of ours, would
 * ask upstream for its name. Therefore it is asked whether there is an alias first, and none is followed. */
static int resolve(struct pending *p)
{
	const struct wire_query *query = &p->query.parsed;
	return resolver_ask(p->relay->resolver, query->name, query->name_size,
		p->alias_first ? WIRE_CNAME : query->type, &p->question);
}

static bool has_answer(const uint8_t *packet)
{
	return wire_get16(packet + 6) > 0;
}

/* For some seconds libunbound keeps it that nobody had an answer, and hands that out as a response. */
static bool is_usable(const uint8_t *packet)
{
	return packet && (packet[3] & 0xF) != WIRE_SERVFAIL;
}

/* From libunbound, on our thread. */
static void on_answer(struct resolver_question *question, const uint8_t *packet, size_t size)
{
	struct pending *p = (struct pending *)question;
	struct relay *relay = p->relay;
	if (!p->late && p->alias_first && packet && !has_answer(packet)) {
		p->alias_first = false;
		if (resolve(p) == 0)
			return;
		packet = NULL;
	}
	if (!p->late) {
		int answer =
			is_usable(packet) ? answer_write(&p->query, packet, size, relay->answer) : -EBADMSG;
		if (answer < 0)
			fail(relay, p->fd, p->token, &p->query, WIRE_SERVFAIL,
				WIRE_EDE_NO_REACHABLE_AUTHORITY, "relay.upstream has no usable answer");
		else
			reply(relay, p->fd, p->token, answer);
	}
	pending_finish(p);
}

/* True if the query bears our mark: we sent it, and it has come back. */
static bool is_ours(const struct relay *relay, const struct wire_edns *edns)
{
	const uint8_t *value;
	size_t position = 0, size;
	int code;
	while ((code = wire_edns_next(edns, &position, &value, &size)) >= 0)
		if (code == RESOLVER_LOOP_OPTION && size == MARK_SIZE &&
			memcmp(value, relay->mark, size) == 0)
			return true;
	return false;
}

/* Two clients may share a counter; they are strangers to each other and cannot choose it. */
static uint16_t *client_of(struct relay *relay, const struct net_link_head *head)
{
	return &relay->clients[head->client % CLIENTS];
}

static void ask(
	struct relay *relay, int fd, const struct net_link_head *head, const struct answer_query *query)
{
	static const struct timeval sweep = {.tv_usec = SWEEP_US};
	size_t size = WIRE_HEADER_SIZE + (size_t)query->parsed.question_size;
	struct pending *p = mem_alloc(sizeof(*p) + size);
	*p = (struct pending){.question = {on_answer},
		.relay = relay,
		.fd = fd,
		.token = head->token,
		.until = head->at_ns + relay->timeout,
		.client = client_of(relay, head),
		.alias_first = query->parsed.type == WIRE_DS,
		.query = *query};
	memcpy(p->bytes, query->bytes, size);
	p->query.bytes = p->bytes;
	p->query.parsed.edns.options = NULL; /* they stood in the link's buffer */
	if (TAILQ_EMPTY(&relay->waiting))
		event_add(relay->sweep, &sweep);
	TAILQ_INSERT_TAIL(&relay->waiting, p, link);
	relay->in_flight++;
	++*p->client;
	if (resolve(p) == 0)
		return;
	fail(relay, fd, p->token, &p->query, WIRE_SERVFAIL, WIRE_EDE_OTHER, "libunbound takes no question");
	pending_finish(p);
}

/* One query from dns, which has parsed it before: what does not parse here is nobody's. */
static void take(struct relay *relay, int fd, const struct net_link_head *head, size_t size)
{
	struct answer_query query = {.bytes = relay->query, .udp_size = relay->udp_size};
	query.limit = head->limit < NET_LINK_MESSAGE ? head->limit : NET_LINK_MESSAGE;
	if (wire_query_parse(relay->query, size, &query.parsed) != WIRE_ANSWER || query.limit < WIRE_UDP_MIN)
		return;
	if (head->at_ns + relay->timeout <= clock_now(relay->clock))
		return; /* it waited while we were down, and dns has told the client */
	if (is_ours(relay, &query.parsed.edns)) {
		log_error("relay.upstream asks us what we ask it; such queries are refused");
		fail(relay, fd, head->token, &query, WIRE_REFUSED, WIRE_EDE_OTHER,
			"relay.upstream leads back to this server");
	} else if (relay->in_flight >= relay->in_flight_max) {
		fail(relay, fd, head->token, &query, WIRE_SERVFAIL, WIRE_EDE_OTHER,
			"relay.in_flight queries are under way");
	} else if (*client_of(relay, head) >= relay->client_max) {
		fail(relay, fd, head->token, &query, WIRE_SERVFAIL, WIRE_EDE_OTHER,
			"relay.in_flight_per_address queries of this client are under way");
	} else {
		ask(relay, fd, head, &query);
	}
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;
	struct net_link_head head;
	for (unsigned i = 0; i < TAKEN_MAX; i++) {
		int size = net_link_receive(fd, &head, relay->query);
		if (size == -EBADMSG)
			continue;
		if (size == -ECONNRESET)
			event_base_loopbreak(relay->base); /* the supervisor is gone, and we shall be */
		if (size < 0)
			return;
		take(relay, fd, &head, (size_t)size);
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;
	int64_t now = clock_now(relay->clock);
	struct pending *p;
	while ((p = TAILQ_FIRST(&relay->waiting)) && p->until <= now) {
		fail(relay, p->fd, p->token, &p->query, WIRE_SERVFAIL, WIRE_EDE_NO_REACHABLE_AUTHORITY,
			"relay.upstream did not answer in time");
		TAILQ_REMOVE(&relay->waiting, p, link);
		TAILQ_INSERT_TAIL(&relay->late, p, link);
		p->late = true;
	}
	if (!p)
		event_del(relay->sweep);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	page_tick(arg);
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static void *run(void *arg)
{
	static const struct timeval tick = {.tv_usec = TICK_US};
	struct relay *relay = arg;
	event_add(relay->bell, NULL);
	event_add(relay->tick, &tick);
	for (size_t i = 0; i < relay->link_count; i++)
		event_add(relay->links[i], NULL);
	event_base_dispatch(relay->base);
	atomic_store_explicit(&relay->slot->tick, 0, memory_order_relaxed);
	return NULL;
}

static void make_mark(char ret[MARK_SIZE + 1])
{
	uint8_t bytes[MARK_SIZE / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static struct event *make_event(
	const struct relay *relay, int fd, short what, event_callback_fn callback, void *arg)
{
	struct event *event = event_new(relay->base, fd, what, callback, arg);
	if (!event)
		mem_out();
	return event;
}

/* 0 or negative errno; relay_stop() undoes it in any case. */
static int init(struct relay *relay, const struct relay_config *config, char message[512])
{
	relay->clock = config->clock;
	relay->slot = config->thread;
	relay->timeout = config->timeout_ns;
	relay->in_flight_max = config->in_flight;
	relay->client_max = config->in_flight_per_address;
	relay->udp_size = config->udp_size;
	TAILQ_INIT(&relay->waiting);
	TAILQ_INIT(&relay->late);
	make_mark(relay->mark);
	relay->bell_fd = net_wake_create();
	if (relay->bell_fd < 0)
		return relay->bell_fd;
	relay->base = event_base_new();
	if (!relay->base)
		return -EMFILE;
	relay->bell = make_event(relay, relay->bell_fd, EV_READ, on_bell, relay->base);
	relay->tick = make_event(relay, -1, EV_PERSIST, on_tick, relay->slot);
	relay->sweep = make_event(relay, -1, EV_PERSIST, on_sweep, relay);
	for (; relay->link_count < config->link_count; relay->link_count++)
		relay->links[relay->link_count] = make_event(
			relay, config->link_fds[relay->link_count], EV_READ | EV_PERSIST, on_link, relay);
	return resolver_create(relay->base, config, relay->mark, &relay->resolver, message);
}

int relay_start(const struct relay_config *config, struct relay **ret, char message[512])
{
	struct relay *relay = mem_alloc(sizeof(*relay) + config->link_count * sizeof(struct event *));
	sigset_t all, before;
	int r = init(relay, config, message);
	if (r == 0) {
		page_tick(relay->slot);
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		r = -pthread_create(&relay->thread, NULL, run, relay);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (r < 0) {
		relay_stop(relay);
		return r;
	}
	relay->running = true;
	pthread_setname_np(relay->thread, "relay");
	*ret = relay;
	return 0;
}

static void free_all(struct pendings *list)
{
	for (struct pending *p = TAILQ_FIRST(list), *next; p; p = next) {
		next = TAILQ_NEXT(p, link);
		free(p);
	}
}

void relay_stop(struct relay *relay)
{
	if (!relay)
		return;
	if (relay->running) {
		net_wake_ring(relay->bell_fd);
		pthread_join(relay->thread, NULL);
	}
	resolver_destroy(relay->resolver);
	free_all(&relay->waiting);
	free_all(&relay->late);
	if (relay->base) {
		event_free(relay->bell);
		event_free(relay->tick);
		event_free(relay->sweep);
		for (size_t i = 0; i < relay->link_count; i++)
			event_free(relay->links[i]);
		event_base_free(relay->base);
	}
	if (relay->bell_fd >= 0)
		close(relay->bell_fd);
	free(relay);
}
