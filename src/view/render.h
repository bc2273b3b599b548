/* render.h -- a service becomes bytes: all its answers in one immutable block.
 *
 * The block is one allocation: claims, answers, offsets, records, addresses. Each SRV record stands in it
 * once, with the glue of its target behind it; sets refer to records by offset, and a tag that all instances
 * share costs no second set. The block is published name by name (services.h) and freed after a grace period.
 *
 * The size of the block is worked out before it is filled, and both walk over the same lists: a new kind of
 * name or record changes measure() and fill() together, and an assertion holds them to each other. */
#pragma once

#include "view/names.h"
#include "view/render_plan.h"

#define RENDER_STATUSES 3 /* of enum registry_status */

struct render_block {
	uint32_t by_status[RENDER_STATUSES]; /* instances that are shown, by enum registry_status */
	uint32_t skipped;                    /* rows that are not */
	uint32_t claim_count;
	struct names_claim claims[]; /* targets first, then sets; `answer` is set */
};

/* Renders a service. NULL if its name cannot be shown. The caller frees the block with free(). *ret_names:
 * the names of the claims, in `scratch`. */
struct render_block *render_service(
	const struct render_request *request, struct arena *scratch, const struct plan_name **ret_names);
