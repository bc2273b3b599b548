/* tcp.c -- see tcp.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/tcp_private.h"
#include "dns/trace.h"

enum {
	FRAME_MAX = 2 + WIRE_MESSAGE_MAX,
	OUTPUT_SIZE = 2 * FRAME_MAX, /* answers gathered for one send */
	/* What one connection may cost before the others, and UDP, get their turn: answered bytes, and
	 * MESSAGE_COST for each message, so some hundred small answers or one of the largest. */
	TURN_COST = 64 * 1024,
	MESSAGE_COST = 256,
	TURN_READS = 4,
	SWEEP_US = 50000
};

static size_t waiting(const struct connection *c)
{
	return c->out.size - c->out_at;
}

/* Most turns leave nothing behind, and an empty buffer costs no memory. */
static void keep(struct buf *buf, const uint8_t *bytes, size_t size)
{
	if (size > 0)
		buf_add(buf, bytes, size);
}

void tcp_connection_close(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	TAILQ_REMOVE(&tcp->lists[c->state], c, link);
	event_del(&c->readable);
	event_del(&c->writable);
	close(c->fd);
	if (c->relayed)
		handover_forget(tcp->handover, c);
	buf_finish(&c->in);
	buf_finish(&c->out);
	tcp_hosts_release(tcp->hosts, c->host);
	free(c);
	metrics_set(tcp->worker->context.metrics, METRIC_DNS_TCP_OPEN, --tcp->count);
	if (tcp->count == 0)
		event_del(tcp->sweep);
	if (tcp->draining && tcp->count == 0)
		event_base_loopbreak(tcp->worker->base);
}

/* Sends what it can of `size` bytes. Returns the number sent (0 if the socket is full), or -1 if the
 * connection is dead. */
static ssize_t send_some(const struct connection *c, const void *bytes, size_t size)
{
	ssize_t n;
	do
		n = send(c->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0)
		metrics_add(c->tcp->worker->context.metrics, METRIC_DNS_SEND_ERRORS, 1);
	return n;
}

/* Sends the gathered answers behind what waits already; keeps the rest. False if the connection is dead. */
static bool flush_output(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	ssize_t sent = 0;
	if (tcp->output_size == 0)
		return true;
	if (waiting(c) == 0)
		sent = send_some(c, tcp->output, tcp->output_size);
	if (sent >= 0)
		keep(&c->out, tcp->output + sent, tcp->output_size - (size_t)sent);
	tcp->output_size = 0;
	return sent >= 0;
}

/* Makes room for one more answer. False if there is none for now, or the connection's turn is over. */
static bool make_room(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	size_t limit = tcp->worker->settings.tcp_write_buffer;
	if (tcp->turn == 0)
		return false;
	bool gathered = tcp->output_size + FRAME_MAX > OUTPUT_SIZE;
	if ((gathered || waiting(c) + tcp->output_size + FRAME_MAX > limit) && !flush_output(c))
		c->ended = true;
	return !c->ended && (waiting(c) == 0 || waiting(c) + FRAME_MAX <= limit);
}

/* Hands a query to the relay. False if it stays with us. */
static bool hand_over(struct connection *c, const struct dns_message *query)
{
	struct handover_slot *slot = handover_pass(c->tcp->handover, query);
	if (!slot)
		return false;
	slot->owner = c;
	c->relayed++;
	return true;
}

/* Answers one message into the gathered output, or hands it to the relay. */
static void answer_message(struct connection *c, const uint8_t *message, size_t size)
{
	struct tcp *tcp = c->tcp;
	uint8_t *frame = tcp->output + tcp->output_size;
	struct dns_message query = {.source = c->source,
		.query = message,
		.query_size = size,
		.answer = frame + 2,
		.capacity = WIRE_MESSAGE_MAX};
	dns_respond(&tcp->worker->context, &query, 1);
	if (dns_trace_wanted(tcp->worker))
		dns_trace(tcp->worker, &query, query.source.client, clock_wall(tcp->worker->clock));
	size_t answer = query.answer_size, cost = answer + MESSAGE_COST;
	tcp->turn -= cost < tcp->turn ? cost : tcp->turn;
	if (answer == 0)
		return;
	metrics_observe_size(tcp->worker->context.metrics, METRIC_DNS_REQUEST_SIZE_TCP, (uint32_t)size);
	if (query.relay && hand_over(c, &query))
		return;
	metrics_observe_size(tcp->worker->context.metrics, METRIC_DNS_RESPONSE_SIZE_TCP, (uint32_t)answer);
	wire_set16(frame, (uint16_t)answer);
	tcp->output_size += 2 + answer;
	tcp->answered++;
}

/* Answers the whole messages at the front of `bytes` while there is room. Returns how many bytes are done
 * with; what stands behind a bad frame will never be. */
static size_t answer_messages(struct connection *c, const uint8_t *bytes, size_t size)
{
	size_t done = 0;
	view_read_begin();
	while (size - done >= 2 && !c->ended) {
		size_t length = wire_get16(bytes + done);
		if (length < WIRE_HEADER_SIZE) {
			c->ended = true;
		} else if (size - done < 2 + length) {
			break;
		} else if (!make_room(c)) {
			c->held = true;
			break;
		} else {
			answer_message(c, bytes + done + 2, length);
			done += 2 + length;
		}
	}
	view_read_end();
	return c->ended ? size : done;
}

/* How many bytes to read next: up to the end of the message that has begun, or as much as there is. */
static size_t read_size(const struct connection *c)
{
	if (c->in.size == 0)
		return FRAME_MAX;
	if (c->in.size == 1)
		return 1;
	return 2 + wire_get16((const uint8_t *)c->in.data) - c->in.size;
}

/* Answers what waits in c->in and keeps what is left. */
static void answer_kept(struct connection *c)
{
	size_t done = answer_messages(c, (const uint8_t *)c->in.data, c->in.size);
	size_t left = c->in.size - done;
	if (left > 0 && done > 0) {
		memmove(c->in.data, c->in.data + done, left);
		c->in.size = left;
	} else if (left == 0) {
		buf_finish(&c->in);
	}
}

/* Reads and answers until the socket is empty or the turn is over. False if the connection is dead. */
static bool read_messages(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	for (int i = 0; i < TURN_READS && !c->held && !c->ended; i++) {
		size_t asked = read_size(c);
		ssize_t n = recv(c->fd, tcp->input, asked, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
		if (n == 0) {
			c->ended = true;
		} else if (c->in.size == 0) {
			size_t done = answer_messages(c, tcp->input, (size_t)n);
			keep(&c->in, tcp->input + done, (size_t)n - done);
		} else {
			buf_add(&c->in, tcp->input, (size_t)n);
			answer_kept(c);
		}
		if ((size_t)n < asked && asked > 1)
			break;
	}
	return true;
}

/* Sends what waits. Sets *ret_progress if the client took some; false if the connection is dead. */
static bool send_waiting(struct connection *c, bool *ret_progress)
{
	if (waiting(c) == 0)
		return true;
	ssize_t n = send_some(c, c->out.data + c->out_at, waiting(c));
	if (n < 0)
		return false;
	c->out_at += (size_t)n;
	*ret_progress = n > 0;
	if (waiting(c) == 0) {
		buf_finish(&c->out);
		c->out_at = 0;
	} else if (c->out_at >= c->out.size / 2) {
		memmove(c->out.data, c->out.data + c->out_at, waiting(c));
		c->out.size = waiting(c);
		c->out_at = 0;
	}
	return true;
}

/* Puts the connection under a state's list, its time beginning now. */
static void enter(struct connection *c, enum state state, int64_t now)
{
	struct connections *lists = c->tcp->lists;
	TAILQ_REMOVE(&lists[c->state], c, link);
	c->state = (uint8_t)state;
	c->since = now;
	TAILQ_INSERT_TAIL(&lists[state], c, link);
}

static enum state next_state(const struct connection *c)
{
	if (waiting(c) > 0)
		return WRITING;
	if (c->in.size > 0)
		return READING;
	return c->relayed > 0 ? RELAYED : IDLE;
}

/* The end of a turn: sends what was answered, then waits for what comes next, under the right list, or
 * closes. `taken`: the client took some of what waited. */
static void end_turn(struct connection *c, bool taken)
{
	struct tcp *tcp = c->tcp;
	if (!flush_output(c) || (waiting(c) == 0 && c->ended && c->relayed == 0)) {
		tcp_connection_close(c);
		return;
	}
	if (c->ended || c->held)
		event_del(&c->readable);
	else
		event_add(&c->readable, NULL);
	if (waiting(c) > 0 || c->held)
		event_add(&c->writable, NULL);
	enum state state = next_state(c);
	/* Who is owed bytes gains no time by asking for more. */
	if (state != c->state || taken || (tcp->answered && state != WRITING))
		enter(c, state, tcp->now);
}

static void begin_turn(struct tcp *tcp)
{
	tcp->turn = TURN_COST;
	tcp->answered = 0;
	tcp->now = clock_now(tcp->worker->clock);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	struct tcp *tcp = c->tcp;
	begin_turn(tcp);
	if (!read_messages(c)) {
		tcp->output_size = 0;
		tcp_connection_close(c);
		return;
	}
	end_turn(c, false);
	worker_timed(tcp->worker, METRIC_DNS_DURATION_TCP, tcp->now, tcp->answered);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	bool taken = false;
	begin_turn(c->tcp);
	if (!send_waiting(c, &taken)) {
		tcp_connection_close(c);
		return;
	}
	if (c->held) {
		c->held = false;
		answer_kept(c);
	}
	end_turn(c, taken);
}

/* What the relay, or its silence, has answered. A client for which so much waits already does not read. */
static void deliver(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg)
{
	struct connection *c = slot->owner;
	struct tcp *tcp = arg;
	c->relayed--;
	if (waiting(c) > 0 && waiting(c) + 2 + size > tcp->worker->settings.tcp_write_buffer) {
		tcp_connection_close(c);
		return;
	}
	begin_turn(tcp);
	metrics_observe_size(tcp->worker->context.metrics, METRIC_DNS_RESPONSE_SIZE_TCP, (uint32_t)size);
	wire_set16(tcp->output, (uint16_t)size);
	memcpy(tcp->output + 2, answer, size);
	tcp->output_size = 2 + size;
	tcp->answered = 1;
	end_turn(c, false);
}

void tcp_connection_start(struct connection *c)
{
	static const struct timeval sweep = {.tv_usec = SWEEP_US};
	struct tcp *tcp = c->tcp;
	event_assign(&c->readable, tcp->worker->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, tcp->worker->base, c->fd, EV_WRITE, on_writable, c);
	event_add(&c->readable, NULL);
	c->since = clock_now(tcp->worker->clock);
	TAILQ_INSERT_TAIL(&tcp->lists[IDLE], c, link);
	if (tcp->count++ == 0)
		event_add(tcp->sweep, &sweep);
	metrics_add(tcp->worker->context.metrics, METRIC_DNS_TCP_ACCEPTED, 1);
	metrics_set(tcp->worker->context.metrics, METRIC_DNS_TCP_OPEN, tcp->count);
}

/* Closes the connections at the head of `state`'s list whose time is over. */
static void close_overdue(struct tcp *tcp, enum state state, int64_t patience)
{
	int64_t now = clock_now(tcp->worker->clock);
	struct connection *c;
	while ((c = TAILQ_FIRST(&tcp->lists[state])) && now - c->since >= patience)
		tcp_connection_close(c);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct tcp *tcp = arg;
	/* Not who waits for the relay: its own time is limited. */
	close_overdue(tcp, IDLE, tcp->worker->settings.tcp_idle_ns);
	close_overdue(tcp, READING, tcp->worker->settings.tcp_io_ns);
	close_overdue(tcp, WRITING, tcp->worker->settings.tcp_io_ns);
}

struct tcp *tcp_create(
	struct dns_worker *worker, const int *fds, size_t count, const struct worker_relay *relay)
{
	struct tcp *tcp = mem_alloc(sizeof(*tcp) + count * sizeof(struct event *));
	tcp->worker = worker;
	for (int state = 0; state < STATES; state++)
		TAILQ_INIT(&tcp->lists[state]);
	tcp->hosts = tcp_hosts_create(worker->key);
	tcp->input = mem_alloc(FRAME_MAX);
	tcp->output = mem_alloc(OUTPUT_SIZE);
	tcp->sweep = worker_event(worker, -1, EV_PERSIST, on_sweep, tcp);
	tcp->listener_count = count;
	tcp_accept_init(tcp, fds);
	if (relay)
		tcp->handover = handover_create(
			worker, relay->link, relay->in_flight, relay->timeout_ns, deliver, tcp);
	metrics_set(worker->context.metrics, METRIC_DNS_TCP_OPEN, 0);
	return tcp;
}

/* Closes all that are in a state below `end`. */
static void close_all(struct tcp *tcp, int end)
{
	for (int state = 0; state < end; state++)
		for (struct connection *c = TAILQ_FIRST(&tcp->lists[state]), *next; c; c = next) {
			next = TAILQ_NEXT(c, link);
			tcp_connection_close(c);
		}
}

void tcp_drain(struct tcp *tcp)
{
	tcp_accept_stop(tcp);
	close_all(tcp, WRITING);
	for (struct connection *c = TAILQ_FIRST(&tcp->lists[WRITING]); c; c = TAILQ_NEXT(c, link)) {
		c->ended = true;
		c->held = false;
		buf_finish(&c->in);
		event_del(&c->readable);
	}
	tcp->draining = true;
	if (tcp->count == 0)
		event_base_loopbreak(tcp->worker->base);
}

void tcp_destroy(struct tcp *tcp)
{
	if (!tcp)
		return;
	tcp->draining = false;
	close_all(tcp, STATES);
	tcp_accept_finish(tcp);
	handover_destroy(tcp->handover);
	event_free(tcp->sweep);
	tcp_hosts_destroy(tcp->hosts);
	free(tcp->input);
	free(tcp->output);
	free(tcp);
}
