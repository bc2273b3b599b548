/* world_private.h -- the world's insides, for world.c (what runs by itself) and world_acts.c (what a scenario
 * does). */
#pragma once

#include "health/core.h"
#include "view/view.h"
#include "world.h"

#define HOSTS 16
#define LOOP_NS (50 * MS)

struct world {
	char folder[64], path[96];
	struct clock_manual clock;
	struct page sidecar_page, dns_page;
	struct registry_writer *writer;
	struct registry_live *live;
	struct registry_inbox *inbox;
	struct health_core core;
	struct view *view;
	enum world_dns dns;
	bool disk_full;
	unsigned with_writer; /* commands that are not yet answered */
	struct health_probe *probes;
	struct {
		char target[64];
		enum world_host host;
	} hosts[HOSTS];
	struct publish gate;
	struct publish_wait wait;
	int reply;
	int error;
	uint64_t index;
	struct registry_command *refused; /* what a full disk gave back, not yet told */
	char answer[256];
};

/* Waits until the writer has answered all that it was given, and all commits are told. */
void world_settle_writer(struct world *world);

/* The view follows, if dns serves. */
void world_run_dns(struct world *world);

/* Ends one probe that has its answer, or no time left. False if there is none. */
bool world_run_network(struct world *world);

/* All loops run until nothing is left to do at this moment. */
void world_run_loops(struct world *world);

/* The two processes. */
void world_start_sidecar(struct world *world);
void world_end_sidecar(struct world *world);
void world_start_dns(struct world *world);
