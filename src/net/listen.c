#include "net/listen.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

struct option {
	int level, name, value;
};

static const int on = 1;

static int set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			    sizeof(options[i].value)) < 0)
			return -errno;
	return 0;
}

/* A socket of the address's family. Returns the descriptor or negative errno. */
static int open_socket(const struct net_addr *addr, int type)
{
	int fd = socket(addr->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	if (addr->any.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Binds and fills in the port that was chosen. */
static int bind_addr(int fd, struct net_addr *addr)
{
	struct net_addr bound = {.size = sizeof(bound.v6)};

	if (bind(fd, &addr->any, addr->size) < 0)
		return -errno;
	if (net_addr_port(addr) != 0)
		return 0;
	if (getsockname(fd, &bound.any, &bound.size) < 0)
		return -errno;
	*addr = bound;
	return 0;
}

int net_probe_udp(const struct net_addr *addr)
{
	int fd, r;

	if (net_addr_port(addr) == 0)
		return 0;
	fd = open_socket(addr, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	r = bind(fd, &addr->any, addr->size) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* `shared`: with SO_REUSEPORT, the first row. */
static int set_udp_options(int fd, const struct net_addr *addr, bool shared)
{
	/* Without PMTU discovery a forged "fragmentation needed" cannot shrink our answers (RFC 9715
	 * section 3.1). */
	const struct option v4[] = {
		{SOL_SOCKET, SO_REUSEPORT, 1},
		{IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT},
		{IPPROTO_IP, IP_PKTINFO, 1},
	};
	const struct option v6[] = {
		{SOL_SOCKET, SO_REUSEPORT, 1},
		{IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT},
		{IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
	};
	/* The last row, where the answer leaves from, matters for a wildcard only. */
	size_t count = net_addr_is_wildcard(addr) ? 3 : 2, first = shared ? 0 : 1;

	return set_options(fd, (addr->any.sa_family == AF_INET6 ? v6 : v4) + first, count - first);
}

/* Half of what the kernel says: it doubles what it is asked for, for its bookkeeping (socket(7)). */
static int receive_buffer_of(int fd)
{
	socklen_t length = sizeof(int);
	int doubled;

	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &doubled, &length) < 0)
		return -errno;
	return doubled / 2;
}

/* What SO_RCVBUF makes of `size`, which it cuts to net.core.rmem_max without a word: found out by a socket
 * that nobody needs. Negative errno if it cannot be. */
static int permitted_buffer(int size)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ? -errno : receive_buffer_of(fd);
	close(fd);
	return r;
}

/* Asks for a receive buffer, by force if permitted. If not, a larger one that somebody made who was permitted
 * (systemd's ReceiveBuffer=) is not cut. Returns what there is then, or negative errno. */
static int set_receive_buffer(int fd, int size)
{
	int had, permitted;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0)
		return receive_buffer_of(fd);
	had = receive_buffer_of(fd);
	permitted = permitted_buffer(size);
	if (had < 0 || permitted < 0)
		return had < 0 ? had : permitted;
	if (permitted < size && permitted <= had)
		return had;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		return -errno;
	return receive_buffer_of(fd);
}

int net_listen_udp(struct net_addr *addr, int receive_buffer, int *ret_fd, int *ret_granted)
{
	struct net_addr bound = *addr;
	int fd, r, granted;

	fd = open_socket(addr, SOCK_DGRAM);
	if (fd < 0)
		return fd;
	r = set_udp_options(fd, addr, true);
	if (r < 0)
		goto fail;
	granted = set_receive_buffer(fd, receive_buffer);
	if (granted < 0) {
		r = granted;
		goto fail;
	}
	r = bind_addr(fd, &bound);
	if (r < 0)
		goto fail;
	*addr = bound;
	*ret_fd = fd;
	*ret_granted = granted;
	return 0;

fail:
	close(fd);
	return r;
}

int net_listen_tcp(struct net_addr *addr, int backlog, bool reuse_port, int *ret_fd)
{
	const struct option options[] = {
		{SOL_SOCKET, SO_REUSEADDR, 1},
		{SOL_SOCKET, SO_REUSEPORT, 1},
	};
	struct net_addr bound = *addr;
	int fd, r;

	fd = open_socket(addr, SOCK_STREAM);
	if (fd < 0)
		return fd;
	r = set_options(fd, options, reuse_port ? 2 : 1);
	if (r < 0)
		goto fail;
	r = bind_addr(fd, &bound);
	if (r < 0)
		goto fail;
	if (listen(fd, backlog) < 0) {
		r = -errno;
		goto fail;
	}
	*addr = bound;
	*ret_fd = fd;
	return 0;

fail:
	close(fd);
	return r;
}

int net_inspect(int fd, struct net_socket *ret)
{
	struct net_socket found = {.addr.size = sizeof(found.addr.v6)};
	int listening = 0, only_v6 = 0;
	socklen_t size = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found.type, &size) < 0 ||
		getsockname(fd, &found.addr.any, &found.addr.size) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return -errno;
	if (found.addr.any.sa_family != AF_INET && found.addr.any.sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (found.addr.any.sa_family == AF_INET6 &&
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &size) < 0)
		return -errno;
	found.listening = listening != 0;
	found.dual = found.addr.any.sa_family == AF_INET6 && net_addr_is_wildcard(&found.addr) && !only_v6;
	*ret = found;
	return 0;
}

/* What the kernel tells beside a packet is sent back with its answer (dns/udp.c), so it may be nothing but
 * the packet information: a time stamp (systemd's Timestamping=) is refused by sendmsg(2), a TTL would be
 * used. */
static int clear_ancillary(int fd, int family)
{
	const struct option any[] = {
		{SOL_SOCKET, SO_TIMESTAMP, 0}, /* SO_TIMESTAMPNS, too */
		{SOL_SOCKET, SO_TIMESTAMPING, 0},
		{SOL_SOCKET, SO_RXQ_OVFL, 0},
	};
	const struct option v4[] = {
		{IPPROTO_IP, IP_RECVTTL, 0},
		{IPPROTO_IP, IP_RECVTOS, 0},
	};
	const struct option v6[] = {
		{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0},
		{IPPROTO_IPV6, IPV6_RECVTCLASS, 0},
	};
	int r = set_options(fd, any, sizeof(any) / sizeof(any[0]));

	return r < 0 ? r : set_options(fd, family == AF_INET6 ? v6 : v4, sizeof(v4) / sizeof(v4[0]));
}

int net_prepare_udp(int fd, const struct net_addr *addr, int receive_buffer)
{
	int r = set_udp_options(fd, addr, false);

	if (r == 0)
		r = clear_ancillary(fd, addr->any.sa_family);
	if (r == 0)
		r = set_receive_buffer(fd, receive_buffer);
	return r < 0 ? r : 0;
}
