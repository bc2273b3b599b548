/* resolvers.h -- the programs that resolve names on a machine, and whether one of them has a forward zone.
 *
 * One row a program: by what process it is known, where its configuration is, how that names a zone, and
 * which recipe is for it. */
#pragma once

#include <stdbool.h>

#include "svcdns/doctor/files.h"

#define RESOLVER_CONFIGS 6

struct resolver {
	const char *title;
	const char *process; /* the name in /proc/PID/comm */
	const char *mark;    /* what its command line must have; NULL for nothing */
	const char *recipe;
	/* Files, or folders (with a '/' at the end) whose files "*.conf" count; with "/+", files of any name.
	 */
	const char *configs[RESOLVER_CONFIGS + 1];
	/* True if a line of them names the zone or one above it. */
	bool (*names)(const struct files *files, const char *line, const char *zone);
};

extern const struct resolver resolver_resolved, resolver_networkmanager, resolver_docker, resolver_svcdns;

/* The program with a process of that name and a command line, NULL if it is none that is known. */
const struct resolver *resolvers_find(const char *process, const char *command);

/* The first file of the program's configuration with a line for which `is` is true, in the arena; NULL if
 * none has one. `argument` is handed through to `is`. */
const char *resolvers_search(const struct files *files, const struct resolver *resolver,
	bool (*is)(const struct files *files, const char *line, const char *argument), const char *argument);

/* The file in which the program's configuration names the zone, or one above it, in the arena; NULL if none
 * does. */
const char *resolvers_find_zone(const struct files *files, const struct resolver *resolver, const char *zone);
