/* fake_view.c -- see fake_view.h. */
#include "fake_view.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL 5

/* A record as it was added: in the layout of view.h. */
struct raw {
	uint16_t type;
	size_t size; /* of `record` with its glue */
	struct view_record *record;
};

struct fake_name {
	const struct view_zone *zone;
	enum view_kind kind;
	const char *reason;
	uint8_t relative[WIRE_NAME_MAX];
	size_t size;
	struct raw *raws;
	size_t raw_count;
	struct view_answer *answer; /* compiled; NULL until asked for */
	uint8_t *bytes;             /* what the answer's sets point at */
	uint32_t *offsets;
};

struct reload {
	struct view_zone zone; /* in the place of the first */
	unsigned finds;
};

struct view {
	uint64_t index;
	struct reload *reload;
	struct view_zone *zones[8];
	size_t zone_count;
	struct fake_name *names;
	size_t name_count;
	uint32_t *slots; /* a hash table of name numbers + 1; its size is a power of two */
	size_t slot_count;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static size_t relative_parse(const char *text, uint8_t ret[WIRE_NAME_MAX])
{
	if (!*text)
		return 0;
	int size = wire_name_parse(text, ret);
	assert(size > 0);
	wire_name_lower(ret, (size_t)size, ret);
	return (size_t)size - 1;
}

static size_t hash(const struct view_zone *zone, const uint8_t *relative, size_t size)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ (uintptr_t)zone;

	for (size_t i = 0; i < size; i++)
		h = (h ^ relative[i]) * UINT64_C(1099511628211);
	return h ^ h >> 29;
}

static void insert(struct view *view, size_t number)
{
	const struct fake_name *name = &view->names[number];
	size_t at = hash(name->zone, name->relative, name->size);

	while (view->slots[at & (view->slot_count - 1)])
		at++;
	view->slots[at & (view->slot_count - 1)] = (uint32_t)number + 1;
}

static struct fake_name *lookup(
	const struct view *view, const struct view_zone *zone, const uint8_t *relative, size_t size)
{
	for (size_t at = hash(zone, relative, size); view->slot_count; at++) {
		uint32_t number = view->slots[at & (view->slot_count - 1)];
		if (number == 0)
			return NULL;
		struct fake_name *name = &view->names[number - 1];
		if (name->zone == zone && name->size == size && memcmp(name->relative, relative, size) == 0)
			return name;
	}
	return NULL;
}

static void grow(struct view *view)
{
	if ((view->name_count + 1) * 2 <= view->slot_count)
		return;
	view->slot_count = view->slot_count ? view->slot_count * 2 : 64;
	free(view->slots);
	view->slots = must(calloc(view->slot_count, sizeof *view->slots));
	view->names = must(realloc(view->names, view->slot_count * sizeof *view->names));
	for (size_t i = 0; i < view->name_count; i++)
		insert(view, i);
}

static struct fake_name *add_name(struct view *view, const struct view_zone *zone, const uint8_t *relative,
	size_t size, enum view_kind kind)
{
	struct fake_name *name = lookup(view, zone, relative, size);

	if (!name) {
		grow(view);
		name = &view->names[view->name_count];
		*name = (struct fake_name){.zone = zone, .kind = VIEW_EMPTY, .size = size};
		memcpy(name->relative, relative, size);
		insert(view, view->name_count++);
	}
	if (kind < name->kind)
		name->kind = kind;
	return name;
}

void fake_view_name(struct view *view, const struct view_zone *zone, const char *relative,
	enum view_kind kind, const char *reason)
{
	uint8_t wire[WIRE_NAME_MAX] = {0};
	size_t size = relative_parse(relative, wire);

	add_name(view, zone, wire, size, kind)->reason = reason;
	for (size_t at = 0; at < size; at += 1u + wire[at])
		add_name(view, zone, wire + at, size - at, VIEW_EMPTY);
}

/* Writes a record from its type on; returns its size. */
static size_t write_record(uint8_t *out, uint16_t type, const uint8_t *rdata, size_t size)
{
	wire_set16(out, type);
	wire_set16(out + 2, WIRE_CLASS_IN);
	wire_set32(out + 4, TTL);
	wire_set16(out + 8, (uint16_t)size);
	memcpy(out + 10, rdata, size);
	return 10 + size;
}

static size_t write_address(uint8_t *out, const char *address)
{
	uint8_t rdata[16];

	if (inet_pton(AF_INET, address, rdata) == 1)
		return write_record(out, WIRE_A, rdata, 4);
	if (inet_pton(AF_INET6, address, rdata) != 1)
		abort();
	return write_record(out, WIRE_AAAA, rdata, 16);
}

void fake_view_add(struct view *view, const struct view_zone *zone, const char *relative,
	const struct fake_record *record)
{
	uint8_t wire[WIRE_NAME_MAX] = {0}, target[WIRE_NAME_MAX] = {0}, rdata[1400];
	size_t size = record->rdata_size, target_size = 0;
	struct fake_name *name = lookup(view, zone, wire, relative_parse(relative, wire));

	assert(name && !name->answer);
	assert(size + WIRE_NAME_MAX <= sizeof rdata);
	memcpy(rdata, record->rdata, size);
	if (record->target && record->relative)
		target_size = relative_parse(record->target, target);
	else if (record->target)
		target_size = (size_t)wire_name_parse(record->target, target);
	memcpy(rdata + size, target, target_size);
	struct view_record *made = must(calloc(1, sizeof *made + 12 + size + target_size + 4 * 26));
	wire_set16(made->bytes, WIRE_POINTER_TO_QNAME);
	made->size = (uint16_t)(2 + write_record(made->bytes + 2, record->type, rdata, size + target_size));
	made->relative = record->relative;
	made->target_at = record->target && record->type != WIRE_CNAME ? (uint8_t)(12 + size) : 0;
	for (; record->glue[made->glue_count]; made->glue_count++)
		made->glue_size += (uint16_t)write_address(
			made->bytes + made->size + made->glue_size, record->glue[made->glue_count]);
	name->raws = must(realloc(name->raws, (name->raw_count + 1) * sizeof *name->raws));
	name->raws[name->raw_count++] = (struct raw){
		.type = record->type, .size = sizeof *made + made->size + made->glue_size, .record = made};
}

void fake_view_address(
	struct view *view, const struct view_zone *zone, const char *relative, const char *address)
{
	uint8_t record[26];
	size_t size = write_address(record, address);

	fake_view_add(view, zone, relative,
		&(struct fake_record){
			.type = wire_get16(record), .rdata = record + 10, .rdata_size = size - 10});
}

void fake_view_srv(struct view *view, const struct view_zone *zone, const char *relative, uint16_t port,
	const char *target, const char *address, const char *address6)
{
	uint8_t rdata[6] = {0, 1, 0, 1, (uint8_t)(port >> 8), (uint8_t)port};

	fake_view_add(view, zone, relative,
		&(struct fake_record){.type = WIRE_SRV,
			.rdata = rdata,
			.rdata_size = 6,
			.target = target,
			.relative = true,
			.glue = {address ? address : address6, address ? address6 : NULL}});
}

void fake_view_service(struct view *view, const char *service, unsigned count)
{
	char target[WIRE_NAME_TEXT], address[32];

	fake_view_name(view, NULL, service, VIEW_SERVICE, NULL);
	for (unsigned i = 0; i < count; i++) {
		snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		snprintf(target, sizeof target, "i%03u.%s", i, service);
		fake_view_address(view, NULL, service, address);
		fake_view_srv(view, NULL, service, (uint16_t)(1000 + i), target, address, NULL);
		fake_view_name(view, NULL, target, VIEW_INSTANCE, NULL);
		fake_view_address(view, NULL, target, address);
	}
}

/* Compiles the records of a name, in the order in which their types came. */
static void compile(struct fake_name *name)
{
	size_t total = 0, used = 0, offset_count = 0;
	struct view_answer *answer =
		must(calloc(1, sizeof *answer + (name->raw_count + 1) * sizeof(struct view_rrset)));

	for (size_t i = 0; i < name->raw_count; i++)
		total += name->raws[i].size + 8;
	name->bytes = must(malloc(total + 1));
	name->offsets = must(malloc((name->raw_count + 1) * sizeof *name->offsets));
	answer->kind = (uint8_t)name->kind;
	answer->reason = name->reason;
	answer->reason_size = name->reason ? (uint16_t)strlen(name->reason) : 0;
	for (size_t i = 0; i < name->raw_count; i++) {
		uint16_t type = name->raws[i].type;
		if (view_answer_find(answer, type))
			continue;
		struct view_rrset *set = &answer->rrsets[answer->rrset_count++];
		set->type = type;
		set->stride = type == WIRE_A ? 16 : type == WIRE_AAAA ? 28 : 0;
		used = (used + 3) & ~(size_t)3;
		set->base = set->flat = name->bytes + used;
		set->offsets = name->offsets + offset_count;
		for (size_t k = i; k < name->raw_count; k++) {
			const struct raw *raw = &name->raws[k];
			if (raw->type != type)
				continue;
			set->count++;
			if (!set->stride) {
				used = (used + 3) & ~(size_t)3;
				name->offsets[offset_count++] = (uint32_t)(name->bytes + used - set->base);
				memcpy(name->bytes + used, raw->record, raw->size);
				used += raw->size;
			} else {
				memcpy(name->bytes + used, raw->record->bytes, set->stride);
				used += set->stride;
			}
		}
	}
	name->answer = answer;
}

struct view_zone *fake_view_zone(struct view *view, const char *text, uint32_t serial)
{
	struct view_zone *zone = must(calloc(1, sizeof *zone));
	uint8_t rdata[2 * WIRE_NAME_MAX + 20];
	size_t size = (size_t)wire_name_parse(text, zone->name), at = 0;
	static const uint32_t times[] = {3600, 600, 86400, 5};

	zone->name_size = (uint8_t)size;
	for (size_t label = 0; zone->name[label]; label += 1u + zone->name[label])
		zone->label_count++;
	zone->serial = serial;
	memcpy(rdata, "\3ns1", 4);
	memcpy(rdata + 4, zone->name, size);
	memcpy(rdata + 4 + size, "\4host", 5);
	memcpy(rdata + 9 + size, zone->name, size);
	at = 9 + 2 * size;
	zone->soa_serial_at = (uint16_t)(10 + at);
	wire_set32(rdata + at, serial);
	for (unsigned i = 0; i < 4; i++)
		wire_set32(rdata + at + 4 + 4 * i, times[i]);
	zone->soa_size = (uint16_t)write_record(zone->soa, WIRE_SOA, rdata, at + 20);
	view->zones[view->zone_count++] = zone;
	assert(view->zone_count <= 8);
	fake_view_name(view, zone, "", VIEW_STATIC, NULL);
	return zone;
}

struct view *fake_view_create(void)
{
	return must(calloc(1, sizeof(struct view)));
}

void fake_view_set_index(struct view *view, uint64_t index)
{
	view->index = index;
}

void fake_view_reload(struct view *view)
{
	view->reload = must(calloc(1, sizeof *view->reload));
	view->reload->zone = *view->zones[0];
}

void fake_view_destroy(struct view *view)
{
	if (!view)
		return;
	free(view->reload);
	for (size_t i = 0; i < view->name_count; i++) {
		struct fake_name *name = &view->names[i];
		for (size_t k = 0; k < name->raw_count; k++)
			free(name->raws[k].record);
		free(name->raws);
		free(name->answer);
		free(name->bytes);
		free(name->offsets);
	}
	for (size_t i = 0; i < view->zone_count; i++)
		free(view->zones[i]);
	free(view->names);
	free(view->slots);
	free(view);
}

/* The door of the view, as far as an answer needs it. */

uint64_t view_index(const struct view *view)
{
	return view->index;
}

const struct view_zone *view_find_zone(
	const struct view *view, const struct wire_query *query, size_t *ret_relative)
{
	const struct view_zone *best = NULL;

	for (size_t i = 0; i < view->zone_count; i++) {
		const struct view_zone *zone = view->zones[i];
		if (zone->label_count > query->label_count || (best && best->label_count > zone->label_count))
			continue;
		size_t at = query->label_at[query->label_count - zone->label_count];
		if (query->name_size - at != zone->name_size ||
			memcmp(query->name + at, zone->name, zone->name_size) != 0)
			continue;
		best = zone;
		*ret_relative = at;
	}
	if (view->reload && view->reload->finds++ > 0 && best == view->zones[0])
		return &view->reload->zone;
	return best;
}

bool view_is_above_zone(const struct view *view, const struct wire_query *query)
{
	for (size_t i = 0; i < view->zone_count; i++)
		if (view->zones[i]->name_size > query->name_size &&
			wire_name_within(view->zones[i]->name, view->zones[i]->name_size, query->name,
				query->name_size))
			return true;
	return false;
}

void view_search_begin(const struct view *view, const struct view_zone *zone, const uint8_t *relative,
	size_t size, struct view_search *ret)
{
	*ret = (struct view_search){.view = view, .zone = zone, .name = relative, .size = size};
}

void view_search_approach(const struct view_search *search)
{
}

const struct view_answer *view_search_end(const struct view_search *search)
{
	struct fake_name *own = lookup(search->view, search->zone, search->name, search->size),
			 *shared = lookup(search->view, NULL, search->name, search->size);
	struct fake_name *name = own && (!shared || own->kind <= shared->kind) ? own : shared;

	if (name && !name->answer)
		compile(name);
	return name ? name->answer : NULL;
}
