/* records.h -- inside the dns room: copies rendered records from the view into a reply.
 *
 * Which part of a set is sent, in which order, and what of it gets glue. Nothing is allocated; the reply
 * never passes its limit, and only whole records are written. */
#pragma once

#include "dns/exchange.h"

/* What has been put of a set: `count` records from record `start` on, with wrap-around; the first of them is
 * at byte `at` of the reply. */
struct dns_put {
	uint32_t start, count;
	size_t at;
};

/* Puts a set into the answer section under the owner that the compression pointer `owner` means. If it fits
 * whole its order is rotated by the context's rotation; if not, TC is set and the part that is sent is chosen
 * by the client's hash. */
struct dns_put dns_put_set(struct dns_exchange *x, const struct view_rrset *set, uint16_t owner);

/* Puts the addresses of the targets of what has been put into the additional section, as many as fit; the
 * addresses of one target wholly or not at all. With `unique` a target that comes again gets no second glue.
 */
void dns_put_glue(
	struct dns_exchange *x, const struct view_rrset *set, const struct dns_put *put, bool unique);

/* Puts the zone's SOA record, with its serial, into `section`; sets TC if it does not fit. */
void dns_put_soa(struct dns_exchange *x, enum wire_section section, uint16_t owner);
