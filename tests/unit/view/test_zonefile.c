/* Zone files: what is served, what is refused and with which file and line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "live.h"

#define SOA "@ IN SOA ns1 hostmaster 7 3600 600 86400 60\n"
#define HEAD SOA "@ NS ns1\nns1 A 127.0.0.1\n"

static char path[] = "/tmp/svcdns-zone-XXXXXX";
static struct view *view;

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int destroy(void **state)
{
	(void)state;
	view_destroy(view);
	view = NULL;
	return 0;
}

static void write_file(const char *text)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static struct view_config config_of(const struct view_zone_config *zones, size_t count)
{
	return (struct view_config){.zones = zones,
		.zone_count = count,
		.ttl = 5,
		.node_address = "192.0.2.1",
		.registry_path = "/nonexistent/registry.db",
		.wake_fd = -1,
		.notify_fd = -1,
		.report = live_report};
}

static int create(const char *name, const char *file, char message[512])
{
	const struct view_zone_config zone = {.name = name, .file = file};
	const struct view_config config = config_of(&zone, 1);

	return view_create(&config, &view, message);
}

static const struct view_answer *find(const char *name, const struct view_zone **ret_zone)
{
	return live_lookup(view, name, ret_zone);
}

static void expect(const char *relative, uint16_t type, const char *expected)
{
	const struct view_zone *zone;
	char full[WIRE_NAME_TEXT];

	snprintf(full, sizeof(full), "%s%s%s", relative, *relative ? "." : "", LIVE_ZONE);
	char *text = live_text(find(full, &zone), relative, type);
	assert_string_equal(text, expected);
	free(text);
}

static void serves_what_the_file_says(void **state)
{
	const struct view_zone *zone;
	char message[512] = "";

	write_file("; a zone\r\n\n$TTL 1h\n$ORIGIN service.local.\n"
		   "@ 300 IN SOA ns1 hostmaster.example.com. (\n\t7 ; serial\n\t3600 600 86400\n\t60 )\n"
		   "  NS ns1\n  NS ns.example.com.\n  MX 10 Mail\n  TXT \"v=spf1 -all\"\n"
		   "ns1 A 127.0.0.1\nns1 600 A 127.0.0.2\n AAAA ::1\n"
		   "mail A 10.0.0.25\nMAIL A 10.0.0.25\n"
		   "www 10 CNAME mail\n"
		   "_ldap._tcp.corp SRV 0 5 389 mail\n"
		   "ptr PTR host.example.com.\n"
		   "caa CAA 0 issue \"ca.example.com\"\n"
		   "txt TXT \"semi;colon (\" \"two\\\" \" ; end\n");
	if (create(LIVE_ZONE, path, message) != 0)
		fail_msg("%s", message);
	expect("", WIRE_NS,
		"service.local. 3600 IN NS ns1.service.local.\n"
		"+ ns1.service.local. 600 IN A 127.0.0.1\n"
		"+ ns1.service.local. 600 IN A 127.0.0.2\n"
		"+ ns1.service.local. 3600 IN AAAA ::1\n"
		"service.local. 3600 IN NS ns.example.com.\n");
	expect("", WIRE_MX,
		"service.local. 3600 IN MX 10 Mail.service.local.\n"
		"+ Mail.service.local. 3600 IN A 10.0.0.25\n");
	expect("", WIRE_TXT, "service.local. 3600 IN TXT \"v=spf1 -all\"\n");
	/* One TTL for all of a set. */
	expect("ns1", WIRE_A,
		"ns1.service.local. 600 IN A 127.0.0.1\nns1.service.local. 600 IN A 127.0.0.2\n");
	expect("ns1", WIRE_AAAA, "ns1.service.local. 3600 IN AAAA ::1\n");
	expect("mail", WIRE_A, "mail.service.local. 3600 IN A 10.0.0.25\n");
	expect("www", WIRE_CNAME, "www.service.local. 10 IN CNAME mail.service.local.\n");
	expect("_ldap._tcp.corp", WIRE_SRV,
		"_ldap._tcp.corp.service.local. 3600 IN SRV 0 5 389 mail.service.local.\n"
		"+ mail.service.local. 3600 IN A 10.0.0.25\n");
	expect("ptr", WIRE_PTR, "ptr.service.local. 3600 IN PTR host.example.com.\n");
	expect("caa", WIRE_CAA, "caa.service.local. 3600 IN CAA 0 issue \"ca.example.com\"\n");
	expect("txt", WIRE_TXT, "txt.service.local. 3600 IN TXT \"semi;colon (\" \"two\\\" \"\n");
	assert_int_equal(find("corp.service.local", &zone)->kind, VIEW_EMPTY);
	assert_int_equal(find("_tcp.corp.service.local", &zone)->kind, VIEW_EMPTY);
	assert_null(find("_udp.corp.service.local", &zone));
	assert_null(find("x.mail.service.local", &zone));
	assert_int_equal(zone->serial, 7);
	assert_null(find("xservice.local", &zone));
	assert_null(zone);
	assert_null(find("local", &zone));
	assert_null(zone);
}

/* RFC 2181 section 5: in glue too, and where only the case of a name in the rdata differs. */
static void sets_have_one_ttl_and_no_doubles(void **state)
{
	char message[512] = "";

	write_file(HEAD "@ NS NS1\n@ MX 10 t\n@ MX 10 T.Service.Local.\n@ MX 20 t\n"
			"t 60 A 10.0.0.1\nt 300 A 10.0.0.2\nt 300 AAAA ::1\nt 30 A 10.0.0.2\n"
			"s SRV 0 5 389 t\ns SRV 0 5 390 T\nS SRV 0 5 389 T\n"
			"txt TXT a\ntxt TXT A\n");
	if (create(LIVE_ZONE, path, message) != 0)
		fail_msg("%s", message);
	expect("", WIRE_NS,
		"service.local. 5 IN NS ns1.service.local.\n"
		"+ ns1.service.local. 5 IN A 127.0.0.1\n");
	expect("t", WIRE_A, "t.service.local. 30 IN A 10.0.0.1\nt.service.local. 30 IN A 10.0.0.2\n");
	assert_int_equal(
		view_answer_find(find(LIVE_ZONE, &(const struct view_zone *){NULL}), WIRE_MX)->count, 2);
	expect("s", WIRE_SRV,
		"s.service.local. 5 IN SRV 0 5 389 t.service.local.\n"
		"+ t.service.local. 30 IN A 10.0.0.1\n"
		"+ t.service.local. 30 IN A 10.0.0.2\n"
		"+ t.service.local. 300 IN AAAA ::1\n"
		"s.service.local. 5 IN SRV 0 5 390 T.service.local.\n"
		"+ T.service.local. 30 IN A 10.0.0.1\n"
		"+ T.service.local. 30 IN A 10.0.0.2\n"
		"+ T.service.local. 300 IN AAAA ::1\n");
	expect("txt", WIRE_TXT, "txt.service.local. 5 IN TXT \"a\"\ntxt.service.local. 5 IN TXT \"A\"\n");
}

static void soa_has_one_ttl(void **state)
{
	const struct view_zone *zone;
	char message[512] = "";

	write_file("$TTL 3600\n" HEAD);
	assert_int_equal(create(LIVE_ZONE, path, message), 0);
	assert_non_null(find(LIVE_ZONE, &zone));
	assert_int_equal(wire_get16(zone->soa), WIRE_SOA);
	assert_int_equal(wire_get32(zone->soa + 4), 60);
	assert_int_equal(wire_get32(zone->soa + zone->soa_size - 4), 60);
	assert_int_equal(wire_get32(zone->soa + zone->soa_serial_at), 7);
	assert_int_equal(zone->soa_serial_at + 20, zone->soa_size);
}

static void built_in_zone(void **state)
{
	const struct view_zone *zone;
	char message[512] = "";

	assert_int_equal(create("Service.LOCAL", NULL, message), 0);
	expect("", WIRE_NS,
		"service.local. 5 IN NS ns1.service.local.\n"
		"+ ns1.service.local. 5 IN A 192.0.2.1\n");
	expect("ns1", WIRE_A, "ns1.service.local. 5 IN A 192.0.2.1\n");
	assert_non_null(find("service.local", &zone));
	assert_int_equal(zone->serial, 1);
	assert_int_equal(zone->label_count, 2);
	assert_int_equal(wire_get32(zone->soa + 4), 5);
	assert_int_equal(wire_get32(zone->soa + zone->soa_size - 4), 5);
	/* ns1.service.local hostmaster.service.local */
	assert_memory_equal(
		zone->soa + 10, "\003ns1\007service\005local\000\012hostmaster\007service\005local", 45);
}

static void zones_are_found_by_the_longest_match(void **state)
{
	const struct view_zone_config two[] = {{.name = "service.local"}, {.name = "dev.service.local"},
		{.file = path}, {.name = "example"}};
	const struct view_config config = config_of(two, 4);
	const struct view_zone *zone;
	char message[512] = "";

	/* The file's SOA names one of the bare zones: they are one. */
	write_file("$ORIGIN Example.\n" HEAD "x TXT hello\n");
	if (view_create(&config, &view, message) != 0)
		fail_msg("%s", message);
	assert_non_null(find("ns1.dev.service.local", &zone));
	assert_int_equal(zone->label_count, 3);
	assert_null(find("web.dev.service.local", &zone));
	assert_int_equal(zone->label_count, 3);
	assert_null(find("dev2.service.local", &zone));
	assert_int_equal(zone->label_count, 2);
	assert_int_equal(find("x.example", &zone)->kind, VIEW_STATIC);
}

/* NXDOMAIN for a name between two zones would deny the lower one (RFC 8020). */
static void names_between_two_zones_exist(void **state)
{
	static const struct view_zone_config zones[] = {{.name = LIVE_ZONE}, {.name = "a.B." LIVE_ZONE},
		{.name = "x.y.z.a.b." LIVE_ZONE}, {.file = path}, {.name = "dev.example"},
		{.name = "v.w.example"}, {.name = "example.other"}};
	static const char *const between[] = {
		"b." LIVE_ZONE, "y.z.a.b." LIVE_ZONE, "z.a.b." LIVE_ZONE, "w.example"};
	static const char *const none[] = {"x." LIVE_ZONE, "y.a.b." LIVE_ZONE, "x.y." LIVE_ZONE, "v.example",
		"other.example", "x.b." LIVE_ZONE};
	const struct view_config config = config_of(zones, sizeof(zones) / sizeof(zones[0]));
	const struct view_zone *zone;
	char message[512] = "";

	write_file("$ORIGIN example.\n" HEAD "x.w TXT hello\n");
	if (view_create(&config, &view, message) != 0)
		fail_msg("%s", message);
	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		const struct view_answer *answer = find(between[i], &zone);
		if (!answer || answer->kind != VIEW_EMPTY)
			fail_msg("%s: %d", between[i], answer ? answer->kind : -1);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (find(none[i], &zone))
			fail_msg("%s", none[i]);
	/* The lower zones are as they are without the upper ones. */
	assert_non_null(view_answer_find(find("a.b." LIVE_ZONE, &zone), WIRE_NS));
	assert_int_equal(zone->label_count, 4);
	assert_non_null(view_answer_find(find("dev.example", &zone), WIRE_NS));
	assert_int_equal(find("x.w.example", &zone)->kind, VIEW_STATIC);
}

static void names_above_a_zone(void **state)
{
	static const struct view_zone_config zones[] = {{.name = "svc.dev.Corp.local"}, {.name = "example"}};
	static const struct {
		const char *name;
		bool above;
	} rows[] = {{"local", true}, {"CORP.local", true}, {"dev.corp.local", true}, {".", true},
		{"svc.dev.corp.local", false}, {"x.svc.dev.corp.local", false}, {"xcorp.local", false},
		{"dev.local", false}, {"svc.local", false}, {"example", false}, {"x.corp.local", false}};
	const struct view_config config = config_of(zones, 2);
	char message[512] = "";

	if (view_create(&config, &view, message) != 0)
		fail_msg("%s", message);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wire_query query = live_query(rows[i].name);
		if (view_is_above_zone(view, &query) != rows[i].above)
			fail_msg("%s", rows[i].name);
	}
}

static const struct refused {
	const char *text;
	unsigned line; /* 0: of no line */
	const char *why;
} refused[] = {
	{"", 0, "no SOA record"},
	{"ns1 A 127.0.0.1\n", 0, "no SOA record"},
	{HEAD "\n* A 1.2.3.4\n", 5, "wildcards"},
	{HEAD "*.web A 1.2.3.4\n", 4, "wildcards"},
	{HEAD "sub NS ns1\n", 4, "delegations"},
	{HEAD "sub DNAME example.com.\n", 4, "DNAME"},
	{HEAD "@ DNSKEY 256 3 8 AwEAAQ==\n", 4, "DNSSEC is not served: type DNSKEY"},
	{HEAD "x DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 4, "DNSSEC"},
	{HEAD "x NSEC y.service.local. A\n", 4, "DNSSEC"},
	{HEAD "x HINFO a b\n", 4, "type HINFO is not served"},
	{HEAD "x TYPE65280 \\# 1 00\n", 4, "type TYPE65280 is not served"},
	{HEAD "x A \\# 3 010203\n", 4, ""},
	{HEAD "x SRV \\# 8 0001000100500161\n", 4, ""},
	{HEAD "\n; comment\n\nx CNAME ns1\nx A 1.2.3.4\n", 8, "CNAME"},
	{HEAD "x A 1.2.3.4\n\nx CNAME ns1\n", 6, "CNAME"},
	{HEAD "x CNAME ns1\nx CNAME mail\n", 5, "CNAME"},
	{HEAD "@ CNAME ns1\n", 4, "apex"},
	{HEAD "x CNAME ns1\ny SRV 1 1 1 X\n", 5, "target is a CNAME"},
	{HEAD "x CH A 1.2.3.4\n", 4, ""},
	{HEAD "x CH TXT hello\n", 4, "class IN"},
	{HEAD "example.com. A 1.2.3.4\n", 4, "example.com is not in zone service.local"},
	{HEAD "xservice.local. A 1.2.3.4\n", 4, "not in zone"},
	{HEAD "\n\n" SOA, 6, "a second SOA (the first is in line 1)"},
	{"$ORIGIN example.\n\n" HEAD, 3, "SOA names zone example, not service.local"},
	{SOA "ns1 A 127.0.0.1\n", 1, "no NS"},
	{HEAD "x A 1.2.3\n", 4, ""},
	{HEAD " ns1 AAAA ::1\n", 4, ""},
	{HEAD "x BLAH hello\n", 4, ""},
	{HEAD "x TXT (\n\"a\"\n", 4, "'(' is not closed"},
	{HEAD "x TXT a )\n", 4, "')' without '('"},
	{HEAD "x TXT (\n\"a\n)\n", 5, "quote is not closed"},
	{HEAD "x A 1.2.3.4\n$INCLUDE other\n", 5, "$INCLUDE"},
	{HEAD "$TTL soon\n", 4, "$TTL"},
	{HEAD "$TTL 5x\n", 4, "$TTL"},
	{HEAD "$TTL 3000000000\n", 4, "RFC 2181"},
	{HEAD "x 2147483648 A 1.2.3.4\n", 4, "RFC 2181"},
	{HEAD "$ORIGIN bad..name.\n", 4, ""},
	{"@ SOA (\n ns1 hostmaster 1\n 2 3 4 5 )\n@ NS (\n ns1 )\nx (\n A 1.2.3 )\n", 6, ""},
};

static void refuses_with_file_and_line(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct view_zone_config zone = {.name = LIVE_ZONE, .file = path};
		const struct view_config config = config_of(&zone, 1);
		char message[512] = "", where[64];

		write_file(refused[i].text);
		int rc = view_check_zones(&config, NULL, NULL, message);
		snprintf(where, sizeof(where), refused[i].line ? "%s:%u: " : "%s: ", path, refused[i].line);
		if (rc != -EINVAL || strncmp(message, where, strlen(where)) != 0 ||
			!strstr(message, refused[i].why) || strlen(message) == strlen(where))
			fail_msg("row %zu: %d, \"%s\" is not \"%s...%s\"", i, rc, message, where,
				refused[i].why);
	}
}

static void refuses_bad_configs(void **state)
{
	const struct view_zone_config none = {.name = LIVE_ZONE, .file = "/nonexistent/zone"};
	const struct view_zone_config bad = {.name = "a..b"}, root = {.name = "."};
	const struct view_zone_config twice[] = {{.file = path}, {.name = LIVE_ZONE, .file = path}};
	struct view_config config = config_of(&none, 1);
	char message[512] = "";

	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_non_null(strstr(message, "/nonexistent/zone: "));
	config = config_of(&bad, 1);
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_string_equal(message, "zone 'a..b': not a domain name");
	config = config_of(&root, 1);
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_string_equal(message, "zone '.': the root cannot be served");
	config = config_of(NULL, 0);
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	write_file(HEAD);
	config = config_of(twice, 2);
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_non_null(strstr(message, "zone service.local has a file already"));
	/* What is good tells the size of the longest name: 7 + 1, 5 + 1 and the root. */
	const struct view_zone_config good[] = {{.name = LIVE_ZONE, .file = path}, {.name = "x.y"}};
	config = config_of(good, 2);
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), 15);
	config = config_of(twice, 1);
	/* No name at all: the SOA would own the root. */
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_non_null(strstr(message, ":1: the root cannot be served"));
}

static void reload_keeps_the_old_zone_on_errors(void **state)
{
	const struct view_zone_config zone = {.name = LIVE_ZONE, .file = path};
	const struct view_zone_config longer = {.name = "much.longer.local"};
	struct view_config config = config_of(&zone, 1);
	char message[512] = "";

	write_file(HEAD "x A 10.0.0.1\n");
	assert_int_equal(create(LIVE_ZONE, path, message), 0);
	write_file(HEAD "x A 10.0.0.2\ny BAD\n");
	assert_int_equal(view_reload_zones(view, &config, message), -EINVAL);
	assert_non_null(strstr(message, ":5: "));
	expect("x", WIRE_A, "x.service.local. 5 IN A 10.0.0.1\n");
	write_file(HEAD "x A 10.0.0.2\n");
	assert_int_equal(view_reload_zones(view, &config, message), 0);
	expect("x", WIRE_A, "x.service.local. 5 IN A 10.0.0.2\n");
	config = config_of(&longer, 1);
	assert_int_equal(view_reload_zones(view, &config, message), -EINVAL);
	assert_non_null(strstr(message, "restart"));
}

static void leaves_out_a_file_that_has_gone_bad(void **state)
{
	const struct view_zone_config zones[] = {{.name = "a.test"}, {.file = path, .accepted = LIVE_ZONE}};
	const struct view_config config = config_of(zones, 2);
	const struct view_zone *zone;
	char message[512] = "", report[600];

	write_file("$ORIGIN service.local.\n" HEAD "x BAD\n");
	live_report_count = 0;
	assert_int_equal(view_check_zones(&config, NULL, NULL, message), -EINVAL);
	assert_int_equal(live_report_count, 0);
	assert_int_equal(view_create(&config, &view, message), 0);
	snprintf(report, sizeof(report), "%s: a zone file is left out: %s:5: ", path, path);
	assert_int_equal(live_report_count, 1);
	assert_int_equal(strncmp(live_reports[0], report, strlen(report)), 0);
	const struct view_answer *apex = find(LIVE_ZONE, &zone);
	assert_int_equal(apex->kind, VIEW_STATIC);
	assert_int_equal(apex->rrset_count, 0);
	assert_true(zone->incomplete && zone->soa_size > 0);
	assert_null(find("x." LIVE_ZONE, &zone));
	assert_null(find("ns1." LIVE_ZONE, &zone));
	find("a.test", &zone);
	assert_false(zone->incomplete);
	/* A reload leaves nothing out, nor does it take another zone than was accepted. */
	assert_int_equal(view_reload_zones(view, &config, message), -EINVAL);
	write_file("$ORIGIN b.test.\n" HEAD);
	assert_int_equal(view_reload_zones(view, &config, message), -EINVAL);
	assert_non_null(strstr(message, ":2: the SOA names zone b.test, not service.local"));
	write_file("$ORIGIN service.local.\n" HEAD "x A 10.0.0.1\n");
	assert_int_equal(view_reload_zones(view, &config, message), 0);
	expect("x", WIRE_A, "x.service.local. 5 IN A 10.0.0.1\n");
	find(LIVE_ZONE, &zone);
	assert_false(zone->incomplete);
}

static void the_sample_zone_is_good(void **state)
{
	char message[512] = "";
	const struct view_zone *zone;

	if (create(LIVE_ZONE, ZONES_DIR "/service.local.zone", message) != 0)
		fail_msg("%s", message);
	assert_non_null(view_answer_find(find(LIVE_ZONE, &zone), WIRE_NS));
}

static void static_names_hide_live_ones(void **state)
{
	const struct registry_instance one = {.node = "n1",
		.id = "i1",
		.service = "web",
		.label = "i1",
		.address = "10.0.0.1",
		.node_address = "",
		.port = 80};
	struct live live;

	write_file(HEAD "web A 10.9.9.9\nx.i1.web TXT hello\n");
	live_begin(&live, path);
	live_put(&live, "web", &one, 1);
	assert_int_equal(live_report_count, 1);
	assert_string_equal(live_reports[0],
		"web: a live name is hidden: service web: the file of zone service.local has the same name");
	live_put(&live, "web", &one, 1);
	assert_int_equal(live_report_count, 1);
	names_report_statics(&live.services.names);
	assert_int_equal(live_report_count, 2);
	live_end(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(serves_what_the_file_says, destroy),
		cmocka_unit_test_teardown(sets_have_one_ttl_and_no_doubles, destroy),
		cmocka_unit_test_teardown(soa_has_one_ttl, destroy),
		cmocka_unit_test_teardown(built_in_zone, destroy),
		cmocka_unit_test_teardown(zones_are_found_by_the_longest_match, destroy),
		cmocka_unit_test_teardown(names_between_two_zones_exist, destroy),
		cmocka_unit_test_teardown(names_above_a_zone, destroy),
		cmocka_unit_test(refuses_with_file_and_line),
		cmocka_unit_test(refuses_bad_configs),
		cmocka_unit_test_teardown(reload_keeps_the_old_zone_on_errors, destroy),
		cmocka_unit_test_teardown(leaves_out_a_file_that_has_gone_bad, destroy),
		cmocka_unit_test_teardown(the_sample_zone_is_good, destroy),
		cmocka_unit_test(static_names_hide_live_ones),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
