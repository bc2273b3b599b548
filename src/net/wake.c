#include "net/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int net_wake_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void net_wake_ring(int fd)
{
	const uint64_t one = 1;

	/* EAGAIN means that the counter is full, so the bell is ringing anyway. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void net_wake_clear(int fd)
{
	uint64_t rings;

	while (read(fd, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
}
