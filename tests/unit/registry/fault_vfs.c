#include "fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

static sqlite3_vfs faulty, *real;
/* SQLite has one set of methods for the database and one, without locks, for its logs. */
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods faulty;
} sets[4];
static _Atomic int current;

static int fault_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
	int fault = atomic_load(&current);

	if (fault == FAULT_DISK_FULL)
		return SQLITE_FULL;
	if (fault == FAULT_WRITE)
		return SQLITE_IOERR_WRITE;
	return sets[0].real->xWrite(file, bytes, size, offset);
}

static int fault_sync(sqlite3_file *file, int flags)
{
	int fault = atomic_load(&current);

	/* The database is opened first. */
	if (fault == FAULT_FSYNC || (fault == FAULT_FSYNC_DATABASE && file->pMethods == &sets[0].faulty))
		return SQLITE_IOERR_FSYNC;
	return sets[0].real->xSync(file, flags);
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int code = real->xOpen(real, name, file, flags, ret_flags);

	if (code != SQLITE_OK || !file->pMethods)
		return code;
	size_t i = 0;
	while (sets[i].real && sets[i].real != file->pMethods)
		i++;
	if (!sets[i].real) {
		sets[i].real = file->pMethods;
		sets[i].faulty = *file->pMethods;
		sets[i].faulty.xWrite = fault_write;
		sets[i].faulty.xSync = fault_sync;
	}
	file->pMethods = &sets[i].faulty;
	return SQLITE_OK;
}

void fault_vfs_register(void)
{
	real = sqlite3_vfs_find("unix");
	faulty = *real;
	faulty.pNext = NULL;
	faulty.zName = "faulty";
	faulty.xOpen = fault_open;
	atomic_store(&current, FAULT_NONE);
	sqlite3_vfs_register(&faulty, 1);
}

void fault_vfs_set(enum fault fault)
{
	atomic_store(&current, fault);
}

void fault_vfs_unregister(void)
{
	sqlite3_vfs_unregister(&faulty);
	sqlite3_vfs_register(real, 1);
}
