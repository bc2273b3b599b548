/* server.c -- listeners, accepting and its limits; the server's life. See server.h and server_private.h. */
#include "http/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server_private.h"

#define ACCEPT_TURN 64 /* connections accepted in one go, so that the others are served in between */

/* A connection that waits for a request gives way, unless it only just began to wait (its client may be about
 * to send the next one). */
static bool give_way(struct http_connection *connection)
{
	struct http_server *server = connection->server;

	if (clock_now(server->config.clock) - connection->since < SERVER_RECENT_NS)
		return false;
	connection_close(connection);
	return true;
}

static bool make_room(struct http_server *server)
{
	struct link *first = link_first(&server->idle);

	return first && give_way(LINK_OWNER(first, struct http_connection, idle));
}

static bool make_room_of_peer(struct peer *peer)
{
	struct link *first = link_first(&peer->idle);

	return first && give_way(LINK_OWNER(first, struct http_connection, peer_idle));
}

/* Answers as well as it goes without keeping anything of a connection that is one too many. */
static void turn_away(struct http_server *server, int fd)
{
	static const char reply[] = "HTTP/1.1 429 Too Many Requests\r\n"
				    "Content-Type: text/plain; charset=utf-8\r\n"
				    "Content-Length: 20\r\n"
				    "Retry-After: 1\r\n"
				    "Connection: close\r\n"
				    "\r\n"
				    "Too many connections";

	metrics_add(server->config.metrics, METRIC_HTTP_REJECTED_CONNECTIONS, 1);
	/* What came already is taken in, so that closing sends FIN and not RST. */
	(void)!recv(fd, server->scratch, SERVER_READ, MSG_DONTWAIT);
	(void)!send(fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	close(fd);
}

/* A client that vanishes without a word is found by the kernel while its request is parked. */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 60},
		{IPPROTO_TCP, TCP_KEEPINTVL, 10},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* Lets a new connection in, or turns it away. */
static void admit(struct http_server *server, int fd, const struct net_addr *client)
{
	struct peer *peer = peers_get(&server->peers, client);

	/* Counted first, so that the entry stays while others of it are closed. */
	peer->connections++;
	if ((peer->connections > server->config.limits.connections_per_address && !make_room_of_peer(peer)) ||
		(server->connections >= server->config.limits.connections && !make_room(server))) {
		peer->connections--;
		peers_put(&server->peers, peer);
		turn_away(server, fd);
		return;
	}
	set_options(fd);
	connection_create(server, fd, client, peer);
}

/* No descriptor or memory for another connection: those who ask wait in the kernel for a moment, rather than
 * have the level-triggered listeners spin. */
static void back_off(struct http_server *server, int error)
{
	struct timeval time = {.tv_usec = SERVER_BACKOFF_NS / 1000};

	if (!server->starved)
		server->config.starved(error, server->connections, server->config.ctx);
	server->starved = true;
	make_room(server);
	for (size_t i = 0; i < server->config.listen_count; i++)
		event_del(&server->listeners[i].event);
	evtimer_add(&server->backoff, &time);
}

static void on_accept(evutil_socket_t fd, short what, void *ctx)
{
	struct http_server *server = ((struct http_listener *)ctx)->server;

	(void)what;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		struct net_addr client = {.size = sizeof(client.v6)};
		int accepted = accept4((int)fd, &client.any, &client.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			server->starved = false;
			admit(server, accepted, &client);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			back_off(server, -errno);
			return;
		}
		if (errno == EAGAIN)
			return;
		/* Anything else is an error of that one connection (accept(2)). */
	}
}

static void on_backoff(evutil_socket_t fd, short what, void *ctx)
{
	struct http_server *server = ctx;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < server->config.listen_count && !server->draining; i++)
		event_add(&server->listeners[i].event, NULL);
}

int http_server_create(
	struct event_base *base, const struct http_server_config *config, struct http_server **ret)
{
	const int needed = EV_FEATURE_EARLY_CLOSE | EV_FEATURE_ET;
	struct http_server *server;

	if ((event_base_get_features(base) & needed) != needed)
		return -ENOTSUP;
	server = mem_alloc(sizeof(*server));
	server->base = base;
	server->config = *config;
	server->date_second = INT64_MIN;
	peers_init(&server->peers);
	link_init(&server->all);
	link_init(&server->idle);
	link_init(&server->slow);
	evtimer_assign(&server->backoff, base, on_backoff, server);
	server->listeners = mem_alloc(config->listen_count * sizeof(*server->listeners));
	for (size_t i = 0; i < config->listen_count; i++) {
		struct http_listener *listener = &server->listeners[i];

		listener->server = server;
		event_assign(&listener->event, base, config->listen_fds[i], EV_READ | EV_PERSIST, on_accept,
			listener);
		if (event_add(&listener->event, NULL) < 0) {
			server->config.listen_count = i;
			http_server_destroy(server);
			return -EINVAL;
		}
	}
	server->config.listen_fds = NULL;
	*ret = server;
	return 0;
}

void http_server_set_limits(struct http_server *server, const struct http_limits *limits)
{
	server->config.limits = *limits;
}

static void stop_listening(struct http_server *server)
{
	for (size_t i = 0; i < server->config.listen_count; i++)
		event_del(&server->listeners[i].event);
	event_del(&server->backoff);
}

void http_server_drain(struct http_server *server)
{
	struct link *first;

	server->draining = true;
	stop_listening(server);
	while ((first = link_first(&server->idle)))
		connection_close(LINK_OWNER(first, struct http_connection, idle));
}

unsigned http_server_open_connections(const struct http_server *server)
{
	return server->connections;
}

bool http_server_is_full(const struct http_server *server)
{
	return server->pending > (size_t)server->config.limits.write_buffer * SERVER_BUDGET;
}

bool http_same_client(const struct http_request *a, const struct http_request *b)
{
	return a->connection->peer == b->connection->peer;
}

void http_request_keep(struct http_request *request)
{
	request->connection->request = NULL;
	request->connection = NULL;
	request->body = "";
	request->body_size = 0;
}

void http_request_free(struct http_request *request)
{
	arena_destroy(request->arena);
}

void http_server_destroy(struct http_server *server)
{
	struct link *first;

	if (!server)
		return;
	stop_listening(server);
	while ((first = link_first(&server->all)))
		connection_close(LINK_OWNER(first, struct http_connection, all));
	buf_finish(&server->text);
	free(server->listeners);
	free(server);
}
