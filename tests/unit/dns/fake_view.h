/* fake_view.h -- a view made by hand, in the place of libview: the same door (view/view.h), no registry, no
 * RCU.
 *
 * Names are added record by record and compiled when the first query asks for them. One thread. */
#pragma once

#include "view/view.h"

/* One record of a name. For SRV, MX, NS and CNAME `target` is the name at the end of the rdata and `rdata`
 * what stands in front of it; else rdata is all of it. */
struct fake_record {
	uint16_t type;
	const uint8_t *rdata;
	size_t rdata_size;
	const char *target;  /* text: without the zone if `relative`, else whole; NULL for none */
	bool relative;       /* the zone's name is left to the answer, as for live records */
	const char *glue[4]; /* addresses of the target, A before AAAA, NULL at the end */
};

/* An empty view; the index is 0. */
struct view *fake_view_create(void);

void fake_view_destroy(struct view *view);

void fake_view_set_index(struct view *view, uint64_t index);

/* From its second call on, view_find_zone() finds a copy in the place of the first zone: a reload in the
 * midst of an answer. The names stay those of the old one. */
void fake_view_reload(struct view *view);

/* Adds a zone with a SOA (mname ns1, rname host, MINIMUM and TTL 5) and the given serial. */
struct view_zone *fake_view_zone(struct view *view, const char *name, uint32_t serial);

/* Adds a name, and the empty non-terminals above it: in one zone, or in all for NULL. */
void fake_view_name(struct view *view, const struct view_zone *zone, const char *relative,
	enum view_kind kind, const char *reason);

/* Adds a record to a name that was added before. */
void fake_view_add(struct view *view, const struct view_zone *zone, const char *relative,
	const struct fake_record *record);

/* Adds an A or AAAA record by its address. */
void fake_view_address(
	struct view *view, const struct view_zone *zone, const char *relative, const char *address);

/* Adds an SRV record (priority 1, weight 1) with a relative target and the target's addresses. */
void fake_view_srv(struct view *view, const struct view_zone *zone, const char *relative, uint16_t port,
	const char *target, const char *address, const char *address6);

/* Adds a service with `count` instances i000.<service>, i001...: A, SRV with glue, and the instances' names.
 * Addresses count up from 10.0.0.0, ports from 1000. */
void fake_view_service(struct view *view, const char *service, unsigned count);

/* The fixture of conformance.md section 3, and what the tests of the answer want besides:
 *   service.local    web, i1.web, i2.web, a.b.ent, big (60), mid (10), dual (AAAA too), down (none healthy)
 *                    static: ns1, www, loop1, loop2, chain0 to chain9, out, gone, cross, mail, txt, same
 *   other.test, inner.other.test */
struct view *fake_view_conformance(void);
