/* apply.h -- what each command does to the registry.
 *
 * Private to the registry room; the writer's thread, inside a transaction that the writer opened. A rule that
 * refuses leaves a sentence in the command; an error of the database sticks in the store, and the writer
 * looks there first. What a refused command has written the writer undoes. A command may be applied a second
 * time after its first try was undone, so nothing in it is changed but message and arena. */
#pragma once

#include "registry/changelog.h"
#include "registry/command.h"
#include "registry/rules.h"
#include "registry/store.h"

struct apply {
	struct store *store;
	struct changelog *log;
	struct rules rules;
	const char *own_node; /* as it is stored */
};

/* Applies one command. 0, or -EINVAL, -ENOENT or -EDQUOT with a sentence in command->message; the caller then
 * undoes what was written. */
int apply_command(struct apply *apply, struct registry_command *command);

/* Makes or updates our own node as the configuration says. A node that was ours under another name is renamed
 * with all that is on it. 0, or -EINVAL with a sentence in `message`. */
int apply_own_node(struct apply *apply, struct arena *arena, const char *name, const char *address,
	char message[REGISTRY_MESSAGE]);
