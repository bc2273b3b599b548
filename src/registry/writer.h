/* writer.h -- the one thread that writes, and the commands that it takes.
 *
 * The writer takes all commands that wait, applies each in a savepoint of its own inside one transaction,
 * commits (synchronous=FULL), and then puts every result into its sender's inbox: group commit. A refused
 * command undoes nothing else. If the COMMIT fails they all fail: -ENOSPC when the disk is full, else -EIO;
 * after an error of fsync the process exits (the next start knows what is on disk). */
#pragma once

#include "base/clock.h"
#include "base/level.h"
#include "base/page.h"
#include "registry/inbox.h"
#include "registry/model.h"

enum registry_op {
	REGISTRY_PUT_NODE,        /* node; checks of it or of what is on it */
	REGISTRY_PUT_INSTANCE,    /* instance, checks, replace_checks; node too if it is new */
	REGISTRY_PUT_CHECK,       /* checks (one or more, on the node that checks[0] names) */
	REGISTRY_REMOVE_NODE,     /* node_name */
	REGISTRY_REMOVE_INSTANCE, /* node_name, instance_id */
	REGISTRY_REMOVE_CHECK,    /* node_name, check_id */
	REGISTRY_SET_STATUS,      /* node_name, check_id, status, output, reason */
	REGISTRY_SET_MAINTENANCE, /* node_name, instance_id ("" = the node), enable, notes */
	REGISTRY_REAP /* node_name, check_id: remove its instance if the check is still critical */
};

/* A node that is NULL or "" is our own. In PUT_INSTANCE a check whose instance_id is NULL belongs to that
 * instance (with instance->agent: any check), "" is a check of the node; ids and names that are not given are
 * made as Consul makes them. A check of type NONE (catalog) brings its status; any other keeps the one that
 * is stored.
 *
 * One command. Everything in it lives in `arena`, which the command owns. The sender makes it with
 * registry_command_create(), fills in what its op names, submits it, and gets it back in `done`, on its own
 * thread; the command is freed after `done` returns. */
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
	char message[512];
	uint64_t index;
	bool changed;

	struct registry_inbox *inbox; /* the writer's and the inbox's own */
	struct registry_command *next;
};

/* What strangers may ask for. 0 is not "unlimited": each is a number. */
struct registry_limits {
	uint32_t instances; /* in all */
	uint32_t checks_per_instance;
	uint32_t tags_per_instance;
	uint32_t tag_size;        /* bytes of one tag */
	uint32_t meta_pairs;      /* Consul's 64 */
	uint32_t meta_value_size; /* Consul's 512 */
	uint32_t output_size;     /* bytes of a check's output that are kept */
	uint32_t changelog_rows;  /* rows that the changelog keeps */
	uint32_t queue;           /* commands that may wait for the writer; more are refused with -EBUSY */
};

struct registry_config {
	const char *path;      /* the database file */
	const char *node_name; /* our own node: made or updated when the registry is opened */
	const char *node_address;
	uint32_t zone_size; /* wire size of the longest zone name: names must fit into 255 octets with it */
	struct registry_limits limits;
	const struct clock *clock;
	struct page *page;          /* the sidecar's page: index and state are published here */
	struct page_thread *thread; /* the writer's slot, for ticks and counters */
	int wake_fd; /* rung for the view after each commit, before the results; -1 or 0 for none */
	/* Says one thing worth a log line, on the writer's thread: level as in base/log.h. May be NULL. */
	void (*report)(enum log_level level, const char *message, const char *detail);
};

struct registry_writer;

/* A zeroed command with an arena of its own. */
struct registry_command *registry_command_create(enum registry_op op);

/* Frees a command that was not submitted. NULL is fine. */
void registry_command_destroy(struct registry_command *command);

/* Opens (creates, migrates) the registry and starts the writer's thread. 0 or negative errno with a sentence
 * in `message`: a newer schema, a file that is no database, a folder that cannot be written. */
int registry_writer_start(
	const struct registry_config *config, struct registry_writer **ret, char message[512]);

/* Applies what was submitted so far, checkpoints, ends the thread and closes the file. NULL is fine. */
void registry_writer_stop(struct registry_writer *writer);

/* From now on `inbox` also gets every commit (see registry_inbox_handler). Before the first submit. */
void registry_writer_observe(struct registry_writer *writer, struct registry_inbox *inbox);

/* Hands a command over; any thread, never blocks on the disk. Its result comes through `inbox`. If the queue
 * is full, the result is -EBUSY and comes the same way. */
void registry_writer_submit(
	struct registry_writer *writer, struct registry_command *command, struct registry_inbox *inbox);
