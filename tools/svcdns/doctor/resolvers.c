/* resolvers.c -- the table, and readers of four languages that know just enough of each. */
#include "svcdns/doctor/resolvers.h"

#include <string.h>

#include "base/str.h"

/* True if `domain`, in quotes or with a dot at its end or without, is `zone` or above it; the root is not. */
static bool covers(const struct files *files, const char *domain, const char *zone)
{
	size_t size, zone_size = strlen(zone);
	const char *name;

	domain += *domain == '"';
	name = arena_copy(files->arena, domain, strcspn(domain, "\";{ \t"));
	size = strlen(name);
	if (size > 0 && name[size - 1] == '.')
		size--;
	name = arena_copy(files->arena, name, size);
	return size > 0 && size <= zone_size && str_ieq(name, zone + zone_size - size) &&
	       (size == zone_size || zone[zone_size - size - 1] == '.');
}

/* What follows `key` and white space or '=' in a line, NULL if the line does not start with it. */
static const char *after(const char *line, const char *key)
{
	const char *rest = str_starts(line, key) ? line + strlen(key) : NULL;

	return rest ? rest + strspn(rest, " \t=") : NULL;
}

/* Domains=~service.local other.example */
static bool names_in_resolved(const struct files *files, const char *line, const char *zone)
{
	const char *words = after(line, "Domains"), *word;

	while (words && (word = files_word(files, &words)) != NULL)
		if (covers(files, word + (*word == '~'), zone))
			return true;
	return false;
}

/* server=/service.local/other.example/127.0.0.1#8600 */
static bool names_in_dnsmasq(const struct files *files, const char *line, const char *zone)
{
	const char *value = after(line, "server=");

	while (value && *value == '/' && strchr(value + 1, '/')) {
		const char *end = strchr(value + 1, '/');

		if (covers(files, arena_copy(files->arena, value + 1, (size_t)(end - value - 1)), zone))
			return true;
		value = end;
	}
	return false;
}

/* name: "service.local", in a stub-zone or a forward-zone */
static bool names_in_unbound(const struct files *files, const char *line, const char *zone)
{
	const char *value = after(line, "name:");

	return value && covers(files, value, zone);
}

/* zone "service.local" { */
static bool names_in_bind(const struct files *files, const char *line, const char *zone)
{
	const char *value = after(line, "zone");

	return value && *value == '"' && covers(files, value, zone);
}

static bool names_all(const struct files *files, const char *line, const char *zone)
{
	return true;
}

const struct resolver resolver_resolved = {"systemd-resolved", "systemd-resolve", NULL, "resolved",
	{"/etc/systemd/resolved.conf", "/etc/systemd/resolved.conf.d/", "/run/systemd/resolved.conf.d/",
		"/usr/lib/systemd/resolved.conf.d/"},
	names_in_resolved};
const struct resolver resolver_networkmanager = {"NetworkManager's dnsmasq", "dnsmasq", "NetworkManager",
	"networkmanager", {"/etc/NetworkManager/dnsmasq.d/+"}, names_in_dnsmasq};
const struct resolver resolver_docker = {"Docker's resolver", "dockerd", NULL, "compose", {NULL}, NULL};
const struct resolver resolver_svcdns = {
	"svcdns", "svcdnsd", NULL, "resolv.conf", {"/etc/resolv.conf"}, names_all};

static const struct resolver resolver_dnsmasq = {
	"dnsmasq", "dnsmasq", NULL, "dnsmasq", {"/etc/dnsmasq.conf", "/etc/dnsmasq.d/+"}, names_in_dnsmasq};
static const struct resolver resolver_unbound = {"Unbound", "unbound", NULL, "unbound",
	{"/etc/unbound/unbound.conf", "/etc/unbound/unbound.conf.d/"}, names_in_unbound};
static const struct resolver resolver_bind = {"BIND", "named", NULL, "bind",
	{"/etc/bind/named.conf", "/etc/bind/named.conf.local", "/etc/bind/named.conf.options",
		"/etc/named.conf"},
	names_in_bind};

/* Rows with a mark stand before those without. */
static const struct resolver *const resolvers[] = {&resolver_resolved, &resolver_networkmanager,
	&resolver_dnsmasq, &resolver_unbound, &resolver_bind, &resolver_docker, &resolver_svcdns};

const struct resolver *resolvers_find(const char *process, const char *command)
{
	for (size_t i = 0; i < sizeof(resolvers) / sizeof(resolvers[0]); i++) {
		const struct resolver *row = resolvers[i];

		if (str_eq(row->process, process) && (!row->mark || (command && strstr(command, row->mark))))
			return row;
	}
	return NULL;
}

/* What is looked for in a configuration. */
struct search {
	const struct files *files;
	bool (*is)(const struct files *files, const char *line, const char *argument);
	const char *argument;
};

/* What is commented out, in any of the languages, starts with none of the words that are looked for. */
static bool file_has(const struct search *search, const char *path)
{
	const char *text = files_read(search->files, path), *line;

	while ((line = files_line(search->files, &text)) != NULL)
		if (search->is(search->files, line, search->argument))
			return true;
	return false;
}

static bool is_config(const char *name, bool any)
{
	size_t size = strlen(name);

	return any || (size > 5 && str_eq(name + size - 5, ".conf"));
}

/* The first file of a folder that has it. */
static const char *search_folder(const struct search *search, const char *pattern)
{
	struct arena *arena = search->files->arena;
	size_t size = strlen(pattern), count;
	bool any = pattern[size - 1] == '+';
	const char *folder = arena_copy(arena, pattern, size - any);
	const char **names = files_list(search->files, folder, &count);

	for (size_t i = 0; i < count; i++) {
		const char *path = arena_printf(arena, "%s%s", folder, names[i]);

		if (is_config(names[i], any) && file_has(search, path))
			return path;
	}
	return NULL;
}

const char *resolvers_search(const struct files *files, const struct resolver *resolver,
	bool (*is)(const struct files *files, const char *line, const char *argument), const char *argument)
{
	const struct search search = {files, is, argument};

	for (size_t i = 0; resolver->configs[i]; i++) {
		const char *config = resolver->configs[i], *found;
		char end = config[strlen(config) - 1];

		if (end == '/' || end == '+')
			found = search_folder(&search, config);
		else
			found = file_has(&search, config) ? config : NULL;
		if (found)
			return found;
	}
	return NULL;
}

const char *resolvers_find_zone(const struct files *files, const struct resolver *resolver, const char *zone)
{
	return resolvers_search(files, resolver, resolver->names, zone);
}
