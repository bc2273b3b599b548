/* wiring.h -- from the options to each room's own config struct.
 *
 * Only values are filled in here; threads, pages and descriptors are added by the roles. The structs point
 * into the main_config, which must stay alive. */
#pragma once

#include "dns/dns.h"
#include "health/health.h"
#include "main/options.h"
#include "main/relay_checks.h"
#include "registry/registry.h"
#include "relay/relay.h"
#include "sidecar/sidecar.h"
#include "view/view.h"

#define WIRING_ZONES_MAX 64

/* A view_config with the storage of its zones. */
struct wiring_zones {
	struct view_zone_config zones[WIRING_ZONES_MAX];
	struct view_config view;
};

/* The zones: one for each zone.name, one for each zone.file (its SOA says which zone it belongs to, and
 * zone.of_file which one that must be, once the file was checked). */
void wiring_zones(const struct main_config *config, struct wiring_zones *ret);

/* The lists of a dns_relay. */
struct wiring_clients {
	struct net_prefix allow[RELAY_LIST_MAX], refuse[RELAY_LIST_MAX];
};

/* The DNS workers' values; limits are for one worker. `clients` holds who may relay, and must stay. */
void wiring_dns(const struct main_config *config, struct wiring_clients *clients, struct dns_config *ret);

/* A relay_config with the storage of its lists. */
struct wiring_relay {
	struct net_addr upstreams[RELAY_LIST_MAX];
	struct main_list zones;
	struct relay_config relay;
};

/* The relay's values. Whatever has become of the zone files, all zones that dns may serve are in them. 0 or
 * -EINVAL with `message`. Free with wiring_relay_finish(). */
int wiring_relay(const struct main_config *config, struct wiring_relay *ret, char message[512]);

/* Frees what wiring_relay() made. */
void wiring_relay_finish(struct wiring_relay *wiring);

/* Wire size of the longest zone name, which names of services must fit in front of. */
uint32_t wiring_zone_size(const struct main_config *config);

/* The registry's values. */
void wiring_registry(const struct main_config *config, struct registry_config *ret);

/* The health room's values. */
void wiring_health(const struct main_config *config, struct health_config *ret);

/* The sidecar's values. */
void wiring_sidecar(const struct main_config *config, struct sidecar_config *ret);

/* Says how this process logs from now on; "process" is its name in each line, and must stay alive. */
void wiring_log(const struct main_config *config, const char *process);

/* How many workers dns.workers means on this machine now. The supervisor asks once and puts the number in the
 * place of a 0; children find it in their config. */
unsigned wiring_workers(const struct main_config *config);
