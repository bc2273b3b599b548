/* verb_status.c -- svcdns status: is everything up, and how far is it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "svcdns/ask.h"
#include "svcdns/cli.h"
#include "svcdns/table.h"

/* The sum of a metric over its labels, from the text of /metrics. */
static json_int_t metric(const char *text, const char *name)
{
	size_t size = strlen(name);
	double sum = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, size) != 0 || (line[size] != ' ' && line[size] != '{'))
			continue;
		const char *value = line[size] == '{' ? strstr(line, "} ") : line + size;

		if (value)
			sum += strtod(value + (*value == '}' ? 2 : 1), NULL);
	}
	return (json_int_t)sum;
}

static const struct {
	const char *key, *heading, *metric;
} rows[] = {
	{"RegistryIndex", "registry index", "svcdns_registry_index"},
	{"ViewIndex", "index that DNS shows", "svcdns_view_index"},
	{"Services", "services", "svcdns_view_services"},
	{"Instances", "instances", "svcdns_view_instances"},
	{"Names", "names in DNS", "svcdns_view_names"},
	{"Checks", "checks", "svcdns_checks"},
	{"Queries", "queries answered", "svcdns_dns_responses_total"},
	{"Requests", "HTTP requests", "svcdns_api_requests_total"},
	{"Watchers", "blocking queries", "svcdns_api_parked"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* What HTTP says; *ret_ready: /readyz is content. */
static int gather(struct cli *cli, json_t *shown, bool *ret_ready)
{
	json_auto_t *self = NULL;
	const char *ready, *metrics;
	long code = 0;
	int status = cli_get(cli, "/v1/agent/self", &self);

	if (status == 0)
		status = cli_send(cli, "GET", "/readyz", &code, &ready);
	*ret_ready = code == 200;
	if (status == 0)
		status = cli_send(cli, "GET", "/metrics", &code, &metrics);
	if (status != 0)
		return status;
	const json_t *stats = json_object_get(json_object_get(self, "Stats"), "svcdns");

	json_object_set_new(shown, "Version", json_string(cli_text(stats, "version")));
	json_object_set_new(
		shown, "Node", json_string(cli_text(json_object_get(self, "Config"), "NodeName")));
	json_object_set_new(shown, "Zone", json_string(cli_zone(cli)));
	json_object_set_new(shown, "HTTP", json_string(cli->http_url));
	json_object_set_new(shown, "Ready", json_boolean(*ret_ready));
	json_object_set_new(shown, "Reason", json_stringn(ready, strcspn(ready, "\n")));
	for (size_t i = 0; i < ROWS; i++)
		json_object_set_new(shown, rows[i].key, json_integer(metric(metrics, rows[i].metric)));
	return 0;
}

static void print(struct cli *cli, const json_t *shown)
{
	static const char *const headings[] = {"svcdns", NULL};
	const char *texts[][2] = {{"Node", "node"}, {"Zone", "zone"}, {"HTTP", "sidecar process"},
		{"DNS", "dns process"}, {"DNSStatus", "it answers"}, {"Reason", "state"}};
	struct table table;

	table_init(&table, cli->arena, 2, headings);
	table.cells[1] = cli_text(shown, "Version");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		table_cell(&table, texts[i][1]);
		table_cell(&table, cli_text(shown, texts[i][0]));
	}
	for (size_t i = 0; i < ROWS; i++) {
		table_cell(&table, rows[i].heading);
		table_cellf(&table, "%lld", (long long)cli_number(shown, rows[i].key));
	}
	table_print(&table, stdout);
}

/* DNS itself is asked too: what the sidecar believes is not what a resolver sees. */
int verb_status(struct cli *cli)
{
	json_auto_t *shown = json_object(), *answer = NULL;
	char server[NET_ADDR_TEXT];
	bool ready;
	int status = gather(cli, shown, &ready), asked;

	if (status != 0)
		return status;
	asked = ask(cli, cli_zone(cli), "SOA", false, &answer);
	net_addr_format(cli_dns(cli), server);
	json_object_set_new(shown, "DNS", json_string(server));
	json_object_set_new(
		shown, "DNSStatus", json_string(asked == 0 ? cli_text(answer, "Status") : "no answer"));
	if (cli->json)
		cli_print_json(shown);
	else
		print(cli, shown);
	if (asked != 0)
		return asked;
	return ready && str_eq(cli_text(answer, "Status"), "NOERROR") ? CLI_YES : CLI_NO;
}
