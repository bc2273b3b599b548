/* zonefile.h -- a zone's own records, from a master file (RFC 1035 section 5, read with ldns) or built in.
 *
 * What the server does not do is refused here, with file and line, and not found out at query time.
 * zonefile.c is the only file of the room that knows ldns. */
#pragma once

#include "base/arena.h"
#include "view/zones.h"

struct zonefile_record {
	const uint8_t *owner; /* absolute, lower case, with root label */
	uint8_t owner_size;
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata; /* uncompressed */
	uint16_t rdata_size;
	uint32_t line;
};

struct zonefile {
	const char *path;    /* for messages; NULL if built in */
	const uint8_t *name; /* the SOA's owner, lower case, with root label */
	uint8_t name_size;
	const struct zonefile_record *soa;
	struct zonefile_record *records; /* all but the SOA, each once */
	size_t count;
};

/* Reads and checks the master file `path` into `arena`. `origin` (text) completes relative names until the
 * file says $ORIGIN, NULL for the root; `name` (text) is what the SOA must name, NULL for anything. `ttl` is
 * for records without one and without $TTL. 0 or -EINVAL with "file:line: what is wrong" in `message`. */
int zonefile_read(const char *path, const char *origin, const char *name, uint32_t ttl, struct arena *arena,
	struct zonefile *ret, char message[ZONES_MESSAGE]);

/* Adds a record whose bytes are in the arena; an SOA names the zone. */
void zonefile_keep(struct zonefile *file, struct arena *arena, const struct zonefile_record *record);

/* The zone of a server without a file: SOA and NS (ns1.<name>), and its address if that is an IP literal.
 * 0 or -EINVAL with `message`. */
int zonefile_builtin(const char *name, const char *address, uint32_t ttl, struct arena *arena,
	struct zonefile *ret, char message[ZONES_MESSAGE]);
