/* dns.c -- the server: its workers, their threads, and what changes while they run. See dns.h. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "dns/dns.h"
#include "dns/tcp.h"
#include "dns/udp.h"
#include "dns/worker.h"
#include "net/wake.h"

enum {
	TICK_US = 500000,    /* the page slot must move at least once a second */
	LOAD_POLL_US = 5000, /* how often a worker asks whether the view is whole */
	DRAIN_US = 250000    /* how long answers that wait for their client may hold up the end */
};

enum kind { UDP, TCP, KINDS };

static const struct {
	const char *thread; /* its name, before the worker's number */
	enum page_slot slot;
	/* A way to wait for sockets that libevent is not to use. A socket in an epoll set costs a lock for
	 * each packet that it receives and for each that it has sent, whoever waits or not: a twentieth of an
	 * answer. The few sockets of a UDP thread are as quickly asked by poll(). */
	const char *avoid;
} kinds[KINDS] = {
	[UDP] = {"dns-udp", PAGE_UDP, "epoll"},
	[TCP] = {"dns-tcp", PAGE_TCP, NULL},
};

/* A thread of a worker, and what only this file needs of it. */
struct runner {
	struct dns_worker worker;
	struct dns_server *server;
	struct page_thread *slot;
	enum kind kind;
	struct udp *udp; /* NULL in the other kind */
	struct tcp *tcp; /* likewise */
	struct event *bell, *tick, *load;
	int bell_fd;
	int64_t load_deadline;
	bool open; /* sockets are read from */
	bool running;
	pthread_t thread;
};

struct dns_server {
	struct siphash_key key;
	pthread_mutex_t lock; /* of `settings`; taken to change them and once by each worker after that */
	struct dns_settings settings;
	struct dns_relay relay;
	_Atomic bool stopping;
	unsigned count; /* KINDS for each worker */
	struct runner runners[];
};

static uint16_t bounded(uint16_t value, uint16_t low, uint16_t high)
{
	return value < low ? low : value > high ? high : value;
}

static struct dns_settings settings_of(const struct dns_config *config)
{
	struct dns_settings settings = {
		.udp_size = bounded(config->udp_size, WIRE_UDP_MIN, UDP_ANSWER_MAX),
		.tcp_connections = config->tcp_connections,
		.tcp_connections_per_address = config->tcp_connections_per_address,
		.tcp_write_buffer = config->tcp_write_buffer,
		.tcp_idle_ns = config->tcp_idle_ns,
		.tcp_io_ns = config->tcp_io_ns,
	};
	str_copy(settings.nsid, sizeof(settings.nsid), config->nsid ? config->nsid : "");
	return settings;
}

/* Takes over the server's settings; on the worker's thread, or before it runs. */
static void take_settings(struct runner *r)
{
	struct dns_worker *worker = &r->worker;
	pthread_mutex_lock(&r->server->lock);
	worker->settings = r->server->settings;
	pthread_mutex_unlock(&r->server->lock);
	int64_t idle = worker->settings.tcp_idle_ns / (100 * CLOCK_NS_PER_MS);
	worker->context.udp_size = worker->settings.udp_size;
	worker->context.nsid = worker->settings.nsid;
	worker->context.keepalive = (uint16_t)(idle > UINT16_MAX ? UINT16_MAX : idle);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct runner *r = arg;
	page_tick(r->slot);
	r->worker.time_next = true;
	if (r->kind == UDP)
		metrics_set(&r->slot->metrics, METRIC_DNS_SOCKET_DROPS, udp_drops(r->udp));
}

/* While the view is loading: opens the sockets when it is whole, or when the clients have waited long enough.
 */
static void on_load(evutil_socket_t fd, short what, void *arg)
{
	struct runner *r = arg;
	r->worker.context.loading = !view_ready(r->worker.context.view);
	if (!r->worker.context.loading)
		event_del(r->load);
	else if (clock_now(r->worker.clock) < r->load_deadline)
		return;
	if (r->open)
		return;
	r->open = true;
	if (r->kind == UDP)
		udp_open(r->udp);
	else
		tcp_open(r->tcp);
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval drain = {.tv_usec = DRAIN_US};
	struct runner *r = arg;
	net_wake_clear(fd);
	if (!atomic_load(&r->server->stopping)) {
		take_settings(r);
		return;
	}
	event_del(r->load);
	if (r->kind == UDP) {
		event_base_loopbreak(r->worker.base);
		return;
	}
	event_base_loopexit(r->worker.base, &drain);
	tcp_drain(r->tcp);
}

static void *run(void *arg)
{
	static const struct timeval tick = {.tv_usec = TICK_US}, poll = {.tv_usec = LOAD_POLL_US};
	struct runner *r = arg;
	view_reader_register();
	event_add(r->bell, NULL);
	event_add(r->tick, &tick);
	event_add(r->load, &poll);
	on_load(-1, 0, r);
	event_base_dispatch(r->worker.base);
	view_reader_unregister();
	atomic_store_explicit(&r->slot->tick, 0, memory_order_relaxed);
	return NULL;
}

/* NULL without a descriptor for it. */
static struct event_base *create_base(const char *avoid)
{
	struct event_config *config = event_config_new();
	if (!config || (avoid && event_config_avoid_method(config, avoid) != 0))
		mem_out();
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Everything of a thread of worker `n` but the thread itself. 0 or negative errno; runner_finish() undoes it
 * in any case. */
static int runner_init(struct runner *r, struct dns_server *server, const struct dns_config *config,
	unsigned n, enum kind kind)
{
	size_t first = n * config->address_count, count = config->address_count;
	r->server = server;
	r->kind = kind;
	r->slot = &config->page->threads[kinds[kind].slot + n];
	r->load_deadline = clock_now(config->clock) + config->load_patience_ns;
	r->worker.clock = config->clock;
	r->worker.key = &server->key;
	if (config->traces) {
		r->worker.listeners = config->listeners;
		r->worker.ring = &config->traces->rings[kinds[kind].slot - PAGE_UDP + n];
	}
	r->worker.context =
		(struct dns_context){.view = config->view, .loading = true, .metrics = &r->slot->metrics};
	take_settings(r);
	r->bell_fd = net_wake_create();
	if (r->bell_fd < 0)
		return r->bell_fd;
	r->worker.base = create_base(kinds[kind].avoid);
	if (!r->worker.base)
		return -EMFILE;
	r->bell = worker_event(&r->worker, r->bell_fd, EV_READ | EV_PERSIST, on_bell, r);
	r->tick = worker_event(&r->worker, -1, EV_PERSIST, on_tick, r);
	r->load = worker_event(&r->worker, -1, EV_PERSIST, on_load, r);
	struct worker_relay link, *relay = NULL;
	if (config->link_fds) {
		link = (struct worker_relay){.link = config->link_fds[kind * config->workers + n],
			.in_flight = config->relay_in_flight,
			.timeout_ns = config->relay_timeout_ns};
		relay = &link;
		r->worker.context.relay = &server->relay;
	}
	if (kind == UDP)
		r->udp = udp_create(&r->worker, config->udp_fds + first, count, n, relay);
	else
		r->tcp = tcp_create(&r->worker, config->tcp_fds + first, count, relay);
	return 0;
}

static void runner_finish(struct runner *r)
{
	udp_destroy(r->udp);
	tcp_destroy(r->tcp);
	if (r->worker.base) {
		event_free(r->bell);
		event_free(r->tick);
		event_free(r->load);
		event_base_free(r->worker.base);
	}
	if (r->bell_fd >= 0)
		close(r->bell_fd);
}

/* Starts the thread with all signals blocked: they are for the process's first thread. */
static int runner_start(struct runner *r, unsigned n)
{
	sigset_t all, before;
	char name[16];
	page_tick(r->slot);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return -error;
	r->running = true;
	snprintf(name, sizeof(name), "%s-%u", kinds[r->kind].thread, n % 1000);
	pthread_setname_np(r->thread, name);
	return 0;
}

int dns_server_start(const struct dns_config *config, struct dns_server **ret)
{
	if (config->workers == 0 || config->workers > PAGE_WORKERS)
		return -EINVAL;
	unsigned count = KINDS * config->workers;
	struct dns_server *server = mem_alloc(sizeof(*server) + count * sizeof(server->runners[0]));
	server->key = siphash_key_random();
	server->settings = settings_of(config);
	server->relay = config->relay;
	server->count = count;
	pthread_mutex_init(&server->lock, NULL);
	for (unsigned i = 0; i < server->count; i++)
		server->runners[i].bell_fd = -1;
	int error = 0;
	for (unsigned i = 0; i < server->count && !error; i++)
		error = runner_init(&server->runners[i], server, config, i / KINDS, (enum kind)(i % KINDS));
	for (unsigned i = 0; i < server->count && !error; i++)
		error = runner_start(&server->runners[i], i / KINDS);
	if (error) {
		dns_server_stop(server);
		return error;
	}
	*ret = server;
	return 0;
}

void dns_server_reconfigure(struct dns_server *server, const struct dns_config *config)
{
	pthread_mutex_lock(&server->lock);
	server->settings = settings_of(config);
	pthread_mutex_unlock(&server->lock);
	for (unsigned i = 0; i < server->count; i++)
		net_wake_ring(server->runners[i].bell_fd);
}

void dns_server_stop(struct dns_server *server)
{
	if (!server)
		return;
	atomic_store(&server->stopping, true);
	for (unsigned i = 0; i < server->count; i++)
		if (server->runners[i].running)
			net_wake_ring(server->runners[i].bell_fd);
	for (unsigned i = 0; i < server->count; i++) {
		struct runner *r = &server->runners[i];
		if (r->running)
			pthread_join(r->thread, NULL);
		runner_finish(r);
	}
	pthread_mutex_destroy(&server->lock);
	free(server);
}
