/* verb_list.c -- svcdns list: one line a service. */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "svcdns/cli.h"
#include "svcdns/health.h"
#include "svcdns/table.h"

#define CELL_VALUES 6 /* ports or tags that a line shows; --json has all */

static bool has_tag(const json_t *tags, const char *wanted)
{
	const json_t *tag;
	size_t i;

	json_array_foreach(tags, i, tag)
		if (str_ieq(json_string_value(tag), wanted))
			return true;
	return false;
}

/* Adds `value` to a set kept as an array. */
static void add_new(json_t *array, json_t *value)
{
	const json_t *other;
	size_t i;

	json_array_foreach(array, i, other)
		if (json_equal(other, value))
			return;
	json_array_append(array, value);
}

/* {Name, Healthy, Maintenance, Total, Ports, Tags, IDs} of a service, from its instances. */
static json_t *summary(const char *name, const json_t *tags, const json_t *entries)
{
	json_t *ports = json_array(), *ids = json_array();
	const json_t *entry;
	json_int_t healthy = 0, maintenance = 0;
	size_t i;

	json_array_foreach(entries, i, entry) {
		const json_t *service = json_object_get(entry, "Service");

		healthy += health_is_healthy(entry);
		maintenance += health_is_maintenance(entry);
		json_array_append(ids, json_object_get(service, "ID"));
		if (json_object_get(service, "Port"))
			add_new(ports, json_object_get(service, "Port"));
	}
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:O, s:o}", "Name", name, "Healthy", healthy,
		"Maintenance", maintenance, "Total", (json_int_t)json_array_size(entries), "Ports", ports,
		"Tags", tags, "IDs", ids);
}

/* The values of an array, with commas; of many the first ones, and how many more there are: one service of a
 * thousand ports would make every line of the table as long. */
static const char *joined(struct arena *arena, const json_t *array)
{
	struct buf buf = {0};
	const char *text;
	const json_t *value;
	size_t i;

	json_array_foreach(array, i, value) {
		if (i == CELL_VALUES) {
			buf_printf(&buf, ",+%zu", json_array_size(array) - i);
			break;
		}
		if (json_is_integer(value))
			buf_printf(&buf, "%s%lld", i ? "," : "", (long long)json_integer_value(value));
		else
			buf_printf(&buf, "%s%s", i ? "," : "", json_string_value(value));
	}
	text = arena_strdup(arena, buf.data ? buf.data : "");
	buf_finish(&buf);
	return text;
}

/* What is out on purpose is none: whoever took it out knows. */
static bool has_problem(const json_t *service)
{
	return cli_number(service, "Healthy") + cli_number(service, "Maintenance") <
	       cli_number(service, "Total");
}

/* "1/3", and how many were taken out on purpose. */
static const char *health(struct arena *arena, const json_t *service)
{
	long long healthy = cli_number(service, "Healthy"), total = cli_number(service, "Total");
	long long out = cli_number(service, "Maintenance");

	return out ? arena_printf(arena, "%lld/%lld (%lld in maintenance)", healthy, total, out)
		   : arena_printf(arena, "%lld/%lld", healthy, total);
}

/* Appends the service to `list` if it is asked for. */
static int add_service(struct cli *cli, const char *name, const json_t *tags, json_t *list)
{
	const char *pattern = cli->args.operand_count > 0 ? cli->args.operands[0] : NULL;
	const char *tag = args_value(&cli->args, "tag");
	json_auto_t *entries = NULL;
	json_t *service;
	int status;

	if ((pattern && fnmatch(pattern, name, FNM_CASEFOLD) != 0) || (tag && !has_tag(tags, tag)))
		return 0;
	status = cli_get(cli, cli_path(cli, "/v1/health/service/", name, ""), &entries);
	/* A service without instances went away between the two questions. */
	if (status != 0 || json_array_size(entries) == 0)
		return status;
	service = summary(name, tags, entries);
	if (!args_has(&cli->args, "problems") || has_problem(service))
		json_array_append(list, service);
	json_decref(service);
	return 0;
}

static void print_lines(struct cli *cli, const json_t *list, bool ids)
{
	const json_t *service, *id;
	size_t i, k;

	json_array_foreach(list, i, service) {
		if (!ids)
			printf("%s\n", table_clean(cli->arena, cli_text(service, "Name")));
		else
			json_array_foreach(json_object_get(service, "IDs"), k, id)
				printf("%s\n", table_clean(cli->arena, json_string_value(id)));
	}
}

static void print_table(struct cli *cli, const json_t *list)
{
	static const char *const headings[] = {"SERVICE", "HEALTHY", "PORTS", "TAGS"};
	const json_t *service;
	struct table table;
	size_t i;

	table_init(&table, cli->arena, 4, headings);
	json_array_foreach(list, i, service) {
		table_cell(&table, cli_text(service, "Name"));
		table_cell(&table, health(cli->arena, service));
		table_cell(&table, joined(cli->arena, json_object_get(service, "Ports")));
		table_cell(&table, joined(cli->arena, json_object_get(service, "Tags")));
	}
	table_print(&table, stdout);
}

int verb_list(struct cli *cli)
{
	bool names = args_has(&cli->args, "names"), ids = args_has(&cli->args, "ids");
	json_auto_t *services = NULL, *list = json_array();
	const char *name;
	json_t *tags;
	int status = cli_get(cli, "/v1/catalog/services", &services);

	json_object_foreach(services, name, tags) {
		if (status == 0)
			status = add_service(cli, name, tags, list);
	}
	if (status != 0)
		return status;
	if (cli->json)
		cli_print_json(list);
	else if (names || ids)
		print_lines(cli, list, ids);
	else
		print_table(cli, list);
	return CLI_YES;
}
