/* test_doctor.c -- what the doctor reads with: files below a root, the zones in four languages, recipes with
 * their placeholders. What it makes of whole trees is tested by running it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "svcdns/doctor/files.h"
#include "svcdns/doctor/recipes.h"
#include "svcdns/doctor/resolvers.h"

struct tree {
	struct arena *arena;
	struct files files;
	char root[32];
};

static void write_file(const struct tree *tree, const char *path, const char *text, size_t size)
{
	FILE *file = fopen(arena_printf(tree->arena, "%s%s", tree->root, path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static void make_folder(const struct tree *tree, const char *path)
{
	assert_int_equal(mkdir(arena_printf(tree->arena, "%s%s", tree->root, path), 0700), 0);
}

static int make_tree(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	*state = tree;
	tree->arena = arena_create();
	snprintf(tree->root, sizeof(tree->root), "/tmp/doctor-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	make_folder(tree, "/etc");
	return files_init(&tree->files, tree->arena, tree->root);
}

static int remove_tree(void **state)
{
	struct tree *tree = *state;
	char command[64];

	files_finish(&tree->files);
	snprintf(command, sizeof(command), "rm -r %s", tree->root);
	assert_int_equal(system(command), 0);
	arena_destroy(tree->arena);
	free(tree);
	return 0;
}

static void test_files(void **state)
{
	const struct tree *tree = *state;
	const struct files *files = &tree->files;
	const char *text, **names;
	size_t count;

	write_file(tree, "/etc/b", "  one\ttwo \r\n\nthree\0four", 23);
	write_file(tree, "/etc/a", "", 0);
	write_file(tree, "/etc/.hidden", "", 0);
	assert_int_equal(symlink("/etc/b", arena_printf(tree->arena, "%s/etc/inside", tree->root)), 0);
	assert_int_equal(
		symlink("../../../../etc/passwd", arena_printf(tree->arena, "%s/out", tree->root)), 0);

	text = files_read(files, "/etc/b");
	assert_string_equal(files_line(files, &text), "one\ttwo");
	assert_string_equal(files_line(files, &text), "");
	assert_string_equal(text, "three four");
	assert_string_equal(files_word(files, &text), "three");
	assert_string_equal(files_word(files, &text), "four");
	assert_null(files_word(files, &text));
	assert_null(files_line(files, &text));
	assert_string_equal(files_read(files, "/etc/a"), "");
	assert_string_equal(files_read(files, "/etc/inside"), files_read(files, "/etc/b"));
	assert_null(files_read(files, "/out"));
	assert_null(files_read(files, "/../../etc/passwd"));
	assert_null(files_read(files, "/etc"));

	assert_string_equal(files_link(files, "/etc/inside"), "/etc/b");
	assert_null(files_link(files, "/etc/b"));
	names = files_list(files, "/etc", &count);
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "a");
	assert_string_equal(names[2], "inside");
	files_list(files, "/none", &count);
	assert_int_equal(count, 0);
}

static void test_zones(void **state)
{
	static const struct {
		const char *process, *line;
		bool has;
	} rows[] = {
		{"systemd-resolve", "Domains=~service.local", true},
		{"systemd-resolve", "Domains = lan  ~Service.Local.", true},
		{"systemd-resolve", "Domains=~local", true},
		{"systemd-resolve", "Domains=~.", false},
		{"systemd-resolve", "Domains=~web.service.local", false},
		{"systemd-resolve", "#Domains=~service.local", false},
		{"dnsmasq", "server=/service.local/127.0.0.1#8600", true},
		{"dnsmasq", "server=/lan/service.local/127.0.0.1#8600", true},
		{"dnsmasq", "server=/myservice.local/127.0.0.1", false},
		{"dnsmasq", "server=127.0.0.1", false},
		{"dnsmasq", "rebind-domain-ok=/service.local/", false},
		{"unbound", "\tname: \"service.local\"", true},
		{"unbound", "name: service.local.  # ours", true},
		{"unbound", "name: \".\"", false},
		{"unbound", "private-domain: \"service.local\"", false},
		{"named", "zone \"service.local\" { type forward; };", true},
		{"named", "zone \"service.local\"{", true},
		{"named", "zone \"example.local\" {", false},
		{"named", "validate-except { \"service.local\"; };", false},
	};
	static const struct {
		const char *process, *path;
	} paths[] = {{"systemd-resolve", "/etc/systemd/resolved.conf"}, {"dnsmasq", "/etc/dnsmasq.conf"},
		{"unbound", "/etc/unbound/unbound.conf"}, {"named", "/etc/bind/named.conf"}};
	const struct tree *tree = *state;

	make_folder(tree, "/etc/systemd");
	make_folder(tree, "/etc/unbound");
	make_folder(tree, "/etc/bind");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct resolver *resolver = resolvers_find(rows[i].process, rows[i].process);
		const char *path = NULL, *found;

		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
			if (!strcmp(paths[k].process, rows[i].process))
				path = paths[k].path;
		write_file(tree, path, rows[i].line, strlen(rows[i].line));
		found = resolvers_find_zone(&tree->files, resolver, "service.local");
		if ((found != NULL) != rows[i].has)
			fail_msg("%s", rows[i].line);
		if (found)
			assert_string_equal(found, path);
	}
}

static void test_programs(void **state)
{
	assert_string_equal(resolvers_find("dnsmasq", "/usr/sbin/dnsmasq -x /run/d.pid")->recipe, "dnsmasq");
	assert_string_equal(resolvers_find("dnsmasq", NULL)->recipe, "dnsmasq");
	assert_ptr_equal(resolvers_find("dnsmasq", "dnsmasq --conf-dir=/etc/NetworkManager/dnsmasq.d"),
		&resolver_networkmanager);
	assert_null(resolvers_find("kresd", "kresd"));
}

static void test_recipes(void **state)
{
	static const struct recipe_piece piece = {
		"x", "write", "@ZONE@@@DNS_PORT@ @DNS_ADDRESS@ @DNS_SERVER@ @OTHER@\n"};
	const struct tree *tree = *state;
	struct net_addr dns;

	assert_int_equal(net_addr_parse("127.0.0.1:8600", 0, &dns), 0);
	assert_string_equal(recipes_fill(tree->arena, &piece, "a.example", &dns),
		"a.example@8600 127.0.0.1 127.0.0.1:8600 @OTHER@\n");
	assert_int_equal(net_addr_parse("[2001:db8::1]:53", 0, &dns), 0);
	assert_string_equal(recipes_fill(tree->arena, &piece, "a.example", &dns),
		"a.example@53 2001:db8::1 [2001:db8::1]:53 @OTHER@\n");
	for (const struct recipe *recipe = recipes_next(NULL); recipe; recipe = recipes_next(recipe)) {
		assert_ptr_equal(recipes_find(recipe->name), recipe);
		for (const struct recipe_piece *one = recipe->pieces; one->path; one++)
			assert_null(strstr(recipes_fill(tree->arena, one, "a.example", &dns), "@Z"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_zones, make_tree, remove_tree),
		cmocka_unit_test(test_programs),
		cmocka_unit_test_setup_teardown(test_recipes, make_tree, remove_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
