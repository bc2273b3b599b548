/* lock.h -- one server for one registry: a lock file beside the database. */
#pragma once

/* Makes the folder of `path` (mode 0700) if it is not there, and locks "<path>.lock" for the life of the
 * returned descriptor. Owner of what is made becomes `uid`/`gid` unless they are -1; what that user puts in
 * its place meanwhile does not. The descriptor, or negative errno with a sentence in `message` (-EBUSY:
 * another server, with its pid). */
int lock_registry(const char *path, unsigned uid, unsigned gid, char message[512]);
