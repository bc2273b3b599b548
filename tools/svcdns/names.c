/* names.c -- each name asked for. */
#include "svcdns/names.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "svcdns/ask.h"
#include "svcdns/health.h"
#include "wire/wire.h"

struct names {
	struct cli *cli;
	const char *service, *zone;
	const json_t *entries;
	json_t *list;
	int status; /* of the first question that failed */
};

static bool has_tag(const json_t *entry, const char *wanted)
{
	const json_t *tag;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(entry, "Service"), "Tags"), i, tag)
		if (str_ieq(json_string_value(tag), wanted))
			return true;
	return false;
}

/* True if a healthy instance should be found by the name; `tag` is NULL for names of the whole service. */
static bool expects_records(const struct names *names, const char *tag)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(names->entries, i, entry)
		if (health_is_healthy(entry) && (!tag || has_tag(entry, tag)))
			return true;
	return false;
}

static bool ends_in(const char *text, size_t size, const char *end)
{
	return size >= strlen(end) && str_ieq(text + size - strlen(end), end);
}

/* True if every SRV record of an answer points at <label>.<service>.<zone>., or out of the zone. */
static bool leads_here(const struct names *names, const json_t *answer)
{
	const char *own = arena_printf(names->cli->arena, ".%s.%s.", names->service, names->zone);
	const char *zone = arena_printf(names->cli->arena, ".%s.", names->zone);
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(answer, "Answer"), i, record) {
		const char *target = strrchr(cli_text(record, "Data"), ' ');
		size_t size;

		if (!target || !str_eq(cli_text(record, "Type"), "SRV"))
			continue;
		target++;
		size = strlen(target);
		if (ends_in(target, size, zone) &&
			(!ends_in(target, size, own) || strcspn(target, ".") + strlen(own) != size))
			return false;
	}
	return true;
}

/* Why a name does not lead to the service; "" if it does. */
static const char *hidden(struct names *names, const char *name, const char *tag)
{
	json_auto_t *answer = NULL;
	int status = ask(names->cli, name, "SRV", false, &answer);

	if (status != 0) {
		names->status = status;
		return "";
	}
	if (str_eq(cli_text(answer, "Status"), "NXDOMAIN"))
		return "DNS has no such name";
	if (!leads_here(names, answer))
		return "another service has this name";
	if (json_array_size(json_object_get(answer, "Answer")) == 0 && expects_records(names, tag))
		return "an instance or the zone file has this name";
	return "";
}

static void add(struct names *names, const char *kind, const char *name, const char *reason)
{
	json_array_append_new(names->list, json_pack("{s:s, s:s, s:b, s:s}", "Name", name, "Kind", kind,
						   "Hidden", *reason != '\0', "Reason", reason));
}

static bool known(const struct names *names, const char *name)
{
	const json_t *other;
	size_t i;

	json_array_foreach(names->list, i, other)
		if (str_ieq(cli_text(other, "Name"), name))
			return true;
	return false;
}

/* A name by its format; `tag` as in expects_records(). */
static void try_name(struct names *names, const char *kind, const char *name, const char *tag)
{
	if (names->status == 0 && !known(names, name))
		add(names, kind, name, hidden(names, name, tag));
}

static void try_tag(struct names *names, const char *tag)
{
	const char *name = arena_printf(names->cli->arena, "%s.%s.%s", tag, names->service, names->zone);

	if (wire_label_is_host(tag))
		try_name(names, "tag", name, tag);
	else if (!known(names, name))
		add(names, "tag", name, "the tag is no host name: letters, digits and hyphens, up to 63");
}

static void try_aliases(struct names *names, const char *list)
{
	char *rest = arena_strdup(names->cli->arena, list), *alias;

	while ((alias = strsep(&rest, ", "))) {
		if (*alias)
			try_name(names, "alias",
				arena_printf(names->cli->arena, "_%s._tcp.%s.%s", alias + (*alias == '_'),
					names->service, names->zone),
				NULL);
	}
}

int names_of(struct cli *cli, const char *service, const json_t *entries, json_t **ret)
{
	json_auto_t *list = json_array();
	struct names names = {
		.cli = cli, .service = service, .zone = cli_zone(cli), .entries = entries, .list = list};
	const json_t *entry, *tag;
	size_t i, k;

	try_name(&names, "service", arena_printf(cli->arena, "%s.%s", service, names.zone), NULL);
	json_array_foreach(entries, i, entry) {
		const json_t *instance = json_object_get(entry, "Service");

		try_aliases(&names, cli_text(json_object_get(instance, "Meta"), "dns-alias"));
		json_array_foreach(json_object_get(instance, "Tags"), k, tag)
			try_tag(&names, json_string_value(tag));
	}
	if (names.status == 0)
		*ret = json_incref(list);
	return names.status;
}
