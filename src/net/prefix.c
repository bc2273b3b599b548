#include "net/prefix.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/str.h"
#include "net/addr.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* True if the first `bits` of both are equal. */
static bool same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;
	return memcmp(a, b, bytes) == 0 &&
	       (rest == 0 || ((unsigned)(a[bytes] ^ b[bytes]) & 0xff00u >> rest & 0xff) == 0);
}

int net_prefix_parse(const char *text, struct net_prefix *ret)
{
	struct net_prefix prefix = {.bits = 128};
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	char host[64];
	uint64_t bits;
	if (size >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = '\0';
	int family = net_addr_literal(host, prefix.bytes);
	if (family < 0)
		return -EINVAL;
	unsigned most = family == AF_INET ? 32 : 128;
	if (family == AF_INET) {
		memcpy(prefix.bytes + sizeof(mapped), prefix.bytes, 4);
		memcpy(prefix.bytes, mapped, sizeof(mapped));
	}
	if (slash) {
		if (str_parse_u64(slash + 1, most, &bits) < 0)
			return -EINVAL;
		prefix.bits = (uint8_t)(128 - most + bits);
	}
	/* Behind the prefix all is zero: the whole address equals its first bits and zeros. */
	struct net_prefix cut = {.bits = prefix.bits};
	memcpy(cut.bytes, prefix.bytes, prefix.bits / 8);
	if (prefix.bits % 8)
		cut.bytes[prefix.bits / 8] =
			(uint8_t)(prefix.bytes[prefix.bits / 8] & 0xff00u >> prefix.bits % 8);
	if (memcmp(cut.bytes, prefix.bytes, sizeof(cut.bytes)) != 0)
		return -EINVAL;
	*ret = prefix;
	return 0;
}

void net_prefix_of(const struct sockaddr *address, struct net_prefix *ret)
{
	ret->bits = 128;
	if (address->sa_family == AF_INET6) {
		memcpy(ret->bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	} else {
		memcpy(ret->bytes, mapped, sizeof(mapped));
		memcpy(ret->bytes + sizeof(mapped),
			&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	}
}

bool net_prefix_match(const struct net_prefix *prefixes, size_t count, const struct sockaddr *address)
{
	struct net_prefix whole;
	net_prefix_of(address, &whole);
	for (size_t i = 0; i < count; i++)
		if (same(whole.bytes, prefixes[i].bytes, prefixes[i].bits))
			return true;
	return false;
}
