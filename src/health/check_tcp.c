/* check_tcp.c -- can a TCP connection be made to host:port?
 *
 * The target is what clients send: 127.0.0.1:80, [::1]:80, ::1:80 (python-consul does not bracket),
 * localhost:80. The addresses of a name are tried in turn, each with its share of the time that is left. */
#include "health/check_types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "health/dial.h"
#include "health/resolve.h"

struct health_probe {
	const struct health_probe_env *env;
	struct health_probe_request request; /* without its definition */
	char *target;
	struct event *deadline; /* of the whole probe while resolving, then of the attempt */
	struct event *writable;
	struct health_resolve *resolve;
	struct net_addr addrs[HEALTH_RESOLVE_ADDRESSES];
	size_t count, next;
	bool own_fault; /* the last attempt failed for want of something here */
	int fd;
	int64_t end_ns;
};

static void try_next(struct health_probe *probe, const char *failure);

static void end_attempt(struct health_probe *probe, const struct net_addr *connected)
{
	if (probe->writable)
		event_free(probe->writable);
	probe->writable = NULL;
	if (probe->fd >= 0)
		health_dial_end(probe->env->dialer, probe->fd, connected);
	probe->fd = -1;
	event_del(probe->deadline);
}

static void free_probe(struct health_probe *probe)
{
	if (probe->resolve)
		health_resolve_cancel(probe->resolve);
	event_free(probe->deadline);
	free(probe->target);
	free(probe);
}

void health_tcp_cancel(struct health_probe *probe)
{
	end_attempt(probe, NULL);
	free_probe(probe);
}

/* Gives the verdict. */
static void tell(const struct health_probe_request *request, bool judged, enum registry_status status,
	const char *text)
{
	struct arena *arena = arena_create();
	struct health_result result = {.judged = judged, .status = status};

	result.output = health_clean_output(arena, text, strlen(text), request->output_size);
	request->done(&result, request->ctx);
	arena_destroy(arena);
}

static void tell_success(const struct health_probe_request *request, const char *target)
{
	char text[64 + NET_ADDR_TEXT], *whole = text;
	struct arena *arena = NULL;

	if (snprintf(text, sizeof(text), "TCP connect %s: Success", target) >= (int)sizeof(text)) {
		arena = arena_create();
		whole = arena_printf(arena, "TCP connect %s: Success", target);
	}
	tell(request, true, REGISTRY_PASSING, whole);
	arena_destroy(arena);
}

static void tell_failure(
	const struct health_probe_request *request, bool judged, const char *where, const char *failure)
{
	struct arena *arena = arena_create();

	tell(request, judged, REGISTRY_CRITICAL, arena_printf(arena, "dial tcp %s: %s", where, failure));
	arena_destroy(arena);
}

/* Gives the verdict and frees the probe; from the loop only. */
static void fail(struct health_probe *probe, const char *where, const char *failure)
{
	end_attempt(probe, NULL);
	tell_failure(&probe->request, !probe->own_fault, where, failure);
	free_probe(probe);
}

static struct timeval timeval_of(int64_t ns)
{
	if (ns < 0)
		ns = 0;
	return (struct timeval){.tv_sec = ns / CLOCK_NS_PER_S, .tv_usec = ns % CLOCK_NS_PER_S / 1000};
}

/* "connect: connection refused", as Go and so Consul writes it. */
static const char *connect_failure(int error, char ret[96])
{
	size_t size = str_copy(ret, 96, "connect: ");

	str_copy(ret + size, 96 - size, err_str(error));
	ret[size] = (char)str_lower((unsigned char)ret[size]);
	return ret;
}

static void succeed(struct health_probe *probe, const struct net_addr *connected)
{
	end_attempt(probe, connected);
	tell_success(&probe->request, probe->target);
	free_probe(probe);
}

static void on_writable(evutil_socket_t fd, short events, void *ctx)
{
	struct health_probe *probe = ctx;
	const struct net_addr *addr = &probe->addrs[probe->next - 1];
	char failure[96];
	int r = health_dial_outcome((int)fd, addr);

	if (r == 0)
		succeed(probe, addr);
	else if (r != -EINPROGRESS)
		try_next(probe, connect_failure(r, failure));
}

static int64_t left_ns(const struct health_probe *probe)
{
	return probe->end_ns - clock_now(clock_system());
}

/* Waits for the address that was called last, for its share of the time. 0 or -ENOMEM. */
static int wait_for_answer(struct health_probe *probe)
{
	struct timeval share = timeval_of(left_ns(probe) / (int64_t)(probe->count - probe->next + 1));

	probe->writable = event_new(probe->env->base, probe->fd, EV_WRITE | EV_PERSIST, on_writable, probe);
	if (!probe->writable || event_add(probe->writable, NULL) < 0)
		return -ENOMEM;
	event_add(probe->deadline, &share);
	return 0;
}

/* Tries the next address, or ends the probe with the failure of the last. */
static void try_next(struct health_probe *probe, const char *failure)
{
	char where[NET_ADDR_TEXT], text[96];
	const char *why = failure;

	end_attempt(probe, NULL);
	while (probe->next < probe->count) {
		const struct net_addr *addr = &probe->addrs[probe->next++];
		int r = health_dial(probe->env->dialer, addr, &probe->fd);

		probe->own_fault = health_own_fault(r);
		if (r == 0) {
			succeed(probe, addr);
			return;
		}
		if (r == -EINPROGRESS)
			r = wait_for_answer(probe);
		if (r == 0)
			return;
		probe->own_fault = health_own_fault(r);
		why = connect_failure(r, text);
		end_attempt(probe, NULL);
	}
	fail(probe, net_addr_format(&probe->addrs[probe->count - 1], where), why);
}

static void on_resolved(const struct health_resolve_result *result, void *ctx)
{
	struct health_probe *probe = ctx;

	probe->resolve = NULL;
	if (!result->count) {
		/* Without descriptors libc may say just that there is no such name. */
		probe->own_fault = result->own_fault || health_want_of_descriptors() < 0;
		fail(probe, probe->target, result->error);
		return;
	}
	memcpy(probe->addrs, result->addrs, result->count * sizeof(*result->addrs));
	probe->count = result->count;
	try_next(probe, "");
}

static void on_deadline(evutil_socket_t fd, short events, void *ctx)
{
	struct health_probe *probe = ctx;

	if (probe->count) {
		try_next(probe, "i/o timeout");
		return;
	}
	probe->own_fault = health_resolve_waits(probe->resolve);
	fail(probe, probe->target, "i/o timeout while resolving the name");
}

/* Splits at the last colon and takes the brackets off. `host` is cut from `text`, which is changed. */
static int split(char *text, char **ret_host, uint16_t *ret_port)
{
	char *colon = strrchr(text, ':');
	size_t size;
	uint64_t port;

	if (!colon || colon == text || str_parse_u64(colon + 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	*colon = '\0';
	size = strlen(text);
	if (text[0] == '[' && text[size - 1] == ']') {
		text[size - 1] = '\0';
		text++;
	}
	*ret_host = text;
	*ret_port = (uint16_t)port;
	return *text ? 0 : -EINVAL;
}

/* The address of a literal, with or without a scope. */
static int literal(const char *host, uint16_t port, struct net_addr *ret)
{
	uint8_t ip[16];

	if (!strchr(host, '%') && net_addr_literal(host, ip) < 0)
		return -EINVAL;
	return net_addr_parse(host, port, ret);
}

/* NULL without memory. */
static struct health_probe *new_probe(
	const struct health_probe_env *env, const struct health_probe_request *request)
{
	struct health_probe *probe = mem_alloc(sizeof(*probe));

	probe->env = env;
	probe->fd = -1;
	probe->request = *request;
	probe->request.definition = NULL;
	probe->target = mem_strdup(request->definition->target);
	probe->end_ns = clock_now(clock_system()) + request->timeout_ns;
	probe->deadline = event_new(env->base, -1, 0, on_deadline, probe);
	if (probe->deadline)
		return probe;
	free(probe->target);
	free(probe);
	return NULL;
}

/* Most targets are a literal nearby, which answers within the call: then there is nothing to remember. */
static int call_address(const struct health_probe_env *env, const struct health_probe_request *request,
	const struct net_addr *addr, struct health_probe **ret)
{
	char where[NET_ADDR_TEXT], text[96];
	struct health_probe *probe;
	int fd = -1, r = health_dial(env->dialer, addr, &fd);

	if (r == 0) {
		health_dial_end(env->dialer, fd, addr);
		tell_success(request, request->definition->target);
		return 0;
	}
	if (r != -EINPROGRESS) {
		tell_failure(request, !health_own_fault(r), net_addr_format(addr, where),
			connect_failure(r, text));
		return 0;
	}
	probe = new_probe(env, request);
	if (!probe) {
		health_dial_end(env->dialer, fd, NULL);
		return -ENOMEM;
	}
	probe->fd = fd;
	probe->addrs[0] = *addr;
	probe->count = probe->next = 1;
	r = wait_for_answer(probe);
	if (r == 0)
		*ret = probe;
	else
		health_tcp_cancel(probe);
	return r;
}

int health_tcp_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret)
{
	struct timeval whole = timeval_of(request->timeout_ns);
	const char *target = request->definition->target;
	char *copy = mem_strdup(target), *host = NULL;
	struct health_probe *probe = NULL;
	struct net_addr addr;
	uint16_t port = 0;
	int r = 0;

	*ret = NULL;
	if (split(copy, &host, &port) < 0)
		tell_failure(request, true, target, "missing or bad port in address");
	else if (literal(host, port, &addr) == 0)
		r = call_address(env, request, &addr, ret);
	else if (!(probe = new_probe(env, request)))
		r = -ENOMEM;
	else {
		health_resolve_start(env->resolver, host, port, on_resolved, probe, &probe->resolve);
		event_add(probe->deadline, &whole);
		*ret = probe;
	}
	free(copy);
	return r;
}
