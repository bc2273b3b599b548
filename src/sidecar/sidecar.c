/* sidecar.c -- the loop: what it listens to, in which order things happen, how it starts and ends. */
#include "sidecar/sidecar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/err.h"
#include "base/log.h"
#include "base/siphash.h"
#include "net/wake.h"
#include "sidecar/call.h"
#include "sidecar/dns_client.h"
#include "sidecar/news.h"
#include "sidecar/settings.h"

#define AT_ONCE 64 /* of woken queries and of held replies, each, before the loop hears of anything else */
#define STOP_NS (3 * CLOCK_NS_PER_S) /* the supervisor kills after 5, and the writer has to end too */
#define STOP_TICK_US 10000           /* how often an end looks whether all is done */

/* The places in sidecar->events. */
enum { EVENT_TICK, EVENT_TIMER, EVENT_MORE, EVENT_INBOX, EVENT_WAKE, EVENT_CONTROL };

/* --- Config --------------------------------------------------------------------------------------------- */

static void handle(struct http_request *request, void *ctx);

static void on_starved(int error, unsigned connections, void *ctx)
{
	(void)ctx;
	log_warn("cannot accept HTTP connections for now", "error", err_str(error), "connections",
		log_u64(connections));
}

static struct http_server_config server_config(struct sidecar *sidecar)
{
	return (struct http_server_config){
		.listen_fds = sidecar->config.listen_fds,
		.listen_count = sidecar->config.listen_count,
		.clock = sidecar->config.clock,
		.metrics = &sidecar->config.thread->metrics,
		.limits = sidecar->config.http,
		.handle = handle,
		.starved = on_starved,
		.ctx = sidecar,
	};
}

static void set_guard(struct sidecar *sidecar)
{
	sidecar->guard = (struct guard_config){
		.hosts = sidecar->config.hosts,
		.host_count = sidecar->config.host_count,
		.token = sidecar->token,
	};
}

/* --- The loop ------------------------------------------------------------------------------------------- */

/* The next moment at which a held reply or a parked query has waited long enough. */
static void set_timer(struct sidecar *sidecar)
{
	const int64_t due[] = {publish_next(&sidecar->publish), blocking_next(sidecar->blocking),
		events_next(sidecar->streams), traces_next(sidecar->traces)};
	int64_t next = INT64_MAX, wait;
	struct timeval after;

	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++)
		next = due[i] < next ? due[i] : next;
	if (next == sidecar->timer_ns)
		return;
	sidecar->timer_ns = next;
	if (next == INT64_MAX) {
		event_del(sidecar->events[EVENT_TIMER]);
		return;
	}
	wait = next - clock_now(sidecar->config.clock);
	if (wait < 0)
		wait = 0;
	after.tv_sec = wait / CLOCK_NS_PER_S;
	after.tv_usec = wait % CLOCK_NS_PER_S / 1000 + 1;
	event_add(sidecar->events[EVENT_TIMER], &after);
}

static void handle(struct http_request *request, void *ctx)
{
	call_begin(ctx, request);
	set_timer(ctx);
}

/* Looks again at some of the queries that are ready. True if there may be more. */
static bool resume_ready(struct sidecar *sidecar)
{
	struct blocking_wait *wait;

	for (int i = 0; i < AT_ONCE; i++) {
		wait = blocking_next_ready(sidecar->blocking);
		if (!wait) {
			sharing_clear(&sidecar->sharing);
			return false;
		}
		call_resume((struct call *)(void *)((char *)wait - offsetof(struct call, blocking)));
	}
	return true;
}

static bool finished(const struct sidecar *sidecar)
{
	if (!sidecar->stopping)
		return false;
	if (clock_now(sidecar->config.clock) >= sidecar->stop_ns)
		return true;
	return sidecar->writing == 0 && !sidecar->calls && http_server_open_connections(sidecar->server) == 0;
}

/* Behind every event: some of what has become due; for the rest the loop comes back, so that heartbeats that
 * arrived meanwhile are not held up. */
static void turn(struct sidecar *sidecar)
{
	bool more = publish_run(&sidecar->publish, AT_ONCE);

	blocking_expire(sidecar->blocking, sidecar->stopping ? INT64_MAX : clock_now(sidecar->config.clock));
	more |= resume_ready(sidecar);
	more |= events_run(sidecar->streams);
	more |= traces_run(sidecar->traces);
	if (more)
		event_active(sidecar->events[EVENT_MORE], EV_TIMEOUT, 0);
	set_timer(sidecar);
	if (finished(sidecar))
		event_base_loopbreak(sidecar->base);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sidecar *sidecar = ctx;

	sidecar->timer_ns = INT64_MAX; /* it is no longer set */
	turn(sidecar);
}

static void on_more(evutil_socket_t fd, short what, void *ctx)
{
	turn(ctx);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct sidecar *sidecar = ctx;

	page_tick(sidecar->config.thread);
	news_open(sidecar);
	long_reads_next(sidecar);
	turn(sidecar);
}

static void on_inbox(evutil_socket_t fd, short what, void *ctx)
{
	struct sidecar *sidecar = ctx;

	registry_inbox_drain(sidecar->inbox);
	turn(sidecar);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	struct sidecar *sidecar = ctx;

	net_wake_clear(sidecar->config.wake_fd);
	turn(sidecar);
}

static void begin_stop(struct sidecar *sidecar)
{
	if (sidecar->stopping)
		return;
	sidecar->stopping = true;
	long_reads_stop(sidecar);
	atomic_store(&sidecar->snapshot.stop, true);
	sidecar->stop_ns = clock_now(sidecar->config.clock) + STOP_NS;
	event_add(sidecar->events[EVENT_TICK], &(const struct timeval){.tv_usec = STOP_TICK_US});
	events_end(sidecar->streams);
	traces_end(sidecar->traces);
	http_server_drain(sidecar->server);
}

/* Takes over what is live in a new config, if there is one. */
static void take_config(struct sidecar *sidecar)
{
	struct sidecar_config config;
	struct arena *arena;
	char *token;

	pthread_mutex_lock(&sidecar->mutex);
	config = sidecar->next_config;
	arena = sidecar->next_arena;
	token = sidecar->next_token;
	sidecar->next_arena = NULL;
	sidecar->next_token = NULL;
	pthread_mutex_unlock(&sidecar->mutex);
	if (!arena)
		return;
	settings_keep(arena, &sidecar->config, &config);
	arena_destroy(sidecar->config_arena);
	free(sidecar->token);
	sidecar->config = config;
	sidecar->config_arena = arena;
	sidecar->token = token;
	set_guard(sidecar);
	sidecar->publish.timeout_ns = config.publish_timeout_ns;
	http_server_set_limits(sidecar->server, &config.http);
	dns_client_reconfigure(sidecar->dns_client, config.dns_queries, config.dns_timeout_ns);
	events_reconfigure(sidecar->streams, config.streams, config.stream_buffer, config.heartbeat_ns);
	traces_reconfigure(sidecar->traces, config.traces_max, config.stream_buffer, config.heartbeat_ns);
}

static void on_control(evutil_socket_t fd, short what, void *ctx)
{
	struct sidecar *sidecar = ctx;
	bool stop;

	net_wake_clear(sidecar->control_fd);
	long_reads_answer(sidecar);
	pthread_mutex_lock(&sidecar->mutex);
	stop = sidecar->stop;
	pthread_mutex_unlock(&sidecar->mutex);
	if (stop)
		begin_stop(sidecar);
	/* Behind a long read, which uses the config, the bell rings again. */
	if (!long_reads_running(sidecar)) {
		take_config(sidecar);
		errand_answer(sidecar);
		long_reads_next(sidecar);
	}
	turn(sidecar);
}

static void *run(void *ctx)
{
	struct sidecar *sidecar = ctx;

	page_tick(sidecar->config.thread);
	news_open(sidecar);
	event_base_dispatch(sidecar->base);
	return NULL;
}

/* --- Start and end -------------------------------------------------------------------------------------- */

static int add_event(struct sidecar *sidecar, int place, int fd, short what, event_callback_fn callback)
{
	sidecar->events[place] = event_new(sidecar->base, fd, what, callback, sidecar);
	return sidecar->events[place] ? 0 : -ENOMEM;
}

static int add_events(struct sidecar *sidecar)
{
	const struct timeval second = {.tv_sec = 1};
	int error = add_event(sidecar, EVENT_TICK, -1, EV_PERSIST, on_tick);

	if (!error)
		error = add_event(sidecar, EVENT_TIMER, -1, 0, on_timer);
	if (!error)
		error = add_event(sidecar, EVENT_MORE, -1, 0, on_more);
	if (!error)
		error = add_event(sidecar, EVENT_INBOX, registry_inbox_fd(sidecar->inbox),
			EV_READ | EV_PERSIST, on_inbox);
	if (!error)
		error = add_event(
			sidecar, EVENT_WAKE, sidecar->config.wake_fd, EV_READ | EV_PERSIST, on_wake);
	if (!error)
		error = add_event(
			sidecar, EVENT_CONTROL, sidecar->control_fd, EV_READ | EV_PERSIST, on_control);
	if (error)
		return error;
	/* A bell that rings goes before new requests: replies that wait are older. */
	event_add(sidecar->events[EVENT_TICK], &second);
	event_add(sidecar->events[EVENT_INBOX], NULL);
	event_add(sidecar->events[EVENT_WAKE], NULL);
	event_add(sidecar->events[EVENT_CONTROL], NULL);
	return 0;
}

static int open_parts(struct sidecar *sidecar)
{
	const struct registry_inbox_handler handler = {.on_commit = news_commit, .ctx = sidecar};
	struct http_server_config server = server_config(sidecar);
	int error;

	sidecar->control_fd = net_wake_create();
	if (sidecar->control_fd < 0)
		return sidecar->control_fd;
	sidecar->base = event_base_new();
	if (!sidecar->base)
		return -ENOMEM;
	sidecar->dns_client = dns_client_create(&(struct dns_client_config){
		.base = sidecar->base,
		.clock = sidecar->config.clock,
		.dns = sidecar->config.dns,
		.address = sidecar->config.dns_listen,
		.queries = sidecar->config.dns_queries,
		.timeout_ns = sidecar->config.dns_timeout_ns,
	});
	error = registry_inbox_create(&handler, &sidecar->inbox);
	if (!error)
		error = http_server_create(sidecar->base, &server, &sidecar->server);
	return error ? error : add_events(sidecar);
}

/* All that only the loop used. What is still with the writer ends here, unanswered. */
static void close_parts(struct sidecar *sidecar)
{
	long_reads_finish(sidecar);
	sharing_finish(&sidecar->sharing);
	snapshot_finish(sidecar);
	publish_finish(&sidecar->publish);
	http_server_destroy(sidecar->server);
	while (sidecar->calls)
		call_end(sidecar->calls);
	for (int i = 0; i < SIDECAR_EVENTS; i++)
		if (sidecar->events[i])
			event_free(sidecar->events[i]);
	dns_client_destroy(sidecar->dns_client);
	if (sidecar->base)
		event_base_free(sidecar->base);
	registry_reader_close(sidecar->reader);
	sidecar->server = NULL;
	sidecar->base = NULL;
	sidecar->dns_client = NULL;
	sidecar->reader = NULL;
	memset(sidecar->events, 0, sizeof(sidecar->events));
}

int sidecar_start(const struct sidecar_config *config, struct sidecar **ret)
{
	struct sidecar *sidecar = calloc(1, sizeof(*sidecar));
	int error;

	if (!sidecar)
		return -ENOMEM;
	pthread_mutex_init(&sidecar->mutex, NULL);
	sidecar->control_fd = -1;
	sidecar->timer_ns = INT64_MAX;
	sidecar->config_arena = arena_create();
	sidecar->config = settings_copy(sidecar->config_arena, config);
	sidecar->blocking = blocking_create();
	long_reads_init(&sidecar->long_reads);
	sidecar->streams = events_create(&(struct events_config){
		.clock = config->clock,
		.metrics = &config->thread->metrics,
		.publish = &sidecar->publish,
		.reader = &sidecar->reader,
		.streams = config->streams,
		.buffer = config->stream_buffer,
		.heartbeat_ns = config->heartbeat_ns,
	});
	sidecar->traces = traces_create(&(struct traces_config){
		.clock = config->clock,
		.metrics = &config->thread->metrics,
		.listeners = config->listeners,
		.dns = config->dns,
		.traces = config->traces,
		.streams = config->traces_max,
		.buffer = config->stream_buffer,
		.heartbeat_ns = config->heartbeat_ns,
	});
	sidecar->random = siphash_key_random().k0;
	publish_init(&sidecar->publish, config->dns, config->clock, &config->thread->metrics,
		config->publish_timeout_ns);
	error = settings_token(config, &sidecar->token);
	set_guard(sidecar);
	if (!error)
		error = open_parts(sidecar);
	if (error) {
		sidecar_stop(sidecar);
		sidecar_destroy(sidecar);
		return error;
	}
	registry_writer_observe(config->writer, sidecar->inbox);
	error = -pthread_create(&sidecar->thread, NULL, run, sidecar);
	if (error) {
		/* The writer knows the inbox now, so that has to stay; a process without threads ends anyway.
		 */
		close_parts(sidecar);
		return error;
	}
	sidecar->running = true;
	*ret = sidecar;
	return 0;
}

void sidecar_reconfigure(struct sidecar *sidecar, const struct sidecar_config *config)
{
	struct arena *arena;
	char *token;

	if (settings_token(config, &token) != 0)
		return; /* any error keeps everything as it was */
	arena = arena_create();
	pthread_mutex_lock(&sidecar->mutex);
	arena_destroy(sidecar->next_arena);
	free(sidecar->next_token);
	sidecar->next_config = settings_copy(arena, config);
	sidecar->next_arena = arena;
	sidecar->next_token = token;
	pthread_mutex_unlock(&sidecar->mutex);
	net_wake_ring(sidecar->control_fd);
}

void sidecar_stop(struct sidecar *sidecar)
{
	if (!sidecar)
		return;
	if (sidecar->running) {
		pthread_mutex_lock(&sidecar->mutex);
		sidecar->stop = true;
		pthread_mutex_unlock(&sidecar->mutex);
		net_wake_ring(sidecar->control_fd);
		pthread_join(sidecar->thread, NULL);
		sidecar->running = false;
	}
	close_parts(sidecar);
}

void sidecar_destroy(struct sidecar *sidecar)
{
	if (!sidecar)
		return;
	registry_inbox_destroy(sidecar->inbox);
	events_destroy(sidecar->streams);
	traces_destroy(sidecar->traces);
	blocking_destroy(sidecar->blocking);
	arena_destroy(sidecar->config_arena);
	arena_destroy(sidecar->next_arena);
	free(sidecar->token);
	free(sidecar->next_token);
	errand_finish(sidecar);
	if (sidecar->control_fd >= 0)
		close(sidecar->control_fd);
	pthread_mutex_destroy(&sidecar->mutex);
	free(sidecar);
}
