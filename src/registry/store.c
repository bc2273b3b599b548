/* store.c -- opening SQLite the careful way (conformance.md section 6.5), and running statements on it. */
#include "registry/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "registry/nocase.h"

#define WRITER_BUSY_MS                                                                                       \
	900 /* a write waits for two locks at most, its batch and the one before: under 2 s (F10) */
#define READER_BUSY_MS 250 /* readers only meet a lock during recovery; an event loop waits behind them */

/* What each connection gets right after it is opened. None of these touches the file. */
static const char setup_sql[] = "PRAGMA trusted_schema = OFF;"
				"PRAGMA cell_size_check = ON;"
				"PRAGMA foreign_keys = ON;"
				"PRAGMA temp_store = MEMORY;"
				"PRAGMA cache_size = -16384;"
				"PRAGMA wal_autocheckpoint = 0;"
				"PRAGMA synchronous = FULL;";

static const struct {
	int id, value;
} limits[] = {
	{SQLITE_LIMIT_ATTACHED, 0},
	{SQLITE_LIMIT_SQL_LENGTH, 100000},
	{SQLITE_LIMIT_WORKER_THREADS, 0},
};

/* SQLITE_OPEN_NOFOLLOW refuses a symbolic link anywhere in the path, but /var/run is one on many machines: so
 * the folder is resolved here, and only the file itself must not be a link. */
static int resolve(const char *path, char ret[PATH_MAX], char message[512])
{
	char folder[PATH_MAX], real[PATH_MAX];
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	size_t size = slash ? (size_t)(slash - path) : 0;

	if (size >= sizeof(folder) || !*file) {
		snprintf(message, 512, "registry path '%.300s' names no file", path);
		return -EINVAL;
	}
	memcpy(folder, path, size);
	folder[size] = '\0';
	if (!realpath(!slash ? "." : size ? folder : "/", real)) {
		int error = -errno;
		snprintf(message, 512, "cannot reach the folder of registry '%.300s': %s", path,
			err_str(error));
		return error;
	}
	if (snprintf(ret, PATH_MAX, "%s/%s", strcmp(real, "/") ? real : "", file) >= PATH_MAX) {
		snprintf(message, 512, "registry path '%.300s' is too long", path);
		return -ENAMETOOLONG;
	}
	return 0;
}

/* SQLite would create with 0644; -wal and -shm take over the mode of the file. Nobody can hold a lock on a
 * file that did not exist, so closing it here drops none. */
static int create_file(const char *path, char message[512])
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	int error = -errno;
	snprintf(message, 512, "cannot create registry '%.300s': %s", path, err_str(error));
	return error;
}

void store_set_busy_timeout(struct store *store)
{
	sqlite3_busy_timeout(store->db, store->mode == STORE_WRITE ? WRITER_BUSY_MS : READER_BUSY_MS);
}

static void harden(struct store *store)
{
	int persist = 1;

	sqlite3_extended_result_codes(store->db, 1);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(store->db, limits[i].id, limits[i].value);
	store_set_busy_timeout(store);
	/* -wal and -shm stay, so that a process that may not write can open. */
	sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist);
}

/* Once, before the first connection: nobody asks how much memory SQLite has, and counting takes a lock for
 * each allocation. */
static void configure_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int store_open(const char *path, enum store_mode mode, struct store **ret, char message[512])
{
	int flags =
		SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	char real[PATH_MAX];
	int error = resolve(path, real, message);

	pthread_once(&configured, configure_sqlite);
	if (!error && mode == STORE_WRITE)
		error = create_file(real, message);
	if (!error && access(real, F_OK) < 0) {
		error = -errno;
		snprintf(message, 512, "registry '%.300s': %s", path, err_str(error));
	}
	if (error)
		return error;

	struct store *store = mem_alloc(sizeof(*store));
	store->mode = mode;
	flags |= mode == STORE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	store->code = sqlite3_open_v2(real, &store->db, flags, NULL);
	if (store->code == SQLITE_OK) {
		harden(store);
		store->code = nocase_install(store->db);
		store_exec(store, setup_sql);
	}
	if (store->code == SQLITE_OK && mode == STORE_WRITE && sqlite3_db_readonly(store->db, "main") == 1)
		store->code = SQLITE_READONLY;
	if (store->code != SQLITE_OK) {
		error = store_errno(store);
		snprintf(message, 512,
			error == -EBADMSG ? "registry '%.300s' is damaged or no SQLite database, and was "
					    "left as it is (%s)"
					  : "cannot open registry '%.300s': %s",
			path, store_text(store));
		store_close(store);
		return error;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < STORE_CACHE; i++)
		sqlite3_finalize(store->cache[i].handle);
	sqlite3_close_v2(store->db);
	free(store);
}

static void fail(struct store *store, int code)
{
	if (store->code != SQLITE_OK)
		return;
	store->code = code;
	store->system_errno = sqlite3_system_errno(store->db);
}

static sqlite3_stmt *prepare(struct store *store, const char *sql)
{
	size_t slot = ((uintptr_t)sql >> 2) * UINT64_C(0x9E3779B97F4A7C15) >> 57;

	for (size_t i = 0; i < STORE_CACHE; i++, slot++) {
		struct store_statement *cached = &store->cache[slot % STORE_CACHE];
		if (cached->sql == sql)
			return cached->handle;
		if (cached->sql)
			continue;
		int code = sqlite3_prepare_v3(
			store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &cached->handle, NULL);
		if (code != SQLITE_OK) {
			fail(store, code);
			return NULL;
		}
		cached->sql = sql;
		return cached->handle;
	}
	abort(); /* more literals than slots: a mistake in the program */
}

static sqlite3_stmt *query(struct store *store, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *statement = store->code == SQLITE_OK ? prepare(store, sql) : NULL;

	if (!statement)
		return NULL;
	for (int i = 1; types[i - 1]; i++) {
		int code = SQLITE_OK;
		switch (types[i - 1]) {
		case 's':
			code = sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_STATIC);
			break;
		case 'i':
			code = sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
			break;
		default:
			code = sqlite3_bind_int(statement, i, va_arg(args, int));
		}
		if (code != SQLITE_OK)
			fail(store, code);
	}
	return statement;
}

sqlite3_stmt *store_query(struct store *store, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *statement = query(store, sql, types, args);
	va_end(args);
	return statement;
}

bool store_row(struct store *store, sqlite3_stmt *statement)
{
	if (!statement)
		return false;
	int code = store->code == SQLITE_OK ? sqlite3_step(statement) : SQLITE_DONE;
	if (code == SQLITE_ROW)
		return true;
	if (code != SQLITE_DONE)
		fail(store, code);
	store_done(statement);
	return false;
}

void store_done(sqlite3_stmt *statement)
{
	if (!statement)
		return;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int store_run(struct store *store, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *statement = query(store, sql, types, args);
	va_end(args);
	if (!statement)
		return 0;
	while (store_row(store, statement))
		;
	return store->code == SQLITE_OK ? sqlite3_changes(store->db) : 0;
}

int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	sqlite3_stmt *statement = query(store, sql, types, args);
	va_end(args);
	if (!store_row(store, statement))
		return otherwise;
	int64_t number = sqlite3_column_int64(statement, 0);
	store_done(statement);
	return number;
}

void store_exec(struct store *store, const char *sql)
{
	if (store->code != SQLITE_OK)
		return;
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		fail(store, code);
}

void store_clear(struct store *store)
{
	store->code = SQLITE_OK;
	store->system_errno = 0;
}

int store_errno(const struct store *store)
{
	switch (store->code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return store->system_errno == ENOSPC || store->system_errno == EDQUOT ? -ENOSPC : -EIO;
	}
}

bool store_is_fsync_error(const struct store *store)
{
	return store->code == SQLITE_IOERR_FSYNC || store->code == SQLITE_IOERR_DIR_FSYNC;
}

const char *store_text(const struct store *store)
{
	return store->code == SQLITE_OK ? "no error" : sqlite3_errstr(store->code);
}
