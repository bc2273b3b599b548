/* api.h -- the handlers that the table of routes names.
 *
 * Private to the sidecar room; contract in call.h. Each stands in the file of its part of the API. */
#pragma once

#include "sidecar/call.h"
#include "sidecar/decode.h"

/* api_agent.c: the agent's services, maintenance and the agent itself. */
void api_service_register(struct call *call);
void api_service_deregister(struct call *call);
void api_service_maintenance(struct call *call);
void api_agent_maintenance(struct call *call);
void api_agent_services(struct call *call);
void api_agent_service(struct call *call);

/* api_check.c: the agent's checks and heartbeats. */
void api_check_register(struct call *call);
void api_check_deregister(struct call *call);
void api_check_pass(struct call *call);
void api_check_warn(struct call *call);
void api_check_fail(struct call *call);
void api_check_update(struct call *call);
void api_agent_checks(struct call *call);

/* api_catalog.c */
void api_catalog_register(struct call *call);
void api_catalog_deregister(struct call *call);
void api_catalog_datacenters(struct call *call);
void api_catalog_nodes(struct call *call);
void api_catalog_node(struct call *call);
void api_catalog_node_services(struct call *call);
void api_catalog_services(struct call *call);
void api_catalog_service(struct call *call);

/* api_health.c */
void api_health_service(struct call *call);
void api_health_none(struct call *call);
void api_health_node(struct call *call);
void api_health_checks(struct call *call);
void api_health_state(struct call *call);
void api_agent_health_id(struct call *call);
void api_agent_health_name(struct call *call);

/* api_status.c: the server itself. */
void api_index(struct call *call);
void api_healthz(struct call *call);
void api_readyz(struct call *call);
void api_metrics(struct call *call);
void api_agent_self(struct call *call);
void api_agent_members(struct call *call);
void api_agent_host(struct call *call);
void api_agent_version(struct call *call);
void api_status_leader(struct call *call);
void api_status_peers(struct call *call);

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

/* ?tag= (each must be there, case ignored) and ?node-meta=key:value (each must match). */
bool api_tags_match(const struct call *call, const struct registry_instance *instance);
bool api_node_matches(const struct call *call, const struct registry_node *node);
