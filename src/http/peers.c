/* peers.c -- see peers.h. */
#include "http/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void peers_init(struct peers *peers)
{
	memset(peers, 0, sizeof(*peers));
	peers->key = siphash_key_random();
}

/* IPv4 as ::ffff:a.b.c.d; IPv6 by its first 64 bits. */
static void address_of(const struct net_addr *client, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (client->any.sa_family == AF_INET) {
		ret[10] = ret[11] = 0xff;
		memcpy(ret + 12, &client->v4.sin_addr, 4);
	} else {
		memcpy(ret, &client->v6.sin6_addr, 8);
	}
}

static struct peer **bucket_of(struct peers *peers, const uint8_t address[16])
{
	return &peers->buckets[siphash(&peers->key, address, 16) % PEER_BUCKETS];
}

struct peer *peers_get(struct peers *peers, const struct net_addr *client)
{
	uint8_t address[16];
	struct peer **bucket, *peer;

	address_of(client, address);
	bucket = bucket_of(peers, address);
	for (peer = *bucket; peer; peer = peer->next) {
		if (memcmp(peer->address, address, 16) == 0)
			return peer;
	}
	peer = mem_alloc(sizeof(*peer));
	memcpy(peer->address, address, 16);
	link_init(&peer->idle);
	peer->next = *bucket;
	*bucket = peer;
	return peer;
}

void peers_put(struct peers *peers, struct peer *peer)
{
	struct peer **at = bucket_of(peers, peer->address);

	if (peer->connections > 0)
		return;
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	free(peer);
}
