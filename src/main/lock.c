/* lock.c -- flock(2) on a file of its own: the database itself is opened by SQLite only. */
#include "main/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
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

/* Opens the folder `name` in the folder `parent`, made for `uid` if it is not there. Where `parent` is that
 * user's he can put something else in the new folder's place at once: what is given away is what was opened,
 * and no link's target. */
static int open_in(int parent, const char *name, unsigned uid, unsigned gid)
{
	bool made = mkdirat(parent, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	int fd = openat(parent, name, O_DIRECTORY | O_CLOEXEC | (made ? O_RDONLY | O_NOFOLLOW : O_PATH));
	if (fd < 0)
		return -errno;
	if (made && uid != (unsigned)-1 && fchown(fd, uid, gid) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* The folder of `path`, opened. */
static int open_folder(const char *path, unsigned uid, unsigned gid, char message[512])
{
	char copy[PATH_MAX], above[PATH_MAX], last[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	const char *folder = dirname(copy);
	snprintf(above, sizeof(above), "%s", folder);
	snprintf(last, sizeof(last), "%s", folder);
	int parent = open(dirname(above), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return fail(-errno, "make the folder", folder, message);
	int fd = open_in(parent, basename(last), uid, gid);
	close(parent);
	return fd < 0 ? fail(fd, "make the folder", folder, message) : fd;
}

/* True if the file may become `uid`'s: it is already, or nobody knows it by another name. */
static bool is_ours_to_give(int fd, unsigned uid)
{
	struct stat info;
	return fstat(fd, &info) == 0 && (info.st_uid == uid || (S_ISREG(info.st_mode) && info.st_nlink == 1));
}

int lock_registry(const char *path, unsigned uid, unsigned gid, char message[512])
{
	char name[PATH_MAX], copy[PATH_MAX], pid[16] = "";
	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name))
		return fail(-ENAMETOOLONG, "use", path, message);
	int r = open_folder(path, uid, gid, message);
	if (r < 0)
		return r;
	snprintf(copy, sizeof(copy), "%s", name);
	int fd = openat(r, basename(copy), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), error = errno;
	close(r);
	if (fd < 0)
		return fail(-error, "open", name, message);
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
	if (uid != (unsigned)-1 && (!is_ours_to_give(fd, uid) || fchown(fd, uid, gid) < 0)) {
		r = fail(-EPERM, "give away", name, message);
		close(fd);
		return r;
	}
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
	return fd;
}
