#include "health/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An unconnected socket that resets when it is closed, or negative errno. */
static int take(struct health_dialer *dialer, int family)
{
	static const struct linger reset = {.l_onoff = 1};
	int fd = dialer->spare;

	if (family == AF_INET && fd > 0) {
		dialer->spare = 0;
		return fd;
	}
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

int health_dial(struct health_dialer *dialer, const struct net_addr *addr, int *ret_fd)
{
	static const int off = 0;
	int fd = take(dialer, addr->any.sa_family), r;

	if (fd < 0)
		return fd;
	/* Each time: a dissolved socket forgets it. */
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	if (connect(fd, &addr->any, addr->size) < 0 && errno != EINPROGRESS && errno != EINTR)
		r = -errno;
	else /* on loopback, and wherever else the answer comes within the call, it is known already */
		r = health_dial_outcome(fd, addr);
	if (r == 0 || r == -EINPROGRESS)
		*ret_fd = fd;
	else
		close(fd);
	return r;
}

static bool is_own_echo(int fd, uint16_t port)
{
	struct net_addr own = {.size = sizeof(own.v6)};
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof(peer);

	/* Most often the port tells, and that is one call less. */
	return getsockname(fd, &own.any, &own.size) == 0 && net_addr_port(&own) == port &&
	       getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && own.size == size &&
	       memcmp(&own.any, &peer, size) == 0;
}

int health_dial_outcome(int fd, const struct net_addr *addr)
{
	/* A second call tells what became of the first. */
	if (connect(fd, &addr->any, addr->size) < 0 && errno != EISCONN)
		return errno == EALREADY ? -EINPROGRESS : -errno;
	return is_own_echo(fd, net_addr_port(addr)) ? -ECONNREFUSED : 0;
}

void health_dial_end(struct health_dialer *dialer, int fd, const struct net_addr *connected)
{
	static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	/* Not IPv6: a socket that has called a link-local address stays with its interface. */
	if (!dialer->spare && connected && connected->any.sa_family == AF_INET &&
		connect(fd, &nobody, sizeof(nobody)) == 0)
		dialer->spare = fd;
	else
		close(fd);
}

void health_dialer_finish(struct health_dialer *dialer)
{
	if (dialer->spare > 0)
		close(dialer->spare);
	dialer->spare = 0;
}
