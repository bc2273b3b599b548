/* http_peer.h -- a small HTTP server in a thread of the test, good and bad as its paths say.
 *
 * It listens on a free loopback port. Connections are served one after the other; those that are to stay
 * silent are kept open until the end. With TLS its certificate is self-signed for "peer.test". */
#pragma once

#include <stdbool.h>

struct http_peer;

/* Starts the thread. */
struct http_peer *http_peer_start(bool tls);

/* Ends the thread and closes all. */
void http_peer_stop(struct http_peer *peer);

/* The port it listens on. */
unsigned http_peer_port(const struct http_peer *peer);
