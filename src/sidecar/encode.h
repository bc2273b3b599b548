/* encode.h -- rows of the registry in the shapes that Consul's clients decode (consul.md sections 2.3
 * to 2.7).
 *
 * Private to the sidecar room. Lists are never null, maps are {} rather than null, a check's Definition is
 * always {} (an empty duration in it would make Go's client refuse the whole reply), and durations are in
 * Go's canonical form. */
#pragma once

#include "registry/registry.h"
#include "sidecar/json_out.h"

struct encode {
	struct json_out out;
	const char *datacenter;
	const char *own_node;       /* the node that we are: it has the check serfHealth */
	struct registry_live *live; /* outputs that are newer than the stored ones; NULL for none */
	struct arena *arena;        /* scratch */
};

/* A node, as in catalog/nodes and health/service. */
void encode_node(struct encode *encode, const struct registry_node *node);

/* An instance as the agent shows it: agent/services; with ContentHash unless `hash` is NULL. */
void encode_agent_service(struct encode *encode, const struct registry_instance *instance, const char *hash);

/* An instance as the catalog holds it: health/service and catalog/node. */
void encode_node_service(struct encode *encode, const struct registry_instance *instance);

/* An instance together with its node: catalog/service. */
void encode_catalog_service(
	struct encode *encode, const struct registry_node *node, const struct registry_instance *instance);

/* A check; `agent`: as agent/checks shows it, with indexes 0. */
void encode_check(struct encode *encode, const struct registry_check *check, bool agent);

/* The check that every Consul agent's node has, and therefore ours: the node is alive, for we are answering.
 */
void encode_serf_health(struct encode *encode, const struct registry_node *node);
