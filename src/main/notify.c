/* notify.c -- one datagram to the service manager. */
#include "main/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, strlen(path));
	if (path[0] == '@')
		addr.sun_path[0] = '\0'; /* the abstract namespace */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&addr, size);
	close(fd);
}

void notify_limit(int64_t limit_ns)
{
	char state[64];
	snprintf(state, sizeof(state), "WATCHDOG_USEC=%lld", (long long)(limit_ns / 1000));
	notify_send(state);
}

int64_t notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t value, owner;
	if (!usec || str_parse_u64(usec, INT64_MAX / 1000, &value) < 0)
		return 0;
	if (pid && str_parse_u64(pid, INT32_MAX, &owner) == 0 && owner != (uint64_t)getpid())
		return 0;
	return (int64_t)value * 1000 / 2;
}
