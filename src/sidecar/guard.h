/* guard.h -- who may talk to the API: not a web page from elsewhere, and nobody without the token, if there
 * is one.
 *
 * A server on loopback is reachable from every web page that the user opens (DNS rebinding, blind cross-site
 * requests), so each request is checked before it is routed; conformance.md section 6.2. There are no CORS
 * headers, and method-override headers mean nothing here. Used on the sidecar's thread; the functions keep no
 * state and guard_load_token() may be called anywhere. */
#pragma once

#include <stddef.h>

#include "http/http.h"

#define GUARD_MESSAGE 256 /* bytes for a message */
#define GUARD_TOKEN 1024  /* bytes that a token may have, at most */

struct guard_config {
	const char *const
		*hosts; /* further Host names that are accepted, host_count of them; "name" or "name:port" */
	size_t host_count;
	const char *token; /* bearer token, NULL or "" for none */
};

/* Judges one request: its Host must be an IP literal, localhost or listed (any port, unless the listed one
 * has a port); an Origin must be the request's own Host; Sec-Fetch-Site must be same-origin or none,
 * but a link elsewhere may lead to the page; and if there is a token, everything but /healthz, /readyz and
 * the page's own files (not what it shows, /ui/data/) must bear it (`Authorization: Bearer`, X-Consul-Token
 * or ?token=). A request without Host (HTTP/1.0) passes the first check: no browser sends one. 0, or the HTTP
 * status to refuse it with; then `ret_message` says why (nothing secret in it). */
int guard_check(const struct http_request *request, const struct guard_config *config,
	char ret_message[GUARD_MESSAGE]);

/* Reads the token from `path`: a regular file that only its owner can read (no mode bits for group and
 * others), one word of printable ASCII with white space around it ignored. 0 and *ret_token (free() it), or a
 * negative errno (-ENOENT, -EACCES, -EPERM: others can read it, -EINVAL: not a file, empty, too long, odd
 * bytes) and `ret_message` in words for the log. */
int guard_load_token(const char *path, char **ret_token, char ret_message[GUARD_MESSAGE]);
