/* wiring.c -- the one place where options become the rooms' configs. */
#include "main/wiring.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "main/revision.h"

void wiring_zones(const struct main_config *config, struct wiring_zones *ret)
{
	size_t count = 0;
	for (size_t i = 0; i < config->zone.name.count && count < WIRING_ZONES_MAX; i++)
		ret->zones[count++] = (struct view_zone_config){.name = config->zone.name.items[i]};
	for (size_t i = 0; i < config->zone.file.count && count < WIRING_ZONES_MAX; i++)
		ret->zones[count++] = (struct view_zone_config){.file = config->zone.file.items[i],
			.accepted = i < config->zone.of_file.count ? config->zone.of_file.items[i] : NULL};
	ret->view = (struct view_config){
		.zones = ret->zones,
		.zone_count = count,
		.ttl = (uint32_t)(config->zone.ttl / CLOCK_NS_PER_S),
		.node_address = config->node.address,
		.registry_path = config->registry.path,
		.wake_fd = -1,
		.notify_fd = -1,
	};
}

static unsigned share(uint32_t total, unsigned workers)
{
	return (total + workers - 1) / workers;
}

/* Hosts upstream have no business asking us for other names; on loopback they cannot be told from clients. */
static struct dns_relay clients_of(const struct main_config *config, struct wiring_clients *clients)
{
	const struct main_list *allow = &config->relay.allow, *upstream = &config->relay.upstream;
	struct dns_relay relay = {.allow = clients->allow, .refuse = clients->refuse};
	struct net_addr addr;
	for (size_t i = 0; i < allow->count && i < RELAY_LIST_MAX; i++)
		if (net_prefix_parse(allow->items[i], &clients->allow[relay.allow_count]) == 0)
			relay.allow_count++;
	for (size_t i = 0; i < upstream->count && i < RELAY_LIST_MAX; i++)
		if (net_addr_parse(upstream->items[i], 53, &addr) == 0 && !net_addr_is_loopback(&addr))
			net_prefix_of(&addr.any, &clients->refuse[relay.refuse_count++]);
	return relay;
}

void wiring_dns(const struct main_config *config, struct wiring_clients *clients, struct dns_config *ret)
{
	unsigned workers = config->dns.workers;
	*ret = (struct dns_config){
		.workers = workers,
		.address_count = config->dns.listen.count,
		.udp_size = (uint16_t)config->dns.udp_size,
		.nsid = config->dns.nsid,
		.load_patience_ns = config->dns.load_patience,
		.tcp_connections = share(config->dns.tcp_connections, workers),
		.tcp_connections_per_address = share(config->dns.tcp_connections_per_address, workers),
		.tcp_write_buffer = config->dns.tcp_write_buffer,
		.tcp_idle_ns = config->dns.tcp_idle,
		.tcp_io_ns = config->dns.tcp_io_timeout,
		.relay = clients_of(config, clients),
		.relay_in_flight = config->relay.in_flight, /* the relay counts those of all threads */
		.relay_timeout_ns = config->relay.timeout,
		.clock = clock_system(),
	};
}

static uint32_t longest(const struct main_list *names, uint32_t than)
{
	uint8_t wire[WIRE_NAME_MAX];
	for (size_t i = 0; i < names->count; i++) {
		int size = wire_name_parse(names->items[i], wire);
		than = size > (int)than ? (uint32_t)size : than;
	}
	return than;
}

uint32_t wiring_zone_size(const struct main_config *config)
{
	return longest(&config->zone.of_file, longest(&config->zone.name, 1));
}

static struct registry_limits limits(const struct main_config *config)
{
	return (struct registry_limits){
		.instances = config->registry.instances,
		.checks_per_instance = config->registry.checks_per_instance,
		.tags_per_instance = config->registry.tags_per_instance,
		.tag_size = config->registry.tag_size,
		.meta_pairs = config->registry.meta_pairs,
		.meta_value_size = config->registry.meta_value_size,
		.output_size = config->registry.output_size,
		.changelog_rows = config->registry.changelog_rows,
		.queue = config->registry.queue,
	};
}

void wiring_registry(const struct main_config *config, struct registry_config *ret)
{
	*ret = (struct registry_config){
		.path = config->registry.path,
		.node_name = config->node.name,
		.node_address = config->node.address,
		.zone_size = wiring_zone_size(config),
		.limits = limits(config),
		.clock = clock_system(),
	};
}

void wiring_health(const struct main_config *config, struct health_config *ret)
{
	*ret = (struct health_config){
		.registry_path = config->registry.path,
		.in_flight = config->check.in_flight,
		.interval_min_ns = config->check.interval_min,
		.interval_default_ns = config->check.interval_default,
		.timeout_default_ns = config->check.timeout_default,
		.timeout_max_ns = config->check.timeout_max,
		.restart_spread_ns = config->check.restart_spread,
		.stopped_ns = config->check.stopped,
		.output_size = config->registry.output_size,
		.clock = clock_system(),
	};
}

void wiring_sidecar(const struct main_config *config, struct sidecar_config *ret)
{
	*ret = (struct sidecar_config){
		.listen_count = config->http.listen.count,
		.registry_path = config->registry.path,
		.clock = clock_system(),
		.node_name = config->node.name,
		.node_address = config->node.address,
		.datacenter = config->node.datacenter,
		.zone_name = config->zone.name.items[0],
		.limits = limits(config),
		.token_file = config->http.token_file,
		.hosts = (const char *const *)config->http.hosts.items,
		.host_count = config->http.hosts.count,
		.publish_timeout_ns = config->http.publish_timeout,
		.http = {.header_timeout_ns = config->http.header_timeout,
			.body_timeout_ns = config->http.body_timeout,
			.idle_timeout_ns = config->http.idle_timeout,
			.write_timeout_ns = config->http.write_timeout,
			.header_size = config->http.header_size,
			.body_size = config->http.body_size,
			.connections = config->http.connections,
			.connections_per_address = config->http.connections_per_address,
			.write_buffer = config->http.write_buffer},
		.parked = config->http.parked,
		.streams = config->http.streams,
		.stream_buffer = config->http.stream_buffer,
		.traces_max = config->http.traces,
		.heartbeat_ns = config->http.heartbeat,
		.page_instances = config->http.page_instances,
		.sd_instances = config->http.sd_instances,
		.revision = revision(),
		.dns_listen = config->dns.listen.items[0],
		.dns_queries = config->http.dns_queries,
		.dns_timeout_ns = config->http.dns_timeout,
		.wait_default_ns = config->http.wait_default,
		.wait_max_ns = config->http.wait_max,
		.snapshot_timeout_ns = config->http.snapshot_timeout,
	};
}

/* In one spelling, and once. */
static void add_zone(struct main_list *list, const char *name)
{
	uint8_t wire[WIRE_NAME_MAX];
	char text[WIRE_NAME_TEXT];
	int size = wire_name_parse(name, wire);
	if (size < 0)
		return; /* config.c has refused it */
	wire_name_lower(wire, (size_t)size, wire);
	wire_name_format(wire, (size_t)size, text);
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], text))
			return;
	list->items = mem_resize(list->items, list->count + 1, sizeof(char *));
	list->items[list->count++] = mem_strdup(text);
}

int wiring_relay(const struct main_config *config, struct wiring_relay *ret, char message[512])
{
	size_t count = config->relay.upstream.count;
	*ret = (struct wiring_relay){.zones.count = 0};
	for (size_t i = 0; i < count; i++) {
		if (i < RELAY_LIST_MAX &&
			net_addr_parse(config->relay.upstream.items[i], 53, &ret->upstreams[i]) == 0)
			continue;
		snprintf(message, 512, "relay.upstream is not a list of addresses");
		return -EINVAL;
	}
	for (size_t i = 0; i < config->zone.name.count; i++)
		add_zone(&ret->zones, config->zone.name.items[i]);
	for (size_t i = 0; i < config->zone.of_file.count; i++)
		add_zone(&ret->zones, config->zone.of_file.items[i]);
	ret->relay = (struct relay_config){
		.upstreams = ret->upstreams,
		.upstream_count = count,
		.zones = (const char *const *)ret->zones.items,
		.zone_count = ret->zones.count,
		.in_flight = config->relay.in_flight,
		.in_flight_per_address = config->relay.in_flight_per_address,
		.cache_size = config->relay.cache_size,
		.timeout_ns = config->relay.timeout,
		.udp_size = (uint16_t)config->dns.udp_size,
		.clock = clock_system(),
	};
	return 0;
}

void wiring_relay_finish(struct wiring_relay *wiring)
{
	options_list_finish(&wiring->zones);
}

void wiring_log(const struct main_config *config, const char *process)
{
	enum log_level level;
	enum log_format format;
	/* config.c has refused anything else. */
	if (log_parse_level(config->log.level, &level) == 0)
		log_setup(process, level);
	if (log_parse_format(config->log.format, &format) == 0)
		log_set_format(format);
}

unsigned wiring_workers(const struct main_config *config)
{
	cpu_set_t set;
	if (config->dns.workers > 0)
		return config->dns.workers;
	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 1)
		return 1;
	return CPU_COUNT(&set) > 64 ? 64 : (unsigned)CPU_COUNT(&set);
}
