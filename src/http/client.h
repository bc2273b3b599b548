/* client.h -- outgoing HTTP and HTTPS: libcurl's multi interface on a libevent base.
 *
 * One client belongs to one thread, the one that runs the base. Redirects are never followed, only http and
 * https are spoken, proxies from the environment are ignored, a name that is given is resolved by libcurl's
 * own resolver thread, and the whole request has one deadline. Each request uses a fresh connection and
 * HTTP/1.1, or HTTP/2 if it says so. The process ignores SIGPIPE (log_setup() does that). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/field.h"

struct event_base;
struct http_client;
struct http_transfer;

struct http_client_request {
	const char *method;                /* "GET", ... */
	const char *url;                   /* http:// or https:// */
	const struct http_header *headers; /* header_count of them */
	size_t header_count;
	const char *body;        /* NULL for none */
	size_t body_size;        /* its bytes; 0 with a body: it is text, and ends at its NUL */
	const char *server_name; /* TLS server name, NULL for the URL's host */
	bool insecure;           /* do not verify the certificate */
	bool http2;      /* HTTP/2 only: at once over http:// (RFC 9113 section 3.3), by ALPN over https:// */
	long timeout_ms; /* above 0; for everything, from the start to the last byte */
	size_t body_limit; /* bytes of the reply's body that are kept; the transfer ends there, in success */
	const char *user_agent; /* NULL for none */
};

struct http_client_result {
	int error;           /* 0, or negative errno: -ETIMEDOUT, -ECONNREFUSED, -EHOSTUNREACH (no such
			      * name), -EAGAIN (no thread to look it up), -ENOMEM, -EPROTO (TLS),
			      * -EMSGSIZE (a head above 64 KiB), -EIO ... */
	const char *message; /* the error in words (libcurl's), "" if none */
	long status;         /* HTTP status, 0 if there was none; may be known although `error` is set */
	const char *reason;  /* the text behind the status, "" if none */
	const char *body;    /* the first body_limit bytes, NUL-terminated */
	size_t body_size;
	const struct http_transfer *request; /* for http_client_header() */
};

/* A client on `base`. 0 or negative errno; destroy with http_client_destroy(). */
int http_client_create(struct event_base *base, struct http_client **ret);

/* Ends all requests without calling their callbacks, and frees the client. Not from within a `done`. NULL is
 * fine. */
void http_client_destroy(struct http_client *client);

/* Starts a request; everything in `config` is copied. `done` is called exactly once, from the event loop and
 * never from within this call, unless the request is cancelled first; `result` lives until `done` returns.
 * 0, -EINVAL (a URL, method or header that cannot be sent, no timeout) or another negative errno; then `done`
 * is not called. *ret is good until `done` is called or the request is cancelled; `ret` may be NULL. From
 * within `done`, other requests may be started and cancelled. */
int http_client_start(struct http_client *client, const struct http_client_request *config,
	void (*done)(const struct http_client_result *result, void *ctx), void *ctx,
	struct http_transfer **ret);

/* The last value of the header `name` (ASCII case ignored), among the trailers if it is there, else in the
 * head. From within `done` only; good until it returns. NULL if the reply has none. */
const char *http_client_header(const struct http_client_result *result, const char *name);

/* Ends a running request without calling its callback. NULL is fine. */
void http_client_cancel(struct http_transfer *request);
