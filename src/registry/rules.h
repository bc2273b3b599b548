/* rules.h -- what may be registered: every rule that looks at one command alone.
 *
 * Private to the registry room. Each function fills in the defaults (consul.md section 2.3), checks every
 * field, and on a refusal leaves a sentence that names the field; texts are Consul's where it has one.
 * Whatever passes can be stored, returned and answered. */
#pragma once

#include "registry/refusal.h"

struct rules {
	const struct registry_limits *limits;
	uint32_t zone_size; /* wire size of the longest zone name */
};

/* A node. 0, -EINVAL or -EDQUOT. */
int rules_node(const struct rules *rules, struct registry_node *node, char message[REGISTRY_MESSAGE]);

/* An instance, except for its label. 0, -EINVAL or -EDQUOT. */
int rules_instance(
	const struct rules *rules, struct registry_instance *instance, char message[REGISTRY_MESSAGE]);

/* A check; notes and output are cleaned into `arena`. 0 or -EINVAL. */
int rules_check(const struct rules *rules, struct arena *arena, struct registry_check *check,
	char message[REGISTRY_MESSAGE]);

/* Text from outside that must not be refused (a probe's output, a reason): valid UTF-8, at most `size` bytes;
 * "" for NULL. */
const char *rules_clean(struct arena *arena, const char *text, size_t size);
