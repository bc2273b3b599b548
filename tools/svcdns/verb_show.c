/* verb_show.c -- svcdns show: a service, its instances, and what DNS says of it at this moment. */
#include <stdio.h>

#include "svcdns/ask.h"
#include "svcdns/health.h"
#include "svcdns/names.h"
#include "svcdns/table.h"
#include "svcdns/verbs.h"

/* {ID, Node, Address, Port, Tags, Meta, State, Reason, Checks} */
static json_t *instance(struct cli *cli, const json_t *entry)
{
	const json_t *service = json_object_get(entry, "Service"), *node = json_object_get(entry, "Node");
	json_t *checks = json_array();
	const char *address = cli_text(service, "Address");
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(entry, "Checks"), i, check)
		json_array_append_new(checks,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "ID", cli_text(check, "CheckID"), "Name",
				cli_text(check, "Name"), "Type", cli_text(check, "Type"), "Status",
				cli_text(check, "Status"), "Output", cli_text(check, "Output")));
	return json_pack("{s:s, s:s, s:s, s:I, s:O*, s:O*, s:s, s:s, s:o}", "ID", cli_text(service, "ID"),
		"Node", cli_text(node, "Node"), "Address", *address ? address : cli_text(node, "Address"),
		"Port", cli_number(service, "Port"), "Tags", json_object_get(service, "Tags"), "Meta",
		json_object_get(service, "Meta"), "State", health_state(entry), "Reason",
		health_reason(cli->arena, entry), "Checks", checks);
}

/* The answers of DNS to A, AAAA and SRV, each as ask() gives it. */
static int ask_all(struct cli *cli, const char *name, json_t *ret)
{
	static const char *const types[] = {"A", "AAAA", "SRV"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		json_t *answer = NULL;
		int status = ask(cli, name, types[i], false, &answer);

		if (status != 0)
			return status;
		json_object_set_new(ret, types[i], answer);
	}
	return 0;
}

static void print_instances(struct cli *cli, const json_t *instances)
{
	static const char *const headings[] = {"ID", "NODE", "ADDRESS", "PORT", "STATE", "WHY"};
	const json_t *instance;
	struct table table;
	size_t i;

	table_init(&table, cli->arena, 6, headings);
	json_array_foreach(instances, i, instance) {
		table_cell(&table, cli_text(instance, "ID"));
		table_cell(&table, cli_text(instance, "Node"));
		table_cell(&table, cli_text(instance, "Address"));
		table_cellf(&table, "%lld", (long long)cli_number(instance, "Port"));
		table_cell(&table, cli_text(instance, "State"));
		table_cell(&table, cli_text(instance, "Reason"));
	}
	table_print(&table, stdout);
}

static void print_hidden(struct cli *cli, const json_t *names)
{
	static const char *const headings[] = {"HIDDEN NAME", "KIND", "WHY"};
	const json_t *name;
	struct table table;
	size_t i;

	table_init(&table, cli->arena, 3, headings);
	json_array_foreach(names, i, name) {
		if (!json_is_true(json_object_get(name, "Hidden")))
			continue;
		table_cell(&table, cli_text(name, "Name"));
		table_cell(&table, cli_text(name, "Kind"));
		table_cell(&table, cli_text(name, "Reason"));
	}
	if (table.count > table.columns) {
		putchar('\n');
		table_print(&table, stdout);
	}
}

static void print_records(struct cli *cli, const json_t *answers)
{
	static const char *const headings[] = {"DNS ANSWERS", "TTL", "TYPE", "DATA"};
	const char *type;
	const json_t *answer, *record, *error;
	struct table table;
	size_t i;

	putchar('\n');
	table_init(&table, cli->arena, 4, headings);
	json_object_foreach((json_t *)(uintptr_t)answers, type, answer) {
		json_array_foreach(json_object_get(answer, "Answer"), i, record) {
			table_cell(&table, cli_text(record, "Name"));
			table_cellf(&table, "%lld", (long long)cli_number(record, "TTL"));
			table_cell(&table, cli_text(record, "Type"));
			table_cell(&table, cli_text(record, "Data"));
		}
		if (i > 0)
			continue;
		error = json_array_get(json_object_get(answer, "Errors"), 0);
		table_cell(&table, cli_text(answer, "Name"));
		table_cell(&table, "");
		table_cell(&table, type);
		table_cellf(&table, "%s%s%s", cli_text(answer, "Status"), error ? ": " : " without records",
			cli_text(error, "Text"));
	}
	table_print(&table, stdout);
}

/* Everything that is shown, as JSON. */
static int gather(struct cli *cli, const char *name, const json_t *entries, json_t *ret)
{
	const json_t *entry, *first = json_array_get(entries, 0);
	json_t *instances = json_array(), *names = NULL, *answers = json_object();
	json_int_t healthy = 0;
	int status;
	size_t i;

	json_array_foreach(entries, i, entry) {
		healthy += health_is_healthy(entry);
		json_array_append_new(instances, instance(cli, entry));
	}
	json_object_set(ret, "Name", json_object_get(json_object_get(first, "Service"), "Service"));
	json_object_set_new(ret, "Zone", json_string(cli_zone(cli)));
	json_object_set_new(ret, "Healthy", json_integer(healthy));
	json_object_set_new(ret, "Total", json_integer((json_int_t)json_array_size(entries)));
	json_object_set_new(ret, "Instances", instances);
	json_object_set_new(ret, "DNS", answers);
	status = ask_all(cli, arena_printf(cli->arena, "%s.%s", name, cli_zone(cli)), answers);
	if (status == 0)
		status = names_of(cli, name, entries, &names);
	if (status == 0)
		json_object_set_new(ret, "Names", names);
	return status;
}

int verb_show(struct cli *cli)
{
	const char *name = cli_service_name(cli, cli->args.operands[0]);
	json_auto_t *entries = NULL, *shown = json_object();
	int status = cli_get(cli, cli_path(cli, "/v1/health/service/", name, ""), &entries);

	if (status != 0)
		return status;
	if (json_array_size(entries) == 0)
		return cli_fail(CLI_NO, "%s is not registered at %s; 'svcdns list' shows what is", name,
			cli->http_url);
	status = gather(cli, name, entries, shown);
	if (cli->json && status == 0) {
		cli_print_json(shown);
	} else if (!cli->json) {
		/* What is known is shown even if DNS does not answer. */
		printf("%s: %lld of %lld healthy, zone %s\n\n",
			table_clean(cli->arena, cli_text(shown, "Name")),
			(long long)cli_number(shown, "Healthy"), (long long)cli_number(shown, "Total"),
			table_clean(cli->arena, cli_zone(cli)));
		print_instances(cli, json_object_get(shown, "Instances"));
		print_hidden(cli, json_object_get(shown, "Names"));
		if (status == 0)
			print_records(cli, json_object_get(shown, "DNS"));
	}
	if (status != 0)
		return status;
	return cli_number(shown, "Healthy") > 0 ? CLI_YES : CLI_NO;
}
