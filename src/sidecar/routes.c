/* routes.c -- the table, and how a path finds its row. */
#include "sidecar/routes.h"

#include <string.h>

#include "base/str.h"
#include "sidecar/api.h"

#define GET ROUTE_GET
#define PUT ROUTE_PUT
/* Clients from before Consul 1.0 change things by GET (python-consul 0.7.1). */
#define LEGACY (ROUTE_GET | ROUTE_PUT)
#define READ (ROUTE_GET | ROUTE_QUERY)

/* In the order of strcmp(). */
static const struct route routes[] = {
	{"/", GET | ROUTE_PLAIN, ROUTE_PAGE, api_to_ui},
	{"/healthz", GET | ROUTE_PLAIN, ROUTE_STATUS, api_healthz},
	{"/metrics", GET | ROUTE_PLAIN, ROUTE_STATUS, api_metrics},
	{"/readyz", GET | ROUTE_PLAIN, ROUTE_STATUS, api_readyz},
	{"/ui", GET | ROUTE_PLAIN, ROUTE_PAGE, api_to_ui},
	{"/ui/", GET | ROUTE_PLAIN, ROUTE_PAGE, api_ui},
	{"/ui/data/service/", GET | ROUTE_PLAIN, ROUTE_PAGE, api_page_service},
	{"/ui/data/services", GET | ROUTE_PLAIN, ROUTE_PAGE, api_page_services},
	{"/v1/agent/check/deregister/", LEGACY, ROUTE_DEREGISTER, api_check_deregister},
	{"/v1/agent/check/fail/", LEGACY, ROUTE_HEARTBEAT, api_check_fail},
	{"/v1/agent/check/pass/", LEGACY, ROUTE_HEARTBEAT, api_check_pass},
	{"/v1/agent/check/register", PUT, ROUTE_REGISTER, api_check_register},
	{"/v1/agent/check/update/", PUT, ROUTE_HEARTBEAT, api_check_update},
	{"/v1/agent/check/warn/", LEGACY, ROUTE_HEARTBEAT, api_check_warn},
	{"/v1/agent/checks", GET, ROUTE_READ, api_agent_checks},
	{"/v1/agent/dns", GET | ROUTE_PLAIN, ROUTE_READ, api_dns},
	{"/v1/agent/health/service/id/", GET, ROUTE_READ, api_agent_health_id},
	{"/v1/agent/health/service/name/", GET, ROUTE_READ, api_agent_health_name},
	{"/v1/agent/host", GET, ROUTE_STATUS, api_agent_host},
	{"/v1/agent/maintenance", PUT, ROUTE_MAINTENANCE, api_agent_maintenance},
	{"/v1/agent/members", GET, ROUTE_STATUS, api_agent_members},
	{"/v1/agent/reload", PUT, ROUTE_OPERATE, api_reload},
	{"/v1/agent/self", GET, ROUTE_STATUS, api_agent_self},
	{"/v1/agent/service/", GET, ROUTE_READ, api_agent_service},
	{"/v1/agent/service/deregister/", LEGACY, ROUTE_DEREGISTER, api_service_deregister},
	{"/v1/agent/service/maintenance/", PUT, ROUTE_MAINTENANCE, api_service_maintenance},
	{"/v1/agent/service/register", PUT, ROUTE_REGISTER, api_service_register},
	{"/v1/agent/services", GET, ROUTE_READ, api_agent_services},
	{"/v1/agent/version", GET, ROUTE_STATUS, api_agent_version},
	{"/v1/catalog/datacenters", GET, ROUTE_STATUS, api_catalog_datacenters},
	{"/v1/catalog/deregister", PUT, ROUTE_DEREGISTER, api_catalog_deregister},
	{"/v1/catalog/node-services/", READ, ROUTE_READ, api_catalog_node_services},
	{"/v1/catalog/node/", READ, ROUTE_READ, api_catalog_node},
	{"/v1/catalog/nodes", READ, ROUTE_READ, api_catalog_nodes},
	{"/v1/catalog/register", PUT, ROUTE_REGISTER, api_catalog_register},
	{"/v1/catalog/service/", READ, ROUTE_READ, api_catalog_service},
	{"/v1/catalog/services", READ, ROUTE_READ, api_catalog_services},
	{"/v1/events", GET | ROUTE_PLAIN, ROUTE_EVENTS, api_events},
	{"/v1/health/checks/", READ, ROUTE_READ, api_health_checks},
	{"/v1/health/connect/", READ, ROUTE_READ, api_health_none},
	{"/v1/health/ingress/", READ, ROUTE_READ, api_health_none},
	{"/v1/health/node/", READ, ROUTE_READ, api_health_node},
	{"/v1/health/service/", READ, ROUTE_READ, api_health_service},
	{"/v1/health/state/", READ, ROUTE_READ, api_health_state},
	{"/v1/sd/prometheus", GET | ROUTE_PLAIN, ROUTE_READ, api_sd_prometheus},
	{"/v1/snapshot", GET, ROUTE_OPERATE, api_snapshot},
	{"/v1/status/leader", GET, ROUTE_STATUS, api_status_leader},
	{"/v1/status/peers", GET, ROUTE_STATUS, api_status_peers},
	{"/v1/trace", GET | ROUTE_PLAIN, ROUTE_EVENTS, api_trace},
};

/* Bytes of the row's path if `path` is its path, or begins with it and it ends in a slash; else 0. */
static size_t match(const struct route *route, const char *path)
{
	size_t at = 0;

	while (route->path[at] && route->path[at] == path[at])
		at++;
	if (route->path[at])
		return 0;
	return !path[at] || (at > 1 && route->path[at - 1] == '/') ? at : 0;
}

/* The rows are in the order of strcmp(), so all that match stand before where the path would, the longest
 * last. */
const struct route *routes_find(const char *path, const char **ret_rest)
{
	size_t low = 0, high = sizeof(routes) / sizeof(routes[0]);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(routes[middle].path, path) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low > 0; low--) {
		size_t size = match(&routes[low - 1], path);

		if (size > 0) {
			*ret_rest = path + size;
			return &routes[low - 1];
		}
	}
	return NULL;
}

const char *routes_allow(const struct route *route)
{
	switch (route->flags & (ROUTE_GET | ROUTE_PUT)) {
	case ROUTE_GET:
		return "OPTIONS,GET";
	case ROUTE_PUT:
		return "OPTIONS,PUT";
	default:
		return "OPTIONS,GET,PUT";
	}
}

bool routes_method(const struct route *route, const char *method)
{
	return (str_eq(method, "GET") && (route->flags & ROUTE_GET)) ||
	       (str_eq(method, "PUT") && (route->flags & ROUTE_PUT));
}

static int hex(char c)
{
	unsigned char lower = str_lower((unsigned char)c);

	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

const char *routes_decode(struct arena *arena, const char *text)
{
	char *decoded = arena_alloc(arena, strlen(text) + 1);
	size_t size = 0;

	while (*text) {
		if (*text != '%') {
			decoded[size++] = *text++;
			continue;
		}
		int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);

		if (low < 0)
			return NULL;
		decoded[size++] = (char)(high * 16 + low);
		text += 3;
	}
	return str_utf8(decoded, size) ? decoded : NULL;
}
