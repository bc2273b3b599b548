#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Parses "::1" or "fe80::1%eth0". */
static int parse_v6(const char *host, struct net_addr *ret)
{
	const char *scope = strchr(host, '%');
	char address[INET6_ADDRSTRLEN];
	uint64_t id = 0;

	str_copy(address, sizeof(address), host);
	if (scope) {
		if ((size_t)(scope - host) >= sizeof(address))
			return -EINVAL;
		address[scope - host] = '\0';
		id = if_nametoindex(scope + 1);
		if (id == 0 && str_parse_u64(scope + 1, UINT32_MAX, &id) < 0)
			return -EINVAL;
	} else if (strlen(host) >= sizeof(address)) {
		return -EINVAL;
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_scope_id = (uint32_t)id;
	ret->size = sizeof(ret->v6);
	return inet_pton(AF_INET6, address, &ret->v6.sin6_addr) == 1 ? 0 : -EINVAL;
}

static int parse_v4(const char *host, struct net_addr *ret)
{
	ret->v4.sin_family = AF_INET;
	ret->size = sizeof(ret->v4);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 ? 0 : -EINVAL;
}

int net_addr_parse(const char *text, uint16_t default_port, struct net_addr *ret)
{
	struct net_addr addr = {.size = 0};
	uint64_t port = default_port;
	const char *colon = strchr(text, ':'), *port_text = NULL;
	char host[128];
	size_t size;
	bool v6;
	int r;

	if (text[0] == '[') {
		const char *end = strchr(text, ']');

		if (!end || (end[1] != ':' && end[1] != '\0'))
			return -EINVAL;
		v6 = true;
		size = (size_t)(end - ++text);
		if (end[1] == ':')
			port_text = end + 2;
	} else {
		v6 = colon && strchr(colon + 1, ':');
		size = !v6 && colon ? (size_t)(colon - text) : strlen(text);
		if (!v6 && colon)
			port_text = colon + 1;
	}
	if (size >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = '\0';
	if (port_text ? str_parse_u64(port_text, UINT16_MAX, &port) < 0 : port == 0)
		return -EINVAL;
	r = v6 ? parse_v6(host, &addr) : parse_v4(host, &addr);
	if (r < 0)
		return r;
	if (v6)
		addr.v6.sin6_port = htons((uint16_t)port);
	else
		addr.v4.sin_port = htons((uint16_t)port);
	*ret = addr;
	return 0;
}

int net_addr_literal(const char *text, uint8_t ret[16])
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		memcpy(ret, bytes, 4);
		return AF_INET;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		memcpy(ret, bytes, 16);
		return AF_INET6;
	}
	return -EINVAL;
}

char *net_addr_format(const struct net_addr *addr, char ret[NET_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?", scope[12] = "";

	if (addr->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &addr->v6.sin6_addr, host, sizeof(host));
		if (addr->v6.sin6_scope_id)
			snprintf(scope, sizeof(scope), "%%%u", addr->v6.sin6_scope_id);
		snprintf(ret, NET_ADDR_TEXT, "[%s%s]:%u", host, scope, net_addr_port(addr));
	} else {
		inet_ntop(AF_INET, &addr->v4.sin_addr, host, sizeof(host));
		snprintf(ret, NET_ADDR_TEXT, "%s:%u", host, net_addr_port(addr));
	}
	return ret;
}

uint16_t net_addr_port(const struct net_addr *addr)
{
	return ntohs(addr->any.sa_family == AF_INET6 ? addr->v6.sin6_port : addr->v4.sin_port);
}

void net_addr_set_port(struct net_addr *addr, uint16_t port)
{
	if (addr->any.sa_family == AF_INET6)
		addr->v6.sin6_port = htons(port);
	else
		addr->v4.sin_port = htons(port);
}

bool net_addr_is_loopback(const struct net_addr *addr)
{
	const uint8_t *v6 = addr->v6.sin6_addr.s6_addr;

	if (addr->any.sa_family == AF_INET)
		return ntohl(addr->v4.sin_addr.s_addr) >> 24 == 127;
	return addr->any.sa_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&addr->v6.sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&addr->v6.sin6_addr) && v6[12] == 127));
}

bool net_addr_is_wildcard(const struct net_addr *addr)
{
	if (addr->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->v6.sin6_addr);
	return addr->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool net_addr_same_host(const struct net_addr *a, const struct net_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0 &&
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}
