/* columns.h -- rows as structs: the columns that are read together, and the lists that one column holds as
 * JSON.
 *
 * Private to the registry room. Everything that is made lies in the given arena. */
#pragma once

#include <sqlite3.h>

#include "registry/model.h"

/* What the functions below expect, in order. */
#define COLUMNS_NODE "n.name, n.uuid, n.address, n.tagged, n.meta, n.create_index, n.modify_index"
#define COLUMNS_INSTANCE                                                                                     \
	"i.node, i.id, i.service, i.label, i.address, i.port, i.tags, i.meta, i.tagged, i.weight_passing, "  \
	"i.weight_warning, i.enable_tag_override, i.agent, i.create_index, i.modify_index"
#define COLUMNS_CHECK                                                                                        \
	"c.node, c.id, c.name, c.notes, c.instance_id, c.status, c.checked, c.output, c.type, c.target, "    \
	"c.method, c.headers, c.body, c.tls_server_name, c.tls_skip_verify, c.tcp_tls, c.interval_ns, "      \
	"c.timeout_ns, c.ttl_ns, c.deregister_after_ns, c.success_before_passing, "                          \
	"c.failures_before_warning, "                                                                        \
	"c.failures_before_critical, c.output_max_size, c.create_index, c.modify_index, i.service"
#define COLUMNS_CHECK_STATE                                                                                  \
	"c.node, c.id, c.instance_id, i.service, c.status, c.checked, c.type, c.output_max_size, c.rowid"
#define COLUMNS_STATE_ROW 8

/* The tags of its instance, behind COLUMNS_CHECK, if they are wanted (?6). */
#define COLUMNS_CHECK_TAGS ", iif(?6, i.tags, NULL)"
#define COLUMNS_TAGS 27

/* How bad a check is: 2 * status + checked, so that one that had its result outweighs one that waits; one
 * that stands for maintenance (registry_check_is_maintenance(), said in SQL) outweighs both. 0 for none. */
#define COLUMNS_MAINTENANCE 6
#define COLUMNS_BADNESS(c)                                                                                   \
	"ifnull(CASE WHEN " c ".status = 2 AND (" c ".id = '_node_maintenance' OR (" c                       \
	".id >= '_service_maintenance:' AND " c ".id < '_service_maintenance;')) THEN " COLUMNS_TEXT(        \
		COLUMNS_MAINTENANCE) " ELSE 2 * " c ".status + " c ".checked END, 0)"
#define COLUMNS_TEXT(number) COLUMNS_QUOTED(number)
#define COLUMNS_QUOTED(text) #text

/* The worst of some checks. Only checks that do not pass are looked at: 0 is none of them. */
#define COLUMNS_WORST "max(" COLUMNS_BADNESS("c") ")"

/* What is worked out for an instance, behind COLUMNS_INSTANCE: its node's address, a check that fails, and
 * the row of the instance: it comes once for each pair of a check of its own and one of its node that fail.
 */
#define COLUMNS_DERIVED ", n.address, max(" COLUMNS_BADNESS("c") ", " COLUMNS_BADNESS("d") "), i.rowid"
#define COLUMNS_ONE_CHECK 16
#define COLUMNS_ROW 17
#define COLUMNS_DERIVED_FROM                                                                                 \
	" CROSS JOIN node n ON n.name = i.node"                                                              \
	" LEFT JOIN checks c ON c.node = i.node AND c.instance_id = i.id AND c.status > 0"                   \
	" LEFT JOIN checks d ON d.node = i.node AND d.instance_id = '' AND d.status > 0"

/* Reads a row of COLUMNS_NODE. */
void columns_node(sqlite3_stmt *row, struct arena *arena, struct registry_node *ret);

/* Reads a row of COLUMNS_INSTANCE and COLUMNS_DERIVED. `before` may be the row before it, in the same arena,
 * whose texts it shares where they are equal; else NULL. */
void columns_instance(sqlite3_stmt *row, struct arena *arena, const struct registry_instance *before,
	struct registry_instance *ret);

/* Sets `status`, `waiting` and `maintenance` of an instance from the worst of its checks, as above. */
void columns_worst(int worst, struct registry_instance *instance);

/* Reads a row of COLUMNS_CHECK (i is the check's instance, NULL for a check of a node). */
void columns_check(sqlite3_stmt *row, struct arena *arena, struct registry_check *ret);

/* Reads a row of COLUMNS_CHECK_STATE: who a check is and how it stands. Everything else is zero. */
void columns_check_state(sqlite3_stmt *row, struct arena *arena, struct registry_check *ret);

/* Reads COLUMNS_CHECK_TAGS. `before` may be the check before it, in the same arena, whose tags it shares if
 * both are of one instance; else NULL. */
void columns_check_tags(sqlite3_stmt *row, struct arena *arena, const struct registry_check *before,
	struct registry_check *ret);

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
