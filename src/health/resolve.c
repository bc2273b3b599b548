#include "health/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "health/check_types.h"
#include "net/wake.h"

enum progress { WAITING, RUNNING, DONE };

struct health_resolve {
	struct health_resolve *next;
	struct shared *shared;
	enum progress progress;
	bool cancelled;
	char *host;
	uint16_t port;
	struct net_addr addrs[HEALTH_RESOLVE_ADDRESSES];
	size_t count;
	char error[128];
	bool own_fault;
	void (*done)(const struct health_resolve_result *result, void *ctx);
	void *ctx;
};

struct queue {
	struct health_resolve *first, **last;
};

/* What the loop's thread and the workers share; the last to leave frees it. */
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct queue waiting, finished;
	unsigned workers, idle, users;
	unsigned queued; /* in `waiting` */
	bool stop;
	int bell;
};

struct health_resolver {
	struct shared *shared;
	struct event *event;
};

static void push(struct queue *queue, struct health_resolve *request)
{
	request->next = NULL;
	*queue->last = request;
	queue->last = &request->next;
}

static struct health_resolve *pop(struct queue *queue)
{
	struct health_resolve *request = queue->first;

	if (request) {
		queue->first = request->next;
		if (!queue->first)
			queue->last = &queue->first;
	}
	return request;
}

static void free_request(struct health_resolve *request)
{
	free(request->host);
	free(request);
}

/* Called with the lock held; gives it up. */
static void leave(struct shared *shared)
{
	struct health_resolve *request;
	bool last = --shared->users == 0;

	pthread_mutex_unlock(&shared->lock);
	if (!last)
		return;
	while ((request = pop(&shared->waiting)))
		free_request(request);
	while ((request = pop(&shared->finished)))
		free_request(request);
	close(shared->bell);
	pthread_cond_destroy(&shared->work);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static void take_address(struct health_resolve *request, const struct addrinfo *info)
{
	struct net_addr *addr = &request->addrs[request->count];

	if (request->count == HEALTH_RESOLVE_ADDRESSES || info->ai_addrlen > sizeof(addr->v6))
		return;
	memcpy(&addr->any, info->ai_addr, info->ai_addrlen);
	addr->size = info->ai_addrlen;
	if (info->ai_family == AF_INET)
		addr->v4.sin_port = htons(request->port);
	else if (info->ai_family == AF_INET6)
		addr->v6.sin6_port = htons(request->port);
	else
		return;
	request->count++;
}

/* Why getaddrinfo() failed; `error` is the errno that it left. */
static void take_failure(struct health_resolve *request, int failure, int error)
{
	bool of_system = failure == EAI_SYSTEM;

	request->own_fault = failure == EAI_MEMORY || (of_system && health_own_fault(-error));
	str_copy(request->error, sizeof(request->error), of_system ? err_str(error) : gai_strerror(failure));
}

static void look_up(struct health_resolve *request)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int r = getaddrinfo(request->host, NULL, &hints, &list);

	if (r != 0) {
		take_failure(request, r, errno);
		return;
	}
	for (const struct addrinfo *info = list; info; info = info->ai_next)
		take_address(request, info);
	if (list)
		freeaddrinfo(list);
	if (!request->count)
		str_copy(request->error, sizeof(request->error), "no address");
}

static void *worker(void *arg)
{
	struct shared *shared = arg;
	struct health_resolve *request;

	pthread_mutex_lock(&shared->lock);
	while (!shared->stop) {
		request = pop(&shared->waiting);
		if (!request) {
			shared->idle++;
			pthread_cond_wait(&shared->work, &shared->lock);
			shared->idle--;
			continue;
		}
		shared->queued--;
		request->progress = RUNNING;
		pthread_mutex_unlock(&shared->lock);
		look_up(request);
		pthread_mutex_lock(&shared->lock);
		request->progress = DONE;
		push(&shared->finished, request);
		net_wake_ring(shared->bell);
	}
	leave(shared);
	return NULL;
}

/* Called with the lock held. A thread that cannot be started is missed only if there is none at all. */
static int start_worker(struct shared *shared)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	r = -pthread_create(&thread, &attributes, worker, shared);
	pthread_attr_destroy(&attributes);
	if (r == 0) {
		shared->workers++;
		shared->users++;
	}
	return r;
}

static void on_bell(evutil_socket_t fd, short events, void *ctx)
{
	struct shared *shared = ctx;
	struct health_resolve *request;

	net_wake_clear((int)fd);
	pthread_mutex_lock(&shared->lock);
	while ((request = pop(&shared->finished))) {
		pthread_mutex_unlock(&shared->lock);
		if (!request->cancelled)
			request->done(&(struct health_resolve_result){.addrs = request->addrs,
					      .count = request->count,
					      .error = request->error,
					      .own_fault = request->own_fault},
				request->ctx);
		free_request(request);
		pthread_mutex_lock(&shared->lock);
	}
	pthread_mutex_unlock(&shared->lock);
}

int health_resolver_create(struct event_base *base, struct health_resolver **ret)
{
	struct health_resolver *resolver;
	struct shared *shared;
	struct event *event;
	int bell = net_wake_create();

	if (bell < 0)
		return bell;
	shared = mem_alloc(sizeof(*shared));
	event = event_new(base, bell, EV_READ | EV_PERSIST, on_bell, shared);
	if (!event || event_add(event, NULL) < 0) {
		if (event)
			event_free(event);
		free(shared);
		close(bell);
		return -ENOMEM;
	}
	pthread_mutex_init(&shared->lock, NULL);
	pthread_cond_init(&shared->work, NULL);
	shared->waiting.last = &shared->waiting.first;
	shared->finished.last = &shared->finished.first;
	shared->bell = bell;
	shared->users = 1;
	resolver = mem_alloc(sizeof(*resolver));
	resolver->shared = shared;
	resolver->event = event;
	*ret = resolver;
	return 0;
}

void health_resolver_destroy(struct health_resolver *resolver)
{
	struct shared *shared;

	if (!resolver)
		return;
	shared = resolver->shared;
	event_free(resolver->event);
	free(resolver);
	pthread_mutex_lock(&shared->lock);
	shared->stop = true;
	pthread_cond_broadcast(&shared->work);
	leave(shared);
}

void health_resolve_start(struct health_resolver *resolver, const char *host, uint16_t port,
	void (*done)(const struct health_resolve_result *result, void *ctx), void *ctx,
	struct health_resolve **ret)
{
	struct shared *shared = resolver->shared;
	struct health_resolve *request = mem_alloc(sizeof(*request));

	request->shared = shared;
	request->host = mem_strdup(host);
	request->port = port;
	request->done = done;
	request->ctx = ctx;
	pthread_mutex_lock(&shared->lock);
	/* An idle thread that was woken counts as idle until it runs, so what waits for one counts too. */
	if (shared->queued >= shared->idle && shared->workers < HEALTH_RESOLVE_THREADS &&
		start_worker(shared) < 0 && !shared->workers) {
		request->progress = DONE;
		request->own_fault = true;
		str_copy(request->error, sizeof(request->error), "no thread to resolve the name");
		push(&shared->finished, request);
		net_wake_ring(shared->bell);
	} else {
		push(&shared->waiting, request);
		shared->queued++;
		pthread_cond_signal(&shared->work);
	}
	pthread_mutex_unlock(&shared->lock);
	*ret = request;
}

void health_resolve_cancel(struct health_resolve *request)
{
	struct shared *shared = request->shared;

	pthread_mutex_lock(&shared->lock);
	request->cancelled = true;
	if (request->progress == WAITING) { /* spare libc the work */
		struct health_resolve **at = &shared->waiting.first;

		while (*at != request)
			at = &(*at)->next;
		*at = request->next;
		if (!*at)
			shared->waiting.last = at;
		shared->queued--;
		pthread_mutex_unlock(&shared->lock);
		free_request(request);
		return;
	}
	pthread_mutex_unlock(&shared->lock);
}

bool health_resolve_waits(const struct health_resolve *request)
{
	pthread_mutex_lock(&request->shared->lock);
	bool waits = request->progress == WAITING;
	pthread_mutex_unlock(&request->shared->lock);
	return waits;
}
