/* tcp_accept.c -- who may connect: listeners, limits, and a pause when descriptors run out. See tcp.h. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/tcp_private.h"

enum {
	UNSENT_MAX = 128 * 1024, /* unsent bytes in the kernel, beyond which a client counts as not reading */
	ACCEPT_MAX = 64,         /* accepted in one turn */
	BACKOFF_US = 100000      /* after accept() found no descriptor */
};

static void reject(struct tcp *tcp, enum metric reason)
{
	metrics_add(tcp->worker->context.metrics, reason, 1);
}

/* Makes room for one more connection by closing the one that was idle longest, or if none is, the one that
 * has waited for the relay longest: whatever that does, our names are answered. False if there is none. */
static bool close_idle(struct tcp *tcp)
{
	struct connection *c = TAILQ_FIRST(&tcp->lists[IDLE]);
	if (!c)
		c = TAILQ_FIRST(&tcp->lists[RELAYED]);
	if (!c)
		return false;
	reject(tcp, METRIC_DNS_TCP_REJECTED_IDLE);
	tcp_connection_close(c);
	return true;
}

/* The connection behind `fd`, or NULL if a limit says no. */
static struct connection *admit(struct tcp *tcp, int fd, const struct sockaddr_in6 *client)
{
	const struct dns_settings *settings = &tcp->worker->settings;
	struct tcp_host *host =
		tcp_hosts_take(tcp->hosts, (const void *)client, settings->tcp_connections_per_address);
	if (!host) {
		reject(tcp, METRIC_DNS_TCP_REJECTED_ADDRESS);
		return NULL;
	}
	if (tcp->count >= settings->tcp_connections && !close_idle(tcp)) {
		reject(tcp, METRIC_DNS_TCP_REJECTED_FULL);
		tcp_hosts_release(tcp->hosts, host);
		return NULL;
	}
	struct connection *c = mem_alloc(sizeof(*c));
	c->tcp = tcp;
	c->host = host;
	c->fd = fd;
	c->client = *client;
	c->source = worker_client(tcp->worker, (const void *)&c->client, true);
	return c;
}

/* accept() found no descriptor or no memory: gives one back, and waits a moment instead of spinning. */
static void back_off(struct tcp *tcp, int error)
{
	static const struct timeval pause = {.tv_usec = BACKOFF_US};
	log_warn("cannot accept a TCP connection; trying again", "error", strerror(error));
	close_idle(tcp);
	for (size_t i = 0; i < tcp->listener_count; i++)
		event_del(tcp->listeners[i]);
	event_add(tcp->backoff, &pause);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *tcp = arg;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		struct sockaddr_in6 client;
		socklen_t size = sizeof(client);
		int connection = accept4(fd, (void *)&client, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (connection < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				back_off(tcp, errno);
			return;
		}
		struct connection *c = admit(tcp, connection, &client);
		if (c)
			tcp_connection_start(c);
		else
			close(connection);
	}
}

static void on_backoff_over(evutil_socket_t fd, short what, void *arg)
{
	tcp_open(arg);
}

/* Connections inherit these from their listener (Linux). Answers to pipelined queries must not wait for one
 * another's acknowledgement; and what a client does not read stays ours to bound. */
static void prepare_listener(int fd)
{
	static const int on = 1, unsent = UNSENT_MAX;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

void tcp_accept_init(struct tcp *tcp, const int *fds)
{
	tcp->backoff = worker_event(tcp->worker, -1, 0, on_backoff_over, tcp);
	for (size_t i = 0; i < tcp->listener_count; i++) {
		prepare_listener(fds[i]);
		tcp->listeners[i] =
			worker_event(tcp->worker, fds[i], EV_READ | EV_PERSIST, on_acceptable, tcp);
	}
}

void tcp_open(struct tcp *tcp)
{
	for (size_t i = 0; i < tcp->listener_count; i++)
		event_add(tcp->listeners[i], NULL);
}

void tcp_accept_stop(struct tcp *tcp)
{
	for (size_t i = 0; i < tcp->listener_count; i++)
		event_del(tcp->listeners[i]);
	event_del(tcp->backoff);
}

void tcp_accept_finish(struct tcp *tcp)
{
	for (size_t i = 0; i < tcp->listener_count; i++)
		event_free(tcp->listeners[i]);
	event_free(tcp->backoff);
}
