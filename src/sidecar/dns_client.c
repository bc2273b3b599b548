/* dns_client.c -- see dns_client.h. */
#include "sidecar/dns_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/mem.h"
#include "base/siphash.h"
#include "net/addr.h"
#include "wire/wire.h"

#define QUESTION 512
#define KEPT 32                /* answers */
#define KEPT_SIZE 8192         /* bytes of one that is worth it */
#define KEPT_NS CLOCK_NS_PER_S /* a zone file may change without the index */

struct kept {
	uint8_t question[QUESTION]; /* without its id */
	size_t question_size;       /* 0: nothing is kept here */
	uint64_t index;
	int64_t since_ns;
	uint8_t *answer;
	size_t size;
};

struct dns_client {
	struct dns_client_config config;
	struct net_addr addr;
	int addr_error;
	unsigned count;
	uint64_t random;
	size_t oldest; /* in `kept` */
	struct kept kept[KEPT];
};

struct dns_query {
	struct dns_client *client;
	struct bufferevent *connection;
	struct event *timer;
	uint8_t question[QUESTION];
	size_t question_size;
	uint64_t index; /* of the view, when it was asked */
	dns_client_done *done;
	void *ctx;
};

struct dns_client *dns_client_create(const struct dns_client_config *config)
{
	struct dns_client *client = mem_alloc(sizeof(*client));

	client->config = *config;
	client->addr_error = net_addr_parse(config->address, 0, &client->addr);
	client->config.address = NULL; /* the caller's; not needed any more */
	client->random = siphash_key_random().k0;
	return client;
}

void dns_client_destroy(struct dns_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < KEPT; i++)
		free(client->kept[i].answer);
	free(client);
}

void dns_client_reconfigure(struct dns_client *client, unsigned queries, int64_t timeout_ns)
{
	client->config.queries = queries;
	client->config.timeout_ns = timeout_ns;
}

/* --- What is kept --------------------------------------------------------------------------------------- */

static uint64_t applied(const struct dns_client *client)
{
	return atomic_load_explicit(&client->config.dns->index, memory_order_acquire);
}

static const struct kept *find_kept(const struct dns_client *client, const uint8_t *question, size_t size)
{
	int64_t now = clock_now(client->config.clock);
	uint64_t index = applied(client);

	for (size_t i = 0; i < KEPT; i++) {
		const struct kept *kept = &client->kept[i];

		if (kept->question_size == size && kept->index == index && now - kept->since_ns < KEPT_NS &&
			memcmp(kept->question + 2, question + 2, size - 2) == 0)
			return kept;
	}
	return NULL;
}

static void keep(const struct dns_query *query, const uint8_t *answer, size_t size)
{
	struct dns_client *client = query->client;
	struct kept *kept = &client->kept[client->oldest];

	/* One that came while the view moved may be of before or after. */
	if (size > KEPT_SIZE || query->index == 0 || query->index != applied(client))
		return;
	client->oldest = (client->oldest + 1) % KEPT;
	free(kept->answer);
	*kept = (struct kept){.question_size = query->question_size,
		.index = query->index,
		.since_ns = clock_now(client->config.clock),
		.answer = mem_alloc(size),
		.size = size};
	memcpy(kept->question, query->question, query->question_size);
	memcpy(kept->answer, answer, size);
}

/* --- A query -------------------------------------------------------------------------------------------- */

void dns_client_cancel(struct dns_query *query)
{
	query->client->count--;
	event_free(query->timer);
	bufferevent_free(query->connection);
	free(query);
}

static void finish(struct dns_query *query, const uint8_t *answer, size_t size, int error)
{
	dns_client_done *done = query->done;
	void *ctx = query->ctx;

	/* `answer` may lie in the query's own buffer, so that is freed last; `done` may ask anew. */
	done(answer, size, error, ctx);
	dns_client_cancel(query);
}

static void on_read(struct bufferevent *connection, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(connection);
	struct dns_query *query = ctx;
	uint8_t length[2];
	const uint8_t *answer;
	size_t size;

	if (evbuffer_copyout(in, length, 2) < 2)
		return;
	size = wire_get16(length);
	if (evbuffer_get_length(in) < size + 2)
		return;
	answer = (const uint8_t *)evbuffer_pullup(in, (ev_ssize_t)size + 2) + 2;
	if (size < WIRE_HEADER_SIZE || memcmp(answer, query->question, 2) != 0) {
		finish(query, NULL, 0, -EPROTO);
		return;
	}
	keep(query, answer, size);
	finish(query, answer, size, 0);
}

static void on_event(struct bufferevent *connection, short what, void *ctx)
{
	int error = what & BEV_EVENT_ERROR ? EVUTIL_SOCKET_ERROR() : ECONNRESET;

	(void)connection;
	if (what & (BEV_EVENT_ERROR | BEV_EVENT_EOF))
		finish(ctx, NULL, 0, error > 0 ? -error : -ECONNRESET);
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	finish(ctx, NULL, 0, -ETIMEDOUT);
}

/* Connects and puts the question on its way. 0 or negative errno. */
static int start(struct dns_query *query)
{
	struct dns_client *client = query->client;
	const struct timeval limit = {
		.tv_sec = (time_t)(client->config.timeout_ns / CLOCK_NS_PER_S),
		.tv_usec = (suseconds_t)(client->config.timeout_ns % CLOCK_NS_PER_S / 1000),
	};
	uint8_t length[2];

	wire_set16(length, (uint16_t)query->question_size);
	bufferevent_setcb(query->connection, on_read, NULL, on_event, query);
	if (bufferevent_write(query->connection, length, 2) < 0 ||
		bufferevent_write(query->connection, query->question, query->question_size) < 0 ||
		bufferevent_enable(query->connection, EV_READ | EV_WRITE) < 0 ||
		evtimer_add(query->timer, &limit) < 0 ||
		bufferevent_socket_connect(query->connection, &client->addr.any, (int)client->addr.size) < 0)
		return -ECONNREFUSED;
	return 0;
}

static uint16_t next_id(struct dns_client *client)
{
	client->random = client->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint16_t)(client->random >> 40);
}

int dns_client_ask(struct dns_client *client, const uint8_t *question, size_t size, dns_client_done *done,
	void *ctx, struct dns_query **ret_query)
{
	const struct kept *kept;
	struct dns_query *query;
	int error;

	if (client->addr_error || size < WIRE_HEADER_SIZE || size > QUESTION)
		return -EINVAL;
	kept = find_kept(client, question, size);
	if (kept) {
		*ret_query = NULL;
		done(kept->answer, kept->size, 0, ctx);
		return 0;
	}
	if (client->count >= client->config.queries)
		return -EBUSY;
	query = mem_alloc(sizeof(*query));
	*query = (struct dns_query){.client = client,
		.connection = bufferevent_socket_new(
			client->config.base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS),
		.question_size = size,
		.index = applied(client),
		.done = done,
		.ctx = ctx};
	query->timer = evtimer_new(client->config.base, on_timeout, query);
	if (!query->connection || !query->timer)
		mem_out();
	memcpy(query->question, question, size);
	wire_set16(query->question, next_id(client));
	client->count++;
	error = start(query);
	if (error)
		dns_client_cancel(query);
	else
		*ret_query = query;
	return error;
}
