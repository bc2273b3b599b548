/* check_ttl.c -- TTL checks have no probe: their deadline is in registry/live, where heartbeats move it, and
 * core.c looks at it. What is left to say is the output of one whose time is over (consul.md section 2.6). */
#include "health/check_types.h"

#include "base/str.h"

const char *health_ttl_expired_output(struct arena *arena, const char *last)
{
	if (!last || !*last)
		return "TTL expired";
	if (str_starts(last, "TTL expired")) /* judged again because the registry could not be written */
		return last;
	return arena_printf(arena, "TTL expired (last output before timeout follows): %s", last);
}
