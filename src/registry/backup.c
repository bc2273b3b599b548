/* backup.c -- SQLite's backup API, from a snapshot. */
#include "registry/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "registry/store.h"
#include "registry/writer_private.h"

#define STEP_PAGES 256 /* 1 MiB */

/* A file that is ours alone, before SQLite opens it. */
static int make_file(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int error_of(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return sqlite3_system_errno(db) ? -sqlite3_system_errno(db) : -EIO;
	}
}

static int copy_pages(sqlite3 *from, sqlite3 *to, bool (*stop)(void *ctx), void *ctx)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (!backup)
		return error_of(to, sqlite3_errcode(to));
	do
		code = stop(ctx) ? SQLITE_INTERRUPT : sqlite3_backup_step(backup, STEP_PAGES);
	while (code == SQLITE_OK);
	sqlite3_backup_finish(backup);
	return code == SQLITE_INTERRUPT ? -ECANCELED : error_of(to, code);
}

/* Nobody else sees the copy while it grows, and whoever takes it syncs it: no journal, no syncs. At the end
 * it stops to be a WAL database, so that it can be read where its folder cannot be written. */
static int copy_to(sqlite3 *from, const char *copy, bool (*stop)(void *ctx), void *ctx)
{
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(copy, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), error;

	if (code == SQLITE_OK)
		code = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
	error = error_of(to, code);
	if (!error)
		error = copy_pages(from, to, stop, ctx);
	if (!error)
		error = error_of(to, sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL));
	if (sqlite3_close(to) != SQLITE_OK && !error)
		error = -EIO;
	return error;
}

int registry_backup(struct registry_writer *writer, const char *copy, bool (*stop)(void *ctx), void *ctx)
{
	struct store *from = NULL;
	char message[512];
	int error = make_file(copy);

	if (error)
		return error;
	writer_hold_log(writer, true);
	error = store_open(writer_path(writer), STORE_READ, &from, message);
	if (!error) {
		/* The transaction keeps the snapshot: without it each commit would start the copy anew. */
		store_exec(from, "BEGIN");
		store_number(from, 0, "SELECT value FROM meta WHERE key = 'index'", "");
		error = store_errno(from);
	}
	if (!error)
		error = copy_to(from->db, copy, stop, ctx);
	store_close(from);
	writer_hold_log(writer, false);
	if (error)
		unlink(copy);
	return error;
}
