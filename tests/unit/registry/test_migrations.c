/* A registry that a former version of the program wrote: each step to the newest schema keeps what it says.
 */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "registry/migrations.h"
#include "registry/store.h"

/* Rows as every schema has them: web has an instance that fails and one that passes, db one that waits. */
static const char rows[] =
	"INSERT INTO node (name, uuid, address, tagged, meta, create_index, modify_index, any_index)"
	" VALUES ('n1', '', '192.0.2.9', '{}', '{}', 101, 101, 106);"
	"INSERT INTO service VALUES ('web', 104), ('db', 106);"
	"INSERT INTO instance (node, id, service, label, address, port, tags, meta, tagged, weight_passing,"
	" weight_warning, enable_tag_override, agent, create_index, modify_index)"
	" SELECT 'n1', column1, column2, column1, '', 80, '[\"v1\"]', '{}', '{}', 1, 1, 0, 0, 102, 102"
	" FROM (VALUES ('w1', 'web'), ('W2', 'web'), ('d1', 'db'));"
	"INSERT INTO name (name, service, id) VALUES ('web', 'web', ''), ('db', 'db', ''),"
	" ('w1.web', 'web', 'w1'), ('w2.web', 'web', 'W2'), ('d1.db', 'db', 'd1');"
	"INSERT INTO checks (node, id, name, notes, instance_id, status, checked, output, type, target, "
	"method,"
	" headers, body, tls_server_name, tls_skip_verify, tcp_tls, interval_ns, timeout_ns, ttl_ns,"
	" deregister_after_ns, success_before_passing, failures_before_warning, failures_before_critical,"
	" output_max_size, create_index, modify_index)"
	" SELECT 'n1', column1, column1, '', column2, column3, column4, '', 'tcp', '192.0.2.9:80', '', '[]', "
	"'',"
	" '', 0, 0, 1000000000, 1000000000, 0, 0, 0, 0, 0, 0, 103, 103"
	" FROM (VALUES ('c1', 'w1', 2, 1), ('C2', 'W2', 0, 1), ('c3', 'd1', 2, 0));"
	"INSERT INTO changelog (idx, time_ms, kind, service, node, id, what, reason)"
	" SELECT column1, column1 * 1000, 'instance', column2, 'n1', column3, 'registered', ''"
	" FROM (VALUES (102, 'web', 'w1'), (103, 'web', 'W2'), (104, 'web', 'w1'), (106, 'db', 'd1'),"
	" (106, 'web', 'w1'));"
	"UPDATE meta SET value = 106 WHERE key = 'index';"
	"UPDATE meta SET value = 101 WHERE key = 'floor';"
	"INSERT INTO meta VALUES ('instances', 3), ('node_count', 1), ('services', 106), ('nodes', 106), "
	"('checks', 106);";

static void write_former(struct fixture *f, size_t steps)
{
	struct store *store;
	char message[512] = "";

	assert_int_equal(store_open(f->path, STORE_WRITE, &store, message), 0);
	store_exec(store, "PRAGMA journal_mode = WAL");
	assert_int_equal(migrations_run(store, migrations, steps, 100, message), 0);
	store_exec(store, rows);
	assert_string_equal(store_text(store), "no error");
	store_close(store);
}

static size_t count_checks(struct fixture *f, enum registry_status status)
{
	const struct registry_filter filter = {.status = &status};
	const struct registry_check *checks;
	size_t count;

	assert_int_equal(registry_reader_checks(f->reader, &filter, f->arena, &checks, &count), 0);
	return count;
}

static const struct registry_instance *find_on(struct fixture *f, const char *id)
{
	const struct registry_filter filter = {.node = "n1", .id = id};
	const struct registry_instance *instances;
	size_t count;

	assert_int_equal(registry_reader_instances(f->reader, &filter, f->arena, &instances, &count), 0);
	assert_int_equal(count, 1);
	return instances;
}

static void assert_kept(struct fixture *f)
{
	struct registry_command *command = set_status("c3", REGISTRY_PASSING, "fine");
	const char *const *services;
	uint64_t index;
	int64_t time_ms;
	size_t count;

	assert_string_equal(sql_text(f, "PRAGMA integrity_check"), "ok");
	assert_null(sql_text(f, "PRAGMA foreign_key_check"));
	assert_int_equal(find_on(f, "W1")->status, REGISTRY_CRITICAL);
	assert_false(find_on(f, "w1")->waiting);
	assert_int_equal(find_on(f, "w2")->status, REGISTRY_PASSING);
	assert_string_equal(find_on(f, "w2")->id, "W2");
	assert_true(find_on(f, "d1")->waiting);
	assert_int_equal(count_checks(f, REGISTRY_CRITICAL), 2);
	assert_int_equal(count_checks(f, REGISTRY_PASSING), 1);
	assert_int_equal(registry_reader_changes(f->reader, 104, f->arena, &services, &count, &index), 0);
	assert_int_equal(count, 2);
	assert_int_equal(registry_reader_time(f->reader, 106, &time_ms), 0);
	assert_int_equal(time_ms, 106000);
	/* It goes on from there. */
	command->node_name = "n1";
	assert_int_equal(must(f, command), index + 1);
	assert_int_equal(find_on(f, "d1")->status, REGISTRY_PASSING);
	assert_int_equal(registry_reader_changes(f->reader, index, f->arena, &services, &count, &index), 0);
	assert_int_equal(count, 1);
	assert_string_equal(services[0], "db");
	assert_string_equal(sql_text(f, "PRAGMA integrity_check"), "ok");
}

static void what_a_former_version_wrote_is_kept(void **state)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	struct fixture *f = *state;
	char newest[16], path[128];

	snprintf(newest, sizeof(newest), "%d", migrations_newest());
	for (size_t steps = 1; steps <= migrations_count; steps++) {
		write_former(f, steps);
		fixture_start(f);
		assert_string_equal(sql_text(f, "PRAGMA user_version"), newest);
		assert_kept(f);
		fixture_stop(f);
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "%s%s", f->path, files[i]);
			unlink(path);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_a_former_version_wrote_is_kept, fixture_folder, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
