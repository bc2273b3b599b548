/* relay_checks.c -- see relay_checks.h. */
#include "main/relay_checks.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/prefix.h"

/* True if the address is one of this machine's: what goes there comes from there. Nothing is sent. The list
 * of all addresses takes a netlink socket, which our systemd unit forbids. */
static bool is_own_host(const struct net_addr *addr)
{
	struct net_addr from = {.size = sizeof(from.v6)};
	if (net_addr_is_loopback(addr) || net_addr_is_wildcard(addr))
		return true;
	int fd = socket(addr->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && connect(fd, &addr->any, addr->size) == 0 &&
		     getsockname(fd, &from.any, &from.size) == 0 && net_addr_same_host(&from, addr);
	if (fd >= 0)
		close(fd);
	return found;
}

static bool is_ourselves(const struct main_config *config, const struct net_addr *upstream)
{
	struct net_addr listen;
	for (size_t i = 0; i < config->dns.listen.count; i++)
		if (net_addr_parse(config->dns.listen.items[i], 0, &listen) == 0 &&
			net_addr_port(&listen) == net_addr_port(upstream) &&
			(net_addr_same_host(&listen, upstream) ||
				(net_addr_is_wildcard(&listen) && is_own_host(upstream)) ||
				(net_addr_is_wildcard(upstream) && is_own_host(&listen))))
			return true;
	return false;
}

static int check_upstream(const struct main_config *config, char message[256])
{
	const struct main_list *list = &config->relay.upstream;
	struct net_addr addr;
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->items[i];
		if (net_addr_parse(text, 53, &addr) < 0 || net_addr_port(&addr) == 0)
			snprintf(message, 256, "'%.150s' is not an address, such as 192.0.2.53 or [::1]:5353",
				text);
		else if (is_ourselves(config, &addr))
			snprintf(message, 256,
				"%.150s is our own address (dns.listen): we would ask ourselves", text);
		else
			continue;
		return -EINVAL;
	}
	return 0;
}

static int check_allow(const struct main_config *config, char message[256])
{
	const struct main_list *list = &config->relay.allow;
	struct net_prefix prefix;
	for (size_t i = 0; i < list->count; i++) {
		const char *text = list->items[i];
		if (net_prefix_parse(text, &prefix) == 0)
			continue;
		snprintf(message, 256, "'%.150s' is not an address or network, such as ::1 or 10.0.0.0/8",
			text);
		return -EINVAL;
	}
	return 0;
}

int relay_check(const struct main_config *config, const char **ret_key, char message[256])
{
	*ret_key = "relay.upstream";
	snprintf(message, 256, "more than %d entries", RELAY_LIST_MAX);
	if (config->relay.upstream.count > RELAY_LIST_MAX || check_upstream(config, message) < 0)
		return -EINVAL;
	*ret_key = "relay.allow";
	if (config->relay.allow.count > RELAY_LIST_MAX || check_allow(config, message) < 0)
		return -EINVAL;
	return 0;
}
