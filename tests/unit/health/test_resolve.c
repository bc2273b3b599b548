/* Names that are slow, played by a getaddrinfo() of the test's own: they must not be taken for targets that
 * are down, nor hold up names that are quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/event.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "health/check_types.h"
#include "health/dial.h"
#include "health/resolve.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool held;      /* slow names get no answer */
static unsigned begun; /* slow names that a thread looks up */

/* Names that libc cannot look up, and what it says of them. */
static const struct {
	const char *name;
	int failure, error;
	bool judged; /* that is the name's fault */
} failures[] = {
	{"nobody", EAI_NONAME, 0, true},
	{"later", EAI_AGAIN, 0, true},
	{"denied", EAI_SYSTEM, EACCES, true},
	{"memory", EAI_MEMORY, 0, false},
	{"files", EAI_SYSTEM, EMFILE, false},
	{"system-files", EAI_SYSTEM, ENFILE, false},
	{"system-memory", EAI_SYSTEM, ENOMEM, false},
};

#define FAILURES (sizeof(failures) / sizeof(failures[0]))

/* Instead of libc's: "slow" waits until the test lets it go; every name that does not fail is 127.0.0.1. */
int getaddrinfo(const char *restrict node, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	struct sockaddr_in *addr;
	struct addrinfo *info;

	for (size_t i = 0; i < FAILURES; i++) {
		if (strcmp(node, failures[i].name) != 0)
			continue;
		errno = failures[i].error;
		return failures[i].failure;
	}
	pthread_mutex_lock(&lock);
	if (!strcmp(node, "slow")) {
		begun++;
		pthread_cond_broadcast(&moved);
		while (held)
			pthread_cond_wait(&moved, &lock);
	}
	pthread_mutex_unlock(&lock);
	info = calloc(1, sizeof(*info));
	addr = calloc(1, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	info->ai_family = AF_INET;
	info->ai_addr = (struct sockaddr *)addr;
	info->ai_addrlen = sizeof(*addr);
	*ret = info;
	return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
	free(info->ai_addr);
	free(info);
}

struct fixture {
	struct health_probe_env env;
	struct health_dialer dialer;
	unsigned answers;
	struct health_result result;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	pthread_mutex_lock(&lock); /* a thread of the test before may still be at its last look */
	held = true;
	begun = 0;
	pthread_mutex_unlock(&lock);
	f->env.base = event_base_new();
	f->env.dialer = &f->dialer;
	assert_int_equal(health_resolver_create(f->env.base, &f->env.resolver), 0);
	*state = f;
	return 0;
}

static void release(void)
{
	pthread_mutex_lock(&lock);
	held = false;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	release();
	health_resolver_destroy(f->env.resolver);
	event_base_free(f->env.base);
	free(f);
	return 0;
}

static void on_resolved(const struct health_resolve_result *result, void *ctx)
{
	struct fixture *f = ctx;

	assert_int_equal(result->count, 1);
	assert_false(result->own_fault);
	f->answers++;
	event_base_loopbreak(f->env.base);
}

static struct health_resolve *ask(struct fixture *f, const char *host)
{
	struct health_resolve *request;

	health_resolve_start(f->env.resolver, host, 80, on_resolved, f, &request);
	return request;
}

/* Turns the loop until an answer or, where there is none, for ten seconds. */
static unsigned wait_for_answer(struct fixture *f)
{
	const struct timeval patience = {.tv_sec = 10};
	unsigned before = f->answers;

	event_base_loopexit(f->env.base, &patience);
	event_base_dispatch(f->env.base);
	return f->answers - before;
}

static void wait_for_slow(unsigned count)
{
	pthread_mutex_lock(&lock);
	while (begun < count)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static void a_quick_name_does_not_wait_for_a_slow_one(void **state)
{
	struct fixture *f = *state;
	struct health_resolve *slow;

	ask(f, "quick");
	assert_int_equal(wait_for_answer(f), 1); /* from here on one thread is idle */
	slow = ask(f, "slow");
	ask(f, "quick");
	assert_int_equal(wait_for_answer(f), 1);
	health_resolve_cancel(slow);
}

static void on_done(const struct health_result *result, void *ctx)
{
	struct fixture *f = ctx;

	f->result = *result;
	event_base_loopbreak(f->env.base);
}

static void start_probe(struct fixture *f, const char *target, int64_t timeout_ns)
{
	const struct registry_check_definition definition = {.type = REGISTRY_CHECK_TCP, .target = target};
	const struct health_probe_request request = {.definition = &definition,
		.timeout_ns = timeout_ns,
		.output_size = 4096,
		.done = on_done,
		.ctx = f};
	struct health_probe *started;

	assert_int_equal(health_tcp_start(&f->env, &request, &started), 0);
}

/* All threads are at slow names before any time is over, however busy the machine is. */
static void probe(struct fixture *f, const char *target)
{
	start_probe(f, target, 20 * CLOCK_NS_PER_MS);
	wait_for_slow(HEALTH_RESOLVE_THREADS);
	event_base_dispatch(f->env.base);
}

static void a_name_that_nobody_looked_up_is_no_verdict(void **state)
{
	struct fixture *f = *state;
	struct health_resolve *slow[HEALTH_RESOLVE_THREADS];

	for (size_t i = 0; i < HEALTH_RESOLVE_THREADS - 1; i++)
		slow[i] = ask(f, "slow");
	probe(f, "slow:80"); /* it was looked up, without an answer: that is the target's */
	assert_true(f->result.judged);
	assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	probe(f, "quick:80"); /* all threads are busy: that is ours */
	assert_false(f->result.judged);
	for (size_t i = 0; i < HEALTH_RESOLVE_THREADS - 1; i++)
		health_resolve_cancel(slow[i]);
}

static void our_want_of_anything_is_no_verdict(void **state)
{
	struct fixture *f = *state;
	char target[64];

	for (size_t i = 0; i < FAILURES; i++) {
		snprintf(target, sizeof(target), "%s:80", failures[i].name);
		start_probe(f, target, 20 * CLOCK_NS_PER_S);
		event_base_dispatch(f->env.base);
		assert_int_equal(f->result.judged, failures[i].judged);
		assert_int_equal(f->result.status, REGISTRY_CRITICAL);
	}
}

/* libc found no descriptor to ask a server, and took the name for unknown. */
static void an_unknown_name_without_descriptors_is_no_verdict(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	start_probe(f, "nobody:80", 20 * CLOCK_NS_PER_S);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	event_base_dispatch(f->env.base);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_false(f->result.judged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_quick_name_does_not_wait_for_a_slow_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_nobody_looked_up_is_no_verdict, setup, teardown),
		cmocka_unit_test_setup_teardown(our_want_of_anything_is_no_verdict, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_unknown_name_without_descriptors_is_no_verdict, setup, teardown),
	};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
