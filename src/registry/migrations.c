/* migrations.c -- see migrations.h. */
#include "registry/migrations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names and ids compare without ASCII case (NOCASE) and keep their first spelling. Lists and maps are JSON.
 * status: 0 passing, 1 warning, 2 critical. The svcdns_ views are what other programs may read. */
static const char schema_1[] =
	"CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE node ("
	" name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, uuid TEXT NOT NULL, address TEXT NOT NULL,"
	" tagged TEXT NOT NULL, meta TEXT NOT NULL, own INTEGER NOT NULL DEFAULT 0,"
	" create_index INTEGER NOT NULL, modify_index INTEGER NOT NULL,"
	" any_index INTEGER NOT NULL) STRICT;" /* its row, its instances or its checks changed */

	"CREATE TABLE service ("
	" name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, modify_index INTEGER NOT NULL) STRICT;"

	"CREATE TABLE instance ("
	" node TEXT NOT NULL COLLATE NOCASE REFERENCES node (name) ON UPDATE CASCADE,"
	" id TEXT NOT NULL COLLATE NOCASE,"
	" service TEXT NOT NULL COLLATE NOCASE REFERENCES service (name),"
	" label TEXT NOT NULL COLLATE NOCASE, address TEXT NOT NULL, port INTEGER NOT NULL,"
	" tags TEXT NOT NULL, meta TEXT NOT NULL, tagged TEXT NOT NULL,"
	" weight_passing INTEGER NOT NULL, weight_warning INTEGER NOT NULL,"
	" enable_tag_override INTEGER NOT NULL, agent INTEGER NOT NULL,"
	" create_index INTEGER NOT NULL, modify_index INTEGER NOT NULL, UNIQUE (node, id)) STRICT;"
	"CREATE INDEX instance_service ON instance (service, node, id);"

	"CREATE TABLE checks ("
	" node TEXT NOT NULL COLLATE NOCASE REFERENCES node (name) ON UPDATE CASCADE,"
	" id TEXT NOT NULL COLLATE NOCASE, name TEXT NOT NULL, notes TEXT NOT NULL,"
	" instance_id TEXT NOT NULL COLLATE NOCASE," /* '' for a check of the node */
	" status INTEGER NOT NULL, checked INTEGER NOT NULL, output TEXT NOT NULL,"
	" type TEXT NOT NULL, target TEXT NOT NULL, method TEXT NOT NULL, headers TEXT NOT NULL,"
	" body TEXT NOT NULL, tls_server_name TEXT NOT NULL, tls_skip_verify INTEGER NOT NULL,"
	" tcp_tls INTEGER NOT NULL, interval_ns INTEGER NOT NULL, timeout_ns INTEGER NOT NULL,"
	" ttl_ns INTEGER NOT NULL, deregister_after_ns INTEGER NOT NULL,"
	" success_before_passing INTEGER NOT NULL, failures_before_warning INTEGER NOT NULL,"
	" failures_before_critical INTEGER NOT NULL, output_max_size INTEGER NOT NULL,"
	" create_index INTEGER NOT NULL, modify_index INTEGER NOT NULL, UNIQUE (node, id)) STRICT;"
	"CREATE INDEX checks_instance ON checks (node, instance_id, id, status, checked);"
	"CREATE INDEX checks_status ON checks (status, node, id);"

	/* Taken DNS names, without the zone: a service's own (id ''), and its instances' targets. */
	"CREATE TABLE name ("
	" name TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, service TEXT NOT NULL COLLATE NOCASE,"
	" id TEXT NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE changelog ("
	" seq INTEGER PRIMARY KEY, idx INTEGER NOT NULL, time_ms INTEGER NOT NULL, kind TEXT NOT NULL,"
	" service TEXT NOT NULL, node TEXT NOT NULL, id TEXT NOT NULL, what TEXT NOT NULL,"
	" reason TEXT NOT NULL) STRICT;"
	"CREATE INDEX changelog_idx ON changelog (idx, service);"

	"CREATE VIEW svcdns_nodes AS"
	" SELECT name, uuid, address, tagged, meta, create_index, modify_index FROM node;"
	"CREATE VIEW svcdns_checks AS"
	" SELECT c.node, c.id, c.name, c.notes, c.instance_id AS instance, coalesce(i.service, '') AS "
	"service,"
	" CASE c.status WHEN 0 THEN 'passing' WHEN 1 THEN 'warning' ELSE 'critical' END AS status,"
	" c.checked, c.output, c.type, c.target, c.interval_ns, c.timeout_ns, c.ttl_ns, "
	"c.deregister_after_ns,"
	" c.create_index, c.modify_index"
	" FROM checks c LEFT JOIN instance i ON i.node = c.node AND i.id = c.instance_id;"
	"CREATE VIEW svcdns_instances AS"
	" SELECT i.service, i.node, i.id, i.label, i.label || '.' || i.service AS target,"
	" CASE i.address WHEN '' THEN n.address ELSE i.address END AS address, i.port, i.tags, i.meta, "
	"i.tagged,"
	" i.weight_passing, i.weight_warning,"
	" CASE coalesce((SELECT max(c.status) FROM checks c WHERE c.node = i.node AND c.instance_id IN "
	"(i.id, '')), 0)"
	" WHEN 0 THEN 'passing' WHEN 1 THEN 'warning' ELSE 'critical' END AS status,"
	" i.create_index, i.modify_index"
	" FROM instance i JOIN node n ON n.name = i.node;"
	"CREATE VIEW svcdns_services AS"
	" SELECT s.name, count(*) AS instances, sum(i.status <> 'critical') AS healthy, s.modify_index"
	" FROM service s JOIN svcdns_instances i ON i.service = s.name GROUP BY s.name;"
	"CREATE VIEW svcdns_changes AS"
	" SELECT seq, idx AS \"index\", time_ms, kind, service, node, id, what, reason FROM changelog;";

/* What a reader of the history wants to know of a check: whose it is, and what it was before. */
static const char schema_2[] =
	"ALTER TABLE changelog ADD COLUMN instance TEXT NOT NULL DEFAULT '';" /* '' if none is concerned */
	"ALTER TABLE changelog ADD COLUMN former TEXT NOT NULL DEFAULT '';"   /* a check's status before */
	"DROP VIEW svcdns_changes;"
	"CREATE VIEW svcdns_changes AS"
	" SELECT seq, idx AS \"index\", time_ms, kind, service, node, id, what, reason, instance, former"
	" FROM changelog;";

/* Each index is one more tree that a registration writes, and text is what takes time to compare. A check's
 * status stands in its row only, and in an index of numbers while it is not passing; idx rises with seq, so
 * it is found by that (history.c). */
static const char schema_3[] = "DROP INDEX changelog_idx;"
			       "DROP INDEX checks_status;"
			       "DROP INDEX checks_instance;"
			       "CREATE INDEX checks_instance ON checks (node, instance_id, id);"
			       "CREATE INDEX checks_failing ON checks (node, instance_id) WHERE status > 0;";

const struct migration migrations[] = {
	{1, schema_1},
	{2, schema_2},
	{3, schema_3},
};
const size_t migrations_count = sizeof(migrations) / sizeof(migrations[0]);

int migrations_newest(void)
{
	return migrations[migrations_count - 1].version;
}

/* quick_check's first complaint, or "ok". */
static int quick_check(struct store *store, char message[512])
{
	sqlite3_stmt *statement = store_query(store, "PRAGMA quick_check(1)", "");
	int error = 0;

	if (store_row(store, statement)) {
		const char *verdict = (const char *)sqlite3_column_text(statement, 0);
		if (verdict && strcmp(verdict, "ok")) {
			snprintf(message, 512, "the registry is damaged and was left as it is (%.300s)",
				verdict);
			error = -EBADMSG;
		}
		store_done(statement);
	}
	return error;
}

/* A store error in words. */
static int broken(const struct store *store, char message[512])
{
	int error = store_errno(store);

	if (error == -EBADMSG)
		snprintf(message, 512,
			"the registry file is damaged or no SQLite database, and was left as it is (%s)",
			store_text(store));
	else if (error == -EBUSY)
		snprintf(message, 512, "the registry is locked by another program");
	else
		snprintf(message, 512, "cannot read the registry: %s", store_text(store));
	return error;
}

int migrations_inspect(struct store *store, bool deep, int *ret_version, char message[512])
{
	int64_t version = store_number(store, 0, "PRAGMA user_version", "");
	int64_t application = store_number(store, 0, "PRAGMA application_id", "");
	int64_t objects = store_number(store, 0, "SELECT count(*) FROM sqlite_schema", "");

	if (store->code != SQLITE_OK)
		return broken(store, message);
	if (application != STORE_APPLICATION_ID && (objects || version || application)) {
		snprintf(message, 512,
			"the registry file is a database of another program (application id %lld), and was "
			"left as it is",
			(long long)application);
		return -EINVAL;
	}
	if (version > migrations_newest()) {
		snprintf(message, 512,
			"the registry has schema version %lld, and this program knows up to version %d: "
			"use a newer svcdns, or another registry",
			(long long)version, migrations_newest());
		return -EPROTO;
	}
	if (deep && objects) {
		int error = quick_check(store, message);
		if (error)
			return error;
		if (store->code != SQLITE_OK)
			return broken(store, message);
	}
	*ret_version = (int)version;
	return 0;
}

/* The marks of a new registry. Its index starts at the Unix time, so that a registry that was begun anew is
 * ahead of the one that it follows, and no watcher waits for a number that never comes. */
static void begin_registry(struct store *store, int64_t unix_time)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", STORE_APPLICATION_ID);
	store_exec(store, sql);
	store_run(store, "INSERT INTO meta (key, value) VALUES ('index', ?1), ('floor', ?1)", "i", unix_time);
}

int migrations_run(struct store *store, const struct migration *steps, size_t count, int64_t unix_time,
	char message[512])
{
	int64_t version = store_number(store, 0, "PRAGMA user_version", "");

	for (size_t i = 0; i < count && store->code == SQLITE_OK; i++) {
		char sql[64];
		if (steps[i].version <= version)
			continue;
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", steps[i].version);
		store_exec(store, "BEGIN IMMEDIATE");
		store_exec(store, steps[i].sql);
		if (steps[i].version == 1)
			begin_registry(store, unix_time);
		store_exec(store, sql);
		store_exec(store, "COMMIT");
		if (store->code == SQLITE_OK)
			continue;
		snprintf(message, 512, "cannot bring the registry to schema version %d: %s (%s)",
			steps[i].version, store_text(store), sqlite3_errmsg(store->db));
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return store_errno(store);
	}
	return store->code == SQLITE_OK ? 0 : broken(store, message);
}
