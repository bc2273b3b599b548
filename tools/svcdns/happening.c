/* happening.c -- see happening.h. */
#include "svcdns/happening.h"

#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "svcdns/table.h"

static void print(struct cli *cli, const json_t *happening)
{
	static const char *const parts[] = {"Service", "Instance", "Check"};
	const char *before = cli_text(happening, "Before"), *reason = cli_text(happening, "Reason");
	const char *state = cli_text(happening, "State");

	printf("%s", table_clean(cli->arena, cli_text(happening, "Time")));
	for (size_t i = 0; i < 3; i++)
		if (*cli_text(happening, parts[i]))
			printf(" %s", table_clean(cli->arena, cli_text(happening, parts[i])));
	printf(" %s", cli_text(happening, "Change"));
	if (*before && !str_eq(before, state))
		printf(" %s ->", table_clean(cli->arena, before));
	if (*state && !str_eq(cli_text(happening, "Change"), "gone"))
		printf(" %s", table_clean(cli->arena, state));
	printf("%s%s\n", *reason ? ": " : "", table_clean(cli->arena, reason));
}

static void add_time(json_t *happening)
{
	struct timespec time;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &time);
	gmtime_r(&time.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(happening, "Time", json_string(text));
}

void happening_tell(struct cli *cli, json_t *happening)
{
	if (!json_object_get(happening, "Time"))
		add_time(happening);
	if (!cli->json) {
		print(cli, happening);
	} else {
		json_dumpf(happening, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
	}
	fflush(stdout);
	json_decref(happening);
}
