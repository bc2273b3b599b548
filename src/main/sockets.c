/* sockets.c -- opens the listening sockets, and says clearly which address is taken. */
#include "main/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "main/wiring.h"
#include "net/link.h"
#include "net/listen.h"

#define BACKLOG 4096

static int fail(int error, const char *what, const struct net_addr *addr, char message[512])
{
	char text[NET_ADDR_TEXT];
	snprintf(message, 512, "cannot listen on %s %s: %s%s", what, net_addr_format(addr, text),
		err_str(error), error == -EADDRINUSE ? " (is another server running there?)" : "");
	return error;
}

static void replace(char **item, const struct net_addr *addr)
{
	char text[NET_ADDR_TEXT];
	free(*item);
	*item = mem_strdup(net_addr_format(addr, text));
}

/* One address for all workers: the first socket settles a port 0 for the others. */
static int open_dns_address(const struct main_config *config, size_t i, unsigned workers, int *sockets,
	char message[512], struct net_addr *ret)
{
	size_t addresses = config->dns.listen.count;
	int probe = -1, granted;
	net_addr_parse(config->dns.listen.items[i], 0, ret);
	/* Held without SO_REUSEPORT for a moment: fails if another server has the address. */
	int r = net_listen_tcp(ret, 1, false, &probe);
	if (r < 0)
		return fail(r, "TCP", ret, message);
	close(probe);
	r = net_probe_udp(ret);
	if (r < 0)
		return fail(r, "UDP", ret, message);
	for (unsigned worker = 0; worker < workers; worker++) {
		size_t at = worker * addresses + i;
		r = net_listen_udp(ret, (int)config->dns.receive_buffer, &sockets[at], &granted);
		if (r < 0)
			return fail(r, "UDP", ret, message);
		r = net_listen_tcp(ret, BACKLOG, true, &sockets[workers * addresses + at]);
		if (r < 0)
			return fail(r, "TCP", ret, message);
	}
	return 0;
}

/* One address whose sockets were handed over. Workers share them: what waits in a socket of our own would be
 * lost at our end, what waits in these is not. */
static int copy_dns_address(const struct main_config *config, const struct activation *activation, size_t i,
	unsigned workers, int *sockets, char message[512], struct net_addr *ret)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	size_t addresses = config->dns.listen.count;
	net_addr_parse(config->dns.listen.items[i], 0, ret);
	for (size_t t = 0; t < 2; t++) {
		const char *what = t == 0 ? "UDP" : "TCP";
		size_t passed = activation_count(activation, false, types[t], ret);
		if (passed > workers) {
			snprintf(message, 512,
				"%zu %s sockets were passed for %s, but only %u workers would read them",
				passed, what, config->dns.listen.items[i], workers);
			return -EINVAL;
		}
		for (unsigned worker = 0; worker < workers; worker++) {
			int *at = &sockets[(t * workers + worker) * addresses + i];
			*at = activation_copy(activation, false, types[t], ret, worker);
			int r = *at < 0 ? *at : 0;
			if (r == 0 && t == 0)
				r = net_prepare_udp(*at, ret, (int)config->dns.receive_buffer);
			if (r < 0)
				return fail(r, what, ret, message);
		}
	}
	return 0;
}

static int open_http_address(const struct main_config *config, const struct activation *activation, size_t i,
	int *ret_fd, char message[512], struct net_addr *ret)
{
	net_addr_parse(config->http.listen.items[i], 0, ret);
	int r = 0, fd = -1;
	if (activation->http)
		r = fd = activation_copy(activation, true, SOCK_STREAM, ret, 0);
	else
		r = net_listen_tcp(ret, BACKLOG, false, &fd);
	if (r < 0)
		return fail(r, "TCP (HTTP)", ret, message);
	*ret_fd = fd;
	return 0;
}

/* What was asked for and what the kernel granted: how many queries can wait while dns restarts. */
static void tell(
	const struct main_config *config, const struct activation *activation, const struct sockets *sockets)
{
	if (activation->count > 0)
		log_info("sockets handed over by the service manager", "dns",
			activation->dns ? strchr(activation->dns, '=') + 1 : NULL, "http",
			activation->http ? strchr(activation->http, '=') + 1 : NULL);
	for (size_t i = 0; i < config->dns.listen.count; i++) {
		int doubled = 0;
		socklen_t size = sizeof(doubled);
		getsockopt(sockets->dns[i], SOL_SOCKET, SO_RCVBUF, &doubled, &size);
		log_info("dns socket open", "address", config->dns.listen.items[i], "receive_buffer_asked",
			log_u64(config->dns.receive_buffer), "receive_buffer_granted",
			log_u64((unsigned)doubled / 2));
	}
}

static int *descriptors(size_t count)
{
	int *fds = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		fds[i] = -1;
	return fds;
}

/* A link for each thread of dns. */
static int open_links(struct sockets *s, unsigned workers, char message[512])
{
	int pair[2], r = 0;
	s->link_count = 2 * (size_t)workers;
	s->dns_links = descriptors(s->link_count);
	s->relay_links = descriptors(s->link_count);
	for (size_t i = 0; i < s->link_count && r == 0; i++) {
		r = net_link_create(pair);
		s->dns_links[i] = r < 0 ? -1 : pair[0];
		s->relay_links[i] = r < 0 ? -1 : pair[1];
	}
	if (r < 0)
		snprintf(message, 512, "cannot make the links to the relay: %s", err_str(r));
	return r;
}

int sockets_open(struct main_config *config, const struct activation *activation, struct sockets *ret,
	char message[512])
{
	struct net_addr addr;
	unsigned workers = config->dns.workers;
	struct sockets s = {.dns_count = 2 * (size_t)workers * config->dns.listen.count,
		.http_count = config->http.listen.count};
	s.dns = descriptors(s.dns_count);
	s.http = descriptors(s.http_count);
	int r = 0;
	for (size_t i = 0; i < config->dns.listen.count && r == 0; i++) {
		r = activation->dns ? copy_dns_address(config, activation, i, workers, s.dns, message, &addr)
				    : open_dns_address(config, i, workers, s.dns, message, &addr);
		if (r == 0)
			replace(&config->dns.listen.items[i], &addr);
	}
	for (size_t i = 0; i < config->http.listen.count && r == 0; i++) {
		r = open_http_address(config, activation, i, &s.http[i], message, &addr);
		if (r == 0)
			replace(&config->http.listen.items[i], &addr);
	}
	if (r == 0 && config->relay.upstream.count > 0)
		r = open_links(&s, workers, message);
	if (r < 0) {
		sockets_close(&s);
		return r;
	}
	tell(config, activation, &s);
	*ret = s;
	return 0;
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
}

void sockets_close(struct sockets *sockets)
{
	close_all(sockets->dns, sockets->dns_count);
	close_all(sockets->http, sockets->http_count);
	close_all(sockets->dns_links, sockets->link_count);
	close_all(sockets->relay_links, sockets->link_count);
	*sockets = (struct sockets){0};
}
