/* http.c -- libcurl, made small. */
#include "svcdns/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#define CONNECT_TIMEOUT_MS 5000L
/* Seconds. A stream may be silent for long, but within a minute it is known whether there still is a server:
 * the kernel asks nine times. */
#define PROBE_AFTER 15L
#define PROBE_EVERY 5L
#define BODY_MAX ((size_t)1 << 30) /* more than any registry's listing */

struct http {
	CURLM *multi;
	const char *url;
	struct curl_slist *headers;
	struct http_call *calls;
	size_t done; /* that have not been ended */
};

struct http_call {
	struct http *http;
	struct http_call *next;
	CURL *easy;
	struct buf body;
	int sink;
	void (*on_data)(const char *bytes, size_t size, void *ctx);
	void *ctx;
	bool done;
	char message[CURL_ERROR_SIZE];
	struct http_result result;
};

struct http *http_create(const char *url, const char *token)
{
	struct http *http = mem_alloc(sizeof(*http));
	struct buf bearer = {0};

	http->url = url;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		http->multi = curl_multi_init();
	if (!http->multi) {
		free(http);
		return NULL;
	}
	if (token) {
		buf_printf(&bearer, "X-Consul-Token: %s", token);
		http->headers = curl_slist_append(NULL, bearer.data);
		buf_finish(&bearer);
	}
	/* libcurl would wait for "100 Continue" before a larger body. */
	http->headers = curl_slist_append(http->headers, "Expect:");
	return http;
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	while (http->calls) {
		struct http_call *call = http->calls;

		http->calls = call->next;
		http_end(call);
	}
	curl_slist_free_all(http->headers);
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	free(http);
}

static size_t write_all(int fd, const char *bytes, size_t size)
{
	size_t written = 0;

	while (written < size) {
		ssize_t n = write(fd, bytes + written, size - written);

		if (n < 0 && errno != EINTR)
			return written;
		written += n > 0 ? (size_t)n : 0;
	}
	return written;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *ctx)
{
	struct http_call *call = ctx;
	long status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->sink > 0 && status == 200)
		return write_all(call->sink, bytes, size);
	if (call->on_data && status == 200) {
		call->on_data(bytes, size, call->ctx);
		return size;
	}
	if (call->body.size + size > BODY_MAX)
		return 0;
	buf_add(&call->body, bytes, size);
	return size;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *ctx)
{
	static const char name[] = "x-consul-index:";
	struct http_call *call = ctx;
	char line[64];

	if (size < sizeof(name) || size >= sizeof(line) || strncasecmp(bytes, name, sizeof(name) - 1) != 0)
		return size;
	memcpy(line, bytes, size);
	line[size] = '\0';
	call->result.index = strtoull(line + sizeof(name) - 1, NULL, 10);
	return size;
}

/* libcurl's error as an errno, and in words that say which one. */
static void fail(struct http_call *call, CURLcode code)
{
	struct http_result *result = &call->result;
	long error = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &error);
	if (code == CURLE_OPERATION_TIMEDOUT)
		error = ETIMEDOUT;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		error = EINVAL;
	if (code == CURLE_WRITE_ERROR && errno != 0 && call->sink > 0)
		error = errno;
	if (error <= 0 || error > INT_MAX)
		error = EIO;
	result->error = -(int)error;
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_WRITE_ERROR)
		str_copy(call->message, sizeof(call->message), err_str(result->error));
	else if (call->message[0] == '\0')
		str_copy(call->message, sizeof(call->message), curl_easy_strerror(code));
}

static void finish(struct http_call *call, CURLcode code)
{
	struct http_result *result = &call->result;

	if (call->easy)
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &result->status);
	if (code != CURLE_OK)
		fail(call, code);
	result->message = call->message;
	result->body = call->body.data ? call->body.data : "";
	result->body_size = call->body.size;
	call->done = true;
	call->http->done++;
}

static CURLcode set_up(struct http_call *call, const struct http_request *request)
{
	CURL *easy = call->easy;
	struct buf url = {0};
	CURLcode code;

	buf_printf(&url, "%s%s", call->http->url, request->path);
	code = curl_easy_setopt(easy, CURLOPT_URL, url.data);
	buf_finish(&url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "svcdns/" SVCDNS_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->http->headers);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->body)
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
	else if (!str_eq(request->method, "GET"))
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, PROBE_AFTER);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, PROBE_EVERY);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->message);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	return code;
}

struct http_call *http_begin(struct http *http, const struct http_request *request)
{
	struct http_call *call = mem_alloc(sizeof(*call));
	CURLcode code = CURLE_OUT_OF_MEMORY;

	call->http = http;
	call->sink = request->sink;
	call->on_data = request->on_data;
	call->ctx = request->ctx;
	call->next = http->calls;
	http->calls = call;
	call->easy = curl_easy_init();
	if (call->easy)
		code = set_up(call, request);
	if (code == CURLE_OK && curl_multi_add_handle(http->multi, call->easy) != CURLM_OK)
		code = CURLE_FAILED_INIT;
	if (code != CURLE_OK)
		finish(call, code);
	return call;
}

static void collect(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_call *call = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		if (message->msg == CURLMSG_DONE && call)
			finish(call, message->data.result);
	}
}

bool http_wait(struct http *http, int fd, int timeout_ms)
{
	int64_t end = clock_now(clock_system()) + timeout_ms * CLOCK_NS_PER_MS;
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};

	for (;;) {
		int running, left = INT_MAX;

		curl_multi_perform(http->multi, &running);
		collect(http);
		if (timeout_ms >= 0) {
			int64_t ns = end - clock_now(clock_system());

			left = ns > 0 ? (int)((ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS) : 0;
		}
		extra.revents = 0;
		curl_multi_poll(http->multi, &extra, fd >= 0, http->done > 0 ? 0 : left, NULL);
		if (fd >= 0 && extra.revents)
			return true;
		if (http->done > 0 || left == 0)
			return false;
	}
}

const struct http_result *http_result(const struct http_call *call)
{
	return call->done ? &call->result : NULL;
}

void http_end(struct http_call *call)
{
	if (!call)
		return;
	for (struct http_call **at = &call->http->calls; *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			break;
		}
	if (call->done)
		call->http->done--;
	if (call->easy) {
		curl_multi_remove_handle(call->http->multi, call->easy);
		curl_easy_cleanup(call->easy);
	}
	buf_finish(&call->body);
	free(call);
}

void http_escape(struct buf *ret, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));

	buf_str(ret, escaped ? escaped : "");
	curl_free(escaped);
}
