/* connection.c -- one connection: bytes in, requests out, one state at a time. See server_private.h.
 *
 * connection_run() takes steps until one has to wait, then connection_arm() sets the event and the timer to
 * what the state asks for. Handlers and `gone` are only ever called from the loop, never from within
 * http_reply() and its kin, so that whoever walks a list of parked requests can answer them as it goes. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/server_private.h"

enum step { STEP_AGAIN, STEP_WAIT, STEP_CLOSE };

static struct evbuffer *new_evbuffer(void)
{
	struct evbuffer *buffer = evbuffer_new();

	if (!buffer)
		mem_out();
	return buffer;
}

void connection_create(struct http_server *server, int fd, const struct net_addr *client, struct peer *peer)
{
	struct http_connection *connection = mem_alloc(sizeof(*connection));

	connection->server = server;
	connection->peer = peer;
	connection->fd = fd;
	connection->client = *client;
	connection->minor = 1;
	connection->in = new_evbuffer();
	connection->out = new_evbuffer();
	link_init(&connection->all);
	link_init(&connection->idle);
	link_init(&connection->peer_idle);
	link_init(&connection->slow);
	link_append(&server->all, &connection->all);
	evtimer_assign(&connection->timer, server->base, connection_on_timer, connection);
	server->connections++;
	metrics_add(server->config.metrics, METRIC_HTTP_CONNECTIONS, 1);
	connection_arm(connection);
}

void connection_take_file(struct http_connection *connection, int file, size_t size)
{
	connection->file = file;
	connection->file_left = size;
}

static void drop_file(struct http_connection *connection)
{
	if (connection->file > 0)
		close(connection->file);
	connection->file = 0;
	connection->file_left = 0;
}

/* Reads ahead of the client. False if the file is shorter than was promised. */
static bool read_file(struct http_connection *connection)
{
	char *bytes = connection->server->scratch;

	while (connection->file_left > 0 && evbuffer_get_length(connection->out) < SERVER_FILE_AHEAD) {
		size_t most = connection->file_left < SERVER_READ ? connection->file_left : SERVER_READ;
		ssize_t size = read(connection->file, bytes, most);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return false;
		evbuffer_add(connection->out, bytes, (size_t)size);
		connection->file_left -= (size_t)size;
	}
	return true;
}

/* Forgets the request that was answered. */
static void end_request(struct http_connection *connection)
{
	if (connection->request)
		arena_destroy(connection->request->arena);
	connection->request = NULL;
	connection->gone = NULL;
	buf_finish(&connection->body);
	drop_file(connection);
	connection->scan = (struct http_scan){0};
	connection->chunks = (struct chunked){0};
	connection->body_left = 0;
	connection->chunked = connection->mute = connection->stirred = connection->shares = false;
	connection->minor = 1;
}

void connection_close(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	void (*gone)(struct http_request * request, void *ctx) = connection->gone;

	connection->gone = NULL;
	if (gone)
		gone(connection->request, connection->gone_ctx);
	end_request(connection);
	if (connection->watching)
		event_del(&connection->io);
	event_del(&connection->timer);
	link_remove(&connection->all);
	link_remove(&connection->idle);
	link_remove(&connection->peer_idle);
	link_remove(&connection->slow);
	close(connection->fd);
	evbuffer_free(connection->in);
	evbuffer_free(connection->out);
	server->connections--;
	server->pending -= connection->pending;
	metrics_add(server->config.metrics, METRIC_HTTP_CONNECTIONS, -1);
	connection->peer->connections--;
	peers_put(&server->peers, connection->peer);
	free(connection);
}

void connection_doom(struct http_connection *connection)
{
	connection->doomed = true;
	if (!connection->running)
		connection_arm(connection);
}

/* One portion: others have their turn in between. */
bool connection_write(struct http_connection *connection)
{
	size_t portion = SERVER_PORTION;

	if (!read_file(connection))
		return false;
	while (evbuffer_get_length(connection->out) > 0 && portion > 0) {
		struct evbuffer_iovec pieces[8];
		struct msghdr message = {.msg_iov = (struct iovec *)pieces};
		int count = evbuffer_peek(connection->out, (ev_ssize_t)portion, NULL, pieces, 8);
		ssize_t sent;

		message.msg_iovlen = (size_t)(count > 8 ? 8 : count);
		for (size_t i = 0; i < message.msg_iovlen; i++)
			pieces[i].iov_len = pieces[i].iov_len < portion ? pieces[i].iov_len : portion;
		sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN;
		evbuffer_drain(connection->out, (size_t)sent);
		portion -= (size_t)sent < portion ? (size_t)sent : portion;
		if (connection->timer_kind == TIMER_WRITE)
			connection->timer_kind = TIMER_NONE; /* it starts anew */
		link_remove(&connection->slow);              /* and goes to the end of the list again */
	}
	return true;
}

/* Answers with an error that ends the connection. */
static enum step refuse(struct http_connection *connection, int status, const char *text)
{
	http_write_refusal(connection, status, text);
	connection->state = CONNECTION_FLUSH;
	return STEP_AGAIN;
}

/* A head is there: makes the request. 0, or an HTTP status. */
static int begin_request(
	struct http_connection *connection, const char *bytes, size_t size, const char **ret_text)
{
	struct arena *arena = arena_create();
	struct http_request *request = arena_alloc(arena, sizeof(*request));
	struct http_head head;
	int status = http_head_parse(arena, bytes, size, &head, ret_text);

	request->arena = arena;
	connection->request = request;
	if (status)
		return status;
	*request = (struct http_request){
		.arena = arena,
		.method = head.method,
		.target = head.target,
		.path = head.path,
		.query = head.query,
		.query_count = head.query_count,
		.headers = head.headers,
		.header_count = head.header_count,
		.client = connection->client,
		.connection = connection,
	};
	connection->minor = head.minor;
	connection->close |= !head.keep_alive;
	connection->mute = str_eq(head.method, "HEAD");
	connection->chunked = head.chunked;
	connection->body_left = head.length;
	if (head.length > connection->server->config.limits.body_size) {
		*ret_text = "The body of the request is too large";
		return 413;
	}
	if (head.expect_continue)
		evbuffer_add_printf(connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
	return 0;
}

static enum step step_head(struct http_connection *connection)
{
	size_t size = evbuffer_get_length(connection->in), head_size = 0;
	const char *bytes, *text = NULL;
	int status;

	if (size == 0 || connection->turn >= SERVER_TURN)
		return STEP_WAIT;
	bytes = (const char *)evbuffer_pullup(connection->in, -1);
	status = http_head_scan(&connection->scan, bytes, size, connection->server->config.limits.header_size,
		&head_size, &text);
	if (status == 0)
		return STEP_WAIT;
	if (status == 1)
		status = begin_request(connection, bytes + connection->scan.start,
			head_size - connection->scan.start, &text);
	if (status)
		return refuse(connection, status, text);
	evbuffer_drain(connection->in, head_size);
	connection->state = CONNECTION_BODY;
	/* "100 Continue" is pointless once the body is coming (RFC 9110 10.1.1). */
	if (evbuffer_get_length(connection->in) > 0)
		evbuffer_drain(connection->out, evbuffer_get_length(connection->out));
	return connection_write(connection) ? STEP_AGAIN : STEP_CLOSE;
}

/* Takes `size` bytes of a body with a length. As chunked_feed(). */
static int feed_length(struct http_connection *connection, const char *bytes, size_t size, size_t *ret_used)
{
	size_t used = size < connection->body_left ? size : (size_t)connection->body_left;

	buf_add(&connection->body, bytes, used);
	connection->body_left -= used;
	*ret_used = used;
	return connection->body_left == 0;
}

static enum step step_body(struct http_connection *connection)
{
	int status = !connection->chunked && connection->body_left == 0;

	while (!status && evbuffer_get_length(connection->in) > 0) {
		size_t size = evbuffer_get_contiguous_space(connection->in), used = 0;
		const char *bytes = (const char *)evbuffer_pullup(connection->in, (ev_ssize_t)size),
			   *text = NULL;

		if (connection->chunked)
			status = chunked_feed(&connection->chunks, bytes, size,
				connection->server->config.limits.body_size, &connection->body, &used, &text);
		else
			status = feed_length(connection, bytes, size, &used);
		if (status > 1)
			return refuse(connection, status, text);
		evbuffer_drain(connection->in, used);
	}
	if (!status)
		return STEP_WAIT;
	connection->state = CONNECTION_HANDLE;
	return STEP_AGAIN;
}

static enum step step_handle(struct http_connection *connection)
{
	const struct http_server_config *config = &connection->server->config;
	struct http_request *request = connection->request;

	request->body = connection->body.data ? connection->body.data : "";
	request->body_size = connection->body.size;
	config->handle(request, config->ctx);
	if (connection->state == CONNECTION_HANDLE) {
		static const char text[] = "The request was given no answer";

		http_reply(request, &(struct http_reply){.status = 500,
					    .content_type = "text/plain; charset=utf-8",
					    .body = text,
					    .body_size = sizeof(text) - 1});
	}
	return STEP_AGAIN;
}

static enum step step_wait(struct http_connection *connection)
{
	(void)connection;
	return STEP_WAIT;
}

static enum step step_stream(struct http_connection *connection)
{
	return connection_write(connection) ? STEP_WAIT : STEP_CLOSE;
}

static enum step step_flush(struct http_connection *connection)
{
	if (!connection_write(connection) || connection->doomed)
		return STEP_CLOSE;
	if (evbuffer_get_length(connection->out) > 0 || connection->file_left > 0)
		return STEP_WAIT;
	if (connection->close || connection->server->draining) {
		/* Closing with unread bytes would send RST, and the client might lose the reply. */
		shutdown(connection->fd, SHUT_WR);
		evbuffer_drain(connection->in, evbuffer_get_length(connection->in));
		connection->state = CONNECTION_LINGER;
		return STEP_WAIT;
	}
	end_request(connection);
	connection->state = CONNECTION_HEAD;
	connection->served = true;
	connection->timer_kind = TIMER_NONE; /* deadlines are each request's own */
	link_remove(&connection->idle);      /* it idles anew */
	link_remove(&connection->peer_idle);
	connection->turn++;
	return STEP_AGAIN;
}

static enum step (*const steps[])(struct http_connection *connection) = {
	[CONNECTION_HEAD] = step_head,
	[CONNECTION_BODY] = step_body,
	[CONNECTION_HANDLE] = step_handle,
	[CONNECTION_PARKED] = step_wait,
	[CONNECTION_STREAM] = step_stream,
	[CONNECTION_FLUSH] = step_flush,
	[CONNECTION_LINGER] = step_wait,
};

void connection_run(struct http_connection *connection)
{
	enum step step;

	connection->running = true;
	do
		step = steps[connection->state](connection);
	while (step == STEP_AGAIN);
	connection->running = false;
	if (step == STEP_CLOSE)
		connection_close(connection);
	else
		connection_arm(connection);
}

/* Bytes from the socket. False at the end or an error; sets *ret_size, 0 if there are none now. */
static bool receive(struct http_connection *connection, size_t *ret_size)
{
	ssize_t size = recv(connection->fd, connection->server->scratch, SERVER_READ, 0);

	*ret_size = size > 0 ? (size_t)size : 0;
	return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

static void read_request(struct http_connection *connection)
{
	size_t size;

	if (!receive(connection, &size)) {
		connection_close(connection);
		return;
	}
	evbuffer_add(connection->in, connection->server->scratch, size);
	connection->turn = 0;
	connection_run(connection);
}

static void read_rest(struct http_connection *connection)
{
	size_t size;
	bool more = receive(connection, &size);

	connection->lingered += size;
	if (!more || connection->lingered > SERVER_LINGER)
		connection_close(connection);
}

/* The client of a request that waits did something: left, closed its side, or sent more (which stays unread).
 */
static void look_after(struct http_connection *connection)
{
	struct pollfd poll_fd = {.fd = connection->fd, .events = POLLIN | POLLRDHUP};

	connection->stirred = true;
	if (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL))) {
		connection_close(connection);
		return;
	}
	connection->half_closed |= (poll_fd.revents & POLLRDHUP) != 0;
	connection_run(connection);
}

void connection_on_io(evutil_socket_t fd, short what, void *ctx)
{
	struct http_connection *connection = ctx;

	(void)fd;
	(void)what;
	switch (connection->state) {
	case CONNECTION_HEAD:
	case CONNECTION_BODY:
		read_request(connection);
		break;
	case CONNECTION_PARKED:
	case CONNECTION_STREAM:
		look_after(connection);
		break;
	case CONNECTION_LINGER:
		read_rest(connection);
		break;
	case CONNECTION_HANDLE:
	case CONNECTION_FLUSH:
		connection_run(connection);
		break;
	}
}

/* A process that was stopped hears of its timers before it has looked at its sockets: what has come by then
 * counts, as far as one read takes it. The deadline stays, so that trickling gains nothing. True if the timer
 * is dealt with; the connection may be gone. */
static bool read_late(struct http_connection *connection, int64_t now)
{
	struct pollfd poll_fd = {.fd = connection->fd, .events = POLLIN};

	if (connection->late || poll(&poll_fd, 1, 0) <= 0)
		return false;
	connection->late = true;
	connection->deadline = now;
	connection_set_timer(connection, now);
	read_request(connection);
	return true;
}

void connection_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct http_connection *connection = ctx;
	enum connection_timer kind = connection->timer_kind;
	int64_t now = clock_now(clock_system());

	(void)fd;
	(void)what;
	connection->rings = 0;
	if (kind == TIMER_NONE)
		return;
	if (now < connection->deadline) {
		connection_set_timer(connection, now);
		return;
	}
	if (kind <= TIMER_BODY && read_late(connection, now))
		return;
	connection->timer_kind = TIMER_NONE;
	switch (kind) {
	case TIMER_HEAD:
	case TIMER_BODY:
		refuse(connection, 408,
			kind == TIMER_HEAD ? "The head of the request took too long"
					   : "The body of the request took too long");
		connection_run(connection);
		break;
	case TIMER_YIELD:
		connection->turn = 0;
		connection_run(connection);
		break;
	case TIMER_WRITE:
		metrics_add(connection->server->config.metrics, METRIC_HTTP_REJECTED_SLOW, 1);
		connection_close(connection);
		break;
	default:
		connection_close(connection);
	}
}
