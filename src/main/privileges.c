/* privileges.c -- uid, capabilities, no_new_privs; by plain system calls, so no library is needed. */
#include "main/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int privileges_find(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	if (!*user) {
		*ret_uid = (uid_t)-1;
		*ret_gid = (gid_t)-1;
		return 0;
	}
	const struct passwd *entry = getpwnam(user);
	if (!entry)
		return -ENOENT;
	*ret_uid = entry->pw_uid;
	*ret_gid = entry->pw_gid;
	return 0;
}

bool privileges_reach(const char *path, uid_t uid, gid_t gid)
{
	char folder[PATH_MAX], parent[PATH_MAX];
	if (uid == (uid_t)-1)
		return true;
	if (setegid(gid) < 0 || seteuid(uid) < 0)
		return false;
	snprintf(folder, sizeof(folder), "%s", path);
	dirname(folder);
	snprintf(parent, sizeof(parent), "%s", folder);
	/* A missing folder is made by us, before the change of uid; it must only be reached then. */
	bool there = faccessat(AT_FDCWD, folder, F_OK, AT_EACCESS) == 0;
	bool reached = there ? faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0
			     : errno == ENOENT && faccessat(AT_FDCWD, dirname(parent), X_OK, AT_EACCESS) == 0;
	if (seteuid(0) < 0 || setegid(0) < 0)
		return false;
	return reached;
}

int privileges_drop(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};
	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes that harmless. */
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
			return -errno;
	if (uid != (uid_t)-1) {
		if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			return -errno;
	}
	if (syscall(SYS_capset, &header, none) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}
