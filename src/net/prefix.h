/* prefix.h -- networks as address prefixes ("10.0.0.0/8", "::1"), for lists of who may.
 *
 * Any thread; nothing is allocated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_prefix {
	uint8_t bytes[16]; /* IPv4 as ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) */
	uint8_t bits;      /* of `bytes` that count */
};

/* Parses an IP literal, with or without "/bits". 0, or -EINVAL: not one, more bits than the address has, or
 * bits set behind the prefix ("10.0.0.1/8" is a slip more often than a network). */
int net_prefix_parse(const char *text, struct net_prefix *ret);

/* The one address alone: AF_INET, or AF_INET6. */
void net_prefix_of(const struct sockaddr *address, struct net_prefix *ret);

/* True if one of `count` prefixes holds the address (AF_INET, or AF_INET6, where a v4-mapped one counts as
 * IPv4). */
bool net_prefix_match(const struct net_prefix *prefixes, size_t count, const struct sockaddr *address);
