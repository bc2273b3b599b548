/* columns.h -- rows as structs: the columns that are read together, and the lists that one column holds as
 * JSON.
 *
 * Private to the registry room. Everything that is made lies in the given arena. */
#pragma once

#include <sqlite3.h>

#include "registry/model.h"

/* What columns_node(), columns_instance() and columns_check() expect, in order. */
#define COLUMNS_NODE "n.name, n.uuid, n.address, n.tagged, n.meta, n.create_index, n.modify_index"
#define COLUMNS_INSTANCE                                                                                     \
	"i.node, i.id, i.service, i.label, i.address, i.port, i.tags, i.meta, i.tagged, i.weight_passing, "  \
	"i.weight_warning, i.enable_tag_override, i.agent, i.create_index, i.modify_index"
#define COLUMNS_CHECK                                                                                        \
	"c.node, c.id, c.name, c.notes, c.instance_id, c.status, c.checked, c.output, c.type, c.target, "    \
	"c.method, c.headers, c.body, c.tls_server_name, c.tls_skip_verify, c.tcp_tls, c.interval_ns, "      \
	"c.timeout_ns, c.ttl_ns, c.deregister_after_ns, c.success_before_passing, "                          \
	"c.failures_before_warning, "                                                                        \
	"c.failures_before_critical, c.output_max_size, c.create_index, c.modify_index, i.service, i.tags"

/* The worst of an instance's and its node's checks as 2 * status + checked, so that one that had its result
 * outweighs one that waits; 0 if all pass, or without any. Two questions: for "IN (id, '')" SQLite would fill
 * a table anew for each row. */
#define COLUMNS_WORST_OF(node, id)                                                                           \
	"ifnull((SELECT max(2 * c.status + c.checked) FROM checks c WHERE c.node = " node                    \
	" AND c.instance_id = " id " AND c.status > 0), 0)"
#define COLUMNS_WORST(node, id) "max(" COLUMNS_WORST_OF(node, id) ", " COLUMNS_WORST_OF(node, "''") ")"

/* What is worked out for an instance, behind COLUMNS_INSTANCE: its node's address, and the worst check. */
#define COLUMNS_DERIVED ", n.address, " COLUMNS_WORST("i.node", "i.id")

/* Reads a row of COLUMNS_NODE. */
void columns_node(sqlite3_stmt *row, struct arena *arena, struct registry_node *ret);

/* Reads a row of COLUMNS_INSTANCE, and COLUMNS_DERIVED if the row has them. `before` may be the row before
 * it, in the same arena, whose texts it shares where they are equal; else NULL. */
void columns_instance(sqlite3_stmt *row, struct arena *arena, const struct registry_instance *before,
	struct registry_instance *ret);

/* Sets `status` and `waiting` of an instance from its COLUMNS_WORST. */
void columns_worst(int worst, struct registry_instance *instance);

/* Reads a row of COLUMNS_CHECK (i is the check's instance, NULL for a check of a node). */
void columns_check(sqlite3_stmt *row, struct arena *arena, struct registry_check *ret);

/* Reads column `i` as text; "" for NULL. */
const char *columns_text(sqlite3_stmt *row, int i, struct arena *arena);

/* A list of texts as a JSON array. */
const char *columns_encode_texts(struct arena *arena, const char *const *texts, size_t count);

/* Reads such a list; empty if it cannot be read. */
const char *const *columns_decode_texts(struct arena *arena, const char *json, size_t *ret_count);

/* Pairs as a JSON object, sorted by key. */
const char *columns_encode_map(struct arena *arena, const struct registry_pair *pairs, size_t count);

/* Pairs as a JSON array of [key, value], in their order: keys may repeat (headers). */
const char *columns_encode_pairs(struct arena *arena, const struct registry_pair *pairs, size_t count);

/* Tagged addresses as {"lan_ipv4":{"Address":"10.0.0.1","Port":80}}. */
const char *columns_encode_tagged(
	struct arena *arena, const struct registry_tagged_address *tagged, size_t count);
