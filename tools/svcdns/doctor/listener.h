/* listener.h -- which process has port 53 of an address, from /proc. */
#pragma once

#include <stdbool.h>

#include "svcdns/doctor/files.h"

struct listener {
	const char
		*process; /* its name as in /proc/PID/comm, NULL if it cannot be told (without root, say) */
	const char *command; /* its command line, the arguments one behind the other; NULL as above */
};

/* True if a UDP socket is bound to port 53 of `address` (an IP literal; to all addresses counts for
 * loopback), and who has it in *ret. */
bool listener_find(const struct files *files, const char *address, struct listener *ret);
