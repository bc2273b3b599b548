#include "health/health.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "health/check_types.h"
#include "health/core.h"
#include "health/dial.h"
#include "health/resolve.h"
#include "http/http.h"
#include "net/wake.h"

#define TICK_NS CLOCK_NS_PER_S /* the loop turns at least this often */

struct health {
	struct health_config config;
	struct health_core core; /* of the thread, once it runs */
	struct health_probe_env env;
	struct health_dialer dialer;
	struct registry_inbox *inbox;
	struct registry_reader *reader;
	struct event *mail, *wake, *timer;
	pthread_t thread;
	bool running;
	int bell;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	bool tuned;
	struct health_core_tuning tuning;
};

static struct health_core_tuning tuning_of(const struct health_config *config)
{
	return (struct health_core_tuning){
		.in_flight = config->in_flight,
		.interval_min_ns = config->interval_min_ns,
		.interval_default_ns = config->interval_default_ns,
		.timeout_default_ns = config->timeout_default_ns,
		.timeout_max_ns = config->timeout_max_ns,
		.restart_spread_ns = config->restart_spread_ns,
		.stopped_ns = config->stopped_ns,
		.output_size = config->output_size,
	};
}

static int start_probe(const struct health_check_type *type, const struct health_probe_request *request,
	void *ctx, struct health_probe **ret)
{
	struct health *health = ctx;

	return type->start(&health->env, request, ret);
}

static void cancel_probe(const struct health_check_type *type, struct health_probe *probe, void *ctx)
{
	type->cancel(probe);
}

static int look_up(
	const char *node, const char *check_id, struct arena *arena, struct registry_check *ret, void *ctx)
{
	struct health *health = ctx;
	const struct registry_filter filter = {.node = node, .id = check_id, .without_tags = true};
	const struct registry_check *rows;
	size_t count;
	int r = registry_reader_checks(health->reader, &filter, arena, &rows, &count);

	if (r < 0 || !count)
		return r < 0 ? r : -ENOENT;
	*ret = rows[0];
	return 0;
}

static void submit(struct registry_command *command, void *ctx)
{
	struct health *health = ctx;

	registry_writer_submit(health->config.writer, command, health->inbox);
}

/* The alarm clock was set before the probe ended. */
static void again(void *ctx)
{
	struct health *health = ctx;

	event_active(health->timer, EV_TIMEOUT, 0);
}

static void on_commit(const struct registry_commit *commit, void *ctx)
{
	struct health *health = ctx;

	health_core_commit(&health->core, commit);
}

/* Does what is due and sets the alarm clock: to the next tick at the latest, and well before an idle loop
 * would look like one that was stopped. */
static void turn(struct health *health)
{
	int64_t now, wait = health_core_step(&health->core), stopped = health->core.config.tuning.stopped_ns;
	int64_t longest = stopped / 2 < TICK_NS ? stopped / 2 : TICK_NS;
	struct timeval timeout;

	page_tick(health->config.thread);
	now = clock_now(health->config.clock);
	wait = wait == HEALTH_NEVER || wait - now > longest ? longest : wait - now;
	if (wait < 0)
		wait = 0;
	timeout = (struct timeval){
		.tv_sec = wait / CLOCK_NS_PER_S, .tv_usec = (wait % CLOCK_NS_PER_S + 999) / 1000};
	if (timeout.tv_usec >= 1000000)
		timeout = (struct timeval){.tv_sec = timeout.tv_sec + 1};
	event_add(health->timer, &timeout);
}

static void on_timer(evutil_socket_t fd, short events, void *ctx)
{
	turn(ctx);
}

static void on_mail(evutil_socket_t fd, short events, void *ctx)
{
	struct health *health = ctx;

	registry_inbox_drain(health->inbox);
	turn(health);
}

static void on_wake(evutil_socket_t fd, short events, void *ctx)
{
	struct health *health = ctx;

	net_wake_clear((int)fd);
	if (atomic_load(&health->stop)) {
		event_base_loopbreak(health->env.base);
		return;
	}
	pthread_mutex_lock(&health->lock);
	if (health->tuned)
		health_core_tune(&health->core, &health->tuning);
	health->tuned = false;
	pthread_mutex_unlock(&health->lock);
	turn(health);
}

static void *run(void *arg)
{
	struct health *health = arg;

	pthread_setname_np(pthread_self(), "health");
	turn(health);
	event_base_dispatch(health->env.base);
	return NULL;
}

/* Everything that is registered now. Commits are observed already, so there is no gap; what is in both is
 * told apart by its index. */
static int load(struct health *health)
{
	const struct registry_filter all = {.without_tags = true};
	const struct registry_check *rows;
	struct arena *arena = arena_create();
	size_t count = 0;
	int r = registry_reader_checks(health->reader, &all, arena, &rows, &count);

	for (size_t i = 0; r == 0 && i < count; i++)
		health_core_put(&health->core, &rows[i], false);
	arena_destroy(arena);
	return r;
}

static int create_loop(struct health *health)
{
	struct health_probe_env *env = &health->env;
	int r;

	health->bell = net_wake_create();
	if (health->bell < 0)
		return health->bell;
	env->base = event_base_new();
	if (!env->base)
		return -ENOMEM;
	r = http_client_create(env->base, &env->http);
	if (r < 0)
		return r;
	r = health_resolver_create(env->base, &env->resolver);
	if (r < 0)
		return r;
	env->dialer = &health->dialer;
	health->mail =
		event_new(env->base, registry_inbox_fd(health->inbox), EV_READ | EV_PERSIST, on_mail, health);
	health->wake = event_new(env->base, health->bell, EV_READ | EV_PERSIST, on_wake, health);
	health->timer = event_new(env->base, -1, 0, on_timer, health);
	if (!health->mail || !health->wake || !health->timer || event_add(health->mail, NULL) < 0 ||
		event_add(health->wake, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static void create_core(struct health *health)
{
	const struct health_config *config = &health->config;
	struct health_core_config core = {
		.tuning = tuning_of(config),
		.seed = siphash_key_random().k0,
		.clock = config->clock,
		.live = config->live,
		.metrics = &config->thread->metrics,
		.start = start_probe,
		.cancel = cancel_probe,
		.look_up = look_up,
		.submit = submit,
		.again = again,
		.ctx = health,
	};

	health_core_init(&health->core, &core);
}

/* Signals are the first thread's business. */
static int start_thread(struct health *health)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&health->thread, NULL, run, health);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	health->running = r == 0;
	return r;
}

int health_start(const struct health_config *config, struct health **ret)
{
	struct health *health = mem_alloc(sizeof(*health));
	const struct registry_inbox_handler handler = {.on_commit = on_commit, .ctx = health};
	int r;

	health->config = *config;
	health->bell = -1;
	pthread_mutex_init(&health->lock, NULL);
	create_core(health);
	r = registry_inbox_create(&handler, &health->inbox);
	if (r < 0)
		goto fail;
	r = create_loop(health);
	if (r < 0)
		goto fail;
	r = registry_reader_open(config->registry_path, &health->reader);
	if (r < 0)
		goto fail;
	registry_writer_observe(config->writer, health->inbox);
	r = load(health);
	if (r == 0)
		r = start_thread(health);
	if (r < 0)
		return r; /* the writer holds the inbox: not ours to free any more */
	*ret = health;
	return 0;
fail:
	health_destroy(health);
	return r;
}

void health_stop(struct health *health)
{
	if (!health || !health->running)
		return;
	atomic_store(&health->stop, true);
	net_wake_ring(health->bell);
	pthread_join(health->thread, NULL);
	health->running = false;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void health_destroy(struct health *health)
{
	if (!health)
		return;
	health_stop(health);
	health_core_finish(&health->core);
	http_client_destroy(health->env.http);
	health_resolver_destroy(health->env.resolver);
	health_dialer_finish(&health->dialer);
	free_event(health->mail);
	free_event(health->wake);
	free_event(health->timer);
	if (health->env.base)
		event_base_free(health->env.base);
	if (health->bell >= 0)
		close(health->bell);
	registry_inbox_destroy(health->inbox);
	registry_reader_close(health->reader);
	pthread_mutex_destroy(&health->lock);
	free(health);
}

void health_reconfigure(struct health *health, const struct health_config *config)
{
	pthread_mutex_lock(&health->lock);
	health->tuning = tuning_of(config);
	health->tuned = true;
	pthread_mutex_unlock(&health->lock);
	net_wake_ring(health->bell);
}
