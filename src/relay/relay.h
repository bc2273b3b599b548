/* relay.h -- the door of the relay room: names that are not ours, by libunbound from the servers upstream.
 *
 * In a process of its own, so that nothing that libunbound does can touch what we are authoritative for. The
 * dns process hands queries over by links (net/link.h), one for each of its threads, and gets whole answers
 * back: id and question byte for byte as asked, RA set, at most as large as it said. One thread does it all.
 *
 * libunbound forwards, keeps a cache, and validates nothing: AD is never set. DNSSEC records are passed on to
 * those who ask for them (DO), so a client can validate by itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/page.h"
#include "net/addr.h"

struct relay_config {
	const int *link_fds; /* our ends; they stay the caller's */
	size_t link_count;
	const struct net_addr *upstreams;
	size_t upstream_count;
	const char *const *zones; /* names, as text, that are never asked for upstream */
	size_t zone_count;
	unsigned in_flight; /* queries at once, those included that clients have been told SERVFAIL for */
	unsigned in_flight_per_address; /* likewise, of one client */
	size_t cache_size;              /* bytes of records and messages */
	int64_t timeout_ns;             /* from the hand-over to SERVFAIL */
	uint16_t udp_size;              /* the EDNS size that answers advertise */
	struct page_thread *thread;
	const struct clock *clock;
};

struct relay;

/* Starts the relay's thread; the config is not kept. 0 or negative errno with the cause in `message`. */
int relay_start(const struct relay_config *config, struct relay **ret, char message[512]);

/* Ends it; queries under way get no answer. NULL is fine. */
void relay_stop(struct relay *relay);
