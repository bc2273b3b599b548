/* apply_checks.h -- the part of apply.c that deals with checks.
 *
 * Private to the registry room; as apply.h. A check belongs to an instance or to its node; whoever it
 * concerns hears of each change of it through the changelog. */
#pragma once

#include "registry/apply.h"

/* Tells the changelog what happened to a check: its instance's service hears of it, or all on its node.
 * `former`: the check as it was before, NULL if it was not there. */
void apply_note_check(struct apply *apply, const struct registry_check *check,
	const struct registry_check *former, const char *what, const char *reason);

/* Puts a check that passed the rules. `owner`: the instance that it names, as it is stored; NULL for a check
 * of the node. */
void apply_put_check(struct apply *apply, struct arena *arena, struct registry_check *check,
	const struct registry_instance *owner, const char *reason);

/* Removes a check that is there. */
void apply_remove_check(struct apply *apply, const struct registry_check *check, const char *reason);

/* Puts command->checks on `node`. `instance` is the one that the command registers, NULL if none: its checks
 * are named after it. 0, or -EINVAL, -ENOENT or -EDQUOT with a sentence in the command. */
int apply_put_checks(struct apply *apply, struct registry_command *command, const char *node,
	const struct registry_instance *instance);

/* Removes the checks of `instance` that are not among command->checks. */
void apply_remove_other_checks(
	struct apply *apply, struct registry_command *command, const struct registry_instance *instance);

/* The check that stands for maintenance, of an instance or (NULL) of the node (consul.md section 2.3). */
struct registry_check apply_maintenance_check(
	struct registry_command *command, const char *node, const struct registry_instance *instance);
