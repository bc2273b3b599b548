/* inbox.h -- how the writer answers: a queue with a bell for each thread that gave it commands.
 *
 * A thread creates its inbox, watches registry_inbox_fd() in its loop and calls registry_inbox_drain() when
 * it rings. Only that thread drains; only the writer puts in (and a submit that is refused at once). */
#pragma once

#include "registry/model.h"

struct registry_command;
struct registry_inbox;

enum registry_change_kind {
	REGISTRY_SERVICE_CHANGED, /* instances of a service: one was put, changed, removed, or its health
				     changed */
	REGISTRY_CHECK_PUT,       /* a check was registered, perhaps as it stood: `check` is the stored row */
	REGISTRY_CHECK_GONE,      /* a check is no longer there */
	REGISTRY_NODE_CHANGED     /* a node's row, or a check of it, was put, changed or removed */
};

struct registry_change {
	enum registry_change_kind kind;
	uint64_t index;
	const char *service;                /* SERVICE_CHANGED */
	const char *node;                   /* CHECK_*, NODE_CHANGED */
	const char *check_id;               /* CHECK_*; if it was a check, once: SERVICE_CHANGED of an
					       instance's, NODE_CHANGED of a node's */
	const struct registry_check *check; /* CHECK_PUT: in the commit's arena */
	bool fresh; /* CHECK_PUT: new, or its definition changed; false: registered again as it stood */
};

/* What one transaction changed, in order; nothing on disk (and the index as before) if there is only a
 * CHECK_PUT that is not fresh. Owned by the inbox; good during the callback. */
struct registry_commit {
	uint64_t index; /* the registry's index after it */
	const struct registry_change *changes;
	size_t count;
};

struct registry_inbox_handler {
	/* A committed transaction, after the results of its commands. May be NULL. */
	void (*on_commit)(const struct registry_commit *commit, void *ctx);
	void *ctx;
};

/* A new inbox. 0 or negative errno; destroy with registry_inbox_destroy() after the writer has ended. */
int registry_inbox_create(const struct registry_inbox_handler *handler, struct registry_inbox **ret);

/* Frees the inbox and what still lies in it. NULL is fine. */
void registry_inbox_destroy(struct registry_inbox *inbox);

/* The descriptor that is readable while something lies in the inbox. */
int registry_inbox_fd(const struct registry_inbox *inbox);

/* Calls `done` of each finished command and on_commit of each transaction, in the order of the commits. */
void registry_inbox_drain(struct registry_inbox *inbox);
