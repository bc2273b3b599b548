/* names.h -- who owns which name.
 *
 * A service claims names: its own, those of its instances, its tags and aliases. Of several claims to one
 * name the one with the lowest kind wins; among equals the service whose name sorts first, so that a restart
 * gives the same answers as before. The winner's answer is published; the others wait behind it, are reported
 * once, and the next one is published in the same step in which the winner goes.
 *
 * A claim is part of its service's rendered block. All of this runs on the follower's thread, online. */
#pragma once

#include <stdbool.h>

#include "view/table.h"

struct names_claim {
	struct table_node *node;
	struct names_claim *next; /* who takes over when this one goes */
	const struct view_answer *answer;
	const char *owner; /* the service, as registered; the pointer says which one */
	bool hidden;       /* reported as waiting behind another */
};

struct zones;

struct names {
	struct table *table;
	struct rcu_pile *pile;
	_Atomic(const struct zones *) *zones; /* to report live names that a zone file hides; may be NULL */
	void (*report)(enum log_level level, const char *message, const char *name,
		const char *detail); /* may be NULL */
};

/* Claims a name (relative, lower case) for claim->owner with claim->answer, whose kind is the rank. A claim
 * of the same owner and kind that is already there is superseded: the new one stands before it. Empty
 * non-terminals above the name come into being first (RFC 8020). */
void names_claim(struct names *names, struct names_claim *claim, const uint8_t *name, size_t size);

/* Gives a claim up: the next one is published, or the name becomes an empty non-terminal, or it goes, with
 * those above that held nothing else. */
void names_release(struct names *names, struct names_claim *claim);

/* After a service's claims have changed: reports those at this claim's name that are hidden and were not. */
void names_settle(struct names *names, struct names_claim *claim);

/* Reports the live names that the zone files hide, after the zones have changed. */
void names_report_statics(struct names *names);
