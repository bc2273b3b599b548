/* probe_peer.h -- what the probes of these tests meet: listeners on loopback, on the test's own event loop.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct peer;

/* A listener on 127.0.0.1 that answers each request with `reply` (reply_size bytes) and closes; with pause_ms
 * set a byte each so many milliseconds. reply NULL: it takes connections and says nothing. A request over
 * HTTP/2 (with prior knowledge) is whole when its first stream is, and its connection is the client's to
 * close; the reply's frames are the test's own then. */
struct peer *peer_create(struct event_base *base, const char *reply, size_t reply_size, long pause_ms);

/* Ends it and its connections. */
void peer_destroy(struct peer *peer);

/* Its port. */
uint16_t peer_port(const struct peer *peer);

/* Connections that it took. */
unsigned peer_connections(const struct peer *peer);

/* The last request as far as it was read. */
const char *peer_request(const struct peer *peer);

/* The bytes of it: what is HTTP/2 has NULs. */
size_t peer_request_size(const struct peer *peer);

/* A port of 127.0.0.1 on which nobody listens; held (bound, not listening) by *ret_fd, which the caller
 * closes. */
uint16_t peer_closed_port(int *ret_fd);
