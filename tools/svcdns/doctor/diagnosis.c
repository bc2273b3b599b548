/* diagnosis.c -- the modules of nsswitch.conf, in their order; resolv.conf is in nameserver.c. */
#include "svcdns/doctor/diagnosis.h"

#include <string.h>

#include "base/str.h"
#include "svcdns/doctor/diagnosis_private.h"
#include "svcdns/doctor/resolvers.h"

#define RESOLVE_SOCKET "/run/systemd/resolve"

void diagnosis_add(const char **lines, size_t *count, const char *line)
{
	if (*count < DIAGNOSIS_LINES)
		lines[(*count)++] = line;
}

bool diagnosis_resolved_runs(const struct files *files)
{
	return files_read(files, RESOLVE_SOCKET "/stub-resolv.conf") != NULL;
}

/* The words behind "hosts:" in nsswitch.conf; what glibc does without them if the line is missing. */
static const char *hosts_line(const struct files *files)
{
	const char *text = files_read(files, "/etc/nsswitch.conf"), *line;

	while ((line = files_line(files, &text)) != NULL)
		if (str_starts(line, "hosts:"))
			return arena_copy(files->arena, line + 6, strcspn(line + 6, "#"));
	return "dns [!UNAVAIL=return] files";
}

/* True if the zone's names have no more than the two labels that nss-mdns takes for multicast by itself. */
static bool is_two_labels(const struct walk *walk)
{
	return str_ieq(walk->zone, "local");
}

/* /etc/mdns.allow: one suffix a line, or "*"; only the modules that are not minimal read it. */
static bool mdns_allows(const struct walk *walk)
{
	const char *text = files_read(walk->files, "/etc/mdns.allow"), *line;

	while ((line = files_line(walk->files, &text)) != NULL) {
		size_t size, zone_size = strlen(walk->zone);

		size = strcspn(line, " \t#");
		size -= size > 0 && line[size - 1] == '.';
		line = arena_copy(walk->files->arena, line, size);
		if (str_eq(line, "*"))
			return true;
		line += *line == '.';
		size = strlen(line);
		if (size > 0 && size <= zone_size && str_ieq(line, walk->zone + zone_size - size))
			return true;
	}
	return false;
}

/* mdns, mdns4, mdns6 and their minimal forms. True if the look-up ends there. */
static bool walk_mdns(struct walk *walk, const char *module, const char *action)
{
	struct diagnosis *ret = walk->ret;
	struct arena *arena = walk->files->arena;
	bool minimal = strstr(module, "_minimal") != NULL;
	bool ends = strstr(action, "NOTFOUND=return") != NULL;

	if (!is_two_labels(walk) && (minimal || !mdns_allows(walk))) {
		diagnosis_add(ret->found, &ret->found_count,
			arena_printf(arena,
				"%s takes only names with two labels, and leaves web.%s to the next one",
				module, walk->zone));
		return false;
	}
	diagnosis_add(ret->found, &ret->found_count,
		arena_printf(arena, "%s asks for web.%s by multicast%s%s", module, walk->zone,
			minimal ? "" : ", because /etc/mdns.allow lets it",
			ends ? ", and [NOTFOUND=return] ends the look-up there" : "; that takes seconds"));
	diagnosis_add(ret->todo, &ret->todo_count,
		minimal ? arena_printf(arena, "In /etc/nsswitch.conf, put %s behind dns.", module)
			: arena_printf(arena,
				  "In /etc/nsswitch.conf, use mdns4_minimal in place of %s; or take what "
				  "covers "
				  "%s out of /etc/mdns.allow.",
				  module, walk->zone));
	return ends;
}

/* libnss-resolve asks systemd-resolved by its socket. True if the look-up ends there. */
static bool walk_resolve(struct walk *walk, const char *module, const char *action)
{
	struct diagnosis *ret = walk->ret;

	if (!diagnosis_resolved_runs(walk->files)) {
		diagnosis_add(ret->found, &ret->found_count,
			"resolve wants systemd-resolved, which does not run, so the next one is asked");
		return false;
	}
	diagnosis_add(ret->found, &ret->found_count, "resolve asks systemd-resolved");
	diagnosis_ask_resolver(walk, &resolver_resolved);
	return true;
}

static bool walk_dns(struct walk *walk, const char *module, const char *action)
{
	diagnosis_ask_nameserver(walk);
	return true;
}

static bool walk_past(struct walk *walk, const char *module, const char *action)
{
	return false;
}

static bool walk_unknown(struct walk *walk, const char *module, const char *action)
{
	diagnosis_add(walk->ret->found, &walk->ret->found_count,
		arena_printf(walk->files->arena, "what the module %s does is not known here", module));
	return false;
}

/* By the start of a module's name; the last row is for all others. */
static const struct {
	const char *prefix;
	bool (*walk)(struct walk *walk, const char *module, const char *action);
} modules[] = {{"mdns", walk_mdns}, {"resolve", walk_resolve}, {"dns", walk_dns}, {"files", walk_past},
	{"my", walk_past}, {"compat", walk_past}, {"db", walk_past}, {"", walk_unknown}};

/* The action in brackets behind a module, "" without one. */
static const char *take_action(const struct files *files, const char **words)
{
	const char *start = *words + strspn(*words, " \t"), *end;

	if (*start != '[' || !(end = strchr(start, ']')))
		return "";
	*words = end + 1;
	return arena_copy(files->arena, start, (size_t)(end - start));
}

static void walk_modules(struct walk *walk, const char *words)
{
	const char *module;
	bool ends = false;

	while (!ends && (module = files_word(walk->files, &words)) != NULL) {
		const char *action = take_action(walk->files, &words);
		size_t i = 0;

		while (!str_starts(module, modules[i].prefix))
			i++;
		ends = modules[i].walk(walk, module, action);
	}
	if (ends)
		return;
	diagnosis_add(walk->ret->found, &walk->ret->found_count, "so programs never ask DNS");
	diagnosis_add(walk->ret->todo, &walk->ret->todo_count,
		"In /etc/nsswitch.conf, add dns to the line: hosts: files dns");
}

void diagnosis_make(
	const struct files *files, const char *zone, const struct net_addr *dns, struct diagnosis *ret)
{
	struct walk walk = {files, zone, dns, ret};
	const char *words = hosts_line(files), *line = words;

	*ret = (struct diagnosis){0};
	line = files_line(files, &line);
	diagnosis_add(ret->found, &ret->found_count,
		arena_printf(files->arena, "programs look names up by: %s (/etc/nsswitch.conf)",
			line ? line : ""));
	walk_modules(&walk, words);
}
