/* store.h -- one SQLite connection, hardened, with cached statements and an error that sticks.
 *
 * Private to the registry room. A store belongs to one thread at a time. SQL is written where it is used, as
 * string literals; the literal's address is the key of the statement cache. The first error of a statement
 * stays in the store, and until store_clear() every further statement does nothing and finds nothing: whoever
 * runs several statements in a row looks once, at the end. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_CACHE 128                 /* slots; a power of two above the number of literals */
#define STORE_APPLICATION_ID 0x73766364 /* "svcd" */

enum store_mode { STORE_READ, STORE_WRITE };

struct store_statement {
	const char *sql;
	sqlite3_stmt *handle;
};

struct store {
	sqlite3 *db;
	int code; /* SQLite's extended code of the first failure, SQLITE_OK if none */
	enum store_mode mode;
	int system_errno; /* errno behind it, where SQLite knows one */
	struct store_statement cache[STORE_CACHE];
};

/* Opens `path`: STORE_WRITE creates the file (0600) if it is not there. Sets what every connection needs (see
 * store.c), reads and changes nothing else. 0 or negative errno with a sentence in `message`. */
int store_open(const char *path, enum store_mode mode, struct store **ret, char message[512]);

/* Sets the usual wait for locks again, after somebody changed it. */
void store_set_busy_timeout(struct store *store);

/* Finalises the statements and closes; NULL is fine. */
void store_close(struct store *store);

/* Binds and returns the statement of a literal, reset; NULL while an error sticks. `types` has one letter for
 * each parameter: s const char * (NULL is SQL's NULL), i int64_t, n int. Texts must stay until it is done. */
sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...);

/* The next row: true if there is one. At the end (or on an error) the statement is reset; NULL gives false.
 */
bool store_row(struct store *store, sqlite3_stmt *statement);

/* Resets a statement that was not read to its end; NULL is fine. */
void store_done(sqlite3_stmt *statement);

/* Runs a statement without rows. Returns the number of rows that it changed, 0 on an error. */
int store_run(struct store *store, const char *sql, const char *types, ...);

/* Runs a query for one integer; `otherwise` if there is no row or an error. */
int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types, ...);

/* Runs SQL text that is not worth caching (several statements are fine). */
void store_exec(struct store *store, const char *sql);

/* Forgets the error. */
void store_clear(struct store *store);

/* The error that sticks as negative errno: -ENOSPC, -EBUSY, -EBADMSG (corrupt, no database), -EIO; 0 if none.
 */
int store_errno(const struct store *store);

/* True if the error that sticks is one of fsync, after which nobody knows what is on the disk. */
bool store_is_fsync_error(const struct store *store);

/* SQLite's words for the error that sticks. */
const char *store_text(const struct store *store);
