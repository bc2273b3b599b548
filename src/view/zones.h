/* zones.h -- the zones of a view: SOA, NS and static records, ready to be answered.
 *
 * Made whole from the config and the zone files, and immutable from then on; a reload makes another one and
 * swaps the pointer. All of it lives in one arena. Static names are looked up with the same hash as live
 * ones, so that a query hashes its name once; an empty non-terminal, of a zone file or above another zone,
 * hides no live name. */
#pragma once

#include "base/arena.h"
#include "base/siphash.h"
#include "view/view.h"

#define ZONES_MESSAGE 512

struct zones {
	struct arena *arena;
	uint32_t ttl;   /* of live records */
	size_t longest; /* wire size of the longest zone name */
	size_t count;
	struct view_zone *zones; /* those with more labels first */
};

/* A static name. */
struct zones_name {
	uint64_t hash;
	const struct view_answer *answer;
	uint8_t size;
	uint8_t name[WIRE_NAME_MAX]; /* relative, lower case */
};

/* What view_zone.statics points to: an open hash table, at most half full. */
struct zones_statics {
	const struct view_answer *apex;
	uint64_t mask;
	const struct zones_name *const *slots;
};

/* Reads all zones; with `leave_out` as view_create(), else any error counts. 0 or -EINVAL with what is wrong
 * in `message`. Free with zones_destroy(). */
int zones_load(const struct view_config *config, const struct siphash_key *key, bool leave_out,
	struct zones **ret, char message[ZONES_MESSAGE]);

/* NULL is fine; no reader is left. */
void zones_destroy(struct zones *zones);

/* The static answer at a relative name, NULL if there is none; kind VIEW_EMPTY for an empty non-terminal. */
const struct view_answer *zones_find_static(
	const struct view_zone *zone, uint64_t hash, const uint8_t *name, size_t size);

/* Calls `visit` for each static name below the apex that has records. */
void zones_visit_statics(const struct view_zone *zone,
	void (*visit)(
		const struct view_zone *zone, uint64_t hash, const uint8_t *name, size_t size, void *ctx),
	void *ctx);
