/* write.c -- what goes out: replies, streams, refusals. See server.h and server_private.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/str.h"
#include "http/server_private.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{204, "No Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{421, "Misdirected Request"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

/* The Date field (RFC 9110 5.6.7), made anew each second. */
static const char *date_now(struct http_server *server)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t second = clock_wall(server->config.clock) / CLOCK_NS_PER_S;
	time_t now = (time_t)second;
	struct tm tm;

	if (second == server->date_second || !gmtime_r(&now, &tm))
		return server->date;
	server->date_second = second;
	snprintf(server->date, sizeof(server->date), "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		days + tm.tm_wday * 3, (unsigned)tm.tm_mday % 100, months + tm.tm_mon * 3,
		(unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		(unsigned)tm.tm_sec % 100);
	return server->date;
}

/* Adds a header line. Values may come from registrations: control characters must not end the line. */
static void add_header(struct buf *text, const char *name, const char *value)
{
	size_t start;

	buf_str(text, name);
	buf_str(text, ": ");
	start = text->size;
	buf_str(text, value);
	for (size_t i = start; i < text->size; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c < ' ' || c == 0x7f)
			text->data[i] = ' ';
	}
	buf_str(text, "\r\n");
}

static bool has_header(const struct http_reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++) {
		if (str_ieq(reply->headers[i].name, name))
			return true;
	}
	return false;
}

static bool has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

/* The rows of metrics_table.h for one kind of request, in their order. */
enum { CODE_2XX, CODE_3XX, CODE_4XX, CODE_429, CODE_5XX, CODES };

_Static_assert(METRIC_HTTP_REQUESTS_OTHER_5XX - METRIC_HTTP_REQUESTS_OTHER_2XX == CODE_5XX, "rows by code");
_Static_assert(METRIC_HTTP_REQUESTS_REGISTER_2XX - METRIC_HTTP_REQUESTS_OTHER_2XX == CODES, "rows by kind");

static void count_reply(const struct http_connection *connection, int status)
{
	unsigned kind = connection->request ? connection->request->kind : 0;
	unsigned code = status >= 500   ? CODE_5XX
			: status == 429 ? CODE_429
			: status >= 400 ? CODE_4XX
			: status >= 300 ? CODE_3XX
					: CODE_2XX;

	metrics_add(
		connection->server->config.metrics, METRIC_HTTP_REQUESTS_OTHER_2XX + CODES * kind + code, 1);
}

/* In decimal; printf is slow for what every reply has. */
static void add_number(struct buf *text, size_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	buf_add(text, digits + at, sizeof(digits) - at);
}

/* Everything but what says how the body is framed and the empty line. */
static void start_head(struct http_connection *connection, const struct http_reply *reply)
{
	struct http_server *server = connection->server;
	struct buf *text = &server->text;

	connection->close |= reply->close || server->draining;
	buf_clear(text);
	buf_str(text, "HTTP/1.1 ");
	add_number(text, (size_t)reply->status);
	buf_str(text, " ");
	buf_str(text, http_reason(reply->status));
	buf_str(text, "\r\n");
	add_header(text, "Date", date_now(server));
	if (reply->content_type)
		add_header(text, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++)
		add_header(text, reply->headers[i].name, reply->headers[i].value);
	if (!has_header(reply, "X-Content-Type-Options"))
		add_header(text, "X-Content-Type-Options", "nosniff");
	if (!has_header(reply, "Cache-Control"))
		add_header(text, "Cache-Control", "no-store");
	if (connection->close)
		add_header(text, "Connection", "close");
	else if (connection->minor == 0)
		add_header(text, "Connection", "keep-alive");
	count_reply(connection, reply->status);
}

static void end_head(struct http_connection *connection)
{
	struct buf *text = &connection->server->text;

	buf_str(text, "\r\n");
	evbuffer_add(connection->out, text->data, text->size);
}

/* Most replies fit into the socket: they go there at once, without a copy; of a long one, a portion. Returns
 * the bytes that went; an error shows again when the rest is sent. */
static size_t send_at_once(const struct http_connection *connection, struct iovec pieces[2])
{
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
	ssize_t sent;

	if (evbuffer_get_length(connection->out) > 0)
		return 0;
	if (pieces[1].iov_len > SERVER_PORTION)
		pieces[1].iov_len = SERVER_PORTION;
	do
		sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent > 0 ? (size_t)sent : 0;
}

static void let_go(const void *bytes, size_t size, void *ctx)
{
	struct http_body *body = ctx;

	(void)bytes;
	(void)size;
	if (--body->senders == 0)
		*body->waiting -= body->bytes.size;
	http_body_release(body);
}

/* What is left of a shared body, which takes memory once however many clients it waits for. */
static void send_shared(struct http_connection *connection, struct http_body *body, size_t sent)
{
	if (body->senders++ == 0) {
		body->waiting = &connection->server->pending;
		*body->waiting += body->bytes.size;
	}
	connection->shares = true;
	evbuffer_add_reference(connection->out, body->bytes.data + sent, body->bytes.size - sent, let_go,
		http_body_hold(body));
}

/* The head goes out with the first portion of the file. */
static void write_file(struct http_connection *connection, const struct http_reply *reply)
{
	start_head(connection, reply);
	buf_printf(&connection->server->text, "Content-Length: %zu\r\n", reply->body_size);
	end_head(connection);
	connection_take_file(connection, reply->file, connection->mute ? 0 : reply->body_size);
}

void http_write_reply(struct http_connection *connection, const struct http_reply *reply)
{
	struct buf *text = &connection->server->text;
	const char *body = reply->shared ? reply->shared->bytes.data : reply->body;
	size_t size = reply->shared ? reply->shared->bytes.size : reply->body_size, sent;

	if (reply->file > 0) {
		write_file(connection, reply);
		return;
	}
	start_head(connection, reply);
	if (has_no_body(reply->status)) {
		size = 0;
	} else {
		buf_str(text, "Content-Length: ");
		add_number(text, size);
		buf_str(text, "\r\n");
	}
	if (connection->mute)
		size = 0;
	buf_str(text, "\r\n");
	sent = send_at_once(
		connection, (struct iovec[2]){{text->data, text->size}, {(char *)(uintptr_t)body, size}});
	if (sent < text->size) {
		evbuffer_add(connection->out, text->data + sent, text->size - sent);
		sent = 0;
	} else {
		sent -= text->size;
	}
	if (sent == size)
		return;
	if (reply->shared)
		send_shared(connection, reply->shared, sent);
	else
		evbuffer_add(connection->out, body + sent, size - sent);
}

void http_write_refusal(struct http_connection *connection, int status, const char *text)
{
	struct http_reply reply = {
		.status = status,
		.content_type = "text/plain; charset=utf-8",
		.body = text,
		.body_size = strlen(text),
		.close = true,
	};

	metrics_add(connection->server->config.metrics,
		status == 408 ? METRIC_HTTP_REJECTED_SLOW : METRIC_HTTP_REJECTED_MALFORMED, 1);
	http_write_reply(connection, &reply);
}

/* From outside connection_run() the state machine has to be set going; inside, it goes on by itself. From
 * outside a next, pipelined request has to wait for the loop: handlers are not called from within a reply. */
static void proceed(struct http_connection *connection)
{
	if (connection->running)
		return;
	connection->turn = SERVER_TURN;
	connection_run(connection);
}

void http_reply(struct http_request *request, const struct http_reply *reply)
{
	struct http_connection *connection = request->connection;

	http_write_reply(connection, reply);
	connection->state = CONNECTION_FLUSH;
	connection->gone = NULL;
	proceed(connection);
}

void http_park(struct http_request *request, void (*gone)(struct http_request *request, void *ctx), void *ctx)
{
	struct http_connection *connection = request->connection;

	connection->state = CONNECTION_PARKED;
	connection->gone = gone;
	connection->gone_ctx = ctx;
	if (!connection->running)
		connection_arm(connection);
}

size_t http_stream_waiting(const struct http_request *request)
{
	return evbuffer_get_length(request->connection->out);
}

void http_stream_cut(struct http_request *request)
{
	metrics_add(request->connection->server->config.metrics, METRIC_HTTP_REJECTED_SLOW, 1);
	connection_doom(request->connection);
}

/* Sends what can be sent of a stream; never closes at once, since the caller still holds the request. */
static void push_stream(struct http_connection *connection)
{
	const struct http_limits *limits = &connection->server->config.limits;

	if (!connection_write(connection)) {
		connection_doom(connection);
	} else if (evbuffer_get_length(connection->out) > limits->write_buffer) {
		http_stream_cut(connection->request);
	}
	if (!connection->running)
		connection_arm(connection);
}

void http_stream_begin(struct http_request *request, const struct http_reply *head,
	void (*gone)(struct http_request *request, void *ctx), void *ctx)
{
	struct http_connection *connection = request->connection;

	/* Without chunks (HTTP/1.0) only the end of the connection can end the stream. */
	connection->chunked = connection->minor > 0;
	connection->close |= !connection->chunked || connection->mute;
	start_head(connection, head);
	if (connection->chunked)
		buf_str(&connection->server->text, "Transfer-Encoding: chunked\r\n");
	end_head(connection);
	connection->state = CONNECTION_STREAM;
	connection->gone = gone;
	connection->gone_ctx = ctx;
	push_stream(connection);
	if (connection->mute)
		connection_doom(connection);
}

void http_stream_data(struct http_request *request, const void *data, size_t size)
{
	struct http_connection *connection = request->connection;

	/* An empty chunk would be the end. */
	if (size == 0 || connection->mute || connection->doomed)
		return;
	if (connection->chunked)
		evbuffer_add_printf(connection->out, "%zx\r\n", size);
	evbuffer_add(connection->out, data, size);
	if (connection->chunked)
		evbuffer_add(connection->out, "\r\n", 2);
	push_stream(connection);
}

void http_stream_end(struct http_request *request)
{
	struct http_connection *connection = request->connection;

	if (connection->chunked && !connection->mute)
		evbuffer_add(connection->out, "0\r\n\r\n", 5);
	connection->state = CONNECTION_FLUSH;
	connection->gone = NULL;
	proceed(connection);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (str_ieq(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
	for (size_t i = request->query_count; i-- > 0;) {
		if (str_eq(request->query[i].name, name))
			return request->query[i].value;
	}
	return NULL;
}
