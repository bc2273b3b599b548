/* peers.h -- who is connected: one entry per client address, with its number of connections.
 *
 * Private to the HTTP server. An IPv6 client is its /64, since it can choose the rest freely. An entry exists
 * while it has connections; its list of idle ones says which to close when a new one needs the place. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "net/addr.h"

/* A node of a ring; the ring's head is a node, too. */
struct link {
	struct link *next, *previous;
};

/* Makes a ring of one: an empty list, or a node that is in no list. */
static inline void link_init(struct link *link)
{
	link->next = link->previous = link;
}

/* Takes `link` out of the list that it is in, if any. */
static inline void link_remove(struct link *link)
{
	link->next->previous = link->previous;
	link->previous->next = link->next;
	link_init(link);
}

/* Moves `link` to the end of `list`. */
static inline void link_append(struct link *list, struct link *link)
{
	link_remove(link);
	link->previous = list->previous;
	link->next = list;
	list->previous->next = link;
	list->previous = link;
}

/* The first node of `list`, NULL if it is empty. */
static inline struct link *link_first(const struct link *list)
{
	return list->next == list ? NULL : list->next;
}

/* What a link is a member of. */
#define LINK_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

struct peer {
	struct peer *next; /* in its bucket */
	uint8_t address[16];
	unsigned connections;
	struct link
		idle; /* its idle connections, the longest idle first (struct http_connection.peer_idle) */
};

#define PEER_BUCKETS 1024

struct peers {
	struct siphash_key key;
	struct peer *buckets[PEER_BUCKETS];
};

/* An empty table. It needs no end: entries go with their connections. */
void peers_init(struct peers *peers);

/* The entry of a client, made if need be; it must be given back by peers_put() when its last use ends. */
struct peer *peers_get(struct peers *peers, const struct net_addr *client);

/* Frees the entry if it has no connection. */
void peers_put(struct peers *peers, struct peer *peer);
