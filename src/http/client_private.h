/* client_private.h -- between client.c, which runs requests, and client_request.c, which says what is sent.
 */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "http/client.h"

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer; /* libcurl's one timer */
	struct http_transfer *requests;
};

struct http_transfer {
	struct http_client *client;
	struct http_transfer *previous, *next;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char error[CURL_ERROR_SIZE];
	char reason[128];
	struct buf body;
	size_t body_limit, head_size;
	bool body_full; /* we ended the transfer ourselves, which is not an error */
	void (*done)(const struct http_client_result *result, void *ctx);
	void *ctx;
};

/* Takes over what `config` says is sent: URL, TLS name, method, headers and body. 0, or -EINVAL if one of
 * them cannot be sent. What was taken until then is freed with the request. */
int http_transfer_prepare(struct http_transfer *request, const struct http_client_request *config);
