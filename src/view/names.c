#include "view/names.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "view/zones.h"

static const char *const kind_names[] = {
	[VIEW_STATIC] = "the zone file",
	[VIEW_SERVICE] = "service",
	[VIEW_ALIAS] = "alias of",
	[VIEW_INSTANCE] = "instance of",
	[VIEW_TAG] = "tag of",
	[VIEW_EMPTY] = "nothing",
};

static struct table_node *find(const struct names *names, const uint8_t *name, size_t size)
{
	return table_find(names->table, table_hash(names->table, name, size), name, size);
}

/* A new node, its parents first. */
static struct table_node *plant(struct names *names, uint64_t hash, const uint8_t *name, size_t size,
	const struct view_answer *answer)
{
	size_t label = 1 + (size_t)name[0];

	if (label < size) {
		const uint8_t *above = name + label;
		uint64_t above_hash = table_hash(names->table, above, size - label);
		struct table_node *parent = table_find(names->table, above_hash, above, size - label);

		if (!parent)
			parent = plant(names, above_hash, above, size - label, &table_empty);
		parent->below++;
	}
	return table_add(names->table, hash, name, size, answer);
}

/* Removes a node that holds nothing, and those above it that then hold nothing. */
static void uproot(struct names *names, struct table_node *node)
{
	while (node && !node->claims && node->below == 0) {
		size_t label = 1 + (size_t)node->name[0];
		struct table_node *parent = NULL;

		if (label < node->size)
			parent = find(names, node->name + label, node->size - label);
		table_remove(names->table, node, names->pile);
		if (parent)
			parent->below--;
		node = parent;
	}
}

/* True if `a` goes before `b` at their name; between equals the newer, `a`, is first. */
static bool precedes(const struct names_claim *a, const struct names_claim *b)
{
	if (a->answer->kind != b->answer->kind)
		return a->answer->kind < b->answer->kind;
	size_t a_size = strlen(a->owner), b_size = strlen(b->owner);
	if (a->owner == b->owner || a_size != b_size)
		return a_size <= b_size;
	for (size_t i = 0; i < a_size; i++) {
		unsigned char x = str_lower((unsigned char)a->owner[i]),
			      y = str_lower((unsigned char)b->owner[i]);
		if (x != y)
			return x < y;
	}
	return true;
}

static void report(struct names *names, enum log_level level, const char *message, const uint8_t *name,
	size_t size, const char *detail)
{
	char text[WIRE_NAME_TEXT];

	if (names->report)
		names->report(level, message, wire_name_format(name, size, text), detail);
}

static void report_static(struct names *names, const struct table_node *node, const struct view_zone *zone)
{
	char text[WIRE_NAME_TEXT], detail[WIRE_NAME_TEXT + 64];

	if (!names->report)
		return;
	snprintf(detail, sizeof(detail), "%s %s: the file of zone %s has the same name",
		kind_names[node->claims->answer->kind], node->claims->owner,
		wire_name_format(zone->name, zone->name_size, text));
	report(names, LOG_WARN, "a live name is hidden", node->name, node->size, detail);
}

/* The first claim to a name: does a zone file hide it? */
static void check_statics(struct names *names, uint64_t hash, const struct table_node *node)
{
	const struct zones *zones =
		names->zones ? atomic_load_explicit(names->zones, memory_order_acquire) : NULL;

	for (size_t i = 0; zones && i < zones->count; i++) {
		const struct view_zone *zone = &zones->zones[i];
		const struct view_answer *answer = zones_find_static(zone, hash, node->name, node->size);

		if (answer && answer->kind != VIEW_EMPTY)
			report_static(names, node, zone);
	}
}

void names_claim(struct names *names, struct names_claim *claim, const uint8_t *name, size_t size)
{
	uint64_t hash = table_hash(names->table, name, size);
	struct table_node *node = table_find(names->table, hash, name, size);

	if (!node)
		node = plant(names, hash, name, size, claim->answer);
	claim->node = node;
	bool first = !node->claims;
	struct names_claim **at = &node->claims;
	while (*at && !precedes(claim, *at))
		at = &(*at)->next;
	claim->next = *at;
	*at = claim;
	/* The one that it supersedes, if any, stands right behind it. */
	claim->hidden = claim->next && claim->next->owner == claim->owner &&
			claim->next->answer->kind == claim->answer->kind && claim->next->hidden;
	if (node->claims == claim)
		table_publish(node, claim->answer);
	if (first)
		check_statics(names, hash, node);
}

void names_release(struct names *names, struct names_claim *claim)
{
	struct table_node *node = claim->node;
	struct names_claim **at = &node->claims;
	bool won = node->claims == claim;

	while (*at != claim)
		at = &(*at)->next;
	*at = claim->next;
	if (!won)
		return;
	if (node->claims)
		node->claims->hidden = false;
	if (node->claims || node->below > 0)
		table_publish(node, node->claims ? node->claims->answer : &table_empty);
	else
		uproot(names, node);
}

void names_settle(struct names *names, struct names_claim *claim)
{
	struct names_claim *winner = claim->node->claims;

	winner->hidden = false;
	for (struct names_claim *loser = winner->next; loser; loser = loser->next) {
		if (loser->hidden)
			continue;
		loser->hidden = true;
		char detail[2 * WIRE_NAME_TEXT + 64];
		snprintf(detail, sizeof(detail), "%s %s, hidden by %s %s", kind_names[loser->answer->kind],
			loser->owner, kind_names[winner->answer->kind], winner->owner);
		report(names, LOG_WARN, "a name is hidden", claim->node->name, claim->node->size, detail);
	}
}

static void report_name(
	const struct view_zone *zone, uint64_t hash, const uint8_t *name, size_t size, void *ctx)
{
	struct names *names = ctx;
	struct table_node *node = table_find(names->table, hash, name, size);

	if (node && node->claims)
		report_static(names, node, zone);
}

void names_report_statics(struct names *names)
{
	const struct zones *zones = atomic_load_explicit(names->zones, memory_order_acquire);

	for (size_t i = 0; i < zones->count; i++)
		zones_visit_statics(&zones->zones[i], report_name, names);
}
