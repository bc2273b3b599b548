#include "health/state.h"

#include "health/scheduler.h"

static uint32_t at_least_one(uint32_t threshold)
{
	return threshold ? threshold : 1;
}

static uint32_t count_up(uint32_t count)
{
	return count < UINT32_MAX ? count + 1 : count;
}

void health_state_init(struct health_state *state, const struct registry_check_definition *definition,
	enum registry_status status, bool judged)
{
	*state = (struct health_state){.status = status};
	if (!judged) {
		state->successes = definition->success_before_passing;
		state->failures = definition->failures_before_critical;
	}
}

enum registry_status health_state_result(struct health_state *state,
	const struct registry_check_definition *definition, enum registry_status result, int64_t now_ns)
{
	uint32_t critical = at_least_one(definition->failures_before_critical);
	uint32_t warning =
		definition->failures_before_warning ? definition->failures_before_warning : critical;
	enum registry_status status = state->status;

	if (result != REGISTRY_CRITICAL) {
		state->failures = 0;
		state->successes = count_up(state->successes);
		if (state->successes >= at_least_one(definition->success_before_passing))
			status = result;
	} else {
		state->successes = 0;
		state->failures = count_up(state->failures);
		if (state->failures >= critical)
			status = REGISTRY_CRITICAL;
		else if (state->failures >= warning && status == REGISTRY_PASSING)
			status = REGISTRY_WARNING;
	}
	/* A good result that is not yet enough leaves the clock as it is: it does not start one either. */
	if (result == REGISTRY_CRITICAL || status != REGISTRY_CRITICAL)
		health_state_set(state, status, now_ns);
	return status;
}

void health_state_set(struct health_state *state, enum registry_status status, int64_t now_ns)
{
	state->status = status;
	if (status != REGISTRY_CRITICAL)
		state->critical = false;
	else if (!state->critical) {
		state->critical = true;
		state->critical_since_ns = now_ns;
	}
}

int64_t health_state_deregister_at(
	const struct health_state *state, const struct registry_check_definition *definition)
{
	if (!state->critical || definition->deregister_after_ns <= 0)
		return HEALTH_NEVER;
	if (definition->deregister_after_ns > HEALTH_NEVER - state->critical_since_ns)
		return HEALTH_NEVER;
	return state->critical_since_ns + definition->deregister_after_ns;
}

void health_state_shift(struct health_state *state, int64_t ns)
{
	state->critical_since_ns += ns;
}
