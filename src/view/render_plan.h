/* render_plan.h -- what a service has to say in DNS, before it is bytes.
 *
 * The rows of one service are judged one by one (can it be shown, where does it point, is it healthy),
 * grouped into sets (the service's own, and one for each tag), and the names that follow from them are
 * listed. All of a plan lives in the scratch arena of one render. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "registry/registry.h"
#include "view/view.h"

#define PLAN_ALIASES 64 /* of one service; more have no names */

struct render_request {
	const char *service; /* in its registered spelling */
	const struct registry_instance
		*instances; /* sorted by node and id, which is the order of the answers */
	size_t count;
	uint32_t ttl;     /* the zones' */
	size_t zone_size; /* wire size of the longest zone name */
	/* Says that a row, or the whole service, cannot be shown, and why. May be NULL. */
	void (*skipped)(void *ctx, const char *name, const char *why);
	void *ctx;
};

/* The types that a set consists of, in the order in which answers hold them. */
enum plan_part { PLAN_A, PLAN_AAAA, PLAN_SRV, PLAN_PARTS };

/* An instance that can be shown. */
struct plan_row {
	const struct registry_instance *instance;
	const uint8_t *name;   /* <label>.<service>, lower case */
	const uint8_t *target; /* of its SRV record: its name as registered, or an absolute host name */
	uint8_t name_size, target_size;
	bool has[PLAN_PARTS];
	bool host;  /* the target is a host name */
	bool shown; /* its SRV record is in some set */
	uint8_t addresses[PLAN_SRV][16];
	uint16_t priority, weight;
	uint32_t record; /* render.c: where its SRV record stands */
};

/* The instances behind one name. */
struct plan_set {
	uint32_t total, healthy, waiting;
	uint32_t *members[PLAN_PARTS]; /* rows, each record once (RFC 2181 section 5) */
	uint32_t counts[PLAN_PARTS];
	bool as_service[PLAN_PARTS];          /* the same records as the service's own set */
	const char *reason;                   /* why there is nothing to show, else NULL */
	struct view_rrset rrsets[PLAN_PARTS]; /* render.c's */
};

/* A name to claim: of a row, or of a set. */
struct plan_name {
	const uint8_t *name; /* relative, lower case */
	uint8_t size;
	uint8_t kind;  /* enum view_kind */
	bool srv_only; /* the forms with '_' */
	uint32_t of;   /* which row (VIEW_INSTANCE), else which set */
};

struct plan {
	const struct render_request *request;
	struct arena *scratch;
	uint8_t service[WIRE_NAME_MAX]; /* wire labels, as registered */
	size_t service_size;
	uint32_t ttl;
	bool show_all; /* when none is healthy */
	bool tcp, udp;
	const char *aliases[PLAN_ALIASES];
	size_t alias_count;
	struct plan_row *rows;
	uint32_t row_count;
	uint32_t skipped;      /* rows that cannot be shown */
	struct plan_set *sets; /* the service's own first */
	uint32_t set_count;
	struct plan_name *names; /* targets first, then sets: the order of publication */
	uint32_t name_count;
};

/* Plans a service's answers. NULL if its name cannot be shown (then everything counts as skipped). */
struct plan *plan_make(const struct render_request *request, struct arena *scratch);
