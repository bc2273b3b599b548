/* usage.h -- what a process has used, as the kernel tells (proc(5)). Any thread. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct usage {
	int64_t cpu_ns; /* user and system, of all its threads, in steps of the kernel's tick */
	uint64_t resident_bytes;
};

/* Of the process `pid`. 0, -ENOENT if there is none, or another negative errno. */
int usage_read(pid_t pid, struct usage *ret);
