/* model.h -- the words of the registry: node, instance, check, and the commands that change them.
 *
 * Plain data; everything that a struct points to lives in the arena that the struct came in. Names are
 * Consul's (consul.md section 2). An *instance* is what Consul's API calls a service (with an id); a
 * *service* is the name that instances share. Names and ids compare without ASCII case, and keep their first
 * spelling. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum registry_status { REGISTRY_PASSING = 0, REGISTRY_WARNING = 1, REGISTRY_CRITICAL = 2 };

/* Which kind of probe a check is. Stored by name, so the order may change. */
enum registry_check_type {
	REGISTRY_CHECK_NONE, /* stored and shown, never run (catalog registrations) */
	REGISTRY_CHECK_TTL,
	REGISTRY_CHECK_TCP,
	REGISTRY_CHECK_HTTP, /* http:// and https:// */
	REGISTRY_CHECK_GRPC,
	REGISTRY_CHECK_MAINTENANCE,
	REGISTRY_CHECK_TYPES
};

struct registry_pair {
	const char *key, *value;
};

struct registry_tagged_address {
	const char *name; /* lan_ipv4, wan_ipv6, ... */
	const char *address;
	uint16_t port;
};

struct registry_node {
	const char *name;
	const char *id;                     /* a UUID, "" if none was given */
	const char *address;                /* IP literal, or a host name */
	const struct registry_pair *tagged; /* TaggedAddresses: name to address */
	size_t tagged_count;
	const struct registry_pair *meta;
	size_t meta_count;
	uint64_t create_index, modify_index;
};

struct registry_instance {
	const char *node;
	const char *id;
	const char *service;
	const char *label;   /* the DNS label of <label>.<service>; chosen at registration, kept since */
	const char *address; /* as registered; "" means the node's */
	uint16_t port;
	const char *const *tags;
	size_t tag_count;
	const struct registry_pair *meta;
	size_t meta_count;
	const struct registry_tagged_address *tagged;
	size_t tagged_count;
	uint32_t weight_passing, weight_warning;
	bool enable_tag_override;
	bool agent; /* registered through the agent API (else the catalog API) */
	uint64_t create_index, modify_index;
	/* What follows is worked out by the reader, and ignored in commands. */
	const char *node_address;
	enum registry_status status; /* the worst of its own checks and its node's */
	bool waiting;                /* critical only because a check has not had its first result */
	bool maintenance;            /* critical because somebody took it out, or its node, whatever else */
};

/* What to probe and how often. Times in nanoseconds; 0 means not given. */
struct registry_check_definition {
	enum registry_check_type type;
	const char *target; /* tcp: host:port; http: the URL; grpc: host:port or host:port/service; else "" */
	const char *method; /* http; "" means GET */
	const struct registry_pair *headers;
	size_t header_count;
	const char *body;
	const char *tls_server_name;
	bool tls_skip_verify;
	bool use_tls; /* GRPCUseTLS; TCPUseTLS too, which is refused as not offered */
	int64_t interval_ns, timeout_ns, ttl_ns;
	int64_t deregister_after_ns; /* DeregisterCriticalServiceAfter, as given */
	uint32_t success_before_passing, failures_before_warning, failures_before_critical;
	uint32_t output_max_size; /* 0 means the configured default */
};

struct registry_check {
	const char *node;
	const char *id; /* CheckID; unique on its node */
	const char *name;
	const char *notes;
	const char *instance_id; /* ServiceID; "" for a check of the node */
	const char *service;     /* filled by the reader from the instance; "" for a check of the node */
	const char *const *service_tags; /* filled by the reader; checks of one instance share them */
	size_t service_tag_count;
	enum registry_status status;
	bool checked; /* had a result since it was registered; false means "waiting for the first check" */
	const char *output;
	struct registry_check_definition definition;
	uint64_t create_index, modify_index;
};

/* One service of the catalog. */
struct registry_service {
	const char *name;
	const char *const *tags; /* union over its instances, each once, sorted */
	size_t tag_count;
	size_t instance_count;
	uint64_t modify_index;
};

/* One row of the changelog. Changes of one command share an index; a change of a node, or of a check of it,
 * has a row without service and one for each service on it. */
struct registry_history {
	uint64_t index;
	int64_t time_ms;                       /* wall clock */
	const char *kind;                      /* "instance", "check" or "node" */
	const char *service, *node, *instance; /* "" where none is concerned */
	const char *id;                        /* the instance's, the check's; a node's UUID */
	const char *what; /* "registered", "changed", "removed", "renamed", or a check's new status */
	const char
		*former; /* a check's status before ("waiting": it had no result yet), "" if there was none */
	const char *reason; /* in words; "" if none was given */
	bool last;          /* the last one of its index */
};

/* What strangers may ask for. 0 is not "unlimited": each is a number. */
struct registry_limits {
	uint32_t instances; /* in all */
	uint32_t checks_per_instance;
	uint32_t tags_per_instance;
	uint32_t tag_size;        /* bytes of one tag */
	uint32_t meta_pairs;      /* Consul's 64 */
	uint32_t meta_value_size; /* Consul's 512 */
	uint32_t output_size;     /* bytes of a check's output that are kept */
	uint32_t changelog_rows;  /* rows that the changelog keeps */
	uint32_t queue;           /* commands that may wait for the writer; more are refused with -EBUSY */
};

/* The name of a status as Consul writes it ("passing", "warning", "critical"). */
const char *registry_status_name(enum registry_status status);

/* Parses a status word (ASCII case ignored). 0 or -EINVAL. */
int registry_status_parse(const char *text, enum registry_status *ret);

/* The name of a check type as Consul writes it ("ttl", "tcp", "http", "grpc", "maintenance", ""). */
const char *registry_check_type_name(enum registry_check_type type);

/* True if a check of this id stands for maintenance, of an instance or a node (consul.md section 2.3). */
bool registry_check_is_maintenance(const char *check_id);

/* The value of `key` in the instance's Meta, NULL if it is not there (exact match). */
const char *registry_instance_meta(const struct registry_instance *instance, const char *key);

/* Where the instance is reached, by family: `family` AF_INET or AF_INET6. Takes the tagged address lan_ipv4
 * or lan_ipv6, else the instance's address, else the node's (design: Names and answers). Returns true and the
 * 4 or 16 bytes in `ret` if there is one. */
bool registry_instance_address(const struct registry_instance *instance, int family, uint8_t ret[16]);

/* The host name, if the instance's address (or its node's, where it has none) is one; else NULL. */
const char *registry_instance_hostname(const struct registry_instance *instance);

/* Deep copy of a check into `arena`, but without its instance's tags: each of the checks would have them
 * again, and they are for replies only. */
struct registry_check *registry_check_copy(struct arena *arena, const struct registry_check *check);
