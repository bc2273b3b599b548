/* api.h -- the handlers that the table of routes names.
 *
 * Private to the sidecar room; contract in call.h. Each stands in the file of its part of the API. */
#pragma once

#include "sidecar/call.h"
#include "sidecar/decode.h"

/* api_agent.c: the agent's services, maintenance and the agent itself. */

/* PUT /v1/agent/service/register: upserts an instance of our own node. */
void api_service_register(struct call *call);

/* PUT (GET) /v1/agent/service/deregister/:id: 404 if there is none. */
void api_service_deregister(struct call *call);

/* PUT /v1/agent/service/maintenance/:id?enable=: adds or removes its maintenance check. */
void api_service_maintenance(struct call *call);

/* PUT /v1/agent/maintenance?enable=: the same for the whole node. */
void api_agent_maintenance(struct call *call);

/* GET /v1/agent/services: what was registered through the agent API, by id. */
void api_agent_services(struct call *call);

/* GET /v1/agent/service/:id: one of them, with its ContentHash. */
void api_agent_service(struct call *call);

/* api_check.c: the agent's checks and heartbeats. */

/* PUT /v1/agent/check/register: upserts a check of the node or of an instance. */
void api_check_register(struct call *call);

/* PUT (GET) /v1/agent/check/deregister/:id: 404 if there is none. */
void api_check_deregister(struct call *call);

/* PUT (GET) /v1/agent/check/pass/:id: a heartbeat, passing. */
void api_check_pass(struct call *call);

/* PUT (GET) /v1/agent/check/warn/:id: a heartbeat, warning. */
void api_check_warn(struct call *call);

/* PUT (GET) /v1/agent/check/fail/:id: a heartbeat, critical. */
void api_check_fail(struct call *call);

/* PUT /v1/agent/check/update/:id: a heartbeat whose body says status and output. */
void api_check_update(struct call *call);

/* GET /v1/agent/checks: the checks of our own node, by id. */
void api_agent_checks(struct call *call);

/* api_catalog.c */

/* PUT /v1/catalog/register: a node with a service and checks, in one command. */
void api_catalog_register(struct call *call);

/* PUT /v1/catalog/deregister: a service, a check or a node; none to be found is fine. */
void api_catalog_deregister(struct call *call);

/* GET /v1/catalog/datacenters: the one that we are. */
void api_catalog_datacenters(struct call *call);

/* GET /v1/catalog/nodes. */
void api_catalog_nodes(struct call *call);

/* GET /v1/catalog/node/:n: a node and what is on it, by id; null if there is none. */
void api_catalog_node(struct call *call);

/* GET /v1/catalog/node-services/:n: the same as a list. */
void api_catalog_node_services(struct call *call);

/* GET /v1/catalog/services: names and tags. */
void api_catalog_services(struct call *call);

/* GET /v1/catalog/service/:s: its instances, healthy or not. */
void api_catalog_service(struct call *call);

/* api_dns.c */

/* GET /v1/agent/dns?name=&type=: the records that our own DNS answers now. */
void api_dns(struct call *call);

/* api_events.c */

/* GET /v1/events: the changes of the registry as server-sent events, from Last-Event-ID or ?index= on, or
 * with the last so many (?last=). */
void api_events(struct call *call);

/* api_health.c */

/* GET /v1/health/service/:s: its instances with node and checks. */
void api_health_service(struct call *call);

/* GET /v1/health/connect/:s and ingress/:s: nobody, for there is no mesh here. */
void api_health_none(struct call *call);

/* GET /v1/health/node/:n: all checks on a node. */
void api_health_node(struct call *call);

/* GET /v1/health/checks/:s: the checks of a service. */
void api_health_checks(struct call *call);

/* GET /v1/health/state/:x: the checks in a state. */
void api_health_state(struct call *call);

/* GET /v1/agent/health/service/id/:id: the status code is the health. */
void api_agent_health_id(struct call *call);

/* GET /v1/agent/health/service/name/:name: the same, of the worst instance. */
void api_agent_health_name(struct call *call);

/* api_sd.c */

/* GET /v1/sd/prometheus: instances as targets (?service=, ?tag=). */
void api_sd_prometheus(struct call *call);

/* api_ui.c and api_page.c: the page. */

/* GET /ui/...: a file of the page. */
void api_ui(struct call *call);

/* GET /: to the page, with a line that says who we are. */
void api_to_ui(struct call *call);

/* GET /ui/data/services: a line for each service. */
void api_page_services(struct call *call);

/* GET /ui/data/service/:s: its instances and their checks, with the time since when each is as it is. */
void api_page_service(struct call *call);

/* api_status.c: the server itself. */

/* GET /healthz: 200 while we run. */
void api_healthz(struct call *call);

/* GET /readyz: 200 when registry and view are ready, else 503 and why. */
void api_readyz(struct call *call);

/* GET /v1/agent/self: a map of objects. */
void api_agent_self(struct call *call);

/* GET /v1/agent/members: ourselves. */
void api_agent_members(struct call *call);

/* GET /v1/agent/host: an object. */
void api_agent_host(struct call *call);

/* GET /v1/agent/version. */
void api_agent_version(struct call *call);

/* GET /v1/status/leader. */
void api_status_leader(struct call *call);

/* GET /v1/status/peers. */
void api_status_peers(struct call *call);

/* api_metrics.c */

/* GET /metrics: the table of base/metrics_table.h, of both processes, as far as it is known now. */
void api_metrics(struct call *call);

/* api_operator.c: for whoever runs the server. */

/* PUT /v1/agent/reload: reads the config again as SIGHUP does; 200 or 400, and what there is to say. */
void api_reload(struct call *call);

/* The answer to that (errand.h); `call` is NULL if its client has left. */
void api_reload_done(struct sidecar *sidecar, struct call *call, int status, const char *text);

/* GET /v1/snapshot: a copy of the registry, an SQLite database. */
void api_snapshot(struct call *call);

/* The answer to that (errand.h), as above. */
void api_snapshot_done(struct sidecar *sidecar, struct call *call, int status, const char *text);

/* api_trace.c */

/* GET /v1/trace?name=&address=&limit=: the queries that DNS answers, as server-sent events. */
void api_trace(struct call *call);

/* Rows that more than one part reads. */

/* A node by name, NULL if there is none. 0 or negative errno. */
int api_fetch_node(struct registry_reader *reader, struct arena *arena, const char *name,
	const struct registry_node **ret);

/* A boolean as Go's strconv.ParseBool reads it. 0 or -EINVAL. */
int api_parse_bool(const char *text, bool *ret);

/* A decoder for a body of this call, whose results live in `arena` and hold nothing of the config. */
struct decode api_decode(struct call *call, struct arena *arena);

/* Replies to a body that could not be decoded. */
void api_refuse(struct call *call, const struct decode *decode, int error);

/* True if every ?tag= is among the instance's, case ignored. */
bool api_tags_match(const struct call *call, const struct registry_instance *instance);

/* True if every ?node-meta=key:value is in the node's. */
bool api_node_matches(const struct call *call, const struct registry_node *node);
