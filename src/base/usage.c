#include "base/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Up to the end of the file, or of `text`. */
static int read_all(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = -errno;

	if (fd < 0)
		return error;
	ssize_t n = read(fd, text, size - 1);
	error = n < 0 ? -errno : 0;
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return error;
}

int usage_read(pid_t pid, struct usage *ret)
{
	unsigned long user, system;
	char path[32], text[1024];
	long pages;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int error = read_all(path, text, sizeof(text));
	if (error)
		return error;
	/* The second field is the program's name in brackets, and may hold anything. */
	const char *rest = strrchr(text, ')');
	if (!rest || sscanf(rest,
			     ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d "
			     "%*u %*u %ld",
			     &user, &system, &pages) != 3)
		return -EPROTO;
	ret->cpu_ns = (int64_t)(user + system) * (CLOCK_NS_PER_S / sysconf(_SC_CLK_TCK));
	ret->resident_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}
