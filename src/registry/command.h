/* command.h -- what the writer can be asked to do, and what comes back.
 *
 * A command goes from its sender's thread to the writer and back through the sender's inbox; at each moment
 * one of them owns it. */
#pragma once

#include "registry/model.h"

#define REGISTRY_MESSAGE 512 /* bytes of the sentence in a result */

struct registry_inbox;

enum registry_op {
	REGISTRY_PUT_NODE,        /* node; checks of it or of what is on it */
	REGISTRY_PUT_INSTANCE,    /* instance, checks, replace_checks; node too if it is new */
	REGISTRY_PUT_CHECK,       /* checks (one or more, on the node that checks[0] names) */
	REGISTRY_REMOVE_NODE,     /* node_name */
	REGISTRY_REMOVE_INSTANCE, /* node_name, instance_id */
	REGISTRY_REMOVE_CHECK,    /* node_name, check_id */
	REGISTRY_SET_STATUS,      /* node_name, check_id, status, output, reason */
	REGISTRY_SET_MAINTENANCE, /* node_name, instance_id ("" = the node), enable, notes */
	REGISTRY_REAP /* node_name, check_id, instance_id: remove the instance if the check is still its, and
			 still critical */
};

/* One command. Everything in it lives in `arena`, which the command owns. The sender makes it with
 * registry_command_create(), fills in what its op names, submits it, and gets it back in `done`, on its own
 * thread; the command is freed after `done` returns.
 *
 * A node that is NULL or "" is our own. In PUT_INSTANCE a check whose instance_id is NULL belongs to that
 * instance (with instance->agent: any check), "" is a check of the node; ids and names that are not given are
 * made as Consul makes them. A check of type NONE (catalog) brings its status; any other keeps the one that
 * is stored. */
struct registry_command {
	struct arena *arena;
	enum registry_op op;
	const struct registry_node
		*node; /* PUT_NODE; PUT_INSTANCE of the catalog: the node with it, else NULL */
	const struct registry_instance *instance;
	const struct registry_check *checks;
	size_t check_count;
	bool replace_checks; /* PUT_INSTANCE: checks of the instance that are not given go */
	const char *node_name, *instance_id, *check_id;
	enum registry_status status;
	const char *output, *notes, *reason;
	bool enable;

	void (*done)(struct registry_command *command, void *ctx); /* may be NULL */
	void *ctx;

	/* The result. error: 0; -EINVAL (a rule refuses it: HTTP 400), -ENOENT (no such thing: 404), -EDQUOT
	 * (a limit: 429), -ENOSPC (507), -EIO or -EBUSY (503); `message` says what is wrong and names the
	 * field. index: what the view must have applied before the reply (0 on an error); changed: false if
	 * nothing had to be written. */
	int error;
	char message[REGISTRY_MESSAGE];
	uint64_t index;
	bool changed;

	struct registry_inbox *inbox; /* the writer's and the inbox's own */
	struct registry_command *next;
};

/* A zeroed command with an arena of its own. */
struct registry_command *registry_command_create(enum registry_op op);

/* Frees a command that was not submitted. NULL is fine. */
void registry_command_destroy(struct registry_command *command);
