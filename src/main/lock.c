/* lock.c -- flock(2) on a file of its own: the database itself is opened by SQLite only. */
#include "main/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static int fail(int error, const char *what, const char *path, char message[512])
{
	snprintf(message, 512, "cannot %s %.300s: %s", what, path, err_str(error));
	return error;
}

static int make_folder(const char *path, unsigned uid, unsigned gid, char message[512])
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	const char *folder = dirname(copy);
	if (mkdir(folder, 0700) < 0)
		return errno == EEXIST ? 0 : fail(-errno, "make the folder", folder, message);
	if (uid != (unsigned)-1 && chown(folder, uid, gid) < 0)
		return fail(-errno, "give away the folder", folder, message);
	return 0;
}

int lock_registry(const char *path, unsigned uid, unsigned gid, char message[512])
{
	char name[PATH_MAX], pid[16] = "";
	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name))
		return fail(-ENAMETOOLONG, "use", path, message);
	int r = make_folder(path, uid, gid, message);
	if (r < 0)
		return r;
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(-errno, "open", name, message);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK) {
			ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
			pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
			snprintf(message, 512, "the registry %.300s is held by another svcdnsd%s%s", path,
				*pid ? " with pid " : "", pid);
			r = -EBUSY;
		} else {
			fail(r, "lock", name, message);
		}
		close(fd);
		return r;
	}
	if (uid != (unsigned)-1 && fchown(fd, uid, gid) < 0) {
		r = fail(-errno, "give away", name, message);
		close(fd);
		return r;
	}
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
	return fd;
}
