/* core_rig.h -- the health core without loop, sockets or registry: a clock turned by hand, probes that the
 * test ends, a writer that the test plays. One check has at most one command with the writer; that is
 * asserted. */
#pragma once

#include "health/core.h"

#define S CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

struct health_probe {
	struct health_probe *next;
	struct health_probe_request request;
	char target[64];
};

struct rig {
	struct health_core core;
	struct clock_manual clock;
	struct registry_live *live;
	struct metrics metrics;
	struct health_probe *running;
	unsigned started, cancelled;
	int start_error;
	bool at_once;                     /* probes end within their start, without a verdict */
	struct registry_command *command; /* that was submitted last and is not yet answered */
	unsigned commands;
	enum registry_status stored; /* what the registry says of the TTL check */
	uint64_t index;
};

/* cmocka's setup and teardown: two probes at once, intervals of at least 1 s. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* A row of a TCP check of instance web-1, critical and without a result; its target is its id. */
struct registry_check rig_tcp_row(const char *id, int64_t interval_ns);

/* The same as a TTL check. */
struct registry_check rig_ttl_row(const char *id, int64_t ttl_ns);

/* Puts a row with the next modify_index. */
void rig_put(struct rig *f, struct registry_check row, bool fresh);

/* Ends the probe that was started last. */
void rig_end(struct rig *f, enum registry_status status, const char *output);

/* Answers the command that waits. */
void rig_answer(struct rig *f, int error);

/* Asserts what waits for the writer; status and output of a SET_STATUS. */
void rig_expect_command(struct rig *f, enum registry_op op, enum registry_status status, const char *output);

/* Time passes as in life: the loop turns at least once a second. */
void rig_pass(struct rig *f, int64_t ns);

/* Time passes and nothing runs, then the loop turns. */
void rig_stop_for(struct rig *f, int64_t ns);

/* A heartbeat, with all that the http thread and the writer make of it. */
void rig_heartbeat(struct rig *f, const char *id, enum registry_status status);

/* A counter. */
uint64_t rig_count(const struct rig *f, enum metric metric);

/* All checks that are counted, whatever their status. */
uint64_t rig_checks(const struct rig *f);
