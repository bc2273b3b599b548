/* link.h -- a pair of sockets between two processes that carries DNS messages, each with a token.
 *
 * The supervisor makes the links between dns and relay, so they outlive a restart of either side: what was
 * sent waits for the next process. Neither side ever blocks: a full link is an error of the sender, who has
 * an answer for that. A link belongs to one thread on each side. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NET_LINK_MESSAGE 65535 /* bytes of a message, at most */

/* What goes in front of the message. */
struct net_link_head {
	uint64_t token;  /* the asker's own; the answer carries the same */
	int64_t at_ns;   /* when it was sent, on the monotonic clock that all processes share */
	uint32_t limit;  /* bytes that the answer may have at most */
	uint32_t client; /* a hash of the asker's address, or of its IPv6 /64 */
};

/* Makes a pair of non-blocking, close-on-exec sockets, the second of which is the relay's. 0 or negative
 * errno; the caller closes both. */
int net_link_create(int ret[2]);

/* Sends one message of `size` bytes. 0, -EAGAIN (the link is full) or another negative errno. */
int net_link_send(int fd, const struct net_link_head *head, const uint8_t *message, size_t size);

/* Receives one message into `ret_message`. Its size, or negative errno: -EAGAIN (none waits), -EBADMSG (not
 * of ours: it is gone), -ECONNRESET (the other side is closed for good). */
int net_link_receive(int fd, struct net_link_head *ret_head, uint8_t ret_message[NET_LINK_MESSAGE]);
