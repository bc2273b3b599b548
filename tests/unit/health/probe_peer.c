#include "probe_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#define CONNECTIONS 16

struct connection {
	struct peer *peer;
	struct event *readable, *write;
	size_t sent;
	int fd;
};

struct peer {
	struct event_base *base;
	struct event *event;
	const char *reply;
	size_t reply_size;
	long pause_ms;
	int fd;
	uint16_t port;
	unsigned count;
	char request[4096];
	size_t request_size;
	struct connection connections[CONNECTIONS];
};

static void end(struct connection *connection)
{
	if (connection->fd < 0)
		return;
	event_free(connection->readable);
	event_free(connection->write);
	close(connection->fd);
	connection->fd = -1;
}

static bool is_http2(const struct peer *peer)
{
	return strncmp(peer->request, "PRI", 3) == 0;
}

static void on_write(evutil_socket_t fd, short events, void *ctx)
{
	struct connection *connection = ctx;
	struct peer *peer = connection->peer;
	struct timeval pause = {.tv_sec = peer->pause_ms / 1000, .tv_usec = peer->pause_ms % 1000 * 1000};
	size_t left = peer->reply_size - connection->sent;
	ssize_t n = send(connection->fd, peer->reply + connection->sent, peer->pause_ms && left ? 1 : left,
		MSG_NOSIGNAL);

	connection->sent += n > 0 ? (size_t)n : 0;
	if (n > 0 && connection->sent == peer->reply_size && is_http2(peer))
		return; /* as servers do: the client closes */
	if (n <= 0 || connection->sent == peer->reply_size)
		end(connection);
	else
		event_add(connection->write, &pause);
}

/* True if a request has come: the head of one in HTTP/1.1, or frames (RFC 9113 section 4.1) up to END_STREAM.
 */
static bool is_whole(const struct peer *peer)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	const uint8_t *bytes = (const uint8_t *)peer->request;
	size_t length;

	if (!is_http2(peer))
		return strstr(peer->request, "\r\n\r\n");
	for (size_t at = sizeof(preface) - 1; at + 9 <= peer->request_size; at += 9 + length) {
		length = (size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2];
		/* DATA or HEADERS with END_STREAM */
		if (bytes[at + 3] <= 1 && bytes[at + 4] & 1 && at + 9 + length <= peer->request_size)
			return true;
	}
	return false;
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	struct connection *connection = ctx;
	struct peer *peer = connection->peer;
	ssize_t n = read(
		(int)fd, peer->request + peer->request_size, sizeof(peer->request) - 1 - peer->request_size);
	const struct timeval at_once = {0};

	if (n <= 0) {
		end(connection);
		return;
	}
	peer->request_size += (size_t)n;
	peer->request[peer->request_size] = '\0';
	if (peer->reply && is_whole(peer))
		event_add(connection->write, &at_once);
}

static void on_accept(evutil_socket_t fd, short events, void *ctx)
{
	struct peer *peer = ctx;
	struct connection *connection = &peer->connections[peer->count % CONNECTIONS];
	int client = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client < 0)
		return;
	end(connection);
	peer->count++;
	peer->request_size = 0;
	*connection = (struct connection){.peer = peer, .fd = client};
	connection->readable = event_new(peer->base, client, EV_READ | EV_PERSIST, on_readable, connection);
	connection->write = event_new(peer->base, -1, 0, on_write, connection);
	event_add(connection->readable, NULL);
}

static int bound(uint16_t *ret_port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, size) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &size) < 0)
		abort();
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

struct peer *peer_create(struct event_base *base, const char *reply, size_t reply_size, long pause_ms)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		abort();
	peer->base = base;
	peer->reply = reply;
	peer->reply_size = reply_size;
	peer->pause_ms = pause_ms;
	for (size_t i = 0; i < CONNECTIONS; i++)
		peer->connections[i].fd = -1;
	peer->fd = bound(&peer->port);
	if (listen(peer->fd, 16) < 0)
		abort();
	peer->event = event_new(base, peer->fd, EV_READ | EV_PERSIST, on_accept, peer);
	event_add(peer->event, NULL);
	return peer;
}

void peer_destroy(struct peer *peer)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		end(&peer->connections[i]);
	event_free(peer->event);
	close(peer->fd);
	free(peer);
}

uint16_t peer_port(const struct peer *peer)
{
	return peer->port;
}

unsigned peer_connections(const struct peer *peer)
{
	return peer->count;
}

const char *peer_request(const struct peer *peer)
{
	return peer->request;
}

size_t peer_request_size(const struct peer *peer)
{
	return peer->request_size;
}

uint16_t peer_closed_port(int *ret_fd)
{
	uint16_t port;

	*ret_fd = bound(&port);
	return port;
}
