/* probe_peer.h -- what the probes of these tests meet: listeners on loopback, on the test's own event loop.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct peer;

/* A listener on 127.0.0.1 that answers each request with `reply` (reply_size bytes) and closes; with pause_ms
 * set a byte each so many milliseconds. reply NULL: it takes connections and says nothing. */
struct peer *peer_create(struct event_base *base, const char *reply, size_t reply_size, long pause_ms);

/* Ends it and its connections. */
void peer_destroy(struct peer *peer);

/* Its port. */
uint16_t peer_port(const struct peer *peer);

/* Connections that it took. */
unsigned peer_connections(const struct peer *peer);

/* The last request as far as it was read. */
const char *peer_request(const struct peer *peer);

/* A port of 127.0.0.1 on which nobody listens; held (bound, not listening) by *ret_fd, which the caller
 * closes. */
uint16_t peer_closed_port(int *ret_fd);
