/* tables.c -- see tables.h. "(a, b) IS NOT (x, y)" in an UPDATE makes it change nothing, and say so, when the
 * row already is what it would become: that is how writes are idempotent without reading first. */
#include "registry/tables.h"

#include "registry/columns.h"

/* A single text of a query, NULL if there is no row. */
static const char *one_text(struct store *store, struct arena *arena, sqlite3_stmt *row)
{
	if (!store_row(store, row))
		return NULL;
	const char *text = columns_text(row, 0, arena);
	store_done(row);
	return text;
}

const char *tables_node_name(struct store *store, struct arena *arena, const char *name)
{
	return one_text(store, arena, store_query(store, "SELECT name FROM node WHERE name = ?1", "s", name));
}

enum tables_effect tables_put_node(
	struct store *store, struct arena *arena, const struct registry_node *node, int64_t index)
{
	const char *tagged = columns_encode_map(arena, node->tagged, node->tagged_count);
	const char *meta = columns_encode_map(arena, node->meta, node->meta_count);

	if (!tables_node_name(store, arena, node->name)) {
		store_run(store,
			"INSERT INTO node (name, uuid, address, tagged, meta, create_index, modify_index, "
			"any_index)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)",
			"sssssi", node->name, node->id, node->address, tagged, meta, index);
		return TABLES_ADDED;
	}
	int changed = store_run(store,
		"UPDATE node SET uuid = iif(?2 = '', uuid, ?2), address = ?3, tagged = ?4, meta = ?5, "
		"modify_index = ?6"
		" WHERE name = ?1 AND (uuid, address, tagged, meta) IS NOT (iif(?2 = '', uuid, ?2), ?3, ?4, "
		"?5)",
		"sssssi", node->name, node->id, node->address, tagged, meta, index);
	return changed ? TABLES_CHANGED : TABLES_SAME;
}

bool tables_own_node(struct store *store, struct arena *arena, struct registry_node *ret)
{
	sqlite3_stmt *row = store_query(store, "SELECT " COLUMNS_NODE " FROM node n WHERE n.own = 1", "");

	if (!store_row(store, row))
		return false;
	columns_node(row, arena, ret);
	store_done(row);
	return true;
}

void tables_set_own_node(struct store *store, const char *name)
{
	store_run(store, "UPDATE node SET own = (name = ?1) WHERE own IS NOT (name = ?1)", "s", name);
}

void tables_rename_node(struct store *store, const char *from, const char *to, int64_t index)
{
	/* Instances and checks follow by their foreign keys. */
	store_run(store, "UPDATE node SET name = ?2, modify_index = ?3 WHERE name = ?1", "ssi", from, to,
		index);
}

void tables_remove_node(struct store *store, const char *name)
{
	store_run(store, "DELETE FROM node WHERE name = ?1", "s", name);
}

bool tables_find_instance(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_instance *ret)
{
	sqlite3_stmt *row = store_query(store,
		"SELECT node, id, service, label, agent, create_index FROM instance WHERE node = ?1 AND id = "
		"?2",
		"ss", node, id);

	if (!store_row(store, row))
		return false;
	*ret = (struct registry_instance){
		.node = columns_text(row, 0, arena),
		.id = columns_text(row, 1, arena),
		.service = columns_text(row, 2, arena),
		.label = columns_text(row, 3, arena),
		.agent = sqlite3_column_int(row, 4),
		.create_index = (uint64_t)sqlite3_column_int64(row, 5),
	};
	store_done(row);
	return true;
}

/* Runs one of the two statements below; true if it wrote the row. */
static bool write_instance(struct store *store, struct arena *arena, const char *sql,
	const struct registry_instance *instance, int64_t index)
{
	const char *tags = columns_encode_texts(arena, instance->tags, instance->tag_count);
	const char *meta = columns_encode_map(arena, instance->meta, instance->meta_count);
	const char *tagged = columns_encode_tagged(arena, instance->tagged, instance->tagged_count);

	return store_run(store, sql, "sssssnsssnnnni", instance->node, instance->id, instance->service,
		       instance->label, instance->address, (int)instance->port, tags, meta, tagged,
		       (int)instance->weight_passing, (int)instance->weight_warning,
		       (int)instance->enable_tag_override, (int)instance->agent, index) > 0;
}

void tables_add_instance(
	struct store *store, struct arena *arena, const struct registry_instance *instance, int64_t index)
{
	write_instance(store, arena,
		"INSERT INTO instance (node, id, service, label, address, port, tags, meta, tagged, "
		"weight_passing,"
		" weight_warning, enable_tag_override, agent, create_index, modify_index)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
		instance, index);
}

bool tables_change_instance(
	struct store *store, struct arena *arena, const struct registry_instance *instance, int64_t index)
{
	return write_instance(store, arena,
		"UPDATE instance SET (service, label, address, port, tags, meta, tagged, weight_passing, "
		"weight_warning,"
		" enable_tag_override, agent) = (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13), "
		"modify_index = ?14"
		" WHERE node = ?1 AND id = ?2 AND (service, label, address, port, tags, meta, tagged, "
		"weight_passing,"
		" weight_warning, enable_tag_override, agent) IS NOT (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
		"?12, ?13)",
		instance, index);
}

void tables_remove_instance(struct store *store, const char *node, const char *id)
{
	store_run(store, "DELETE FROM instance WHERE node = ?1 AND id = ?2", "ss", node, id);
}

const char *tables_service_name(struct store *store, struct arena *arena, const char *name)
{
	return one_text(
		store, arena, store_query(store, "SELECT name FROM service WHERE name = ?1", "s", name));
}

void tables_add_service(struct store *store, const char *name, int64_t index)
{
	store_run(store, "INSERT INTO service (name, modify_index) VALUES (?1, ?2)", "si", name, index);
}

bool tables_remove_service_if_empty(struct store *store, const char *name)
{
	return store_run(store,
		       "DELETE FROM service WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM instance WHERE "
		       "service = ?1)",
		       "s", name) > 0;
}

bool tables_find_check(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_check *ret)
{
	sqlite3_stmt *row = store_query(store,
		"SELECT " COLUMNS_CHECK
		" FROM checks c LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id"
		" WHERE c.node = ?1 AND c.id = ?2",
		"ss", node, id);

	if (!store_row(store, row))
		return false;
	columns_check(row, arena, ret);
	store_done(row);
	return true;
}

bool tables_find_check_state(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_check *ret, int64_t *ret_row)
{
	sqlite3_stmt *row = store_query(store,
		"SELECT " COLUMNS_CHECK_STATE
		" FROM checks c LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id"
		" WHERE c.node = ?1 AND c.id = ?2",
		"ss", node, id);

	if (!store_row(store, row))
		return false;
	columns_check_state(row, arena, ret);
	*ret_row = sqlite3_column_int64(row, COLUMNS_STATE_ROW);
	store_done(row);
	return true;
}

size_t tables_count_checks(struct store *store, const char *node, const char *instance_id)
{
	return (size_t)store_number(store, 0,
		"SELECT count(*) FROM checks WHERE node = ?1 AND instance_id = ?2", "ss", node, instance_id);
}

size_t tables_count_own_checks(struct store *store, const char *node, const char *instance_id)
{
	return (size_t)store_number(store, 0,
		"SELECT count(*) FROM checks WHERE node = ?1 AND instance_id = ?2 AND type <> ?3", "sss",
		node, instance_id, registry_check_type_name(REGISTRY_CHECK_MAINTENANCE));
}

#define DEFINITION_COLUMNS                                                                                   \
	"type, target, method, headers, body, tls_server_name, tls_skip_verify, tcp_tls, interval_ns, "      \
	"timeout_ns, ttl_ns, deregister_after_ns, success_before_passing, failures_before_warning, "         \
	"failures_before_critical, output_max_size"
#define DEFINITION_VALUES "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22"

/* Parameters 1 to 22 of both statements below. */
static sqlite3_stmt *bind_check(struct store *store, struct arena *arena, const char *sql,
	const struct registry_check *check, int64_t index)
{
	const struct registry_check_definition *def = &check->definition;

	return store_query(store, sql, "ssssisssssssnniiiiiiii", check->node, check->id, check->name,
		check->notes, index, check->instance_id, registry_check_type_name(def->type), def->target,
		def->method, columns_encode_pairs(arena, def->headers, def->header_count), def->body,
		def->tls_server_name, (int)def->tls_skip_verify, (int)def->use_tls, def->interval_ns,
		def->timeout_ns, def->ttl_ns, def->deregister_after_ns, (int64_t)def->success_before_passing,
		(int64_t)def->failures_before_warning, (int64_t)def->failures_before_critical,
		(int64_t)def->output_max_size);
}

/* Steps a statement without rows; true if it changed one. */
static bool finish(struct store *store, sqlite3_stmt *statement)
{
	if (!statement)
		return false;
	while (store_row(store, statement))
		;
	return store->code == SQLITE_OK && sqlite3_changes(store->db) > 0;
}

bool tables_add_check(
	struct store *store, struct arena *arena, const struct registry_check *check, int64_t index)
{
	sqlite3_stmt *insert = bind_check(store, arena,
		"INSERT INTO checks (node, id, name, notes, instance_id, " DEFINITION_COLUMNS
		", status, checked, output, create_index, modify_index)"
		" VALUES (?1, ?2, ?3, ?4, ?6, " DEFINITION_VALUES
		", ?23, ?24, ?25, ?5, ?5) ON CONFLICT DO NOTHING",
		check, index);

	if (insert) {
		sqlite3_bind_int(insert, 23, (int)check->status);
		sqlite3_bind_int(insert, 24, check->checked);
		sqlite3_bind_text(insert, 25, check->output, -1, SQLITE_STATIC);
	}
	return finish(store, insert);
}

bool tables_change_check(
	struct store *store, struct arena *arena, const struct registry_check *check, int64_t index)
{
	return finish(store,
		bind_check(store, arena,
			"UPDATE checks SET (name, notes, instance_id, " DEFINITION_COLUMNS
			") = (?3, ?4, ?6, " DEFINITION_VALUES "), modify_index = ?5"
			" WHERE node = ?1 AND id = ?2 AND (name, notes, instance_id, " DEFINITION_COLUMNS
			") IS NOT (?3, ?4, ?6, " DEFINITION_VALUES ")",
			check, index));
}

void tables_set_status(struct store *store, int64_t row, const struct registry_check *check, int64_t index)
{
	store_run(store,
		"UPDATE checks SET status = ?2, checked = 1, output = ?3, modify_index = ?4 WHERE rowid = ?1",
		"insi", row, (int)check->status, check->output, index);
}

bool tables_set_output(struct store *store, int64_t row, const struct registry_check *check, int64_t index)
{
	return store_run(store,
		       "UPDATE checks SET output = ?2, modify_index = ?3 WHERE rowid = ?1 AND output <> ?2",
		       "isi", row, check->output, index) > 0;
}

void tables_remove_check(struct store *store, const char *node, const char *id)
{
	store_run(store, "DELETE FROM checks WHERE node = ?1 AND id = ?2", "ss", node, id);
}

struct registry_check *tables_checks(struct store *store, struct arena *arena, const char *node,
	const char *instance_id, size_t *ret_count)
{
	struct registry_check *list = NULL;
	size_t count = 0;
	sqlite3_stmt *row = store_query(store,
		"SELECT " COLUMNS_CHECK_STATE
		" FROM checks c LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id"
		" WHERE c.node = ?1 AND c.instance_id = ?2 ORDER BY c.id",
		"ss", node, instance_id);

	while (store_row(store, row)) {
		list = arena_grow(arena, list, count, sizeof(*list));
		columns_check_state(row, arena, &list[count++]);
	}
	*ret_count = count;
	return list;
}

const char **tables_instances_on(
	struct store *store, struct arena *arena, const char *node, size_t *ret_count)
{
	const char **list = NULL;
	size_t count = 0;
	sqlite3_stmt *row =
		store_query(store, "SELECT id FROM instance WHERE node = ?1 ORDER BY id", "s", node);

	while (store_row(store, row)) {
		list = arena_grow(arena, list, count, sizeof(*list));
		list[count++] = columns_text(row, 0, arena);
	}
	*ret_count = count;
	return list;
}
