/* tcp.h -- DNS over TCP for one worker (RFC 7766). Private to the dns room.
 *
 * A message is two bytes of length and so many bytes. What arrives together is answered together, in order; a
 * client may send any number of queries without waiting. The rules:
 *
 *   - a length below 12 (no header) ends the connection, after the answers to what came before it;
 *   - a message that deserves no answer (QR set) is ignored, and the next one is answered;
 *   - a malformed query is answered with FORMERR, and the connection goes on;
 *   - what is for the relay is answered when its answer comes, behind later ones that did not have to wait
 * (RFC 7766 section 7); if the connection is gone by then, so is the answer;
 *   - after the client's FIN what it asked is answered, then the connection is closed;
 *   - a message must be whole `tcp_io_ns` after its first byte, and a client must take some of a waiting
 * answer within the same time; a connection with nothing to do is closed after `tcp_idle_ns`;
 *   - at most `tcp_write_buffer` bytes (or one answer) wait for a client: it is not read from until it reads;
 *   - when `tcp_connections` are open, the one that was idle longest makes room, or if none is, the one that
 * has waited longest for the relay and for nothing else; if there is neither, or the client has
 * `tcp_connections_per_address` already, the new connection is closed at once.
 *
 * An idle connection holds no buffer. One object serves all listeners of its worker, on the worker's thread;
 * the listening descriptors stay the caller's. */
#pragma once

#include "dns/worker.h"

struct tcp;

/* Prepares `count` listening sockets; nothing is accepted yet. `relay` is NULL without one. Destroy with
 * tcp_destroy(). */
struct tcp *tcp_create(
	struct dns_worker *worker, const int *fds, size_t count, const struct worker_relay *relay);

/* Starts to accept. */
void tcp_open(struct tcp *tcp);

/* Stops to accept and to read, and closes what has no answer waiting. When the last connection is gone
 * (perhaps at once) the event loop is broken; the caller sets a deadline. */
void tcp_drain(struct tcp *tcp);

/* Closes all connections and frees. NULL is fine. */
void tcp_destroy(struct tcp *tcp);
