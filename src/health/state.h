/* state.h -- from results to a status: thresholds, and the clock of DeregisterCriticalServiceAfter.
 *
 * Pure. Thresholds are Consul's (consul.md section 2.6): the first result of a new check applies at once;
 * then passing and warning need SuccessBeforePassing good results in a row, critical needs
 * FailuresBeforeCritical bad ones, and from FailuresBeforeWarning bad ones on the status is warning. 0 counts
 * as 1. The clock starts with the first result that makes the status critical, or finds it so, and ends with
 * any other status. */
#pragma once

#include "registry/registry.h"

struct health_state {
	enum registry_status status;
	uint32_t successes, failures; /* in a row */
	bool critical;                /* the clock runs */
	int64_t critical_since_ns;
};

/* The state of a check whose status is `status`. `judged`: that came from results (a check that was loaded),
 * so thresholds hold for the first result too; else the first result applies at once. */
void health_state_init(struct health_state *state, const struct registry_check_definition *definition,
	enum registry_status status, bool judged);

/* Takes the result of a probe and returns the status that follows from it. */
enum registry_status health_state_result(struct health_state *state,
	const struct registry_check_definition *definition, enum registry_status result, int64_t now_ns);

/* Takes a status that holds without thresholds: a heartbeat, or the end of a TTL. */
void health_state_set(struct health_state *state, enum registry_status status, int64_t now_ns);

/* When the instance is to be removed; HEALTH_NEVER if the clock does not run or the check has no such time.
 */
int64_t health_state_deregister_at(
	const struct health_state *state, const struct registry_check_definition *definition);

/* Moves the clock by `ns`: the process was stopped for that long. */
void health_state_shift(struct health_state *state, int64_t ns);
