/* register.c -- flags to JSON, and svcdns register and deregister. */
#include "svcdns/register.h"

#include <stdio.h>

#include "base/str.h"
#include "svcdns/verbs.h"

#define INTERVAL "10s"

const struct flag register_flags[] = {
	{"id", "ID", "id of the instance; its name if it is not given"},
	{"port", "PORT", "its port"},
	{"address", "ADDRESS", "its address; the node's if it is not given"},
	{"tag", "TAG", "a tag; may be repeated"},
	{"meta", "KEY=VALUE", "a Meta pair, such as dns-alias=pg; may be repeated"},
	{"check-tcp", "HOST:PORT", "a check that connects there; may be repeated"},
	{"check-http", "URL", "a check that wants a 2xx from there; may be repeated"},
	{"check-grpc", "HOST:PORT[/SERVICE]",
		"a check that asks the gRPC health service there; may be repeated"},
	{"ttl", "DURATION", "a check that wants a heartbeat each DURATION"},
	{"interval", "DURATION", "between two checks; " INTERVAL " if it is not given"},
	{"timeout", "DURATION", "for one check"},
	{"deregister-after", "DURATION",
		"deregister the instance once a check has been critical for so long"},
	{NULL},
};

static int add_pairs(struct cli *cli, json_t *body)
{
	json_t *meta = json_object();
	const char *text, *key, *value;
	size_t at = 0;

	json_object_set_new(body, "Meta", meta);
	while ((text = args_each(&cli->args, "meta", &at))) {
		if (!args_pair(cli->arena, text, &key, &value))
			return cli_fail(CLI_TROUBLE, "--meta: '%s' is not KEY=VALUE", text);
		json_object_set_new(meta, key, json_string(value));
	}
	return 0;
}

static void set_text(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

void register_add_check(json_t *body, const char *kind, const char *value, const char *interval,
	const char *timeout, const char *deregister_after)
{
	json_t *checks = json_object_get(body, "Checks"), *check = json_pack("{s:s}", kind, value);

	set_text(check, "Interval", interval);
	set_text(check, "Timeout", timeout);
	set_text(check, "DeregisterCriticalServiceAfter", deregister_after);
	json_array_append_new(checks, check);
}

/* Durations are told from typing errors here: the server's own words name its fields, not our flags. */
static int check_durations(const struct cli *cli)
{
	static const char *const names[] = {"ttl", "interval", "timeout", "deregister-after"};
	int64_t ns;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = args_value(&cli->args, names[i]);

		if (value && (str_parse_duration(value, &ns) < 0 || ns <= 0))
			return cli_fail(CLI_TROUBLE, "--%s: '%s' is not a duration such as 10s or 1m30s",
				names[i], value);
	}
	return 0;
}

/* --interval without a check would be taken for one. */
static int check_pace(const struct cli *cli)
{
	static const char *const names[] = {"interval", "timeout"};
	const struct args *args = &cli->args;

	if (args_has(args, "check-tcp") || args_has(args, "check-http") || args_has(args, "check-grpc"))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (args_has(args, names[i]))
			return cli_fail(CLI_TROUBLE,
				"--%s is for a check: --check-tcp, --check-http or --check-grpc", names[i]);
	return 0;
}

static void add_checks(const struct cli *cli, json_t *body)
{
	static const char *const kinds[][2] = {
		{"check-tcp", "TCP"}, {"check-http", "HTTP"}, {"check-grpc", "GRPC"}};
	const char *interval = args_value(&cli->args, "interval"),
		   *after = args_value(&cli->args, "deregister-after");

	json_object_set_new(body, "Checks", json_array());
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *value;
		size_t at = 0;

		while ((value = args_each(&cli->args, kinds[i][0], &at)))
			register_add_check(body, kinds[i][1], value, interval ? interval : INTERVAL,
				args_value(&cli->args, "timeout"), after);
	}
}

int register_body(struct cli *cli, const char *name, json_t **ret)
{
	const char *port = args_value(&cli->args, "port"), *tag;
	json_auto_t *body = json_pack("{s:s, s:[]}", "Name", name, "Tags");
	uint64_t number = 0;
	size_t at = 0;

	if (!body)
		return cli_fail(CLI_TROUBLE, "'%s' is no UTF-8", name);
	if (port && (str_parse_u64(port, UINT16_MAX, &number) < 0))
		return cli_fail(CLI_TROUBLE, "--port: '%s' is not a number from 0 to 65535", port);
	if (check_durations(cli) != 0 || check_pace(cli) != 0 || add_pairs(cli, body) != 0)
		return CLI_TROUBLE;
	if (port)
		json_object_set_new(body, "Port", json_integer((json_int_t)number));
	set_text(body, "ID", args_value(&cli->args, "id"));
	set_text(body, "Address", args_value(&cli->args, "address"));
	while ((tag = args_each(&cli->args, "tag", &at)))
		json_array_append_new(json_object_get(body, "Tags"), json_string(tag));
	add_checks(cli, body);
	*ret = json_incref(body);
	return 0;
}

const char *register_id(const json_t *body)
{
	const char *id = cli_text(body, "ID");

	return *id ? id : cli_text(body, "Name");
}

/* Says what was done, as a sentence or as JSON. */
static void say(struct cli *cli, const char *what, const char *id, const char *service)
{
	json_auto_t *json = json_pack("{s:s, s:s*, s:b}", "ID", id, "Service", service, what, true);

	if (cli->json)
		cli_print_json(json);
	else
		cli_say("%s %s", what, id);
}

int verb_register(struct cli *cli)
{
	const char *ttl = args_value(&cli->args, "ttl");
	json_auto_t *body = NULL;
	int status = register_body(cli, cli->args.operands[0], &body);

	if (status != 0)
		return status;
	if (ttl)
		register_add_check(body, "TTL", ttl, NULL, NULL, args_value(&cli->args, "deregister-after"));
	status = cli_put(cli, "/v1/agent/service/register", body, NULL);
	if (status == 0)
		say(cli, "Registered", register_id(body), cli->args.operands[0]);
	return status;
}

int verb_deregister(struct cli *cli)
{
	const char *id = cli->args.operands[0];
	int status = cli_put(cli, cli_path(cli, "/v1/agent/service/deregister/", id, ""), NULL, id);

	if (status == 0)
		say(cli, "Deregistered", id, NULL);
	return status;
}

/* Consul calls it maintenance: the instance stays registered and leaves the answers. */
static int maintain(struct cli *cli, bool on)
{
	const char *id = cli->args.operands[0], *reason = args_value(&cli->args, "reason");
	const char *suffix = on ? "?enable=true" : "?enable=false";
	int status;

	if (on && reason)
		suffix = cli_path(cli, "?enable=true&reason=", reason, "");
	status = cli_put(cli, cli_path(cli, "/v1/agent/service/maintenance/", id, suffix), NULL, id);
	if (status == 0)
		say(cli, on ? "Drained" : "Undrained", id, NULL);
	return status;
}

int verb_drain(struct cli *cli)
{
	return maintain(cli, true);
}

int verb_undrain(struct cli *cli)
{
	return maintain(cli, false);
}
