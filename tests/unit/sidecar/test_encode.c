/* test_encode.c -- the shapes, byte for byte, as consul.md section 2.7 shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sidecar/encode.h"

#define ADDRESSES                                                                                            \
	"{\"lan_ipv4\":{\"Address\":\"10.0.0.1\",\"Port\":8080},\"wan_ipv4\":{\"Address\":\"10.0.0.1\","     \
	"\"Port\":8080}}"
#define NODE                                                                                                 \
	"{\"ID\":\"\",\"Node\":\"n1\",\"Address\":\"192.0.2.5\",\"Datacenter\":\"dc1\",\"TaggedAddresses\":" \
	"{\"lan\":\"192.0.2.5\",\"lan_ipv4\":\"192.0.2.5\",\"wan\":\"192.0.2.5\",\"wan_ipv4\":\"192.0.2."    \
	"5\"},\"Meta\":{},"                                                                                  \
	"\"CreateIndex\":13,\"ModifyIndex\":14}"

static const char *const tags[] = {"v1"};
static const struct registry_tagged_address tagged[] = {
	{"lan_ipv4", "10.0.0.1", 8080}, {"wan_ipv4", "10.0.0.1", 8080}};
static const struct registry_pair meta[] = {{"k", "v"}};

static const struct registry_node node = {
	.name = "n1", .id = "", .address = "192.0.2.5", .create_index = 13, .modify_index = 14};
static const struct registry_node other = {
	.name = "n2", .id = "u", .address = "192.0.2.6", .meta = meta, .meta_count = 1};
static const struct registry_instance web = {.node = "n1",
	.id = "web1",
	.service = "web",
	.label = "web1",
	.address = "10.0.0.1",
	.port = 8080,
	.tags = tags,
	.tag_count = 1,
	.tagged = tagged,
	.tagged_count = 2,
	.weight_passing = 1,
	.weight_warning = 1,
	.agent = true,
	.create_index = 25,
	.modify_index = 25};
static const struct registry_instance bare = {.node = "n1",
	.id = "b",
	.service = "b",
	.label = "b",
	.address = "",
	.meta = meta,
	.meta_count = 1,
	.weight_passing = 2,
	.weight_warning = 0};
static const struct registry_check check = {.node = "n1",
	.id = "service:web1",
	.name = "Service 'web' check",
	.notes = "",
	.instance_id = "web1",
	.service = "web",
	.service_tags = tags,
	.service_tag_count = 1,
	.status = REGISTRY_PASSING,
	.output = "TCP connect 10.0.0.1:8080: Success",
	.definition = {.type = REGISTRY_CHECK_TCP,
		.target = "",
		.method = "",
		.body = "",
		.tls_server_name = "",
		.interval_ns = INT64_C(10000000000),
		.timeout_ns = INT64_C(1000000000)},
	.create_index = 25,
	.modify_index = 27};

struct fixture {
	struct buf buf;
	struct arena *arena;
	struct encode encode;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.buf = (struct buf){0};
	fixture.arena = arena_create();
	fixture.encode = (struct encode){
		.out = {.buf = &fixture.buf}, .datacenter = "dc1", .own_node = "N1", .arena = fixture.arena};
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	buf_finish(&fixture->buf);
	arena_destroy(fixture->arena);
	return 0;
}

/* What was written, which jansson must be able to read. */
static void expect(struct fixture *fixture, const char *expected)
{
	json_error_t error;
	json_t *read = json_loads(fixture->buf.data, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (!read)
		fail_msg("%s: %s", error.text, fixture->buf.data);
	json_decref(read);
	assert_string_equal(fixture->buf.data, expected);
	buf_clear(&fixture->buf);
}

static void nodes(void **state)
{
	struct fixture *fixture = *state;

	encode_node(&fixture->encode, &node);
	expect(fixture, NODE);
	encode_node(&fixture->encode, &other);
	expect(fixture, "{\"ID\":\"u\",\"Node\":\"n2\",\"Address\":\"192.0.2.6\",\"Datacenter\":\"dc1\","
			"\"TaggedAddresses\":{},"
			"\"Meta\":{\"k\":\"v\"},\"CreateIndex\":0,\"ModifyIndex\":0}");
}

static void services(void **state)
{
	struct fixture *fixture = *state;

	encode_agent_service(&fixture->encode, &web, NULL);
	expect(fixture, "{\"ID\":\"web1\",\"Service\":\"web\",\"Tags\":[\"v1\"],\"Meta\":{},\"Port\":8080,"
			"\"Address\":\"10.0.0.1\","
			"\"TaggedAddresses\":" ADDRESSES
			",\"Weights\":{\"Passing\":1,\"Warning\":1},\"EnableTagOverride\":"
			"false,\"Datacenter\":\"dc1\"}");
	encode_agent_service(&fixture->encode, &bare, "abc");
	expect(fixture, "{\"ID\":\"b\",\"Service\":\"b\",\"Tags\":[],\"Meta\":{\"k\":\"v\"},\"Port\":0,"
			"\"Address\":\"\",\"Weights\":"
			"{\"Passing\":2,\"Warning\":0},\"EnableTagOverride\":false,\"Datacenter\":\"dc1\","
			"\"ContentHash\":"
			"\"abc\"}");
	encode_node_service(&fixture->encode, &web);
	expect(fixture,
		"{\"ID\":\"web1\",\"Service\":\"web\",\"Tags\":[\"v1\"],\"Address\":\"10.0.0.1\","
		"\"TaggedAddresses\":" ADDRESSES ",\"Meta\":{},\"Port\":8080,\"Weights\":{\"Passing\":1,"
		"\"Warning\":1},\"EnableTagOverride\":false,"
		"\"Proxy\":{\"Mode\":\"\",\"MeshGateway\":{},\"Expose\":{}},\"Connect\":{},\"PeerName\":\"\","
		"\"CreateIndex\":"
		"25,\"ModifyIndex\":25}");
	/* No Port when it is 0, as Consul's health. */
	encode_node_service(&fixture->encode, &bare);
	expect(fixture, "{\"ID\":\"b\",\"Service\":\"b\",\"Tags\":[],\"Address\":\"\",\"Meta\":{\"k\":\"v\"},"
			"\"Weights\":{\"Passing\":2,"
			"\"Warning\":0},\"EnableTagOverride\":false,\"Proxy\":{\"Mode\":\"\",\"MeshGateway\":"
			"{},\"Expose\":{}},"
			"\"Connect\":{},\"PeerName\":\"\",\"CreateIndex\":0,\"ModifyIndex\":0}");
	encode_catalog_service(&fixture->encode, &other, &bare);
	expect(fixture, "{\"ID\":\"u\",\"Node\":\"n2\",\"Address\":\"192.0.2.6\",\"Datacenter\":\"dc1\","
			"\"TaggedAddresses\":{},"
			"\"NodeMeta\":{\"k\":\"v\"},\"ServiceKind\":\"\",\"ServiceID\":\"b\",\"ServiceName\":"
			"\"b\",\"ServiceTags\":[],"
			"\"ServiceAddress\":\"\",\"ServiceWeights\":{\"Passing\":2,\"Warning\":0},"
			"\"ServiceMeta\":{\"k\":\"v\"},"
			"\"ServicePort\":0,\"ServiceSocketPath\":\"\",\"ServiceEnableTagOverride\":false,"
			"\"ServiceProxy\":{"
			"\"Mode\":\"\",\"MeshGateway\":{},\"Expose\":{}},\"ServiceConnect\":{},"
			"\"ServiceLocality\":null,"
			"\"CreateIndex\":0,\"ModifyIndex\":0}");
}

#define CHECK_BEFORE_OUTPUT                                                                                  \
	"{\"Node\":\"n1\",\"CheckID\":\"service:web1\",\"Name\":\"Service 'web' "                            \
	"check\",\"Status\":\"passing\",\"Notes\":\"\","                                                     \
	"\"Output\":"
#define CHECK_BEFORE_INDEX                                                                                   \
	",\"ServiceID\":\"web1\",\"ServiceName\":\"web\",\"ServiceTags\":[\"v1\"],\"Type\":\"tcp\","         \
	"\"Interval\":\"10s\","                                                                              \
	"\"Timeout\":\"1s\",\"ExposedPort\":0,\"Definition\":{},"

/* An agent's instance shows its own address under lan_ and wan_ as well, unless it was told otherwise. */
static void own_addresses_are_tagged(void **state)
{
	static const struct registry_tagged_address lan[] = {{"lan_ipv4", "10.0.0.9", 81}};
	static const struct {
		const char *address;
		bool agent;
		size_t given;
		const char *expected; /* NULL: no TaggedAddresses */
	} rows[] = {
		{"10.0.0.1", true, 0, ADDRESSES},
		{"10.0.0.1", false, 0, NULL},
		{"10.0.0.1", true, 1,
			"{\"lan_ipv4\":{\"Address\":\"10.0.0.9\",\"Port\":81},"
			"\"wan_ipv4\":{\"Address\":\"10.0.0.1\",\"Port\":8080}}"},
		{"2001:db8::1", true, 0,
			"{\"lan_ipv6\":{\"Address\":\"2001:db8::1\",\"Port\":8080},"
			"\"wan_ipv6\":{\"Address\":\"2001:db8::1\",\"Port\":8080}}"},
		{"web.example", true, 0, NULL},
		{"", true, 0, NULL},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_instance instance = web;
		instance.address = rows[i].address;
		instance.agent = rows[i].agent;
		instance.tagged = lan;
		instance.tagged_count = rows[i].given;
		encode_agent_service(&fixture->encode, &instance, NULL);
		char *tagged_at = strstr(fixture->buf.data, "\"TaggedAddresses\":");
		if (!rows[i].expected) {
			assert_null(tagged_at);
		} else {
			assert_non_null(tagged_at);
			assert_memory_equal(tagged_at + strlen("\"TaggedAddresses\":"), rows[i].expected,
				strlen(rows[i].expected));
		}
		fixture->buf.size = 0;
	}
}

static void checks(void **state)
{
	struct fixture *fixture = *state;

	encode_check(&fixture->encode, &check, false);
	expect(fixture, CHECK_BEFORE_OUTPUT "\"TCP connect 10.0.0.1:8080: Success\"" CHECK_BEFORE_INDEX
					    "\"CreateIndex\":25,\"ModifyIndex\":27}");
	encode_check(&fixture->encode, &check, true);
	expect(fixture, CHECK_BEFORE_OUTPUT "\"TCP connect 10.0.0.1:8080: Success\"" CHECK_BEFORE_INDEX
					    "\"CreateIndex\":0,\"ModifyIndex\":0}");
	encode_serf_health(&fixture->encode, &node);
	expect(fixture, "{\"Node\":\"n1\",\"CheckID\":\"serfHealth\",\"Name\":\"Serf Health "
			"Status\",\"Status\":\"passing\",\"Notes\":"
			"\"\",\"Output\":\"Agent alive and "
			"reachable\",\"ServiceID\":\"\",\"ServiceName\":\"\",\"ServiceTags\":[],"
			"\"Type\":\"\",\"Interval\":\"\",\"Timeout\":\"\",\"ExposedPort\":0,\"Definition\":{}"
			",\"CreateIndex\":13,"
			"\"ModifyIndex\":13}");
}

/* A newer output is only in memory; the status is always the stored one, which has an index. */
static void live_output_lies_over_the_stored_row(void **state)
{
	struct fixture *fixture = *state;
	struct registry_live *live = registry_live_create(100);

	fixture->encode.live = live;
	registry_live_put(live, &check, 0);
	registry_live_output(live, "n1", "service:web1", "newer", 5);
	registry_live_set_status(live, "n1", "service:web1", REGISTRY_CRITICAL);
	encode_check(&fixture->encode, &check, true);
	expect(fixture,
		CHECK_BEFORE_OUTPUT "\"newer\"" CHECK_BEFORE_INDEX "\"CreateIndex\":0,\"ModifyIndex\":0}");
	registry_live_output(live, "n1", "service:web1", "", 6);
	encode_check(&fixture->encode, &check, true);
	expect(fixture, CHECK_BEFORE_OUTPUT "\"\"" CHECK_BEFORE_INDEX "\"CreateIndex\":0,\"ModifyIndex\":0}");
	registry_live_destroy(live);
}

static const struct {
	const char *text, *json;
} strings[] = {
	{"", "\"\""},
	{NULL, "\"\""},
	{"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
	{"\n\r\t\b\x01\x1f\x7f", "\"\\n\\r\\t\\u0008\\u0001\\u001f\x7f\""},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
	/* What is no UTF-8, each byte by itself. */
	{"\xff", "\"\xef\xbf\xbd\""},
	{"a\xc3", "\"a\xef\xbf\xbd\""},
	{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xc0\x80z", "\"\xef\xbf\xbd\xef\xbf\xbdz\""},
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

static void strings_are_always_valid(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		out_string(&fixture->encode.out, strings[i].text);
		expect(fixture, strings[i].json);
	}
}

static void pretty_is_indented_by_four(void **state)
{
	struct fixture *fixture = *state;
	struct json_out *out = &fixture->encode.out;

	out->pretty = true;
	out_object(out);
	out_key(out, "a");
	out_array(out);
	out_u64(out, 1);
	out_bool(out, true);
	out_null(out);
	out_array_end(out);
	out_key_empty(out, "b");
	out_key(out, "c");
	out_array(out);
	out_object(out);
	out_key_string(out, "d", "e");
	out_object_end(out);
	out_array(out);
	out_array_end(out);
	out_array_end(out);
	out_key_bool(out, "f", false);
	out_object_end(out);
	expect(fixture,
		"{\n    \"a\": [\n        1,\n        true,\n        null\n    ],\n    \"b\": {},\n    "
		"\"c\": [\n"
		"        {\n            \"d\": \"e\"\n        },\n        []\n    ],\n    \"f\": false\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(services, setup, teardown),
		cmocka_unit_test_setup_teardown(own_addresses_are_tagged, setup, teardown),
		cmocka_unit_test_setup_teardown(checks, setup, teardown),
		cmocka_unit_test_setup_teardown(live_output_lies_over_the_stored_row, setup, teardown),
		cmocka_unit_test_setup_teardown(strings_are_always_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(pretty_is_indented_by_four, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
