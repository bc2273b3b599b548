/* health.c -- checks weighed. */
#include "svcdns/health.h"

#include <string.h>

#include "base/str.h"
#include "svcdns/cli.h"

enum weight { PASSING, WARNING, CRITICAL, MAINTENANCE };

static enum weight weight(const json_t *check)
{
	const char *id = cli_text(check, "CheckID");

	if (str_eq(id, "_node_maintenance") || str_starts(id, "_service_maintenance:"))
		return MAINTENANCE;
	if (str_eq(cli_text(check, "Status"), "critical"))
		return CRITICAL;
	return str_eq(cli_text(check, "Status"), "warning") ? WARNING : PASSING;
}

const json_t *health_worst(const json_t *entry)
{
	const json_t *checks = json_object_get(entry, "Checks"), *check, *worst = NULL;
	size_t i;

	json_array_foreach(checks, i, check) {
		/* Every node has this one; it says nothing while it passes. */
		if (str_eq(cli_text(check, "CheckID"), "serfHealth") && weight(check) == PASSING)
			continue;
		if (!worst || weight(check) > weight(worst))
			worst = check;
	}
	return worst;
}

bool health_is_healthy(const json_t *entry)
{
	const json_t *worst = health_worst(entry);

	return !worst || weight(worst) < CRITICAL;
}

bool health_is_maintenance(const json_t *entry)
{
	const json_t *worst = health_worst(entry);

	return worst && weight(worst) == MAINTENANCE;
}

const char *health_state(const json_t *entry)
{
	static const char *const words[] = {"healthy", "warning", "critical", "maintenance"};
	const json_t *worst = health_worst(entry);

	return words[worst ? weight(worst) : PASSING];
}

const char *health_reason(struct arena *arena, const json_t *entry)
{
	const json_t *worst = health_worst(entry);
	const char *output, *said;

	if (!worst)
		return "no checks";
	output = cli_text(worst, "Output");
	said = *output ? output : cli_text(worst, "Notes");
	if (weight(worst) == MAINTENANCE)
		return said;
	return arena_printf(arena, "%s%s%s", cli_text(worst, "Name"), *said ? ": " : "", said);
}
