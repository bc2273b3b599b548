/* check_tcp.c -- can a TCP connection be made to host:port?
 *
 * The target is what clients send: 127.0.0.1:80, [::1]:80, ::1:80 (python-consul does not bracket),
 * localhost:80. The addresses of a name are tried in turn, each with its share of the time that is left. */
#include "health/check_types.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "health/resolve.h"

struct health_probe {
	const struct health_probe_env *env;
	struct event *deadline; /* of the whole probe while resolving, then of the attempt */
	struct event *connected;
	struct health_resolve *resolve;
	struct net_addr addrs[HEALTH_RESOLVE_ADDRESSES];
	size_t count, next;
	bool own_fault; /* the last attempt failed for want of something here */
	int fd;
	int64_t end_ns;
	size_t output_size;
	char *target;
	void (*done)(const struct health_result *result, void *ctx);
	void *ctx;
};

static void try_next(struct health_probe *probe, const char *failure);

static void end_attempt(struct health_probe *probe)
{
	if (probe->connected)
		event_free(probe->connected);
	probe->connected = NULL;
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
	event_del(probe->deadline);
}

void health_tcp_cancel(struct health_probe *probe)
{
	end_attempt(probe);
	if (probe->resolve)
		health_resolve_cancel(probe->resolve);
	event_free(probe->deadline);
	free(probe->target);
	free(probe);
}

/* Calls done and frees the probe; from the loop only. */
static void finish(struct health_probe *probe, bool judged, enum registry_status status, const char *text)
{
	struct arena *arena = arena_create();
	struct health_result result = {.judged = judged, .status = status};

	result.output = health_clean_output(arena, text, strlen(text), probe->output_size);
	probe->done(&result, probe->ctx);
	arena_destroy(arena);
	health_tcp_cancel(probe);
}

static void finish_dial(struct health_probe *probe, const char *where, const char *failure)
{
	struct arena *arena = arena_create();

	finish(probe, !probe->own_fault, REGISTRY_CRITICAL,
		arena_printf(arena, "dial tcp %s: %s", where, failure));
	arena_destroy(arena);
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

/* Where nobody listens on a port from which connections are made too, TCP may connect our socket to itself
 * (RFC 9293 section 3.5, simultaneous open). */
static bool is_own_echo(int fd, uint16_t port)
{
	struct net_addr own = {.size = sizeof(own.v6)};
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof(peer);

	/* Most often the port tells, and that is one call less. */
	return getsockname(fd, &own.any, &own.size) == 0 && net_addr_port(&own) == port &&
	       getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && own.size == size &&
	       memcmp(&own.any, &peer, size) == 0;
}

static void on_connected(evutil_socket_t fd, short events, void *ctx)
{
	struct health_probe *probe = ctx;
	struct arena *arena;
	socklen_t size = sizeof(int);
	char failure[96];
	int error = 0;

	if (getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (!error && is_own_echo((int)fd, net_addr_port(&probe->addrs[probe->next - 1])))
		error = ECONNREFUSED;
	if (error) {
		try_next(probe, connect_failure(error, failure));
		return;
	}
	arena = arena_create();
	finish(probe, true, REGISTRY_PASSING, arena_printf(arena, "TCP connect %s: Success", probe->target));
	arena_destroy(arena);
}

/* On loopback, and wherever else the answer comes within the call, the attempt is over already. */
static bool is_over(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLOUT};

	return poll(&look, 1, 0) > 0;
}

/* 0 if the connection is under way (or made), or negative errno. */
static int dial(struct health_probe *probe, const struct net_addr *addr)
{
	probe->fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return -errno;
	if (connect(probe->fd, &addr->any, addr->size) < 0 && errno != EINPROGRESS && errno != EINTR)
		return -errno;
	probe->connected = event_new(probe->env->base, probe->fd, EV_WRITE, on_connected, probe);
	if (!probe->connected)
		return -ENOMEM;
	if (is_over(probe->fd)) /* from the loop as well, but epoll need not hear of it */
		event_active(probe->connected, EV_WRITE, 1);
	else if (event_add(probe->connected, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int64_t left_ns(const struct health_probe *probe)
{
	return probe->end_ns - clock_now(clock_system());
}

/* Tries the next address, or ends the probe with the failure of the last. */
static void try_next(struct health_probe *probe, const char *failure)
{
	char where[NET_ADDR_TEXT], text[96];
	const char *why = failure;
	struct timeval share;
	int r;

	end_attempt(probe);
	while (probe->next < probe->count) {
		const struct net_addr *addr = &probe->addrs[probe->next++];

		r = dial(probe, addr);
		probe->own_fault = health_own_fault(r);
		if (r == 0) {
			share = timeval_of(left_ns(probe) / (int64_t)(probe->count - probe->next + 1));
			event_add(probe->deadline, &share);
			return;
		}
		why = connect_failure(r, text);
		end_attempt(probe);
	}
	finish_dial(probe, net_addr_format(&probe->addrs[probe->count - 1], where), why);
}

static void on_resolved(const struct net_addr *addrs, size_t count, const char *error, void *ctx)
{
	struct health_probe *probe = ctx;

	probe->resolve = NULL;
	if (!count) {
		finish_dial(probe, probe->target, error);
		return;
	}
	memcpy(probe->addrs, addrs, count * sizeof(*addrs));
	probe->count = count;
	try_next(probe, "");
}

static void on_deadline(evutil_socket_t fd, short events, void *ctx)
{
	struct health_probe *probe = ctx;

	if (!probe->count && probe->resolve) {
		probe->own_fault = health_resolve_waits(probe->resolve);
		finish_dial(probe, probe->target, "i/o timeout while resolving the name");
	} else if (!probe->count)
		finish_dial(probe, probe->target, "missing or bad port in address");
	else
		try_next(probe, "i/o timeout");
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

int health_tcp_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret)
{
	struct health_probe *probe = mem_alloc(sizeof(*probe));
	struct timeval at_once = {0}, whole = timeval_of(request->timeout_ns);
	char *copy = mem_strdup(request->definition->target), *host = NULL;
	uint16_t port = 0;

	probe->env = env;
	probe->fd = -1;
	probe->target = mem_strdup(request->definition->target);
	probe->end_ns = clock_now(clock_system()) + request->timeout_ns;
	probe->output_size = request->output_size;
	probe->done = request->done;
	probe->ctx = request->ctx;
	probe->deadline = event_new(env->base, -1, 0, on_deadline, probe);
	if (!probe->deadline) {
		free(probe->target);
		free(probe);
		free(copy);
		return -ENOMEM;
	}
	if (split(copy, &host, &port) < 0)
		event_add(probe->deadline, &at_once); /* the verdict may not come from within this call */
	else if (literal(host, port, &probe->addrs[0]) == 0) {
		probe->count = 1;
		if (dial(probe, &probe->addrs[0]) == 0) {
			probe->next = 1;
			event_add(probe->deadline, &whole);
		} else { /* e.g. no route: tried again, and then told, from the loop */
			end_attempt(probe);
			event_add(probe->deadline, &at_once);
		}
	} else {
		health_resolve_start(env->resolver, host, port, on_resolved, probe, &probe->resolve);
		event_add(probe->deadline, &whole);
	}
	free(copy);
	*ret = probe;
	return 0;
}
