/* live.h -- a view of services made by hand, and its answers as text by way of ldns. */
#pragma once

#include "view/services.h"
#include "view/zones.h"

#define LIVE_ZONE "service.local"
#define LIVE_REPORTS 16

struct live {
	struct services services;
	struct zones *zones;
	_Atomic(const struct zones *) current;
	struct metrics metrics;
};

/* What was reported since live_begin(): "name: message: detail". */
extern char live_reports[LIVE_REPORTS][512];
extern size_t live_report_count;

/* The report function of a view under test. */
void live_report(enum log_level level, const char *message, const char *name, const char *detail);

/* An empty view with the zone file `file` (NULL for the built-in zone). */
void live_begin(struct live *live, const char *file);

/* Removes everything. */
void live_end(struct live *live);

/* Shows a service. */
void live_put(
	struct live *live, const char *service, const struct registry_instance *instances, size_t count);

/* The answer at a relative name given as text; NULL if there is none. Valid until something is put. */
const struct view_answer *live_find(struct live *live, const char *name);

/* The records of `type` in an answer as ldns prints them, one per line, each followed by its glue (lines that
 * start with "+ "). ldns has parsed them out of a whole message for `name`. The caller frees the text. */
char *live_text(const struct view_answer *answer, const char *name, uint16_t type);

/* Asserts that live_text() of what stands at `name` is `expected`. */
void live_expect(struct live *live, const char *name, uint16_t type, const char *expected);

/* A query for an absolute name, as far as the view reads it. */
struct wire_query live_query(const char *name);

/* Finds an absolute name as the responder does; the zone too, NULL if it is in none. Valid until the next
 * change. */
const struct view_answer *live_lookup(
	const struct view *view, const char *name, const struct view_zone **ret_zone);
