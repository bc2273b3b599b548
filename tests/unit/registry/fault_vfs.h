/* fault_vfs.h -- SQLite's file layer with faults that a test turns on. */
#pragma once

enum fault {
	FAULT_NONE,
	FAULT_DISK_FULL,
	FAULT_FSYNC,
	FAULT_FSYNC_DATABASE, /* not of the write-ahead log: it is a checkpoint's */
	FAULT_WRITE
};

/* Makes the faulty layer the default for connections that are opened from now on. */
void fault_vfs_register(void);

/* Turns one fault on for all files of such connections. Any thread. */
void fault_vfs_set(enum fault fault);

/* The system's own layer is the default again. */
void fault_vfs_unregister(void);
