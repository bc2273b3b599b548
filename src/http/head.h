/* head.h -- the head of an HTTP/1 request: found, checked and taken apart, strictly.
 *
 * Private to the HTTP server. RFC 9112 for the shape, RFC 9110 for the fields; where a lenient and a strict
 * reading exist the strict one is taken, because two readings are what request smuggling lives on: lines end
 * with CRLF only, no obs-fold, no white space before a colon, no control characters, one Host, one length.
 * Pure functions on bytes; the only memory is the arena that the caller hands in.
 *
 * Errors are HTTP statuses (positive, 400 and up) with a plain sentence in static storage. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/server.h"

#define HTTP_HEADERS_MAX 100 /* header lines in one request; more is 431 */
#define HTTP_QUERY_MAX 100   /* query parameters in one request; more is 400 */

/* How far the search for the end of a head has come; all zero at its start. */
struct http_scan {
	size_t offset;     /* bytes looked at */
	size_t start;      /* where the request line begins: behind one empty line, if there was one */
	size_t line;       /* where the current line begins */
	bool past_request; /* the request line was complete and well-formed */
};

/* A request's head; all text lives in the arena. */
struct http_head {
	const char *method, *target, *path;
	const struct http_query *query;
	size_t query_count;
	const struct http_header *headers;
	size_t header_count;
	const char *host;     /* the Host field, NULL without one (HTTP/1.0 only) */
	unsigned minor;       /* 0 or 1: HTTP/1.0 or 1.1 (and later 1.x) */
	bool keep_alive;      /* the connection may carry another request */
	bool expect_continue; /* the client waits for 100 before it sends the body */
	bool chunked;         /* a chunked body follows */
	uint64_t length;      /* else a body of this many bytes */
};

/* Searches `bytes` (everything received so far, `size` of them, from the same start as in earlier calls) for
 * the end of a head of at most `limit` bytes. The request line is checked as soon as it is there, and may
 * take at most half of `limit`. 0 if more bytes are needed, 1 if the head is complete (*ret_size: its bytes,
 * the empty line included), or an HTTP status and *ret_text. Each byte is looked at once, however slowly they
 * come. */
int http_head_scan(struct http_scan *scan, const char *bytes, size_t size, size_t limit, size_t *ret_size,
	const char **ret_text);

/* Takes a complete head of `size` bytes apart, as http_head_scan() delimited it (from scan.start on).
 * 0, or an HTTP status and *ret_text. */
int http_head_parse(
	struct arena *arena, const char *bytes, size_t size, struct http_head *ret, const char **ret_text);

/* A request line, still in place. */
struct http_line {
	size_t method_size, target,
		target_size; /* the method begins the line; offset and size of the target */
	unsigned minor;
};

/* Takes a request line (without CRLF) apart: method SP target SP HTTP/1.x. 0, or an HTTP status and
 * *ret_text: 400, 501 for CONNECT, 505 for other major versions. */
int http_request_line(const char *line, size_t size, struct http_line *ret, const char **ret_text);

/* True for a valid Host field: name or IPv4 literal or [IPv6 literal], and an optional port (RFC 9112 3.2).
 */
bool http_host_valid(const char *host);

/* Takes head->target apart into path and query; head->method and head->host are set. origin-form,
 * absolute-form (whose authority must be the Host) or, for OPTIONS, "*". 0, or 400 and *ret_text. */
int http_target_parse(struct arena *arena, struct http_head *head, const char **ret_text);

/* True if `c` may stand in a token (RFC 9110 5.6.2). */
bool http_is_token(unsigned char c);
