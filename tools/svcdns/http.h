/* http.h -- requests to the server: libcurl's multi interface, without an event loop.
 *
 * One thread. Several requests may run at once, and while they do the caller can wait for a descriptor of its
 * own too (signals, in `svcdns exec`). Connections are kept. Redirects are never followed, and proxies of the
 * environment are ignored. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct http;
struct http_call;

struct http_request {
	const char *method; /* "GET", "PUT" */
	const char *path;   /* with a '/' in front, escaped (http_escape()) */
	const char *body;   /* NULL for none */
	/* From start to end; 0 for none but that of the connection. A machine that is gone ends it within a
	 * minute all the same. */
	long timeout_ms;
	int sink; /* a descriptor that gets the body of a reply with status 200, if it is above 0 */
	/* Gets it piece by piece as it comes, within http_wait(); NULL for none. */
	void (*on_data)(const char *bytes, size_t size, void *ctx);
	void *ctx;
};

struct http_result {
	/* 0, or negative errno: -ECONNREFUSED, -ETIMEDOUT, ...; -EINVAL: the URL is none of HTTP; -EIO for
	 * any other */
	int error;
	const char *message; /* the error in words, "" without one */
	long status;         /* 0 without a reply */
	const char *body;    /* NUL-terminated, "" if there is none */
	size_t body_size;
	uint64_t index; /* X-Consul-Index, 0 if it is not there */
};

/* A client of the server at `url` ("http://127.0.0.1:8500"), with a bearer token or NULL. The strings must
 * live as long as the client. NULL if libcurl cannot be set up; destroy with http_destroy(). */
struct http *http_create(const char *url, const char *token);

/* Ends what runs and frees the client. NULL is fine. */
void http_destroy(struct http *http);

/* Starts a request; everything in `request` is copied but what gets the body. Never NULL: a request that
 * cannot be started is done, with an error. The caller ends it by http_end(), in any state. */
struct http_call *http_begin(struct http *http, const struct http_request *request);

/* Works on all requests until one is done, `fd` (-1 for none) can be read, or `timeout_ms` are over (-1:
 * never). Returns at once if one is done already. Returns true if `fd` can be read. */
bool http_wait(struct http *http, int fd, int timeout_ms);

/* What came back, good until http_end(); NULL while it runs. */
const struct http_result *http_result(const struct http_call *call);

/* Ends and frees a request. NULL is fine. */
void http_end(struct http_call *call);

/* Appends `text` percent-encoded, as one segment of a path or as a value in a query. */
void http_escape(struct buf *ret, const char *text);
