/* change_log.c -- see change_log.h. */
#include "main/change_log.h"

#include "base/log.h"
#include "base/str.h"

/* What is said of a change. Each row has a limit of its own, so that thousands of registrations hide no check
 * that becomes critical. */
struct change_row {
	const char *kind, *what;
	bool maintenance; /* of a check that stands for it */
	enum log_level level;
	const char *message;
	struct log_site site;
};

static struct change_row rows[] = {
	{"instance", "registered", false, LOG_INFO, "instance registered"},
	{"instance", "changed", false, LOG_INFO, "instance registered anew"},
	{"instance", "removed", false, LOG_INFO, "instance deregistered"},
	{"check", "registered", true, LOG_INFO, "maintenance begun"},
	{"check", "changed", true, LOG_INFO, "maintenance goes on"},
	{"check", "removed", true, LOG_INFO, "maintenance ended"},
	{"check", "registered", false, LOG_DEBUG, "check registered"},
	{"check", "changed", false, LOG_DEBUG, "check registered anew"},
	{"check", "removed", false, LOG_DEBUG, "check deregistered"},
	{"check", "passing", false, LOG_INFO, "check changed"},
	{"check", "warning", false, LOG_WARN, "check changed"},
	{"check", "critical", false, LOG_WARN, "check changed"},
	{"node", "registered", false, LOG_INFO, "node registered"},
	{"node", "changed", false, LOG_INFO, "node registered anew"},
	{"node", "renamed", false, LOG_INFO, "node renamed"},
	{"node", "removed", false, LOG_INFO, "node deregistered"},
};

static struct change_row *find(const struct registry_history *change)
{
	bool maintenance = str_eq(change->kind, "check") && registry_check_is_maintenance(change->id);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq(rows[i].kind, change->kind) && str_eq(rows[i].what, change->what) &&
			rows[i].maintenance == maintenance)
			return &rows[i];
	return NULL;
}

static const char *if_any(const char *text)
{
	return *text ? text : NULL;
}

void change_log(const struct registry_history *change)
{
	struct change_row *row = find(change);
	enum registry_status status;

	if (!row)
		return;
	log_line(&row->site, row->level, row->message, "service", if_any(change->service), "node",
		change->node, "instance", if_any(change->instance), "check",
		str_eq(change->kind, "check") ? change->id : NULL, "from", if_any(change->former), "to",
		registry_status_parse(change->what, &status) == 0 ? change->what : NULL, "reason",
		if_any(change->reason), NULL);
}
