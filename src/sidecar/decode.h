/* decode.h -- the bodies that clients send, as the registry's structs.
 *
 * Private to the sidecar room. Field names, defaults and the texts of refusals are Consul's (consul.md
 * sections 2.3, 2.4 and 2.6); design.md says where we do better: unknown keys are ignored, bad input is 400
 * with a text that names the field, and a check of a kind that is not offered is refused instead of never
 * failing. No function here looks at the registry; rules that hold whoever asks (addresses, metadata,
 * targets, times) are the registry's own, and its refusal is the reply. What is returned lives in the arena.
 */
#pragma once

#include "registry/registry.h"
#include "sidecar/fields.h"

/* What a body is read with, and what was wrong with it. */
struct decode {
	struct fields fields;  /* set fields.arena; fields.message is the reply's text after an error */
	const char *node_name; /* our own node: where the agent API registers */
	const char *datacenter;
	uint32_t checks; /* how many one body may have (registry_limits) */
};

/* PUT /v1/agent/service/register. */
struct decode_service {
	struct registry_instance instance;
	const struct registry_check *checks;
	size_t check_count;
};

/* PUT /v1/agent/check/update/:id. */
struct decode_update {
	enum registry_status status;
	const char *output;
};

/* PUT /v1/catalog/register. */
struct decode_registration {
	struct registry_node node;
	bool skip_node_update; /* node.address may be missing: the node is there already */
	bool has_service;
	struct registry_instance instance;
	const struct registry_check *checks; /* of the instance, of others and of the node */
	size_t check_count;
};

/* PUT /v1/catalog/deregister; "" is not given. */
struct decode_removal {
	const char *node, *instance_id, *check_id;
};

/* Reads `size` bytes of JSON, the body of agent/service/register. 0, or with fields.message -EINVAL or
 * -EDQUOT (too many checks). */
int decode_service(struct decode *decode, const char *body, size_t size, struct decode_service *ret);

/* The body of agent/check/register. 0, or -EINVAL with fields.message. */
int decode_check(struct decode *decode, const char *body, size_t size, struct registry_check *ret);

/* The body of agent/check/update. 0, or -EINVAL with fields.message. */
int decode_update(struct decode *decode, const char *body, size_t size, struct decode_update *ret);

/* The body of catalog/register. 0, or with fields.message -EINVAL, -EDQUOT (too many checks) or -ESRCH
 * (another datacenter: Consul answers 500). */
int decode_registration(
	struct decode *decode, const char *body, size_t size, struct decode_registration *ret);

/* The body of catalog/deregister. 0, or with fields.message -EINVAL or -ESRCH. */
int decode_removal(struct decode *decode, const char *body, size_t size, struct decode_removal *ret);

/* A check as it stands in JSON, before it is judged; between decode_check.c and its callers. */
struct decode_raw_check {
	const char *check_id, *id, *node, *name, *notes, *status, *output, *service_id;
	const char *http, *method, *body, *tcp, *grpc, *tls_server_name;
	json_t *header;
	bool tls_skip_verify, tcp_tls, grpc_tls;
	int64_t interval, timeout, ttl, deregister_after;
	int64_t success_before_passing, failures_before_warning, failures_before_critical, output_max_size;
	const char *unoffered; /* the field of a check type that is not offered */
};

/* Reads a check's fields from `object`. 0 or -EINVAL. */
int decode_raw_check(struct decode *decode, const char *path, json_t *object, struct decode_raw_check *ret);

/* Reads one check of a registration; `path` stands in front of its fields in an error. 0 or negative errno.
 */
typedef int decode_one_check(
	struct decode *decode, const char *path, json_t *object, const void *ctx, struct registry_check *ret);

/* Reads "Check" (unless it is empty) and then each of "Checks" by `fill` into an array of the arena; either
 * may be NULL. 0, -EDQUOT (too many) or another negative errno, with a message. */
int decode_checks(struct decode *decode, json_t *check, json_t *checks, decode_one_check *fill,
	const void *ctx, struct registry_check **ret, size_t *ret_count);

/* Judges a check that is to be run, and fills in ret->definition. `path` as in fields_fill(). 0 or -EINVAL.
 */
int decode_definition(struct decode *decode, const char *path, const struct decode_raw_check *raw,
	struct registry_check_definition *ret);

/* A service as it stands in JSON: the agent's body, or "Service" of the catalog's, where its name is
 * "Service". */
struct decode_raw_service {
	const char *name, *service, *id, *address;
	struct field_strings tags;
	uint16_t port;
	struct field_pairs meta;
	json_t *tagged, *weights, *check, *checks;
	bool enable_tag_override;
};

/* Reads a service's fields from `object`. 0 or -EINVAL. */
int decode_raw_service(
	struct decode *decode, const char *path, json_t *object, struct decode_raw_service *ret);

/* Turns it into an instance whose name is already in ret->service. 0 or -EINVAL. */
int decode_instance(struct decode *decode, const char *path, const struct decode_raw_service *raw,
	bool catalog, struct registry_instance *ret);
