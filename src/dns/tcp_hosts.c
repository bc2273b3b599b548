/* tcp_hosts.c -- see tcp_hosts.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dns/tcp_hosts.h"

enum { BUCKETS = 4096 }; /* a power of two */

struct tcp_host {
	struct tcp_host *next;
	uint8_t prefix[9]; /* the family's mark, then the IPv4 address or the IPv6 /64 */
	unsigned connections;
};

struct tcp_hosts {
	struct siphash_key key;
	struct tcp_host *buckets[BUCKETS];
};

static void prefix_of(const struct sockaddr *client, uint8_t ret[9])
{
	memset(ret, 0, 9);
	if (client->sa_family == AF_INET6) {
		ret[0] = 6;
		memcpy(ret + 1, &((const struct sockaddr_in6 *)(const void *)client)->sin6_addr, 8);
	} else {
		ret[0] = 4;
		memcpy(ret + 1, &((const struct sockaddr_in *)(const void *)client)->sin_addr, 4);
	}
}

static struct tcp_host **bucket_of(struct tcp_hosts *hosts, const uint8_t prefix[9])
{
	return &hosts->buckets[siphash(&hosts->key, prefix, 9) & (BUCKETS - 1)];
}

struct tcp_hosts *tcp_hosts_create(const struct siphash_key *key)
{
	struct tcp_hosts *hosts = mem_alloc(sizeof(*hosts));
	hosts->key = *key;
	return hosts;
}

void tcp_hosts_destroy(struct tcp_hosts *hosts)
{
	if (!hosts)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (hosts->buckets[i]) {
			struct tcp_host *host = hosts->buckets[i];
			hosts->buckets[i] = host->next;
			free(host);
		}
	}
	free(hosts);
}

struct tcp_host *tcp_hosts_take(struct tcp_hosts *hosts, const struct sockaddr *client, unsigned limit)
{
	uint8_t prefix[9];
	prefix_of(client, prefix);
	struct tcp_host **bucket = bucket_of(hosts, prefix);
	struct tcp_host *host = *bucket;
	while (host && memcmp(host->prefix, prefix, sizeof(prefix)) != 0)
		host = host->next;
	if ((host ? host->connections : 0) >= limit)
		return NULL;
	if (!host) {
		host = mem_alloc(sizeof(*host));
		memcpy(host->prefix, prefix, sizeof(prefix));
		host->next = *bucket;
		*bucket = host;
	}
	host->connections++;
	return host;
}

void tcp_hosts_release(struct tcp_hosts *hosts, struct tcp_host *host)
{
	if (--host->connections > 0)
		return;
	struct tcp_host **at = bucket_of(hosts, host->prefix);
	while (*at != host)
		at = &(*at)->next;
	*at = host->next;
	free(host);
}
