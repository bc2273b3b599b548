/* dial.h -- the connections of TCP probes.
 *
 * A probe says SYN, hears SYN-ACK and answers RST, as HAProxy's do: our ACK is put off, and hanging up
 * resets. The kernel that listens for the service tells that somebody listens there; the service itself is
 * not woken for a connection that asks nothing, and neither side keeps a TIME_WAIT. A socket that was
 * connected is dissolved (connect(2), AF_UNSPEC) and dialed again. The health thread's only. */
#pragma once

#include "net/addr.h"

struct health_dialer {
	int spare; /* an IPv4 socket that is not connected; 0: none */
};

/* Calls an address. 0: connected; -EINPROGRESS: under way, ask health_dial_outcome() once the socket is
 * writable; both set *ret_fd, which ends with health_dial_end(). Else the negative errno of socket(2) or
 * connect(2). */
int health_dial(struct health_dialer *dialer, const struct net_addr *addr, int *ret_fd);

/* What became of a call: 0: connected; -EINPROGRESS; else the negative errno of connect(2). A connection to
 * itself, which TCP makes where nobody listens on a port from which connections are made too (RFC 9293
 * section 3.5, simultaneous open), is -ECONNREFUSED. */
int health_dial_outcome(int fd, const struct net_addr *addr);

/* Hangs up, or gives up. `connected`: the address, if the last outcome was 0; else NULL. */
void health_dial_end(struct health_dialer *dialer, int fd, const struct net_addr *connected);

/* Closes what is kept. */
void health_dialer_finish(struct health_dialer *dialer);
