/* diagnosis_private.h -- what the two halves of the diagnosis share. */
#pragma once

#include "svcdns/doctor/diagnosis.h"

/* A look-up that is followed. */
struct walk {
	const struct files *files;
	const char *zone;
	const struct net_addr *dns;
	struct diagnosis *ret;
};

/* Adds a sentence; those above DIAGNOSIS_LINES are dropped. */
void diagnosis_add(const char **lines, size_t *count, const char *line);

/* True if systemd-resolved runs, by what it keeps in /run. */
bool diagnosis_resolved_runs(const struct files *files);

/* The look-up has come to a program: has it the zone? */
void diagnosis_ask_resolver(struct walk *walk, const struct resolver *resolver);

/* The look-up has come to the module dns: resolv.conf, and who listens at the address there. */
void diagnosis_ask_nameserver(struct walk *walk);
