/* test_config.c -- the config file: each error names file, line and key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/config.h"

/* Writes `text` to a file of its own, loads it, and checks the errors ("F" stands for the file's name). */
static void expect(const char *text, const char *const *flags, size_t flag_count, const char *errors)
{
	char path[] = "/tmp/svcdns-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	struct config_sources sources = {.file = path, .flags = flags, .flag_count = flag_count};
	struct main_config config;
	struct buf got = {0}, wanted = {0};
	int r = config_load(&sources, &config, &got);
	unlink(path);
	for (const char *p = errors; *p; p++) {
		if (*p == '@')
			buf_str(&wanted, path);
		else
			buf_add(&wanted, p, 1);
	}
	assert_string_equal(got.size ? got.data : "", wanted.size ? wanted.data : "");
	assert_int_equal(r, *errors ? -EINVAL : 0);
	if (r == 0)
		options_finish(&config);
	buf_finish(&got);
	buf_finish(&wanted);
}

static void test_good(void **state)
{
	(void)state;
	expect("", NULL, 0, "");
	expect("# a comment\n[dns]\nlisten = 127.0.0.1:5300, [::1]:5300\nworkers=2\n\n[zone]\nttl = 1m\n",
		NULL, 0, "");
}

static void test_errors(void **state)
{
	char line[600];
	(void)state;
	expect("[dns]\nlisten = 127.0.0.1:1\nworker = 2\n", NULL, 0,
		"@:3: dns.worker: there is no such key\n");
	expect("[dns]\nworkers = many\n\n[http]\nbody_size = 1\n", NULL, 0,
		"@:2: dns.workers: 'many' is not a number from 0 to 64\n"
		"@:5: http.body_size: '1' is not a size (such as 16KiB) from 1024 to 268435456\n");
	expect("[dns]\nworkers = 1\nworkers = 2\n", NULL, 0,
		"@:3: dns.workers: the key was given before; a list is written with commas\n");
	expect("[dns]\nnonsense\n", NULL, 0, "@:2: expected [section] or key = value\n");
	expect("workers = 2\n", NULL, 0, "@:1: workers: there is no such key\n");
	expect("[dns]\nlisten = 127.0.0.1\n", NULL, 0,
		"@:2: dns.listen: '127.0.0.1' is not an address with a port, such as 127.0.0.1:53 or "
		"[::1]:53\n");
	expect("[dns]\nworkers = many\nnonsense\nmore\n", NULL, 0,
		"@:2: dns.workers: 'many' is not a number from 0 to 64\n"
		"@:3: expected [section] or key = value\n@:4: expected [section] or key = value\n");
	expect("[dns\nworkers = 2\n", NULL, 0,
		"@:1: expected [section] or key = value\n@:2: workers: there is no such key\n");
	/* What only the whole can tell still knows where the key stood. */
	expect("[log]\nlevel = loud\n[http]\nwait_default = 2h\ntoken_file = /nonexistent/token\n", NULL, 0,
		"@:2: log.level: 'loud' is none of debug, info, warn, error\n"
		"@:5: http.token_file: token file /nonexistent/token: No such file or directory\n"
		"@:4: http.wait_default: longer than http.wait_max\n");
	snprintf(line, sizeof(line), "[dns]\nnsid = %0300d\nworkers = x\n", 0);
	expect(line, NULL, 0,
		"@:2: the line is longer than 198 bytes; a list may go on in the next line, indented\n"
		"@:3: dns.workers: 'x' is not a number from 0 to 64\n");
}

/* What other editors leave in a file, and how a list goes on. */
static void test_lines(void **state)
{
	(void)state;
	expect("\xef\xbb\xbf[dns]\r\nworkers = 2 ; two\r\n\r\n[http]\r\n[dns]\r\nnsid = x", NULL, 0, "");
	expect("\xef\xbb\xbfnonsense\r\n", NULL, 0, "@:1: expected [section] or key = value\n");
	expect("[dns]\nlisten = 127.0.0.1:1,\n\t127.0.0.1:2,\n  [::1]:2\nworkers = 3\n", NULL, 0, "");
	expect("[dns]\nlisten = 127.0.0.1:1,\n  127.0.0.1\n", NULL, 0,
		"@:2: dns.listen: '127.0.0.1' is not an address with a port, such as 127.0.0.1:53 or "
		"[::1]:53\n");
	expect("[dns]\nworkers = 2\n  nsid = x\n  udp_size = 1\n", NULL, 0,
		"@:3: dns.workers: an indented line goes on with the list before it, which must end with a "
		"comma\n");
	expect("[dns]\n  workers = 2\n", NULL, 0, "");
}

/* More than there is room for. */
static void test_too_many(void **state)
{
	struct buf flag = {0};
	(void)state;
	buf_str(&flag, "zone.name=z");
	for (int i = 0; i < 64; i++)
		buf_printf(&flag, ",z%d.local", i);
	const char *zones[] = {flag.data};
	expect("", zones, 1, "--zone.name: more than 64 zones and zone files\n");
	buf_clear(&flag);
	buf_str(&flag, "dns.listen=127.0.0.1:1");
	for (int i = 0; i < 16; i++)
		buf_printf(&flag, ",127.0.0.1:%d", i + 2);
	const char *addresses[] = {flag.data};
	expect("", addresses, 1, "--dns.listen: more than 16 addresses\n");
	buf_clear(&flag);
	buf_str(&flag, "http.hosts=h");
	for (int i = 0; i < 6000; i++)
		buf_printf(&flag, ",host%05d", i);
	const char *hosts[] = {flag.data};
	expect("", hosts, 1, "the config is larger than 57344 bytes\n");
	buf_finish(&flag);
}

static void test_flags(void **state)
{
	static const char *const good[] = {"dns.workers=3"};
	static const char *const bad[] = {"dns.workers=x", "dns.nope=1", "dns.workers"};
	(void)state;
	expect("[dns]\nworkers = 2\n", good, 1, "");
	expect("", bad, 3,
		"--dns.workers: 'x' is not a number from 0 to 64\n--dns.nope: there is no such key\n"
		"--dns.workers: expected --section.key=value\n");
}

static void test_whole(void **state)
{
	static const char *const wide[] = {"http.listen=0.0.0.0:8500"};
	static const char *const user[] = {"process.user=no-such-user-here"};
	(void)state;
	struct config_sources sources = {.flags = wide, .flag_count = 1};
	struct main_config config;
	struct buf got = {0};
	assert_int_equal(config_load(&sources, &config, &got), -EINVAL);
	assert_non_null(strstr(got.data, "http.listen: "));
	buf_clear(&got);
	sources.flags = user;
	assert_int_equal(config_load(&sources, &config, &got), -EINVAL);
	assert_string_equal(got.data, "--process.user: there is no user 'no-such-user-here'\n");
	buf_clear(&got);
	sources = (struct config_sources){.file = "/nonexistent/svcdns.conf"};
	assert_int_equal(config_load(&sources, &config, &got), -EINVAL);
	assert_string_equal(got.data, "/nonexistent/svcdns.conf: No such file or directory\n");
	buf_finish(&got);
}

/* Which zones the files name, in their order; a comma would begin another item of the list. */
static void test_zones_of_files(void **state)
{
	char names[2][32] = {"/tmp/svcdns-test-XXXXXX", "/tmp/svcdns-test-XXXXXX"}, flag[100];
	static const char *const zones[] = {"B.test", "a,b.c.test"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = mkstemp(names[i]);
		assert_true(fd >= 0);
		dprintf(fd, "$ORIGIN %s.\n@ 5 SOA ns admin 1 60 60 60 5\n@ 5 NS ns\n", zones[i]);
		close(fd);
	}
	snprintf(flag, sizeof(flag), "zone.file=%s,%s", names[0], names[1]);
	const char *const flags[] = {"zone.name=a.test,b.test", flag};
	const struct config_sources sources = {.flags = flags, .flag_count = 2};
	struct main_config config;
	struct buf errors = {0};
	assert_int_equal(config_load(&sources, &config, &errors), 0);
	assert_int_equal(config.zone.of_file.count, 2);
	assert_string_equal(config.zone.of_file.items[0], "b.test");
	assert_string_equal(config.zone.of_file.items[1], "a\\044b.c.test");
	options_finish(&config);
	buf_finish(&errors);
	unlink(names[0]);
	unlink(names[1]);
}

/* Starts by one list of flags, reloads another, and checks the errors; "" is a reload that is taken over, by
 * which `restart` needs one. The token file is always the same. */
static void expect_reload(
	const char *const before[2], const char *const after[2], const char *errors, const char *restart)
{
	const struct config_sources was = {.flags = before, .flag_count = 2},
				    is = {.flags = after, .flag_count = 2};
	struct main_config started, in_force, next;
	struct buf said = {0}, keys = {0};
	assert_int_equal(config_load(&was, &started, &said), 0);
	options_copy(&started, &in_force);
	int r = config_reload(&is, &started, &in_force, &next, &keys, &said);
	assert_string_equal(said.size ? said.data : "", errors);
	assert_int_equal(r, *errors ? -EINVAL : 0);
	if (r == 0) {
		assert_string_equal(keys.size ? keys.data : "", restart);
		options_finish(&next);
	}
	options_finish(&started);
	options_finish(&in_force);
	buf_finish(&said);
	buf_finish(&keys);
}

/* What is checked is what would be in force: the new values together with the old ones that stay. */
static void test_reload(void **state)
{
	char token[] = "/tmp/svcdns-test-XXXXXX", with[64];
	int fd = mkstemp(token);
	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	close(fd);
	snprintf(with, sizeof(with), "http.token_file=%s", token);
	const char *const wide[] = {"http.listen=0.0.0.0:8500", with};
	const char *const narrow[] = {"http.listen=127.0.0.1:8500", with};
	const char *const bare[] = {"http.listen=127.0.0.1:8500", "http.token_file="};
	const char *const unsafe[] = {"http.listen=0.0.0.0:8500", "http.token_file="};
	expect_reload(wide, bare,
		"http.listen: http.listen 0.0.0.0:8500 is not loopback: set http.token_file first, or anyone "
		"who reaches it could change what DNS answers\n"
		"these need a restart, so their old values count: http.listen\n",
		"");
	expect_reload(wide, narrow, "", "http.listen");
	expect_reload(narrow, bare, "", "");
	/* What could not be started again is refused, too. */
	expect_reload(bare, unsafe,
		"--http.listen: http.listen 0.0.0.0:8500 is not loopback: set http.token_file first, or "
		"anyone who reaches it could change what DNS answers\n",
		"");
	unlink(token);
}

/* Old names and new files together; and as many bytes as a child can read. */
static void test_reload_of_zones(void **state)
{
	char zone[] = "/tmp/svcdns-test-XXXXXX", file[64];
	struct buf names = {0}, hosts = {0};
	int fd = mkstemp(zone);
	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "@ 5 SOA ns admin 1 60 60 60 5\n@ 5 NS ns\n");
	close(fd);
	snprintf(file, sizeof(file), "zone.file=%s", zone);
	buf_str(&names, "zone.name=z");
	for (int i = 0; i < 63; i++)
		buf_printf(&names, ",z%d.local", i);
	const char *const many[] = {names.data, "zone.file="}, *const one[] = {"zone.name=a.test", file};
	expect_reload(many, one,
		"zone.file: more than 64 zones and zone files\n"
		"these need a restart, so their old values count: zone.name\n",
		"");
	unlink(zone);

	buf_clear(&names);
	buf_str(&names, "zone.name=z");
	for (int i = 0; i < 60; i++)
		buf_printf(&names, ",z%060d.%060d.%060d", i, i, i);
	buf_str(&hosts, "http.hosts=h");
	for (int i = 0; i < 4400; i++)
		buf_printf(&hosts, ",host%06d", i);
	const char *const long_names[] = {names.data, "http.hosts="}, *const long_list[] = {
									      "zone.name=a.test", hosts.data};
	expect_reload(long_names, long_list,
		"the config is larger than 57344 bytes\n"
		"these need a restart, so their old values count: zone.name\n",
		"");
	buf_finish(&names);
	buf_finish(&hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_zones_of_files),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_reload_of_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
