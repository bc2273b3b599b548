/* listen.h -- listening sockets: opened by the supervisor, inherited by the workers.
 *
 * All sockets are close-on-exec and non-blocking. An IPv6 socket is IPv6 only, so that "0.0.0.0" and "::" can
 * stand side by side. */
#pragma once

#include <stdbool.h>

#include "net/addr.h"

/* Binds `addr` once for UDP (and closes it again) without SO_REUSEPORT, to find out whether another server
 * holds it. 0, -EADDRINUSE or another negative errno. With port 0 there is nothing to find out: 0. */
int net_probe_udp(const struct net_addr *addr);

/* A UDP socket bound with SO_REUSEPORT, IP_PKTINFO/IPV6_RECVPKTINFO when the address is a wildcard, path MTU
 * discovery off (RFC 9715), and a receive buffer of `receive_buffer` bytes asked for (SO_RCVBUFFORCE if
 * permitted). addr->port 0 is replaced by the port that was chosen. 0 or negative errno; the caller closes
 * *ret_fd. ret_granted: the size that the kernel granted (its bookkeeping overhead left out). */
int net_listen_udp(struct net_addr *addr, int receive_buffer, int *ret_fd, int *ret_granted);

/* A TCP socket that listens with SO_REUSEADDR; with `reuse_port` also SO_REUSEPORT. addr->port 0 is replaced.
 * 0 or negative errno; the caller closes *ret_fd. */
int net_listen_tcp(struct net_addr *addr, int backlog, bool reuse_port, int *ret_fd);

/* A socket that somebody else has opened and bound. */
struct net_socket {
	int type;       /* SOCK_DGRAM, SOCK_STREAM ... */
	bool listening; /* of a stream socket: listen(2) was called */
	bool dual;      /* an IPv6 wildcard that takes IPv4 too */
	struct net_addr addr;
};

/* Says what the socket `fd` is. 0, -EAFNOSUPPORT (not IPv4 or IPv6), -EBADF, -ENOTSOCK or another negative
 * errno. */
int net_inspect(int fd, struct net_socket *ret);

/* Gives a bound UDP socket at `addr` what net_listen_udp() gives its own, SO_REUSEPORT aside, and turns off
 * what it would tell beside a packet other than that. A receive buffer larger than we may make one stays. 0
 * or negative errno. */
int net_prepare_udp(int fd, const struct net_addr *addr, int receive_buffer);
