/* connection_wait.c -- what a connection waits for: its event, its timer, and its place in the server's
 * lists.
 *
 * See server_private.h; connection.c decides, this file only follows the state. */
#include "http/server_private.h"

static enum connection_timer wanted_timer(const struct http_connection *connection)
{
	bool unsent = evbuffer_get_length(connection->out) > 0;

	if (connection->doomed)
		return TIMER_DOOMED;
	switch (connection->state) {
	case CONNECTION_HEAD:
		if (evbuffer_get_length(connection->in) == 0)
			return connection->served ? TIMER_IDLE : TIMER_FIRST;
		return connection->turn >= SERVER_TURN ? TIMER_YIELD : TIMER_HEAD;
	case CONNECTION_BODY:
		return TIMER_BODY;
	case CONNECTION_PARKED:
		return connection->half_closed ? TIMER_LEAVING : TIMER_NONE;
	case CONNECTION_STREAM:
		return connection->half_closed ? TIMER_LEAVING : unsent ? TIMER_WRITE : TIMER_NONE;
	case CONNECTION_FLUSH:
		return TIMER_WRITE;
	case CONNECTION_LINGER:
		return TIMER_LINGER;
	case CONNECTION_HANDLE:
		break;
	}
	return TIMER_NONE;
}

static int64_t timer_ns(const struct http_limits *limits, enum connection_timer kind)
{
	const int64_t times[] = {
		[TIMER_FIRST] = limits->header_timeout_ns,
		[TIMER_IDLE] = limits->idle_timeout_ns,
		[TIMER_HEAD] = limits->header_timeout_ns,
		[TIMER_BODY] = limits->body_timeout_ns,
		[TIMER_WRITE] = limits->write_timeout_ns,
		[TIMER_LEAVING] = SERVER_LEAVE_NS,
		[TIMER_LINGER] = SERVER_LINGER_NS,
		[TIMER_DOOMED] = 0,
	};

	return times[kind];
}

void connection_set_timer(struct http_connection *connection, int64_t now)
{
	int64_t ns = connection->deadline - now;
	struct timeval time = {.tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
		.tv_usec = (suseconds_t)(ns % CLOCK_NS_PER_S / 1000)};

	connection->rings = connection->deadline;
	evtimer_add(&connection->timer, &time);
}

static void arm_timer(struct http_connection *connection)
{
	enum connection_timer kind = wanted_timer(connection);
	int64_t now;

	/* A deadline that runs already goes on: deadlines are for the whole. */
	if (kind == connection->timer_kind)
		return;
	connection->timer_kind = kind;
	connection->late = false;
	if (kind == TIMER_NONE)
		return;
	now = clock_now(clock_system());
	connection->deadline = now + timer_ns(&connection->server->config.limits, kind);
	if (!connection->rings || connection->deadline < connection->rings)
		connection_set_timer(connection, now);
}

/* The mask for the state. A half-closed client would make EV_CLOSED fire for ever on a level-triggered event.
 */
static short wanted_mask(const struct http_connection *connection)
{
	switch (connection->state) {
	case CONNECTION_HEAD:
		return connection->timer_kind == TIMER_YIELD ? 0 : EV_READ;
	case CONNECTION_BODY:
	case CONNECTION_LINGER:
		return EV_READ;
	case CONNECTION_STREAM:
		if (evbuffer_get_length(connection->out) > 0)
			return connection->half_closed ? EV_WRITE : EV_WRITE | EV_CLOSED;
		return EV_READ | EV_CLOSED | EV_ET;
	case CONNECTION_PARKED:
		return connection->stirred ? EV_READ | EV_CLOSED | EV_ET : EV_READ;
	case CONNECTION_FLUSH:
		return EV_WRITE;
	case CONNECTION_HANDLE:
		break;
	}
	return 0;
}

static void arm_io(struct http_connection *connection)
{
	short mask = connection->doomed ? 0 : wanted_mask(connection);

	if (mask == connection->watching)
		return;
	if (connection->watching)
		event_del(&connection->io);
	connection->watching = mask;
	if (!mask)
		return;
	event_assign(&connection->io, connection->server->base, connection->fd, (short)(mask | EV_PERSIST),
		connection_on_io, connection);
	if (event_add(&connection->io, NULL) < 0) {
		connection->watching = 0;
		connection_doom(connection);
	}
}

/* Keeps the server's lists and sums. */
static void keep_books(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	size_t pending = connection->shares ? 0 : evbuffer_get_length(connection->out);
	bool idle = connection->state == CONNECTION_HEAD && evbuffer_get_length(connection->in) == 0;
	bool listed = connection->idle.next != &connection->idle;

	server->pending += pending - connection->pending;
	connection->pending = pending;
	if (connection->state != CONNECTION_FLUSH) {
		link_remove(&connection->slow);
	} else if (connection->slow.next == &connection->slow) {
		connection->since = clock_now(server->config.clock);
		link_append(&server->slow, &connection->slow);
	}
	if (idle == listed)
		return;
	if (idle) {
		connection->since = clock_now(server->config.clock);
		link_append(&server->idle, &connection->idle);
		link_append(&connection->peer->idle, &connection->peer_idle);
	} else {
		link_remove(&connection->idle);
		link_remove(&connection->peer_idle);
	}
}

/* Cuts off those who have long taken nothing of their replies, if too much waits in all. */
static void keep_budget(struct http_server *server, const struct http_connection *except)
{
	struct link *first;

	while (http_server_is_full(server) && (first = link_first(&server->slow))) {
		struct http_connection *slowest = LINK_OWNER(first, struct http_connection, slow);

		if (slowest == except || slowest->running ||
			clock_now(server->config.clock) - slowest->since < SERVER_RECENT_NS)
			return;
		metrics_add(server->config.metrics, METRIC_HTTP_REJECTED_SLOW, 1);
		connection_close(slowest);
	}
}

void connection_arm(struct http_connection *connection)
{
	arm_timer(connection);
	arm_io(connection);
	keep_books(connection);
	keep_budget(connection->server, connection);
}
