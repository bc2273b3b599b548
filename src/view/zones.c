#include "view/zones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/rr.h"
#include "view/zonefile.h"

/* A static name while its zone is compiled; `records` are those of the file that it owns, one behind the
 * other. */
struct draft {
	struct zones_name name; /* first: the slots point to it */
	const struct zonefile_record *records;
	size_t count;
};

static const struct view_answer empty = {.kind = VIEW_EMPTY};

/* A zone that has been read. All are read before the first is compiled: what stands below one of our zones
 * may be another. */
struct source {
	struct zonefile file;
	uint16_t config_at;
	uint8_t label_count;
	bool incomplete;
};

struct reading {
	const struct view_config *config;
	struct arena *arena;
	struct source *sources;
	size_t count;
	char *message;
};

struct compile {
	struct arena *arena;
	const struct siphash_key *key;
	const struct zonefile *file;
	const struct source *all; /* the zone and its neighbours */
	size_t all_count;
	struct draft **slots;
	uint64_t mask;
};

/* --- the hash table --- */

static struct draft **slot(const struct compile *c, uint64_t hash, const uint8_t *name, size_t size)
{
	uint64_t i = hash & c->mask;

	while (c->slots[i] &&
		(c->slots[i]->name.size != size || memcmp(c->slots[i]->name.name, name, size) != 0))
		i = (i + 1) & c->mask;
	return &c->slots[i];
}

/* The draft of a relative name; made, with the empty non-terminals above it, if it is not there. */
static struct draft *draft(struct compile *c, const uint8_t *name, size_t size)
{
	struct draft *found = NULL;

	for (size_t at = 0; at < size; at += 1u + name[at]) {
		uint64_t hash = siphash(c->key, name + at, size - at);
		struct draft **place = slot(c, hash, name + at, size - at);
		if (!*place) {
			*place = arena_alloc(c->arena, sizeof(**place));
			(*place)->name.hash = hash;
			(*place)->name.size = (uint8_t)(size - at);
			memcpy((*place)->name.name, name + at, size - at);
		}
		found = found ? found : *place;
	}
	return found;
}

static size_t count_labels(const uint8_t *name)
{
	size_t count = 0;

	for (; *name; name += 1u + *name)
		count++;
	return count;
}

/* --- answers --- */

/* The records of an absolute name in this zone. */
static size_t find_records(
	const struct compile *c, const uint8_t *name, size_t size, const struct zonefile_record **ret)
{
	const struct zonefile *file = c->file;
	uint8_t lower[WIRE_NAME_MAX];

	if (size < file->name_size)
		return 0;
	wire_name_lower(name, size, lower);
	size_t relative = size - file->name_size;
	if (memcmp(lower + relative, file->name, file->name_size) != 0)
		return 0;
	if (relative == 0) {
		*ret = file->records;
		size_t count = 0;
		while (count < file->count && file->records[count].owner_size == file->name_size)
			count++;
		return count;
	}
	struct draft *found = *slot(c, siphash(c->key, lower, relative), lower, relative);
	if (!found)
		return 0;
	*ret = found->records;
	return found->count;
}

/* The TTL of a set: all its records get the lowest (RFC 2181 section 5.2). */
static uint32_t set_ttl(uint16_t type, const struct zonefile_record *records, size_t count)
{
	uint32_t ttl = UINT32_MAX;

	for (size_t i = 0; i < count; i++)
		if (records[i].type == type && records[i].ttl < ttl)
			ttl = records[i].ttl;
	return ttl;
}

/* Appends the addresses of the record's target, A before AAAA, as far as the size field goes. */
static void add_glue(const struct compile *c, struct view_record *record, const uint8_t *target, size_t size)
{
	static const uint16_t address_types[] = {WIRE_A, WIRE_AAAA};
	const struct zonefile_record *found = NULL;
	size_t count = find_records(c, target, size, &found);
	uint8_t *start = record->bytes + record->size, *p = start;

	for (unsigned t = 0; t < 2; t++) {
		uint32_t ttl = set_ttl(address_types[t], found, count);
		for (size_t i = 0; i < count; i++) {
			if (found[i].type != address_types[t] || p - start > UINT16_MAX - 2 * 26)
				continue;
			p = rr_put_address(p, found[i].type, ttl, found[i].rdata);
			record->glue_count++;
		}
	}
	record->glue_size = (uint16_t)(p - start);
}

/* The most that a record with its glue needs. */
static size_t record_room(const struct compile *c, const struct zonefile_record *record)
{
	const struct zonefile_record *found = NULL;
	int target = rr_type(record->type)->target;
	size_t glue = 0;

	if (target >= 0)
		glue = find_records(c, record->rdata + target, record->rdata_size - (size_t)target, &found);
	return (sizeof(struct view_record) + RR_OWNER + RR_FIXED + record->rdata_size + glue * 26 + 1) &
	       ~(size_t)1;
}

static void put_record(
	const struct compile *c, const struct zonefile_record *from, uint32_t ttl, struct view_record *record)
{
	int target = rr_type(from->type)->target;
	uint8_t *p = rr_put_owner(record->bytes);

	p = rr_put_fixed(p, from->type, ttl, from->rdata_size);
	memcpy(p, from->rdata, from->rdata_size);
	record->size = (uint16_t)(RR_OWNER + RR_FIXED + from->rdata_size);
	if (target < 0)
		return;
	record->target_at = (uint8_t)(RR_OWNER + RR_FIXED + target);
	add_glue(c, record, p + target, from->rdata_size - (size_t)target);
}

/* The set of one type out of a name's records. */
static struct view_rrset make_rrset(
	const struct compile *c, uint16_t type, const struct zonefile_record *records, size_t count)
{
	struct view_rrset set = {.type = type, .stride = rr_type(type)->stride};
	uint32_t ttl = set_ttl(type, records, count);
	size_t room = 0, at = 0;

	for (size_t i = 0; i < count; i++) {
		if (records[i].type != type)
			continue;
		set.count++;
		room += set.stride ? set.stride : record_room(c, &records[i]);
	}
	uint8_t *bytes = arena_alloc(c->arena, room);
	uint32_t *offsets = arena_alloc(c->arena, set.count * sizeof(*offsets));
	for (size_t i = 0, n = 0; i < count; i++) {
		if (records[i].type != type)
			continue;
		if (set.stride) {
			rr_put_address(rr_put_owner(bytes + at), type, ttl, records[i].rdata);
			at += set.stride;
			continue;
		}
		offsets[n++] = (uint32_t)at;
		put_record(c, &records[i], ttl, (struct view_record *)(void *)(bytes + at));
		at += record_room(c, &records[i]);
	}
	set.flat = set.stride ? bytes : NULL;
	set.base = set.stride ? NULL : bytes;
	set.offsets = set.stride ? NULL : offsets;
	return set;
}

static const struct view_answer *make_answer(
	const struct compile *c, const struct zonefile_record *records, size_t count)
{
	struct view_answer *answer =
		arena_alloc(c->arena, sizeof(*answer) + count * sizeof(struct view_rrset));

	answer->kind = VIEW_STATIC;
	for (size_t i = 0; i < count; i++)
		if (!view_answer_find(answer, records[i].type))
			answer->rrsets[answer->rrset_count++] =
				make_rrset(c, records[i].type, records, count);
	return answer;
}

/* --- zones --- */

/* TTL and MINIMUM become the lower of both: some caches take the one and some the other (RFC 2308). */
static void put_soa(struct view_zone *zone, const struct zonefile_record *soa)
{
	size_t serial = rr_name_size(soa->rdata);
	uint8_t *p = rr_put_fixed(zone->soa, WIRE_SOA, 0, soa->rdata_size);

	serial += rr_name_size(soa->rdata + serial);
	memcpy(p, soa->rdata, soa->rdata_size);
	uint32_t minimum = wire_get32(p + serial + 16);
	uint32_t ttl = soa->ttl < minimum ? soa->ttl : minimum;
	wire_set32(zone->soa + 4, ttl);
	wire_set32(p + serial + 16, ttl);
	zone->serial = wire_get32(p + serial);
	zone->soa_size = (uint16_t)(RR_FIXED + soa->rdata_size);
	zone->soa_serial_at = (uint16_t)(RR_FIXED + serial);
}

static bool is_below(const struct zonefile *file, const struct zonefile *zone)
{
	return file->name_size > zone->name_size &&
	       wire_name_within(file->name, file->name_size, zone->name, zone->name_size);
}

static void make_table(struct compile *c)
{
	size_t names = 1;

	for (size_t i = 0; i < c->file->count; i++)
		names += count_labels(c->file->records[i].owner);
	for (size_t i = 0; i < c->all_count; i++)
		if (is_below(&c->all[i].file, c->file))
			names += c->all[i].label_count;
	for (c->mask = 1; c->mask < 2 * names; c->mask *= 2)
		;
	c->slots = arena_alloc(c->arena, c->mask * sizeof(void *));
	c->mask--;
}

/* What stands between this zone and one of ours below it exists, though nobody registered it: NXDOMAIN would
 * deny that zone (RFC 8020). */
static void draft_above_zones(struct compile *c)
{
	for (size_t i = 0; i < c->all_count; i++) {
		const struct zonefile *other = &c->all[i].file;
		if (!is_below(other, c->file))
			continue;
		size_t first = 1u + other->name[0];
		draft(c, other->name + first, (size_t)other->name_size - c->file->name_size - first);
	}
}

static void compile_statics(struct compile *c, struct view_zone *zone)
{
	const struct zonefile *file = c->file;
	struct zones_statics *statics = arena_alloc(c->arena, sizeof(*statics));
	size_t apex = 0;

	make_table(c);
	draft_above_zones(c);
	for (size_t i = 0; i < file->count; i++) {
		const struct zonefile_record *record = &file->records[i];
		if (record->owner_size == file->name_size) {
			apex++;
			continue;
		}
		struct draft *owner = draft(c, record->owner, (size_t)record->owner_size - file->name_size);
		owner->records = owner->count ? owner->records : record;
		owner->count++;
	}
	for (uint64_t i = 0; i <= c->mask; i++) {
		struct draft *name = c->slots[i];
		if (name)
			name->name.answer = name->count ? make_answer(c, name->records, name->count) : &empty;
	}
	statics->apex = make_answer(c, file->records, apex);
	statics->mask = c->mask;
	statics->slots = (const struct zones_name *const *)(void *)c->slots;
	zone->statics = statics;
}

static void compile_zone(const struct reading *r, const struct source *source, const struct siphash_key *key,
	struct view_zone *zone)
{
	const struct zonefile *file = &source->file;
	struct compile c = {
		.arena = r->arena, .key = key, .file = file, .all = r->sources, .all_count = r->count};

	*zone = (struct view_zone){.name_size = file->name_size,
		.label_count = source->label_count,
		.config_at = source->config_at,
		.incomplete = source->incomplete};
	memcpy(zone->name, file->name, file->name_size);
	put_soa(zone, file->soa);
	compile_statics(&c, zone);
}

/* The name that completes relative names in files that are not given one: the only one there is. */
static const char *only_name(const struct view_config *config)
{
	const char *name = NULL;

	for (size_t i = 0; i < config->zone_count; i++) {
		if (!config->zones[i].name)
			continue;
		if (name)
			return NULL;
		name = config->zones[i].name;
	}
	return name;
}

static bool has_zone(const struct reading *r, const struct zonefile *file)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct zonefile *other = &r->sources[i].file;
		if (wire_name_equal(other->name, other->name_size, file->name, file->name_size))
			return true;
	}
	return false;
}

/* Reads one zone behind those that are read; a bare name that has a file already adds none. */
static int read_zone(struct reading *r, const struct view_zone_config *zone)
{
	const struct view_config *config = r->config;
	struct zonefile file;
	char text[WIRE_NAME_TEXT];
	int rc;

	if (zone->file)
		rc = zonefile_read(zone->file, zone->name ? zone->name : only_name(config),
			zone->accepted ? zone->accepted : zone->name, config->ttl, r->arena, &file,
			r->message);
	else
		rc = zonefile_builtin(
			zone->name, config->node_address, config->ttl, r->arena, &file, r->message);
	if (rc < 0)
		return rc;
	if (has_zone(r, &file)) {
		/* A name without a file, and a file that names it, are one zone. */
		if (!zone->file)
			return 0;
		snprintf(r->message, ZONES_MESSAGE, "%.300s: zone %.150s has a file already", zone->file,
			wire_name_format(file.name, file.name_size, text));
		return -EINVAL;
	}
	r->sources[r->count++] =
		(struct source){.file = file, .label_count = (uint8_t)count_labels(file.name)};
	return 0;
}

/* As read_zone(). A file that has gone bad since it was checked may be left out: what its zone has besides is
 * known, and is not lost for that. */
static int read_or_leave_out(struct reading *r, size_t at, bool leave_out)
{
	const struct view_config *config = r->config;
	const struct view_zone_config *zone = &config->zones[at];
	size_t count = r->count;
	int rc = read_zone(r, zone);
	bool left_out = rc < 0 && leave_out && zone->accepted;

	if (left_out) {
		const struct view_zone_config bare = {.name = zone->accepted};
		if (config->report)
			config->report(LOG_ERROR, "a zone file is left out", zone->file, r->message);
		rc = read_zone(r, &bare);
	}
	if (rc == 0 && r->count > count) {
		struct source *source = &r->sources[count];
		source->config_at = (uint16_t)at;
		source->incomplete = left_out;
		if (left_out) /* its NS and their addresses are the file's to say */
			source->file.count = 0;
	}
	return rc;
}

static int compare_sources(const void *left, const void *right)
{
	const struct source *a = left, *b = right;

	if (a->label_count != b->label_count)
		return a->label_count > b->label_count ? -1 : 1;
	return 0;
}

static struct zones *compile_all(const struct reading *r, const struct siphash_key *key)
{
	struct zones *zones = arena_alloc(r->arena, sizeof(*zones));

	zones->arena = r->arena;
	zones->ttl = r->config->ttl;
	zones->zones = arena_alloc(r->arena, r->count * sizeof(*zones->zones));
	qsort(r->sources, r->count, sizeof(*r->sources), compare_sources);
	for (; zones->count < r->count; zones->count++) {
		struct view_zone *zone = &zones->zones[zones->count];
		compile_zone(r, &r->sources[zones->count], key, zone);
		if (zone->name_size > zones->longest)
			zones->longest = zone->name_size;
	}
	return zones;
}

int zones_load(const struct view_config *config, const struct siphash_key *key, bool leave_out,
	struct zones **ret, char message[ZONES_MESSAGE])
{
	struct arena *arena = arena_create();
	char text[ZONES_MESSAGE] = "no zone is configured";
	struct reading r = {.config = config,
		.arena = arena,
		.sources = arena_alloc(arena, config->zone_count * sizeof(*r.sources)),
		.message = text};
	int rc = config->zone_count ? 0 : -EINVAL;

	/* Those with files first: they win over a bare name. */
	for (unsigned with_file = 2; with_file-- > 0;)
		for (size_t i = 0; rc == 0 && i < config->zone_count; i++)
			if (!config->zones[i].file == !with_file)
				rc = read_or_leave_out(&r, i, leave_out);
	if (rc < 0) {
		memcpy(message, text, sizeof(text));
		arena_destroy(arena);
		return rc;
	}
	*ret = compile_all(&r, key);
	return 0;
}

void zones_destroy(struct zones *zones)
{
	if (zones)
		arena_destroy(zones->arena);
}

const struct view_answer *zones_find_static(
	const struct view_zone *zone, uint64_t hash, const uint8_t *name, size_t size)
{
	const struct zones_statics *statics = zone->statics;

	for (uint64_t i = hash & statics->mask; statics->slots[i]; i = (i + 1) & statics->mask) {
		const struct zones_name *found = statics->slots[i];
		if (found->hash == hash && found->size == size && memcmp(found->name, name, size) == 0)
			return found->answer;
	}
	return NULL;
}

void zones_visit_statics(const struct view_zone *zone,
	void (*visit)(
		const struct view_zone *zone, uint64_t hash, const uint8_t *name, size_t size, void *ctx),
	void *ctx)
{
	const struct zones_statics *statics = zone->statics;

	for (uint64_t i = 0; i <= statics->mask; i++) {
		const struct zones_name *name = statics->slots[i];
		if (name && name->answer->kind != VIEW_EMPTY)
			visit(zone, name->hash, name->name, name->size, ctx);
	}
}
