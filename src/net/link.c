#include "net/link.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BUFFER (1 << 20) /* bytes that may wait; the kernel may grant less */

int net_link_create(int ret[2])
{
	int size = BUFFER;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		setsockopt(ret[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int net_link_send(int fd, const struct net_link_head *head, const uint8_t *message, size_t size)
{
	struct iovec parts[] = {{(void *)(uintptr_t)head, sizeof(*head)}, {(void *)(uintptr_t)message, size}};
	const struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;
	do
		n = sendmsg(fd, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* An empty message looks like the end of the link. */
static bool has_ended(int fd)
{
	struct pollfd link = {.fd = fd, .events = POLLRDHUP};
	return poll(&link, 1, 0) == 1 && (link.revents & (POLLRDHUP | POLLHUP));
}

int net_link_receive(int fd, struct net_link_head *ret_head, uint8_t ret_message[NET_LINK_MESSAGE])
{
	struct iovec parts[] = {{ret_head, sizeof(*ret_head)}, {ret_message, NET_LINK_MESSAGE}};
	struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;
	do
		n = recvmsg(fd, &packet, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return has_ended(fd) ? -ECONNRESET : -EBADMSG;
	if ((size_t)n < sizeof(*ret_head) || packet.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	return (int)((size_t)n - sizeof(*ret_head));
}
