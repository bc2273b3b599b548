/* activation.c -- $LISTEN_FDS read, and each socket looked at before it is trusted. */
#include "main/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/listen.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define SOCKETS_MAX 1024
#define NAME_MAX_SIZE 32 /* longer than any name that we know */

/* The next of the colon-separated names; moves *at behind it. */
static void next_name(const char **at, char ret[NAME_MAX_SIZE])
{
	size_t size = strcspn(*at, ":");
	snprintf(ret, NAME_MAX_SIZE, "%.*s", (int)size, *at);
	*at += size + ((*at)[size] == ':');
}

static int refuse(
	const struct activation_socket *socket, const char *name, const char *why, char message[512])
{
	snprintf(message, 512, "the socket passed as descriptor %d (\"%s\") %s", socket->fd, name, why);
	return -EINVAL;
}

/* Fills in what the socket is, or says why it cannot be what its name promises. */
static int look_at(struct activation_socket *s, const char *name, char message[512])
{
	struct net_socket found;
	s->http = str_eq(name, "http");
	int r = net_inspect(s->fd, &found);
	if (r == -EAFNOSUPPORT)
		return refuse(s, name, "is neither IPv4 nor IPv6", message);
	if (r < 0)
		return refuse(s, name, log_fmt("cannot be used: %s", err_str(r)), message);
	if (!s->http && !str_eq(name, "dns"))
		return refuse(
			s, name, "has an unknown name: FileDescriptorName= must be dns or http", message);
	if (s->http && found.type != SOCK_STREAM)
		return refuse(s, name, "is not a TCP socket: ListenStream= is needed", message);
	if (found.type != SOCK_STREAM && found.type != SOCK_DGRAM)
		return refuse(s, name, "is neither UDP nor TCP", message);
	if (found.type == SOCK_STREAM && !found.listening)
		return refuse(s, name, "does not listen: Accept=no is needed", message);
	if (net_addr_port(&found.addr) == 0)
		return refuse(s, name, "is not bound to a port", message);
	if (found.dual)
		return refuse(
			s, name, "takes IPv4 on an IPv6 address: BindIPv6Only=ipv6-only is needed", message);
	s->type = found.type;
	s->addr = found.addr;
	int flags = fcntl(s->fd, F_GETFL);
	if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(s->fd, F_SETFD, FD_CLOEXEC) < 0)
		return refuse(s, name, log_fmt("cannot be used: %s", err_str(errno)), message);
	return 0;
}

static bool same_addr(const struct net_addr *a, const struct net_addr *b)
{
	char one[NET_ADDR_TEXT], other[NET_ADDR_TEXT];
	return str_eq(net_addr_format(a, one), net_addr_format(b, other));
}

static bool matches(const struct activation_socket *s, bool http, int type, const struct net_addr *addr)
{
	return s->http == http && s->type == type && same_addr(&s->addr, addr);
}

size_t activation_count(const struct activation *activation, bool http, int type, const struct net_addr *addr)
{
	size_t count = 0;
	for (size_t i = 0; i < activation->count; i++)
		count += matches(&activation->sockets[i], http, type, addr);
	return count;
}

int activation_copy(
	const struct activation *activation, bool http, int type, const struct net_addr *addr, size_t n)
{
	size_t count = activation_count(activation, http, type, addr);
	if (count == 0)
		return -ENOENT;
	n %= count;
	for (size_t i = 0;; i++) {
		const struct activation_socket *s = &activation->sockets[i];
		if (!matches(s, http, type, addr) || n-- > 0)
			continue;
		int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, FIRST_FD);
		return fd < 0 ? -errno : fd;
	}
}

/* The option that the sockets of one kind stand for: each address once, in the order in which they were
 * passed. */
static char *option(const struct activation *activation, bool http)
{
	struct buf text = {0};
	char addr[NET_ADDR_TEXT];
	for (size_t i = 0; i < activation->count; i++) {
		const struct activation_socket *s = &activation->sockets[i];
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen |= activation->sockets[k].http == http &&
				same_addr(&activation->sockets[k].addr, &s->addr);
		if (s->http != http || seen)
			continue;
		buf_printf(&text, "%s%s",
			text.size ? ","
			: http    ? "http.listen="
				  : "dns.listen=",
			net_addr_format(&s->addr, addr));
	}
	char *copy = text.size ? mem_strdup(text.data) : NULL;
	buf_finish(&text);
	return copy;
}

/* DNS has both transports at each address (RFC 7766), and every HTTP address is served by one socket. */
static int check_together(const struct activation *activation, char message[512])
{
	char addr[NET_ADDR_TEXT];
	for (size_t i = 0; i < activation->count; i++) {
		const struct activation_socket *s = &activation->sockets[i];
		bool udp = s->type == SOCK_DGRAM;
		net_addr_format(&s->addr, addr);
		if (!s->http &&
			!activation_count(activation, false, udp ? SOCK_STREAM : SOCK_DGRAM, &s->addr)) {
			snprintf(message, 512,
				"a %s socket was passed for DNS on %s, but no %s socket: %s=%s is missing",
				udp ? "UDP" : "TCP", addr, udp ? "TCP" : "UDP",
				udp ? "ListenStream" : "ListenDatagram", addr);
			return -EINVAL;
		}
		if (s->http && activation_count(activation, true, SOCK_STREAM, &s->addr) > 1) {
			snprintf(message, 512, "more than one socket was passed for HTTP on %s", addr);
			return -EINVAL;
		}
	}
	return 0;
}

static int take(struct activation *a, size_t count, const char *names, char message[512])
{
	char name[NAME_MAX_SIZE];
	a->sockets = mem_alloc(count * sizeof(a->sockets[0]));
	for (size_t i = 0; i < count; i++)
		a->sockets[i].fd = FIRST_FD + (int)i;
	a->count = count;
	for (size_t i = 0; i < count; i++) {
		next_name(&names, name);
		int r = look_at(&a->sockets[i], name, message);
		if (r < 0)
			return r;
	}
	int r = check_together(a, message);
	if (r < 0)
		return r;
	a->dns = option(a, false);
	a->http = option(a, true);
	return 0;
}

int activation_take(struct activation *ret, char message[512])
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");
	struct activation a = {0};
	uint64_t owner, count;
	int r = 0;
	/* Meant for another process, such as one that started us without removing them. */
	bool ours = pid && fds && str_parse_u64(pid, INT32_MAX, &owner) == 0 && owner == (uint64_t)getpid();
	if (ours && str_parse_u64(fds, SOCKETS_MAX, &count) < 0) {
		snprintf(message, 512, "LISTEN_FDS: '%.60s' is not a number up to %d", fds, SOCKETS_MAX);
		r = -EINVAL;
	} else if (ours && count > 0) {
		r = take(&a, count, names ? names : "", message);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (r < 0)
		activation_finish(&a);
	else
		*ret = a;
	return r;
}

size_t activation_flags(const struct activation *activation, const char *ret[ACTIVATION_FLAGS])
{
	size_t count = 0;
	if (activation->dns)
		ret[count++] = activation->dns;
	if (activation->http)
		ret[count++] = activation->http;
	return count;
}

void activation_finish(struct activation *activation)
{
	for (size_t i = 0; i < activation->count; i++)
		close(activation->sockets[i].fd);
	free(activation->sockets);
	free(activation->dns);
	free(activation->http);
	*activation = (struct activation){0};
}
