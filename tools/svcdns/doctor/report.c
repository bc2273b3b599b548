/* report.c -- sentences in three parts: what there is, what to do, and the proof. */
#include "svcdns/doctor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "svcdns/doctor/resolvers.h"
#include "svcdns/table.h"

#define DNS_PORT 53

static const struct {
	const char *word, *sentence;
} verdicts[] = {
	[PROOF_NO_SERVER] = {"no-server", "svcdns does not answer, so nothing can be looked up."},
	[PROOF_NO_SERVICE] = {"no-service",
		"There is no healthy service to look up. Register one: svcdns register probe "
		"--address=127.0.0.1 --port=9"},
	[PROOF_NOT_FOUND] = {"not-found", "It does not resolve here."},
	[PROOF_OTHER] = {"other",
		"It resolves here, but not to what svcdns answers: somebody else knows that name."},
	[PROOF_YES] = {"yes", "It resolves here."},
};

static void say(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line; file names and what a file has may be anything. */
static void say(struct cli *cli, const char *format, ...)
{
	char line[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	printf("%s\n", table_clean(cli->arena, line));
}

/* Where svcdns answers, as text. */
static const char *server(struct cli *cli)
{
	char text[NET_ADDR_TEXT];

	return arena_strdup(cli->arena, net_addr_format(cli_dns(cli), text));
}

/* --- Recipes -------------------------------------------------------------------------------------------- */

json_t *report_recipe(struct cli *cli, const struct recipe *recipe)
{
	json_t *pieces = json_array();

	for (const struct recipe_piece *piece = recipe->pieces; piece->path; piece++)
		json_array_append_new(
			pieces, json_pack("{s:s, s:s, s:s}", "Path", piece->path, "How", piece->how, "Text",
					recipes_fill(cli->arena, piece, cli_zone(cli), cli_dns(cli))));
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "Name", recipe->name, "Title", recipe->title, "Reload",
		recipe->reload ? recipe->reload : "", "Port53", recipe->port_53, "Pieces", pieces);
}

void report_print_recipe(struct cli *cli, const struct recipe *recipe)
{
	for (const struct recipe_piece *piece = recipe->pieces; piece->path; piece++)
		printf("# %s %s\n%s", piece->how, piece->path,
			recipes_fill(cli->arena, piece, cli_zone(cli), cli_dns(cli)));
	if (recipe->reload)
		printf("# then: %s\n", recipe->reload);
}

static void print_indented(const char *text)
{
	while (*text) {
		size_t size = strcspn(text, "\n");

		printf("%s%.*s\n", size > 0 ? "      " : "", (int)size, text);
		text += size + (text[size] != '\0');
	}
}

static void print_steps(struct cli *cli, const struct recipe *recipe)
{
	for (const struct recipe_piece *piece = recipe->pieces; piece->path; piece++) {
		say(cli, "  %c%s %s:", piece->how[0] - 'a' + 'A', piece->how + 1, piece->path);
		printf("\n");
		print_indented(recipes_fill(cli->arena, piece, cli_zone(cli), cli_dns(cli)));
		printf("\n");
	}
	if (recipe->reload)
		say(cli, "  Then: %s", recipe->reload);
	if (recipe->port_53 && net_addr_port(cli_dns(cli)) != DNS_PORT)
		say(cli, "  A port cannot be given there: let svcdnsd listen on port 53 of that address "
			 "(dns.listen, or svcdns.socket where systemd holds the sockets).");
}

/* --- The whole ------------------------------------------------------------------------------------------ */

static void print_diagnosis(struct cli *cli, const struct diagnosis *diagnosis)
{
	say(cli, "How names are resolved here");
	for (size_t i = 0; i < diagnosis->found_count; i++)
		say(cli, "  %s", diagnosis->found[i]);
	say(cli, "  => as far as files tell, names in %s %s svcdns at %s", cli_zone(cli),
		diagnosis->reaches ? "reach" : "do not reach", server(cli));
}

static void print_todo(struct cli *cli, const struct diagnosis *diagnosis, bool resolves)
{
	const struct recipe *recipe = diagnosis->recipe ? recipes_find(diagnosis->recipe) : NULL;

	if (resolves)
		recipe = NULL;
	if (!recipe && diagnosis->todo_count == 0)
		return;
	printf("\n");
	say(cli, "What to %s", resolves ? "know" : "do");
	for (size_t i = 0; i < diagnosis->todo_count; i++)
		say(cli, "  %s", diagnosis->todo[i]);
	if (recipe && diagnosis->reaches)
		say(cli, "  The zone is there. Were these the lines, and was it reloaded?");
	if (recipe)
		print_steps(cli, recipe);
}

static void print_addresses(struct cli *cli, const char *who, const json_t *addresses, const char *otherwise)
{
	const json_t *address;
	struct buf line = {0};
	size_t i;

	json_array_foreach(addresses, i, address)
		buf_printf(&line, " %s", json_string_value(address));
	say(cli, "  %s%s", who, line.size > 0 ? line.data : otherwise);
	buf_finish(&line);
}

static void print_proof(struct cli *cli, const struct proof *proof)
{
	printf("\n");
	say(cli, "Proof");
	if (proof->name)
		say(cli, "  %s", proof->name);
	if (proof->name && json_array_size(proof->direct) > 0) {
		print_addresses(cli, "svcdns answers      ", proof->direct, " nothing");
		print_addresses(cli, "getaddrinfo says    ", proof->found, proof->error);
	}
	say(cli, "  => %s", verdicts[proof->verdict].sentence);
}

static json_t *sentences(const char *const *lines, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(lines[i]));
	return array;
}

static json_t *proof_json(const struct proof *proof)
{
	if (!proof)
		return json_null();
	return json_pack("{s:s, s:s, s:O, s:O, s:s, s:s}", "Name", proof->name ? proof->name : "", "Verdict",
		verdicts[proof->verdict].word, "Direct", proof->direct, "Found", proof->found, "Error",
		proof->error, "Sentence", verdicts[proof->verdict].sentence);
}

static void print_json(struct cli *cli, const struct diagnosis *diagnosis, const struct proof *proof)
{
	const struct recipe *recipe = diagnosis->recipe ? recipes_find(diagnosis->recipe) : NULL;
	json_auto_t *all = json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o}", "Zone", cli_zone(cli),
		"Server", server(cli), "Reaches", diagnosis->reaches, "Resolver",
		diagnosis->resolver ? diagnosis->resolver->title : "", "Nameserver",
		diagnosis->nameserver ? diagnosis->nameserver : "", "Found",
		sentences(diagnosis->found, diagnosis->found_count), "Todo",
		sentences(diagnosis->todo, diagnosis->todo_count), "Recipe",
		recipe ? report_recipe(cli, recipe) : json_null(), "Proof", proof_json(proof));

	cli_print_json(all);
}

void report_print(struct cli *cli, const struct diagnosis *diagnosis, const struct proof *proof)
{
	if (cli->json) {
		print_json(cli, diagnosis, proof);
		return;
	}
	print_diagnosis(cli, diagnosis);
	print_todo(cli, diagnosis, proof ? proof->verdict == PROOF_YES : diagnosis->reaches);
	if (proof)
		print_proof(cli, proof);
}
