/* verb_query.c -- svcdns query: what dig would say, without what nobody reads. */
#include <stdlib.h>
#include <string.h>

#include "svcdns/ask.h"
#include "svcdns/table.h"
#include "svcdns/verbs.h"

static void print_records(struct cli *cli, const json_t *answer, const char *section)
{
	const json_t *records = json_object_get(answer, section), *record;
	size_t i;

	json_array_foreach(records, i, record)
		printf("%s\t%lld\t%s\t%s\n", table_clean(cli->arena, cli_text(record, "Name")),
			(long long)cli_number(record, "TTL"),
			table_clean(cli->arena, cli_text(record, "Type")), cli_text(record, "Data"));
}

/* Records stand as in a master file, so their data is escaped already; the rest is comment. */
static void print_answer(struct cli *cli, const json_t *answer)
{
	const json_t *errors = json_object_get(answer, "Errors"), *error;
	bool empty = json_array_size(json_object_get(answer, "Answer")) == 0;
	size_t i;

	printf("; %s, %zu records, %lld ms from %s\n", cli_text(answer, "Status"),
		json_array_size(json_object_get(answer, "Answer")),
		(long long)cli_number(answer, "Milliseconds"), cli_text(answer, "Server"));
	json_array_foreach(errors, i, error)
		printf("; why: %s (EDE %lld)\n", table_clean(cli->arena, cli_text(error, "Text")),
			(long long)cli_number(error, "Code"));
	print_records(cli, answer, "Answer");
	if (empty)
		print_records(cli, answer, "Authority");
	print_records(cli, answer, "Additional");
}

int verb_query(struct cli *cli)
{
	const char *type = cli->args.operand_count > 1 ? cli->args.operands[1] : "A";
	json_auto_t *answer = NULL;
	int status;

	if (!ask_type(type))
		return cli_fail(CLI_TROUBLE, "'%s' is not a record type such as A, AAAA or SRV", type);
	status = ask(
		cli, cli_full_name(cli, cli->args.operands[0]), type, args_has(&cli->args, "tcp"), &answer);
	if (status != 0)
		return status;
	if (cli->json)
		cli_print_json(answer);
	else
		print_answer(cli, answer);
	return json_array_size(json_object_get(answer, "Answer")) > 0 ? CLI_YES : CLI_NO;
}
