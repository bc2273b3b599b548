/* tcp_hosts.h -- how many TCP connections each client has open. Private to the dns room.
 *
 * One table for each worker, on its thread. A client is an IPv4 address or an IPv6 /64, because whoever has
 * one address of a /64 has them all. */
#pragma once

#include "base/siphash.h"
#include "net/addr.h"

struct tcp_hosts;
struct tcp_host;

/* An empty table whose hash is keyed by a copy of `key`. */
struct tcp_hosts *tcp_hosts_create(const struct siphash_key *key);

/* Frees the table; hosts that are still taken go with it. NULL is fine. */
void tcp_hosts_destroy(struct tcp_hosts *hosts);

/* Counts one more connection from `client` and returns its host, for tcp_hosts_release(); NULL if the client
 * has `limit` connections already: then nothing is counted. */
struct tcp_host *tcp_hosts_take(struct tcp_hosts *hosts, const struct sockaddr *client, unsigned limit);

/* Counts one connection less; the host is freed with its last. */
void tcp_hosts_release(struct tcp_hosts *hosts, struct tcp_host *host);
