/* fixture.h -- a registry in a folder of its own, and commands as one-liners.
 *
 * Everything runs in the test's thread but the writer. run() submits a command and waits for its result; the
 * changes of each commit are collected as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "registry/registry.h"
#include "registry/transaction.h"

#define START_S 1700000000 /* the manual clock's Unix time, and so the first index */

struct fixture {
	char folder[64], path[96];
	struct clock_manual clock;
	struct registry_config config;
	struct registry_writer *writer;
	struct registry_inbox *inbox;
	struct registry_reader *reader;
	struct page *page;
	struct arena *arena;
	char changes[4096]; /* of the last commit, as "kind:name " each */
	unsigned commits;
	uint64_t committed; /* index of the last commit that came */
};

struct result {
	bool done;
	int error;
	char message[512];
	uint64_t index;
	bool changed;
};

/* cmocka set-up and tear-down: an empty registry with a writer, an observing inbox and a reader. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The same without a writer: a folder, a path and a config. */
int fixture_folder(void **state);

/* Starts and stops writer, inbox and reader; fixture_start() fails the test if it cannot. */
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);

/* What the writer works with, for a test in its place; its store is the caller's to close. */
struct transaction fixture_transaction(struct fixture *f);

/* Submits a command and waits for its result, and for the commit that follows it. */
struct result run(struct fixture *f, struct registry_command *command);

/* Commands. */
struct registry_command *put_instance(const char *service, const char *id);
struct registry_command *put_on_node(const char *node, const char *service, const char *id);
struct registry_command *put_node(const char *name, const char *address);
struct registry_command *remove_instance(const char *id);
struct registry_command *put_check(const char *id, const char *instance_id, enum registry_check_type type);
struct registry_command *set_status(const char *id, enum registry_status status, const char *output);

/* Of an instance, or of the node ("") that is the registry's own. */
struct registry_command *set_maintenance(const char *instance_id, bool enable);

/* Adds a check to a command; returns it for further changes. */
struct registry_check *add_check(
	struct registry_command *command, const char *id, enum registry_check_type type);

/* The instance of a PUT_INSTANCE, for changes. */
struct registry_instance *instance_of(struct registry_command *command);

/* Runs a command that must succeed; its index. */
uint64_t must(struct fixture *f, struct registry_command *command);

/* Runs a command that must be refused with this error and a message that holds `text`. */
void refused(struct fixture *f, struct registry_command *command, int error, const char *text);

/* Questions that must be answered. */
const struct registry_instance *find_instance(struct fixture *f, const char *id);
const struct registry_check *find_check(struct fixture *f, const char *id);
uint64_t resource(struct fixture *f, enum registry_resource kind, const char *name);

/* Runs SQL on the file by a connection of its own: the first column of the first row as text in the fixture's
 * arena, NULL if there is none. */
const char *sql_text(struct fixture *f, const char *sql);
