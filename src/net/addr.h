/* addr.h -- socket addresses as values, and as text.
 *
 * Any thread; nothing is allocated; no name is ever resolved here. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_ADDR_TEXT 72 /* bytes that net_addr_format() needs */

struct net_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

/* Parses "127.0.0.1:53", "[::1]:53", "127.0.0.1" or "::1" (then with `default_port`; 0 = a port is required).
 * IPv6 scopes (%eth0) are accepted. 0 or -EINVAL. */
int net_addr_parse(const char *text, uint16_t default_port, struct net_addr *ret);

/* Parses an IP literal without port into 4 or 16 bytes. Returns AF_INET, AF_INET6 or -EINVAL. */
int net_addr_literal(const char *text, uint8_t ret[16]);

/* Writes "127.0.0.1:53" or "[::1]:53" and returns `ret`. */
char *net_addr_format(const struct net_addr *addr, char ret[NET_ADDR_TEXT]);

/* The port in host order. */
uint16_t net_addr_port(const struct net_addr *addr);

/* Puts another port, in host order, into an address. */
void net_addr_set_port(struct net_addr *addr, uint16_t port);

/* True if the address (not the port) is 127.0.0.0/8 or ::1 (or v4-mapped of it). */
bool net_addr_is_loopback(const struct net_addr *addr);

/* True if the address (not the port) is 0.0.0.0 or ::, which for a listener means any. */
bool net_addr_is_wildcard(const struct net_addr *addr);

/* True if both have the same family and IP; ports are not compared. */
bool net_addr_same_host(const struct net_addr *a, const struct net_addr *b);
