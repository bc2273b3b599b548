/* Every rule for what may be registered, one row each. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define LONG_LABEL "a23456789012345678901234567890123456789012345678901234567890123" /* 63 */
#define LONG_NAME                                                                                            \
	"a2345678901234567890123456789012345678901234567890."                                                \
	"a2345678901234567890123456789012345678901234567890."                                                \
	"a2345678901234567890123456789012345678901234567890."                                                \
	"a2345678901234567890123456789012345678901234567890"

static void service_names(void **state)
{
	static const struct {
		const char *name, *text; /* text: of the refusal, NULL if it is taken */
	} rows[] = {
		{"web", NULL},
		{"user.rpc", NULL},
		{"go.micro.srv.demo", NULL},
		{"my_service", NULL},
		{"1", NULL},
		{"", "Missing service name"},
		{"we b", "Invalid service name \"we b\""},
		{"web.", "Invalid service name"},
		{".web", "Invalid service name"},
		{"a..b", "Invalid service name"},
		{"_web", "Invalid service name"},
		{"-web", "Invalid service name"},
		{"web-", "Invalid service name"},
		{"caf\xc3\xa9", "Invalid service name"},
		{"a\\.b", "Invalid service name"},
		{"web\n", "Invalid service name"},
		{LONG_LABEL, "longer than 63 bytes (the first, which gets a '_': 62)"},
		{"a." LONG_LABEL, NULL},
		{"a." LONG_LABEL "x", "longer than 63 bytes"},
		{LONG_NAME, NULL},
		{LONG_NAME ".a2345678901234567890", "too long, its DNS names would have more than 255 bytes"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_command *command = put_instance(rows[i].name, "x");
		if (rows[i].text)
			refused(f, command, -EINVAL, rows[i].text);
		else
			must(f, command);
	}
}

/* A row changes one field of a good instance. */
struct instance_row {
	void (*change)(struct registry_instance *instance, const char *value);
	const char *value;
	int error;
	const char *text;
};

static void set_address(struct registry_instance *instance, const char *value)
{
	instance->address = value;
}

static void set_id(struct registry_instance *instance, const char *value)
{
	instance->id = value;
}

static void set_meta_key(struct registry_instance *instance, const char *value)
{
	static struct registry_pair pair;

	pair = (struct registry_pair){value, "1"};
	instance->meta = &pair;
	instance->meta_count = 1;
}

#define META_SETTER(function, key)                                                                           \
	static void function(struct registry_instance *instance, const char *value)                          \
	{                                                                                                    \
		static struct registry_pair pair;                                                            \
		pair = (struct registry_pair){key, value};                                                   \
		instance->meta = &pair;                                                                      \
		instance->meta_count = 1;                                                                    \
	}
META_SETTER(set_plain, "plain")
META_SETTER(set_ttl, "dns-ttl")
META_SETTER(set_priority, "dns-priority")
META_SETTER(set_proto, "dns-proto")
META_SETTER(set_all_down, "dns-when-all-down")
META_SETTER(set_alias, "dns-alias")

#define TAGGED_SETTER(function, key)                                                                         \
	static void function(struct registry_instance *instance, const char *value)                          \
	{                                                                                                    \
		static struct registry_tagged_address tagged;                                                \
		tagged = (struct registry_tagged_address){key, value, 80};                                   \
		instance->tagged = &tagged;                                                                  \
		instance->tagged_count = 1;                                                                  \
	}
TAGGED_SETTER(set_lan4, "lan_ipv4")
TAGGED_SETTER(set_wan6, "wan_ipv6")
TAGGED_SETTER(set_lan, "lan")

static void set_tag(struct registry_instance *instance, const char *value)
{
	static const char *tag;

	tag = value;
	instance->tags = &tag;
	instance->tag_count = 1;
}

static void set_tag_count(struct registry_instance *instance, const char *value)
{
	static const char *const tags[9] = {"", "", "", "", "", "", "", "", ""};

	instance->tags = tags;
	instance->tag_count = (size_t)(value[0] - '0');
}

static void set_passing(struct registry_instance *instance, const char *value)
{
	instance->weight_passing = (uint32_t)strtoul(value, NULL, 10);
}

static void set_warning(struct registry_instance *instance, const char *value)
{
	instance->weight_warning = (uint32_t)strtoul(value, NULL, 10);
}

static const struct instance_row instance_rows[] = {
	{set_address, "", 0, NULL},
	{set_address, "10.0.0.1", 0, NULL},
	{set_address, "2001:db8::1", 0, NULL},
	{set_address, "db.example.org", 0, NULL},
	{set_address, "db.example.org.", 0, NULL},
	{set_address, "host1", 0, NULL},
	{set_address, "0.0.0.0", -EINVAL, "Invalid service address"},
	{set_address, "::", -EINVAL, "Invalid service address"},
	{set_address, "[::]", -EINVAL, "Invalid service address"},
	{set_address, "0::0", -EINVAL, "Invalid service address"},
	{set_address, "10.0.0", -EINVAL, "Invalid service address: \"10.0.0\" is neither"},
	{set_address, "256.1.1.1", -EINVAL, "neither an IP address nor a host name"},
	{set_address, "10.0.0.1:80", -EINVAL, "neither an IP address nor a host name"},
	{set_address, "http://x/", -EINVAL, "neither an IP address nor a host name"},
	{set_address, "a b", -EINVAL, "neither an IP address nor a host name"},
	{set_address, "\xff", -EINVAL, "Invalid address: not valid UTF-8"},
	{set_id, "http://10.0.0.1:80/x y", 0, NULL},
	{set_id, "a\tb", -EINVAL, "Invalid service ID: it has a control character"},
	{set_id, "a\xc3(", -EINVAL, "Invalid service ID: not valid UTF-8"},
	{set_tag, "any text, \xc3\xa9, of any kind", 0, NULL},
	{set_tag, "\xc3", -EINVAL, "Invalid Tags: not valid UTF-8"},
	{set_tag_count, "8", 0, NULL},
	{set_tag_count, "9", -EDQUOT, "Too many Tags: 9, and the limit is 8"},
	{set_meta_key, "a-Z_9", 0, NULL},
	{set_meta_key, "", -EINVAL, "Invalid Service Meta: Key cannot be blank"},
	{set_meta_key, "a.b", -EINVAL, "Invalid Service Meta: Key contains invalid characters: \"a.b\""},
	{set_meta_key, "\xc3\xa9", -EINVAL, "Invalid Service Meta: Key contains invalid characters"},
	{set_meta_key, "consul-x", -EINVAL, "Key prefix 'consul-' is reserved for internal use"},
	{set_meta_key, LONG_LABEL LONG_LABEL "123", -EINVAL, "Key is too long (limit: 128 characters)"},
	{set_plain, "", 0, NULL},
	{set_plain, "\xf0", -EINVAL, "Invalid Service Meta: not valid UTF-8"},
	{set_ttl, "0", 0, NULL},
	{set_ttl, "86400", 0, NULL},
	{set_ttl, "1m30s", 0, NULL},
	{set_ttl, "86401", -EINVAL,
		"Invalid Service Meta: dns-ttl must be 0 to 86400 seconds, not \"86401\""},
	{set_ttl, "25h", -EINVAL, "dns-ttl"},
	{set_ttl, "-1s", -EINVAL, "dns-ttl"},
	{set_ttl, "", -EINVAL, "dns-ttl"},
	{set_ttl, "soon", -EINVAL, "dns-ttl"},
	{set_priority, "65535", 0, NULL},
	{set_priority, "65536", -EINVAL, "dns-priority must be 0 to 65535"},
	{set_priority, "x", -EINVAL, "dns-priority"},
	{set_proto, "tcp", 0, NULL},
	{set_proto, "tcp, udp", 0, NULL},
	{set_proto, "sctp", -EINVAL, "dns-proto must be tcp, udp or tcp,udp"},
	{set_proto, "", -EINVAL, "dns-proto"},
	{set_proto, "tcp,", -EINVAL, "dns-proto"},
	{set_all_down, "all", 0, NULL},
	{set_all_down, "none", 0, NULL},
	{set_all_down, "some", -EINVAL, "dns-when-all-down must be none or all"},
	{set_alias, "mongodb", 0, NULL},
	{set_alias, "a,b-c", 0, NULL},
	{set_alias, "_a", -EINVAL, "dns-alias must be host labels"},
	{set_alias, "a.b", -EINVAL, "dns-alias"},
	{set_alias, "*", -EINVAL, "dns-alias"},
	{set_alias, LONG_LABEL, -EINVAL, "dns-alias"},
	{set_lan4, "10.0.0.1", 0, NULL},
	{set_lan4, "::1", -EINVAL, "Service tagged address \"lan_ipv4\" must be a valid ipv4 address"},
	{set_lan4, "x", -EINVAL, "Service tagged address \"lan_ipv4\" must be a valid ipv4 address"},
	{set_lan4, "0.0.0.0", -EINVAL, "must not be a wildcard address"},
	{set_wan6, "10.0.0.1", -EINVAL, "Service tagged address \"wan_ipv6\" must be a valid ipv6 address"},
	{set_wan6, "2001:db8::1", 0, NULL},
	{set_lan, "host.example", 0, NULL},
	{set_lan, "", -EINVAL, "Service tagged address \"lan\" is no address"},
	{set_passing, "65535", 0, NULL},
	{set_passing, "0", -EINVAL, "Invalid Weights: Passing must be greater than 0"},
	{set_passing, "65536", -EINVAL, "Invalid Weights: Passing must be at most 65535"},
	{set_warning, "0", 0, NULL},
	{set_warning, "65536", -EINVAL, "Invalid Weights: Warning"},
};

static void instances(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(instance_rows) / sizeof(instance_rows[0]); i++) {
		const struct instance_row *row = &instance_rows[i];
		struct registry_command *command = put_instance("web", "x");
		row->change(instance_of(command), row->value);
		if (row->error)
			refused(f, command, row->error, row->text);
		else
			must(f, command);
	}
}

static void sizes(void **state)
{
	static char big[1100];
	struct fixture *f = *state;
	struct registry_pair pairs[65];
	char keys[65][8];
	struct registry_command *command = put_instance("web", "x");

	memset(big, 'x', sizeof(big) - 1);
	set_tag(instance_of(command), big);
	refused(f, command, -EDQUOT, "Tags: one has 1099 bytes, and the limit is 1000");
	command = put_instance("web", "x");
	set_plain(instance_of(command), big);
	refused(f, command, -EINVAL,
		"Invalid Service Meta: Value of \"plain\" is too long (limit: 512 characters)");
	command = put_instance("web", big);
	refused(f, command, -EINVAL, "Invalid service ID: longer than 512 bytes");
	for (int i = 0; i < 65; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		pairs[i] = (struct registry_pair){keys[i], ""};
	}
	command = put_instance("web", "x");
	instance_of(command)->meta = pairs;
	instance_of(command)->meta_count = 65;
	refused(f, command, -EINVAL,
		"Invalid Service Meta: cannot contain more than 64 key/value pairs (got 65)");
}

static void nodes(void **state)
{
	static const struct {
		const char *name, *address, *id, *text;
	} rows[] = {
		{"n1", "192.0.2.1", "", NULL},
		{"n2.example.org", "host.example.org", "9f1c0b3e-0000-4000-8000-000000000001", NULL},
		{"", "192.0.2.1", "", "Must provide node"},
		{"n", "", "", "Must provide address if SkipNodeUpdate is not set"},
		{"n", "0.0.0.0", "", "Invalid node address"},
		{"n", "x y", "", "Invalid node address: \"x y\""},
		{"n\x01", "192.0.2.1", "", "Invalid Node: it has a control character"},
		{"n", "192.0.2.1", "abc", "Bad node ID: \"abc\" is no UUID"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_command *command = put_node(rows[i].name, rows[i].address);
		struct registry_node *node = arena_alloc(command->arena, sizeof(*node));
		*node = *command->node;
		node->id = rows[i].id;
		command->node = node;
		if (rows[i].text)
			refused(f, command, -EINVAL, rows[i].text);
		else
			must(f, command);
	}
}

static void check_targets(void **state)
{
	static const struct {
		enum registry_check_type type;
		const char *target;
		bool good;
	} rows[] = {
		{REGISTRY_CHECK_TCP, "10.0.0.1:80", true},
		{REGISTRY_CHECK_TCP, "db.example.org:5432", true},
		{REGISTRY_CHECK_TCP, "localhost:1", true},
		{REGISTRY_CHECK_TCP, "[::1]:80", true},
		{REGISTRY_CHECK_TCP, "::1:80", true},
		{REGISTRY_CHECK_TCP, "10.0.0.1", false},
		{REGISTRY_CHECK_TCP, ":80", false},
		{REGISTRY_CHECK_TCP, "10.0.0.1:0", false},
		{REGISTRY_CHECK_TCP, "10.0.0.1:65536", false},
		{REGISTRY_CHECK_TCP, "10.0.0.1:http", false},
		{REGISTRY_CHECK_TCP, "[10.0.0.1]:80", false},
		{REGISTRY_CHECK_TCP, "a b:80", false},
		{REGISTRY_CHECK_HTTP, "http://10.0.0.1:80/health?x=1", true},
		{REGISTRY_CHECK_HTTP, "HTTPS://[::1]/", true},
		{REGISTRY_CHECK_HTTP, "ftp://x/", false},
		{REGISTRY_CHECK_HTTP, "file:///etc/passwd", false},
		{REGISTRY_CHECK_HTTP, "http://", false},
		{REGISTRY_CHECK_HTTP, "http:///x", false},
		{REGISTRY_CHECK_HTTP, "http://x/\r\nHost: y", false},
		{REGISTRY_CHECK_HTTP, "x", false},
		{REGISTRY_CHECK_GRPC, "10.0.0.1:50051", true},
		{REGISTRY_CHECK_GRPC, "[::1]:50051/", true},
		{REGISTRY_CHECK_GRPC, "::1:50051/shop.v1.Cart", true},
		{REGISTRY_CHECK_GRPC, "db.example.org:443/a/b", true},
		{REGISTRY_CHECK_GRPC, "10.0.0.1/50051", false},
		{REGISTRY_CHECK_GRPC, "10.0.0.1:50051/a b", false},
		{REGISTRY_CHECK_GRPC, "10.0.0.1:50051/\xc3\xa9", false},
		{REGISTRY_CHECK_GRPC, "/x", false},
		{REGISTRY_CHECK_GRPC, "dns:///x", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);
		add_check(command, "c", rows[i].type)->definition.target = rows[i].target;
		if (rows[i].good)
			must(f, command);
		else
			refused(f, command, -EINVAL, "Invalid check: ");
	}
}

/* A check of this type with one thing wrong. */
static void refuse_check(struct fixture *f, enum registry_check_type type,
	void (*change)(struct registry_check *check), const char *text)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_CHECK);

	change(add_check(command, "c", type));
	refused(f, command, -EINVAL, text);
}

static void both_times(struct registry_check *check)
{
	check->definition.interval_ns = check->definition.ttl_ns = 1;
}

static void no_times(struct registry_check *check)
{
	check->definition.interval_ns = check->definition.ttl_ns = 0;
}

static void negative_timeout(struct registry_check *check)
{
	check->definition.timeout_ns = -1;
}

static void negative_deregister(struct registry_check *check)
{
	check->definition.deregister_after_ns = -1;
}

static void endless(struct registry_check *check)
{
	check->definition.ttl_ns = INT64_MAX;
}

static void thresholds(struct registry_check *check)
{
	check->definition.failures_before_warning = 3;
	check->definition.failures_before_critical = 2;
}

static void tls(struct registry_check *check)
{
	check->definition.use_tls = true;
}

static void bad_header(struct registry_check *check)
{
	static const struct registry_pair header = {"X Y", ""};

	check->definition.headers = &header;
	check->definition.header_count = 1;
}

static void split_header(struct registry_check *check)
{
	static const struct registry_pair header = {"X", "a\r\nb"};

	check->definition.headers = &header;
	check->definition.header_count = 1;
}

static void bad_method(struct registry_check *check)
{
	check->definition.method = "GET /";
}

static void no_name(struct registry_check *check)
{
	check->id = check->name = "";
}

static void bad_status(struct registry_check *check)
{
	check->status = (enum registry_status)7;
}

static void check_fields(void **state)
{
	struct fixture *f = *state;

	refuse_check(f, REGISTRY_CHECK_TTL, both_times,
		"Invalid check: Interval and TTL cannot both be specified");
	refuse_check(f, REGISTRY_CHECK_TTL, no_times, "Invalid check: TTL must be > 0 for TTL checks");
	refuse_check(f, REGISTRY_CHECK_TCP, no_times,
		"Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks");
	refuse_check(f, REGISTRY_CHECK_TCP, negative_timeout, "Invalid check: Timeout must not be negative");
	refuse_check(f, REGISTRY_CHECK_TCP, negative_deregister,
		"Invalid check: DeregisterCriticalServiceAfter must not be negative");
	refuse_check(f, REGISTRY_CHECK_TTL, endless,
		"Invalid check: Interval, Timeout, TTL and DeregisterCriticalServiceAfter must be at most");
	refuse_check(f, REGISTRY_CHECK_TCP, thresholds,
		"Invalid check: FailuresBeforeWarning can't be higher than FailuresBeforeCritical");
	refuse_check(f, REGISTRY_CHECK_TCP, tls, "Invalid check: TCPUseTLS is not offered");
	refuse_check(f, REGISTRY_CHECK_HTTP, bad_header, "Invalid check: Header: \"X Y\" is no header name");
	refuse_check(f, REGISTRY_CHECK_HTTP, split_header, "Invalid check: Header: the value of \"X\"");
	refuse_check(f, REGISTRY_CHECK_HTTP, bad_method, "Invalid check: Method");
	refuse_check(f, REGISTRY_CHECK_TTL, no_name, "Missing check name");
	refuse_check(f, REGISTRY_CHECK_TTL, bad_status, "Bad check status");
}

static void a_refused_check_undoes_its_instance(void **state)
{
	struct fixture *f = *state;
	struct registry_command *command = put_instance("web", "x");

	add_check(command, "good", REGISTRY_CHECK_TTL);
	no_times(add_check(command, "bad", REGISTRY_CHECK_TTL));
	refused(f, command, -EINVAL, "Invalid check");
	assert_null(find_instance(f, "x"));
	assert_null(find_check(f, "good"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(service_names),
		TEST(instances),
		TEST(sizes),
		TEST(nodes),
		TEST(check_targets),
		TEST(check_fields),
		TEST(a_refused_check_undoes_its_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
