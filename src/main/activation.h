/* activation.h -- sockets that the service manager opened and hands over (sd_listen_fds(3)), without its
 * library.
 *
 * They stay open in the service manager while we are down, so that a restart of the whole server refuses
 * nothing: queries and connections wait in them. A socket is told by its name (FileDescriptorName=): "dns",
 * UDP and TCP at each address, or "http". Those of a kind replace its option, dns.listen or http.listen. All
 * workers share the socket of an address; if it is passed several times (ReusePort=yes), they take turns at
 * choosing one.
 *
 * Supervisor only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"

#define ACTIVATION_FLAGS 2 /* how many activation_flags() writes at most */

struct activation_socket {
	int fd;
	bool http;
	int type; /* SOCK_DGRAM or SOCK_STREAM */
	struct net_addr addr;
};

/* What was handed over; all zero for nothing. */
struct activation {
	struct activation_socket *sockets;
	size_t count;
	char *dns, *http; /* "dns.listen=ADDRESS,...", "http.listen=..."; NULL for none of the kind */
};

/* Takes the sockets that $LISTEN_FDS announces if $LISTEN_PID is this process, and checks that they are what
 * their names in $LISTEN_FDNAMES say. The variables are removed. 0, with count 0 if there are none; or
 * negative errno and what is wrong in `message`. Free with activation_finish(). */
int activation_take(struct activation *ret, char message[512]);

/* Writes the options that the sockets stand for, as flags; they point into `activation`. Returns their
 * number. */
size_t activation_flags(const struct activation *activation, const char *ret[ACTIVATION_FLAGS]);

/* How many sockets of this kind and type were passed for `addr`. */
size_t activation_count(
	const struct activation *activation, bool http, int type, const struct net_addr *addr);

/* A copy (close-on-exec) of the n-th of them, modulo their number, for the caller to close; or negative
 * errno. */
int activation_copy(
	const struct activation *activation, bool http, int type, const struct net_addr *addr, size_t n);

/* Closes the sockets and frees the rest; a zeroed struct is fine. */
void activation_finish(struct activation *activation);
