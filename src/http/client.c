#include "http/client_private.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define HEAD_LIMIT (64 * 1024) /* bytes of the reply's head that we are willing to read */

/* What libcurl says when a name was not looked up at all; its code is the one of a name that is not there. */
#define NO_THREAD "getaddrinfo() thread failed to start"

static const struct {
	CURLcode code;
	int error;
} curl_errors[] = {
	{CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT},
	{CURLE_OUT_OF_MEMORY, -ENOMEM},
	{CURLE_COULDNT_CONNECT, -ECONNREFUSED},
	{CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH},
	{CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT},
	{CURLE_URL_MALFORMAT, -EINVAL},
	{CURLE_GOT_NOTHING, -ECONNRESET},
	{CURLE_SEND_ERROR, -ECONNRESET},
	{CURLE_RECV_ERROR, -ECONNRESET},
	{CURLE_PARTIAL_FILE, -ECONNRESET},
	{CURLE_WEIRD_SERVER_REPLY, -EPROTO},
	{CURLE_SSL_CONNECT_ERROR, -EPROTO},
	{CURLE_PEER_FAILED_VERIFICATION, -EPROTO},
	{CURLE_SSL_CERTPROBLEM, -EPROTO},
	{CURLE_SSL_INVALIDCERTSTATUS, -EPROTO},
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void init_curl(void)
{
	curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Frees a request that is in no list (any more). */
static void request_free(struct http_transfer *request)
{
	if (request->easy)
		curl_multi_remove_handle(request->client->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	curl_slist_free_all(request->connect_to);
	buf_finish(&request->body);
	free(request);
}

static void request_unlink(struct http_transfer *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		request->client->requests = request->next;
	if (request->next)
		request->next->previous = request->previous;
}

static int result_error(const struct http_transfer *request, CURLcode code)
{
	long os_error = 0;

	if (code == CURLE_OK || request->body_full)
		return 0;
	if (request->head_size > HEAD_LIMIT)
		return -EMSGSIZE;
	if (code == CURLE_COULDNT_RESOLVE_HOST && str_eq(request->error, NO_THREAD))
		return -EAGAIN;
	if (code == CURLE_COULDNT_CONNECT) {
		curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &os_error);
		if (os_error > 0 && os_error <= INT_MAX)
			return -(int)os_error;
	}
	for (size_t i = 0; i < sizeof(curl_errors) / sizeof(curl_errors[0]); i++)
		if (curl_errors[i].code == code)
			return curl_errors[i].error;
	return -EIO;
}

static void finish_request(struct http_transfer *request, CURLcode code)
{
	struct http_client_result result = {
		.error = result_error(request, code),
		.message = "",
		.reason = request->reason,
		.body = request->body.data ? request->body.data : "",
		.body_size = request->body.size,
		.request = request,
	};

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &result.status);
	if (result.error == -EMSGSIZE)
		result.message = "the head of the reply is too large";
	else if (result.error < 0)
		result.message = request->error[0] ? request->error : curl_easy_strerror(code);
	request_unlink(request);
	request->done(&result, request->ctx);
	request_free(request);
}

/* Lets libcurl work on a descriptor (or its timer), then ends what is finished. */
static void drive(struct http_client *client, curl_socket_t fd, int events)
{
	struct http_transfer *request;
	const CURLMsg *message;
	long timeout_ms = -1;
	CURLcode code;
	int left;

	curl_multi_socket_action(client->multi, fd, events, &left);
	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		code = message->data.result;
		request = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		finish_request(request, code);
	}
	/* libcurl does not tell its timeout again when it believes that we know it, yet ours is spent once it
	 * has fired: with nothing pending, ask. */
	if (!evtimer_pending(client->timer, NULL) &&
		curl_multi_timeout(client->multi, &timeout_ms) == CURLM_OK && timeout_ms >= 0) {
		struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

		evtimer_add(client->timer, &timeout);
	}
}

static void on_timer(evutil_socket_t fd, short events, void *ctx)
{
	drive(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(evutil_socket_t fd, short events, void *ctx)
{
	drive(ctx, fd, (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

/* CURLMOPT_TIMERFUNCTION: never drives from here, since libcurl may be in the middle of something. */
static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_client *client = ctx;
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	if (timeout_ms < 0)
		evtimer_del(client->timer);
	else
		evtimer_add(client->timer, &timeout);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION: `assigned` is the event that watches the descriptor, NULL at first. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct http_client *client = ctx;
	struct event *event = assigned;
	short events = EV_PERSIST;

	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		events |= what & CURL_POLL_IN ? EV_READ : 0;
		events |= what & CURL_POLL_OUT ? EV_WRITE : 0;
		event = event_new(client->base, fd, events, on_socket, client);
		if (!event)
			mem_out();
		event_add(event, NULL);
	}
	curl_multi_assign(client->multi, fd, event);
	return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_transfer *request = ctx;
	size_t room = request->body_limit - request->body.size, taken = size * count;

	if (taken < room) {
		buf_add(&request->body, bytes, taken);
		return taken;
	}
	buf_add(&request->body, bytes, room);
	request->body_full = true;
	return CURL_WRITEFUNC_ERROR;
}

/* Keeps the text of the last status line: "HTTP/1.1 200 OK". */
static size_t take_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_transfer *request = ctx;
	const char *end = bytes + size * count, *p = bytes;
	size_t length;

	request->head_size += size * count;
	if (request->head_size > HEAD_LIMIT)
		return CURL_WRITEFUNC_ERROR;
	if (end - p < 5 || memcmp(p, "HTTP/", 5) != 0)
		return size * count;
	for (int words = 0; words < 2 && p < end; words++) {
		while (p < end && *p != ' ' && *p != '\r' && *p != '\n')
			p++;
		while (p < end && *p == ' ')
			p++;
	}
	while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
		end--;
	length = (size_t)(end - p);
	if (length >= sizeof(request->reason))
		length = sizeof(request->reason) - 1;
	memcpy(request->reason, p, length);
	request->reason[length] = '\0';
	return size * count;
}

static void set_options(struct http_transfer *request, const struct http_client_request *config)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_FRESH_CONNECT, 1},
		{CURLOPT_FORBID_REUSE, 1},
		{CURLOPT_DNS_CACHE_TIMEOUT, 0},
		{CURLOPT_PATH_AS_IS, 1},
		/* Without it the end of a request waits for the resolver's thread, for as long as that takes.
		 */
		{CURLOPT_QUICK_EXIT, 1},
	};
	CURL *easy = request->easy;
	long version = config->http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, config->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, config->user_agent);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, request->connect_to);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
}

int http_client_create(struct event_base *base, struct http_client **ret)
{
	struct http_client *client;

	pthread_once(&curl_once, init_curl);
	if (curl_ready != CURLE_OK)
		return -EIO;
	client = mem_alloc(sizeof(*client));
	client->base = base;
	client->multi = curl_multi_init();
	client->timer = evtimer_new(base, on_timer, client);
	if (!client->multi || !client->timer)
		mem_out();
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*ret = client;
	return 0;
}

void http_client_destroy(struct http_client *client)
{
	struct http_transfer *request, *next;

	if (!client)
		return;
	for (request = client->requests; request; request = next) {
		next = request->next;
		request_free(request);
	}
	curl_multi_cleanup(client->multi);
	event_free(client->timer);
	free(client);
}

int http_client_start(struct http_client *client, const struct http_client_request *config,
	void (*done)(const struct http_client_result *result, void *ctx), void *ctx,
	struct http_transfer **ret)
{
	struct http_transfer *request;
	int r;

	if (config->timeout_ms <= 0)
		return -EINVAL;
	request = mem_alloc(sizeof(*request));
	request->client = client;
	request->body_limit = config->body_limit;
	request->done = done;
	request->ctx = ctx;
	request->easy = curl_easy_init();
	if (!request->easy)
		mem_out();
	r = http_transfer_prepare(request, config);
	if (r < 0)
		goto fail;
	set_options(request, config);
	if (curl_multi_add_handle(client->multi, request->easy) != CURLM_OK) {
		r = -EIO;
		goto fail;
	}
	request->next = client->requests;
	if (request->next)
		request->next->previous = request;
	client->requests = request;
	if (ret)
		*ret = request;
	return 0;

fail:
	request_free(request);
	return r;
}

const char *http_client_header(const struct http_client_result *result, const char *name)
{
	static const unsigned origins[] = {CURLH_TRAILER, CURLH_HEADER};
	struct curl_header *found;

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (curl_easy_header(result->request->easy, name, 0, origins[i], -1, &found) == CURLHE_OK)
			return found->value;
	return NULL;
}

void http_client_cancel(struct http_transfer *request)
{
	if (!request)
		return;
	request_unlink(request);
	request_free(request);
}
