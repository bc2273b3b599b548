/* world.h -- a whole server in one thread, with a clock that the scenario turns.
 *
 * Registry, writer, live state, health core, view, dns_respond() and the sidecar's publication gate are the
 * real ones, on a registry in a folder of its own. The world plays the rest: the loops, the network of the
 * probes (a host is up, ill, down or silent), and the http thread's part in registrations and heartbeats. The
 * writer has its thread; whatever was given to it is waited for before time goes on, so every run is the
 * same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "registry/registry.h"
#include "sidecar/publish.h"

#define S CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

struct world;

enum world_dns {
	WORLD_DNS_SERVES, /* the view follows each commit at once */
	WORLD_DNS_SLOW,   /* it is ready, and does not move */
	WORLD_DNS_DEAD    /* the process is gone */
};

enum world_host { WORLD_UP, WORLD_ILL, WORLD_DOWN, WORLD_SILENT };

/* cmocka's setup and teardown. */
int world_setup(void **state);
int world_teardown(void **state);

/* One instance with at most one check; zero means none or the default. */
struct world_instance {
	const char *service, *id, *address;
	enum registry_check_type type; /* NONE: without a check */
	const char *target;            /* a host of world_host() */
	int64_t interval_ns, timeout_ns, ttl_ns, deregister_after_ns;
	uint32_t success, warning, critical; /* thresholds */
};

/* Registers, as PUT /v1/agent/service/register does; the index that the reply would carry. */
uint64_t world_register(struct world *world, const struct world_instance *given);

/* Deregisters; the index. */
uint64_t world_deregister(struct world *world, const char *id);

/* PUT /v1/agent/check/pass, warn or fail of the check of an instance; the index. */
uint64_t world_heartbeat(struct world *world, const char *instance_id, enum registry_status status);

/* What the probes of a target meet from now on; WORLD_UP if nothing was said. */
void world_host(struct world *world, const char *target, enum world_host host);

/* Time passes in steps of 50 ms, and every loop runs in each. */
void world_pass(struct world *world, int64_t ns);

/* Time passes and no loop runs: SIGSTOP. The loops wake at the end of it. */
void world_stopped(struct world *world, int64_t ns);

/* kill -9 of the sidecar, and a new one `ns` later; DNS lives on. */
void world_restart_sidecar(struct world *world, int64_t ns);

/* kill -9 of dns and a new one, which loads the registry. */
void world_restart_dns(struct world *world);

/* What dns does from now on. */
void world_dns(struct world *world, enum world_dns dns);

/* Changes the registry behind everybody's back. */
void world_sql(struct world *world, const char *sql);

/* The writer fails from now on with -ENOSPC (`full`), or works again. Only what health submits is affected.
 */
void world_disk(struct world *world, bool full);

/* One query, answered by dns_respond(): "NOERROR 2 EDE <text>", with the number of answers; without the EDE
 * part if there is none. Good until the next call. */
const char *world_ask(struct world *world, const char *name, uint16_t type);

/* Fails the test if the answer is another one; `type` is SRV. */
#define world_expect(world, name, expected) assert_string_equal(world_ask(world, name, 33), expected)

/* A reply with `index` at the gate: -1 held, 0 it left unpublished, 1 published. One at a time. */
int world_reply(struct world *world, uint64_t index);

/* The same of the reply that was held. */
int world_reply_now(const struct world *world);

/* A counter of the health thread, the view or the http thread. */
uint64_t world_metric(const struct world *world, enum metric metric);

/* Number of instances in the registry. */
size_t world_count(struct world *world);
