/* privileges.h -- giving up what is not needed once the sockets are open. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Looks `user` up; "" leaves both at -1 (stay who we are). 0 or -ENOENT. */
int privileges_find(const char *user, uid_t *ret_uid, gid_t *ret_gid);

/* True if uid/gid (unless -1) could make files in the folder that `path` names a file in, or make that
 * folder. */
bool privileges_reach(const char *path, uid_t uid, gid_t gid);

/* Becomes uid/gid (unless -1), drops every capability and the bounding set, and forbids to gain any by exec.
 * 0 or negative errno. */
int privileges_drop(uid_t uid, gid_t gid);
