#include "view/render.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "view/rr.h"

static const uint16_t part_types[PLAN_PARTS] = {
	[PLAN_A] = WIRE_A, [PLAN_AAAA] = WIRE_AAAA, [PLAN_SRV] = WIRE_SRV};
static const uint16_t part_strides[PLAN_PARTS] = {
	[PLAN_A] = RR_OWNER + RR_FIXED + 4,
	[PLAN_AAAA] = RR_OWNER + RR_FIXED + 16,
};

/* An instance without an address: its name exists and is empty. */
static const struct view_answer no_address = {.kind = VIEW_INSTANCE};

/* The parts of a block by alignment; first their sizes, then where the next piece goes. */
struct layout {
	size_t answers, offsets, records, bytes;
};

struct fill {
	struct plan *plan;
	uint8_t *answers, *offsets, *records, *bytes;
	const uint8_t *record_base;
	/* The forms with '_' all hold the same records. */
	const struct view_answer *service_srv, *alias_srv;
};

static size_t answer_size(size_t rrsets)
{
	return sizeof(struct view_answer) + rrsets * sizeof(struct view_rrset);
}

/* --- how large --- */

static size_t glue_size(const struct plan_row *row)
{
	size_t size = 0;

	if (row->host)
		return 0;
	for (unsigned part = 0; part < PLAN_SRV; part++)
		if (row->has[part])
			size += part_strides[part] - RR_OWNER;
	return size;
}

static size_t record_size(const struct plan_row *row)
{
	size_t size = sizeof(struct view_record) + RR_SRV_TARGET + row->target_size + glue_size(row);

	return (size + 1) & ~(size_t)1;
}

static void measure_name(const struct plan *plan, const struct plan_name *name, struct layout *size)
{
	unsigned rrsets = 0;

	if (name->kind == VIEW_INSTANCE) {
		const struct plan_row *row = &plan->rows[name->of];
		for (unsigned part = 0; part < PLAN_SRV; part++) {
			rrsets += row->has[part];
			size->bytes += row->has[part] ? part_strides[part] : 0;
		}
		size->answers += rrsets ? answer_size(rrsets) : 0;
		return;
	}
	for (unsigned part = 0; part < PLAN_PARTS; part++)
		rrsets += plan->sets[name->of].counts[part] > 0 && (!name->srv_only || part == PLAN_SRV);
	size->answers += answer_size(rrsets);
}

static struct layout measure(const struct plan *plan)
{
	struct layout size = {0};
	bool seen[VIEW_EMPTY] = {false};

	for (uint32_t i = 0; i < plan->row_count; i++)
		size.records += plan->rows[i].shown ? record_size(&plan->rows[i]) : 0;
	for (uint32_t i = 0; i < plan->set_count; i++) {
		const struct plan_set *set = &plan->sets[i];
		size.bytes += set->reason ? strlen(set->reason) + 1 : 0;
		for (unsigned part = 0; part < PLAN_PARTS; part++) {
			if (set->as_service[part])
				continue;
			size.bytes += (size_t)set->counts[part] * part_strides[part];
			size.offsets += part == PLAN_SRV ? set->counts[part] * sizeof(uint32_t) : 0;
		}
	}
	for (uint32_t i = 0; i < plan->name_count; i++) {
		const struct plan_name *name = &plan->names[i];
		if (!name->srv_only || !seen[name->kind])
			measure_name(plan, name, &size);
		seen[name->kind] = seen[name->kind] || name->srv_only;
	}
	return size;
}

/* --- records --- */

static void fill_record(struct fill *fill, struct plan_row *row)
{
	struct view_record *record = (struct view_record *)(void *)fill->records;
	uint8_t *p = rr_put_owner(record->bytes);

	p = rr_put_fixed(p, WIRE_SRV, fill->plan->ttl, 6u + row->target_size);
	wire_set16(p, row->priority);
	wire_set16(p + 2, row->weight);
	wire_set16(p + 4, row->instance->port);
	memcpy(p + 6, row->target, row->target_size);
	p += 6 + row->target_size;
	record->size = (uint16_t)(p - record->bytes);
	record->relative = !row->host;
	record->target_at = RR_SRV_TARGET;
	for (unsigned part = 0; part < PLAN_SRV; part++) {
		if (row->host || !row->has[part])
			continue;
		p = rr_put_address(p, part_types[part], fill->plan->ttl, row->addresses[part]);
		record->glue_count++;
	}
	record->glue_size = (uint16_t)glue_size(row);
	row->record = (uint32_t)(fill->records - fill->record_base);
	fill->records += record_size(row);
}

static void fill_address(struct fill *fill, const struct plan_row *row, unsigned part)
{
	fill->bytes = rr_put_owner(fill->bytes);
	fill->bytes = rr_put_address(fill->bytes, part_types[part], fill->plan->ttl, row->addresses[part]);
}

static struct view_rrset fill_rrset(struct fill *fill, const struct plan_set *set, unsigned part)
{
	const uint32_t *members = set->members[part];
	struct view_rrset rrset = {
		.type = part_types[part], .stride = part_strides[part], .count = set->counts[part]};

	if (part != PLAN_SRV) {
		rrset.flat = fill->bytes;
		for (uint32_t i = 0; i < rrset.count; i++)
			fill_address(fill, &fill->plan->rows[members[i]], part);
		return rrset;
	}
	uint32_t *offsets = (uint32_t *)(void *)fill->offsets;
	for (uint32_t i = 0; i < rrset.count; i++)
		offsets[i] = fill->plan->rows[members[i]].record;
	fill->offsets += rrset.count * sizeof(uint32_t);
	rrset.offsets = offsets;
	rrset.base = fill->record_base;
	return rrset;
}

static void fill_set(struct fill *fill, struct plan_set *set)
{
	for (unsigned part = 0; part < PLAN_PARTS; part++)
		set->rrsets[part] = set->as_service[part] ? fill->plan->sets[0].rrsets[part]
							  : fill_rrset(fill, set, part);
	if (!set->reason)
		return;
	size_t size = strlen(set->reason) + 1;
	memcpy(fill->bytes, set->reason, size);
	set->reason = (const char *)fill->bytes;
	fill->bytes += size;
}

/* --- answers --- */

static struct view_answer *begin_answer(struct fill *fill, enum view_kind kind)
{
	struct view_answer *answer = (struct view_answer *)(void *)fill->answers;

	answer->kind = (uint8_t)kind;
	return answer;
}

static const struct view_answer *end_answer(struct fill *fill, struct view_answer *answer)
{
	fill->answers += answer_size(answer->rrset_count);
	return answer;
}

static const struct view_answer *fill_instance(struct fill *fill, const struct plan_row *row)
{
	if (!row->has[PLAN_A] && !row->has[PLAN_AAAA])
		return &no_address;
	struct view_answer *answer = begin_answer(fill, VIEW_INSTANCE);
	for (unsigned part = 0; part < PLAN_SRV; part++) {
		if (!row->has[part])
			continue;
		answer->rrsets[answer->rrset_count++] = (struct view_rrset){.type = part_types[part],
			.stride = part_strides[part],
			.count = 1,
			.flat = fill->bytes};
		fill_address(fill, row, part);
	}
	return end_answer(fill, answer);
}

static const struct view_answer *fill_name(struct fill *fill, const struct plan_name *name)
{
	const struct view_answer **shared = name->kind == VIEW_ALIAS ? &fill->alias_srv : &fill->service_srv;
	const struct plan_set *set = &fill->plan->sets[name->of];

	if (name->kind == VIEW_INSTANCE)
		return fill_instance(fill, &fill->plan->rows[name->of]);
	if (name->srv_only && *shared)
		return *shared;
	struct view_answer *answer = begin_answer(fill, (enum view_kind)name->kind);
	if (set->reason) {
		answer->reason = set->reason;
		answer->reason_size = (uint16_t)strlen(set->reason);
	}
	for (unsigned part = 0; part < PLAN_PARTS; part++)
		if (set->rrsets[part].count > 0 && (!name->srv_only || part == PLAN_SRV))
			answer->rrsets[answer->rrset_count++] = set->rrsets[part];
	if (name->srv_only)
		*shared = answer;
	return end_answer(fill, answer);
}

struct render_block *render_service(
	const struct render_request *request, struct arena *scratch, const struct plan_name **ret_names)
{
	struct plan *plan = plan_make(request, scratch);

	if (!plan)
		return NULL;
	struct layout size = measure(plan);
	size_t head = sizeof(struct render_block) + plan->name_count * sizeof(struct names_claim);
	size_t total = head + size.answers + size.offsets + size.records + size.bytes;
	struct render_block *block = mem_alloc(total);
	uint8_t *start = (uint8_t *)block + head;
	struct fill fill = {.plan = plan,
		.answers = start,
		.offsets = start + size.answers,
		.records = start + size.answers + size.offsets,
		.bytes = start + size.answers + size.offsets + size.records};

	fill.record_base = fill.records;
	*block = (struct render_block){.skipped = plan->skipped, .claim_count = plan->name_count};
	for (uint32_t i = 0; i < plan->row_count; i++)
		block->by_status[plan->rows[i].instance->status]++;
	for (uint32_t i = 0; i < plan->row_count; i++)
		if (plan->rows[i].shown)
			fill_record(&fill, &plan->rows[i]);
	for (uint32_t i = 0; i < plan->set_count; i++)
		fill_set(&fill, &plan->sets[i]);
	for (uint32_t i = 0; i < plan->name_count; i++)
		block->claims[i].answer = fill_name(&fill, &plan->names[i]);
	assert(fill.answers == start + size.answers && fill.bytes == (uint8_t *)block + total);
	assert(fill.offsets == start + size.answers + size.offsets &&
		fill.records == fill.record_base + size.records);
	*ret_names = plan->names;
	return block;
}
