/* live.h -- what changes with every heartbeat and probe and is not worth a disk write.
 *
 * One table for the process, keyed by node and check id, guarded by a mutex that is held for a few dozen
 * instructions. The health thread puts and removes entries; the HTTP thread records heartbeats and lays
 * outputs over stored rows. Lost with the process; what a restart makes of that is the health room's
 * business. */
#pragma once

#include "registry/model.h"

struct registry_live;

struct registry_live_check {
	enum registry_check_type type;
	enum registry_status status; /* as last known here; the stored row follows through the writer */
	bool checked;
	int64_t heartbeat_ns; /* monotonic time of the last heartbeat or probe result, 0 = none */
	int64_t deadline_ns;  /* TTL checks: when it expires */
	int64_t ttl_ns;
	char *output; /* the last output, "" if none; a copy in the arena given to registry_live_get() */
};

/* A new, empty table. `output_size`: bytes of output that are kept for each check. */
struct registry_live *registry_live_create(uint32_t output_size);

/* NULL is fine. */
void registry_live_destroy(struct registry_live *live);

/* Adds a check, or takes over a changed definition and status of one that is there (the row's output only
 * while no result is known here, which would be newer); `deadline_ns` re-arms a TTL check (0 keeps). */
void registry_live_put(struct registry_live *live, const struct registry_check *check, int64_t deadline_ns);

/* Forgets a check. */
void registry_live_remove(struct registry_live *live, const char *node, const char *check_id);

/* Copies a check's live state; the output into `arena`. True if it is there. */
bool registry_live_get(struct registry_live *live, const char *node, const char *check_id,
	struct arena *arena, struct registry_live_check *ret);

enum registry_live_verdict {
	REGISTRY_LIVE_UNKNOWN, /* no such check (yet): ask the registry */
	REGISTRY_LIVE_NOT_TTL, /* there, but no TTL check */
	REGISTRY_LIVE_SAME,    /* recorded; the stored status is already that: nothing to write */
	REGISTRY_LIVE_CHANGED  /* recorded; the status differs from before, or from what is on its way to the
				  registry: give the writer a SET_STATUS */
};

/* A heartbeat for a TTL check at monotonic time `now_ns`: re-arms its deadline, keeps the output, and says
 * whether the registry must hear of it. The new status counts as known once the caller calls
 * registry_live_set_status(), so a failed write is tried again by the next heartbeat. */
enum registry_live_verdict registry_live_heartbeat(struct registry_live *live, const char *node,
	const char *check_id, enum registry_status status, const char *output, int64_t now_ns);

/* A heartbeat's status is given to the writer. Until it has come back nobody knows what will be stored, so
 * every heartbeat of the check is CHANGED, and the writer's order decides. The check need not be in the
 * table. */
void registry_live_write_begins(struct registry_live *live, const char *node, const char *check_id);

/* It has been stored, or refused: once for each registry_live_write_begins(). */
void registry_live_write_ends(struct registry_live *live, const char *node, const char *check_id);

/* Records the status that the registry now holds, and that the check had a result. */
void registry_live_set_status(
	struct registry_live *live, const char *node, const char *check_id, enum registry_status status);

/* Records the output of a probe (active checks) at monotonic time `now_ns`, unless a later one is there. */
void registry_live_output(struct registry_live *live, const char *node, const char *check_id,
	const char *output, int64_t now_ns);

/* Moves the TTL deadlines by `ns`: the process was stopped for that long, some time after `since_ns`
 * (monotonic). One that a heartbeat behind that has set stays: it may have come after the stop. */
void registry_live_shift(struct registry_live *live, int64_t ns, int64_t since_ns);
