/* test_registry.c -- the answer over the real view of a real registry: that both mean the same by view.h. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ask.h"

#define ZONE_COUNT 3

struct world {
	void *registry; /* struct fixture */
	struct page *page;
	struct ask *ask;
	char zone_path[160];
};

static const char zone_text[] = "$ORIGIN service.local.\n"
				"$TTL 30\n"
				"@ SOA ns1 hostmaster 1 3600 600 86400 5\n"
				"@ NS ns1\n"
				"@ NS ns2\n"
				"ns1 A 192.0.2.53\n"
				"ns2 AAAA 2001:db8::53\n"
				"www CNAME web\n"
				"far CNAME www.example.com.\n"
				"mail MX 10 ns1\n"
				"mail MX 20 ns1\n"
				"text TXT \"hello\" \"world\"\n"
				"_ldap._tcp SRV 1 2 389 ns1\n";

static void update(struct world *w)
{
	while (view_step(w->ask->view) > 0)
		;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct view *view;
	char message[512] = "";

	if (fixture_setup(&w->registry))
		return -1;
	struct fixture *f = w->registry;
	w->page = aligned_alloc(64, sizeof(*w->page));
	memset(w->page, 0, sizeof(*w->page));
	snprintf(w->zone_path, sizeof(w->zone_path), "%s/zone", f->folder);
	FILE *file = fopen(w->zone_path, "w");
	assert_non_null(file);
	fputs(zone_text, file);
	fclose(file);
	const struct view_zone_config zones[ZONE_COUNT] = {
		{.file = w->zone_path}, {.name = "other.test"}, {.name = "a.b.other.test"}};
	const struct view_config config = {.zones = zones,
		.zone_count = ZONE_COUNT,
		.ttl = 5,
		.node_address = "192.0.2.1",
		.registry_path = f->path,
		.page = w->page,
		.thread = &w->page->threads[PAGE_FOLLOWER],
		.wake_fd = -1,
		.notify_fd = -1};
	if (view_create(&config, &view, message) != 0)
		fail_msg("%s", message);
	w->ask = ask_create(view);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	view_destroy(w->ask->view);
	ask_destroy(w->ask);
	free(w->page);
	unlink(w->zone_path);
	fixture_teardown(&w->registry);
	free(w);
	return 0;
}

/* The follower steps and the responder reads in this one thread, so it is a reader only while it asks. */
static const char *ask_view(struct world *w, const char *name, uint16_t type, uint16_t edns)
{
	view_reader_register();
	view_read_begin();
	const char *text = ask_name(w->ask, name, type, edns);
	view_read_end();
	view_reader_unregister();
	return text;
}

static void put_web(struct world *w, const char *id, const char *address, uint16_t port)
{
	struct registry_command *command = put_instance("web", id);

	instance_of(command)->address = arena_strdup(command->arena, address);
	instance_of(command)->port = port;
	must(w->registry, command);
}

/* The reply's bytes; rotation is where the first record is first. */
static void assert_bytes(struct world *w, const char *text)
{
	uint8_t expected[1232];
	size_t size = packet_parse(text, expected, sizeof(expected));

	assert_int_equal(w->ask->answer_size, size);
	assert_memory_equal(w->ask->answer, expected, size);
}

static void test_service(void **state)
{
	struct world *w = *state;

	put_web(w, "i1", "192.0.2.1", 8080);
	put_web(w, "i2", "2001:db8::2", 8081);
	update(w);
	w->ask->context.rotation = 0;
	assert_string_equal(ask_view(w, "web.service.local", WIRE_SRV, 1232), "NOERROR aa 1/2/0/3 +opt");
	assert_bytes(w,
		"1234 8400 0001 0002 0000 0003 <web.service.local> 0021 0001 "
		"c00c 0021 0001 00000005 001c 0001 0001 1f90 <i1.web.service.local> "
		"c00c 0021 0001 00000005 001c 0001 0001 1f91 <i2.web.service.local> "
		"c035 0001 0001 00000005 0004 c0000201 "
		"c05d 001c 0001 00000005 0010 20010db8000000000000000000000002 00 0029 04d0 00000000 0000");
	assert_string_equal(ask_view(w, "web.service.local", WIRE_A, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "web.service.local", WIRE_AAAA, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "web.service.local", WIRE_ANY, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "_web._tcp.service.local", WIRE_SRV, 0), "NOERROR aa 1/2/0/2");
	assert_string_equal(ask_view(w, "_tcp.service.local", WIRE_SRV, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_view(w, "i2.web.service.local", WIRE_AAAA, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "i2.web.service.local", WIRE_A, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_view(w, "i3.web.service.local", WIRE_A, 0), "NXDOMAIN aa 1/0/1/0");
	assert_string_equal(ask_view(w, "web.other.test", WIRE_SRV, 0), "NOERROR aa 1/2/0/2");
	assert_string_equal(ask_view(w, "web.example.com", WIRE_SRV, 0), "REFUSED 1/0/0/0");
}

static void test_zone_file(void **state)
{
	struct world *w = *state;

	put_web(w, "i1", "192.0.2.1", 8080);
	update(w);
	assert_string_equal(ask_view(w, "service.local", WIRE_NS, 0), "NOERROR aa 1/2/0/2");
	assert_string_equal(ask_view(w, "service.local", WIRE_SOA, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "other.test", WIRE_SOA, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "other.test", WIRE_NS, 0), "NOERROR aa 1/1/0/1");
	assert_string_equal(ask_view(w, "service.local", WIRE_A, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_view(w, "www.service.local", WIRE_A, 0), "NOERROR aa 1/2/0/0");
	assert_string_equal(ask_view(w, "www.service.local", WIRE_SRV, 0), "NOERROR aa 1/2/0/1");
	assert_string_equal(ask_view(w, "www.service.local", WIRE_TXT, 0), "NOERROR aa 1/1/1/0");
	assert_string_equal(ask_view(w, "far.service.local", WIRE_A, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "mail.service.local", WIRE_MX, 0), "NOERROR aa 1/2/0/1");
	assert_string_equal(ask_view(w, "text.service.local", WIRE_TXT, 0), "NOERROR aa 1/1/0/0");
	assert_string_equal(ask_view(w, "_ldap._tcp.service.local", WIRE_SRV, 0), "NOERROR aa 1/1/0/1");
	assert_string_equal(ask_view(w, "text.other.test", WIRE_TXT, 0), "NXDOMAIN aa 1/0/1/0");
}

/* Between a zone and one below it a name is empty, unless something has registered it. */
static void test_between_zones(void **state)
{
	struct world *w = *state;

	assert_string_equal(ask_view(w, "b.other.test", WIRE_A, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_view(w, "c.other.test", WIRE_A, 0), "NXDOMAIN aa 1/0/1/0");
	assert_string_equal(ask_view(w, "a.b.other.test", WIRE_NS, 0), "NOERROR aa 1/1/0/1");
	must(w->registry, put_instance("b", "i1"));
	update(w);
	assert_string_equal(ask_view(w, "b.other.test", WIRE_A, 0), "NOERROR aa 1/1/0/0");
	must(w->registry, remove_instance("i1"));
	update(w);
	assert_string_equal(ask_view(w, "b.other.test", WIRE_A, 0), "NOERROR aa 1/0/1/0");
}

/* The serial of the SOA is the registry's index, and moves with it. */
static void test_serial(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 3; i++) {
		put_web(w, "i1", "192.0.2.1", (uint16_t)(8080 + i));
		update(w);
		assert_string_equal(ask_view(w, "nope.service.local", WIRE_A, 0), "NXDOMAIN aa 1/0/1/0");
		assert_true(view_index(w->ask->view) >= START_S);
		assert_int_equal(wire_get32(w->ask->answer + w->ask->answer_size - 20),
			(uint32_t)view_index(w->ask->view));
	}
}

/* Registered, none healthy: the name is there, and the reply says why it is empty. */
static void test_none_healthy(void **state)
{
	struct world *w = *state;
	struct registry_command *command = put_instance("web", "i1");

	add_check(command, "c1", REGISTRY_CHECK_TTL);
	must(w->registry, command);
	update(w);
	assert_string_equal(ask_view(w, "web.service.local", WIRE_A, 1232), "NOERROR aa 1/0/1/1 +opt ede=0");
	assert_string_equal(ask_view(w, "web.service.local", WIRE_SRV, 0), "NOERROR aa 1/0/1/0");
	assert_string_equal(ask_view(w, "i1.web.service.local", WIRE_A, 1232), "NOERROR aa 1/1/0/1 +opt");
	must(w->registry, set_status("c1", REGISTRY_PASSING, "well"));
	update(w);
	assert_string_equal(ask_view(w, "web.service.local", WIRE_A, 1232), "NOERROR aa 1/1/0/1 +opt");
	must(w->registry, remove_instance("i1"));
	update(w);
	assert_string_equal(ask_view(w, "web.service.local", WIRE_A, 1232), "NXDOMAIN aa 1/0/1/1 +opt");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_service),
		TEST(test_zone_file),
		TEST(test_between_zones),
		TEST(test_serial),
		TEST(test_none_healthy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
