/* nocase.h -- SQLite's collation NOCASE, quicker.
 *
 * Private to the registry room; any thread. Most of what a write costs is comparing keys, and ours differ
 * near their end: the node's name and the beginnings of the ids are the same. SQLite's own goes byte by byte.
 * The order is the same, so a file is the same to a program that has SQLite's. */
#pragma once

#include <sqlite3.h>

/* Puts it in the place of SQLite's own on a connection. An SQLite code. */
int nocase_install(sqlite3 *db);
