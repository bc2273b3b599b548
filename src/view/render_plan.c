#include "view/render_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "view/rr.h"

#define PRIORITY_DEFAULT 1
#define TOKEN_MAX 256

/* Something that is compared by its bytes, and the row that it came from. */
struct key {
	const uint8_t *bytes;
	uint32_t size, row;
};

/* Works out which rows share a record, so that each set holds it once. */
struct dedupe {
	uint32_t *first[PLAN_PARTS]; /* of a row: the first row with the same record */
	uint32_t *seen[PLAN_PARTS];  /* of a first row: the last set that has it (number + 1) */
};

static void skip(struct plan *plan, const char *name, const char *why, uint32_t rows)
{
	const struct render_request *request = plan->request;

	plan->skipped += rows;
	if (request->skipped)
		request->skipped(request->ctx, name, why);
}

/* --- what the instances' Meta says about DNS --- */

/* The next item of a comma-separated list without blanks around it; false at the end. */
static bool next_token(const char **list, char token[TOKEN_MAX])
{
	const char *text = *list + strspn(*list, ", \t");
	size_t size = strcspn(text, ",");

	*list = text + size;
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	if (size >= TOKEN_MAX)
		size = TOKEN_MAX - 1;
	memcpy(token, text, size);
	token[size] = '\0';
	return size > 0;
}

/* "30" is seconds; else a duration as Consul writes it. */
static bool parse_ttl(const char *text, uint32_t *ret)
{
	uint64_t seconds;
	int64_t ns;

	if (str_parse_u64(text, RR_TTL_MAX, &seconds) == 0) {
		*ret = (uint32_t)seconds;
		return true;
	}
	if (str_parse_duration(text, &ns) != 0 || ns < 0 || ns / CLOCK_NS_PER_S > RR_TTL_MAX)
		return false;
	*ret = (uint32_t)(ns / CLOCK_NS_PER_S);
	return true;
}

static void read_protocols(struct plan *plan, const char *list)
{
	char token[TOKEN_MAX];
	bool tcp = false, udp = false;

	while (list && next_token(&list, token)) {
		tcp = tcp || str_ieq(token, "tcp");
		udp = udp || str_ieq(token, "udp");
	}
	plan->tcp = plan->tcp || tcp || !udp;
	plan->udp = plan->udp || udp;
}

static bool has_alias(const struct plan *plan, const char *alias)
{
	for (size_t i = 0; i < plan->alias_count; i++)
		if (str_ieq(plan->aliases[i], alias))
			return true;
	return false;
}

static void read_aliases(struct plan *plan, const char *list)
{
	char token[TOKEN_MAX];

	while (list && next_token(&list, token)) {
		const char *alias = token[0] == '_' ? token + 1 : token;
		if (plan->alias_count == PLAN_ALIASES)
			return;
		if (!wire_label_is_host(alias) || strlen(alias) >= WIRE_LABEL_MAX || has_alias(plan, alias))
			continue;
		plan->aliases[plan->alias_count++] = arena_strdup(plan->scratch, alias);
	}
}

/* What speaks for the service, taken over all its instances. */
static void read_meta(struct plan *plan)
{
	bool ttl_given = false;

	for (size_t i = 0; i < plan->request->count; i++) {
		const struct registry_instance *instance = &plan->request->instances[i];
		const char *ttl = registry_instance_meta(instance, "dns-ttl");
		const char *all = registry_instance_meta(instance, "dns-when-all-down");
		uint32_t seconds;

		if (ttl && parse_ttl(ttl, &seconds) && (!ttl_given || seconds < plan->ttl)) {
			plan->ttl = seconds;
			ttl_given = true;
		}
		if (all && str_ieq(all, "all"))
			plan->show_all = true;
		read_protocols(plan, registry_instance_meta(instance, "dns-proto"));
		read_aliases(plan, registry_instance_meta(instance, "dns-alias"));
	}
}

/* --- rows --- */

/* True if a relative name of `size` bytes makes a name of at most 255 octets in every zone. */
static bool fits(const struct plan *plan, size_t size)
{
	return size + plan->request->zone_size <= WIRE_NAME_MAX;
}

/* Copies `front` and the service's labels one behind the other into the arena. */
static uint8_t *below_service(struct plan *plan, const uint8_t *front, size_t size, bool lower)
{
	uint8_t *name = arena_alloc(plan->scratch, size + plan->service_size);

	memcpy(name, front, size);
	memcpy(name + size, plan->service, plan->service_size);
	if (lower)
		wire_name_lower(name, size + plan->service_size, name);
	return name;
}

/* SRV targets that are host names: absolute, a final dot is accepted. */
static bool read_host(struct plan *plan, const char *host, struct plan_row *row)
{
	char text[WIRE_NAME_TEXT];
	uint8_t name[WIRE_NAME_MAX];
	size_t length = strlen(host);

	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length + 1);
	if (length > 1 && text[length - 1] == '.')
		text[length - 1] = '\0';
	int size = rr_host_name(text, name);
	if (size < 0)
		return false;
	name[size] = 0;
	row->target = (const uint8_t *)arena_copy(plan->scratch, name, (size_t)size + 1);
	row->target_size = (uint8_t)(size + 1);
	row->host = true;
	return true;
}

static uint16_t clamp16(uint32_t value)
{
	return value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
}

static void judge_srv(const struct registry_instance *instance, struct plan_row *row)
{
	const char *text = registry_instance_meta(instance, "dns-priority");
	uint64_t priority = PRIORITY_DEFAULT;

	if (text)
		str_parse_u64(text, UINT16_MAX, &priority);
	row->priority = (uint16_t)priority;
	row->weight = clamp16(
		instance->status == REGISTRY_WARNING ? instance->weight_warning : instance->weight_passing);
	/* A target must own an address (RFC 2782), or be somebody else's name. */
	row->has[PLAN_SRV] = row->host || row->has[PLAN_A] || row->has[PLAN_AAAA];
}

/* Judges one instance. NULL, or why it cannot be shown. */
static const char *judge(struct plan *plan, const struct registry_instance *instance, struct plan_row *row)
{
	uint8_t label[WIRE_LABEL_MAX + 1];

	if (!wire_label_is_host(instance->label))
		return "its label is not a host label";
	size_t size = strlen(instance->label) + 1;
	if (!fits(plan, size + plan->service_size))
		return "its name is longer than 255 octets in the zone";
	*row = (struct plan_row){.instance = instance};
	rr_put_label(label, instance->label, size - 1);
	row->name = below_service(plan, label, size, true);
	row->name_size = (uint8_t)(size + plan->service_size);
	const char *host = registry_instance_hostname(instance);
	if (host) {
		if (!read_host(plan, host, row))
			return "its address is neither an IP address nor a host name";
	} else {
		row->target = below_service(plan, label, size, false);
		row->target_size = row->name_size;
	}
	row->has[PLAN_A] = registry_instance_address(instance, AF_INET, row->addresses[PLAN_A]);
	row->has[PLAN_AAAA] = registry_instance_address(instance, AF_INET6, row->addresses[PLAN_AAAA]);
	judge_srv(instance, row);
	return NULL;
}

static void judge_all(struct plan *plan)
{
	const struct render_request *request = plan->request;

	plan->rows = arena_alloc(plan->scratch, request->count * sizeof(*plan->rows));
	for (size_t i = 0; i < request->count; i++) {
		const struct registry_instance *instance = &request->instances[i];
		const char *why = judge(plan, instance, &plan->rows[plan->row_count]);
		if (why)
			skip(plan, instance->id, why, 1);
		else
			plan->row_count++;
	}
}

/* --- sets --- */

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	int order = memcmp(a->bytes, b->bytes, a->size);
	if (order)
		return order;
	return a->row < b->row ? -1 : a->row > b->row;
}

static bool same_bytes(const struct key *a, const struct key *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* What makes the record of a row: the address, or the rdata of an SRV record. */
static struct key record_key(struct plan *plan, uint32_t index, unsigned part)
{
	const struct plan_row *row = &plan->rows[index];

	if (part != PLAN_SRV)
		return (struct key){row->addresses[part], part == PLAN_A ? 4 : 16, index};
	uint8_t *bytes = arena_alloc(plan->scratch, 6u + row->target_size);
	wire_set16(bytes, row->priority);
	wire_set16(bytes + 2, row->weight);
	wire_set16(bytes + 4, row->instance->port);
	wire_name_lower(row->target, row->target_size, bytes + 6);
	return (struct key){bytes, 6u + row->target_size, index};
}

static void find_duplicates(struct plan *plan, struct dedupe *dedupe)
{
	struct key *keys = arena_alloc(plan->scratch, plan->row_count * sizeof(*keys));

	for (unsigned part = 0; part < PLAN_PARTS; part++) {
		uint32_t *first = arena_alloc(plan->scratch, plan->row_count * sizeof(*first));
		uint32_t count = 0;

		dedupe->first[part] = first;
		dedupe->seen[part] = arena_alloc(plan->scratch, plan->row_count * sizeof(uint32_t));
		for (uint32_t i = 0; i < plan->row_count; i++) {
			first[i] = i;
			/* Targets inside the zone differ anyway. */
			if (plan->rows[i].has[part] && (part != PLAN_SRV || plan->rows[i].host))
				keys[count++] = record_key(plan, i, part);
		}
		qsort(keys, count, sizeof(*keys), compare_keys);
		for (uint32_t i = 1; i < count; i++)
			if (same_bytes(&keys[i - 1], &keys[i]))
				first[keys[i].row] = first[keys[i - 1].row];
	}
}

static const char *empty_reason(struct plan *plan, const struct plan_set *set)
{
	if (set->waiting > 0)
		return arena_printf(plan->scratch, "%s: waiting for the first check", plan->request->service);
	if (set->total == 0)
		return arena_printf(plan->scratch, "%s: no instance can be shown", plan->request->service);
	return arena_printf(plan->scratch, "%s: 0 of %u healthy", plan->request->service, set->total);
}

/* Fills a set with the healthy ones of `rows` (with all, if there are none and the service wants that). */
static void fill_set(
	struct plan *plan, struct dedupe *dedupe, const uint32_t *rows, uint32_t count, struct plan_set *set)
{
	uint32_t number = (uint32_t)(set - plan->sets) + 1;

	set->total = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct registry_instance *instance = plan->rows[rows[i]].instance;
		set->healthy += instance->status != REGISTRY_CRITICAL;
		set->waiting += instance->status == REGISTRY_CRITICAL && instance->waiting;
	}
	bool all = set->healthy == 0 && plan->show_all;
	if (set->healthy == 0 && !all)
		set->reason = empty_reason(plan, set);
	for (unsigned part = 0; part < PLAN_PARTS; part++) {
		set->members[part] = arena_alloc(plan->scratch, count * sizeof(uint32_t));
		for (uint32_t i = 0; i < count; i++) {
			struct plan_row *row = &plan->rows[rows[i]];
			if (!row->has[part] || (!all && row->instance->status == REGISTRY_CRITICAL))
				continue;
			uint32_t first = dedupe->first[part][rows[i]];
			if (dedupe->seen[part][first] == number)
				continue;
			dedupe->seen[part][first] = number;
			row->shown = row->shown || part == PLAN_SRV;
			set->members[part][set->counts[part]++] = rows[i];
		}
		const struct plan_set *own = &plan->sets[0];
		set->as_service[part] = set != own && set->counts[part] == own->counts[part] &&
					memcmp(set->members[part], own->members[part],
						set->counts[part] * sizeof(uint32_t)) == 0;
	}
}

/* Lists the tags that are host names, each with its rows one behind the other. */
static struct key *list_tags(struct plan *plan, size_t *ret_count)
{
	size_t count = 0, most = 0;
	uint8_t name[WIRE_NAME_MAX];

	for (uint32_t i = 0; i < plan->row_count; i++)
		most += plan->rows[i].instance->tag_count;
	struct key *tags = arena_alloc(plan->scratch, most * sizeof(*tags));
	for (uint32_t i = 0; i < plan->row_count; i++) {
		const struct registry_instance *instance = plan->rows[i].instance;
		for (size_t t = 0; t < instance->tag_count; t++) {
			int size = rr_host_name(instance->tags[t], name);
			if (size < 0 || !fits(plan, (size_t)size + plan->service_size))
				continue;
			wire_name_lower(name, (size_t)size, name);
			tags[count++] =
				(struct key){(const uint8_t *)arena_copy(plan->scratch, name, (size_t)size),
					(uint32_t)size, i};
		}
	}
	if (count > 1)
		qsort(tags, count, sizeof(*tags), compare_keys);
	*ret_count = count;
	return tags;
}

/* So many tags are in the sorted list; each stands there once for each of its rows. */
static size_t count_tags(const struct key *tags, size_t count)
{
	size_t distinct = count > 0;

	for (size_t i = 1; i < count; i++)
		distinct += !same_bytes(&tags[i - 1], &tags[i]);
	return distinct;
}

static void add_name(
	struct plan *plan, const uint8_t *name, size_t size, enum view_kind kind, bool srv_only, uint32_t of)
{
	plan->names = arena_grow(plan->scratch, plan->names, plan->name_count, sizeof(*plan->names));
	plan->names[plan->name_count++] = (struct plan_name){
		.name = name, .size = (uint8_t)size, .kind = (uint8_t)kind, .srv_only = srv_only, .of = of};
}

/* The set of one tag: the keys are its rows, in order; an instance may say a tag twice. */
static void group_tag(struct plan *plan, struct dedupe *dedupe, const struct key *keys, size_t count)
{
	uint32_t *rows = arena_alloc(plan->scratch, count * sizeof(*rows));
	uint32_t row_count = 0;

	for (size_t i = 0; i < count; i++)
		if (row_count == 0 || rows[row_count - 1] != keys[i].row)
			rows[row_count++] = keys[i].row;
	fill_set(plan, dedupe, rows, row_count, &plan->sets[plan->set_count++]);
	add_name(plan, below_service(plan, keys[0].bytes, keys[0].size, true),
		keys[0].size + plan->service_size, VIEW_TAG, false, plan->set_count - 1);
}

static void group(struct plan *plan)
{
	struct dedupe dedupe;
	size_t key_count, tags_end;
	struct key *tags = list_tags(plan, &key_count);
	uint32_t *rows = arena_alloc(plan->scratch, plan->row_count * sizeof(*rows));

	find_duplicates(plan, &dedupe);
	plan->sets = arena_alloc(plan->scratch, (1 + count_tags(tags, key_count)) * sizeof(*plan->sets));
	for (uint32_t i = 0; i < plan->row_count; i++)
		rows[i] = i;
	plan->set_count = 1;
	fill_set(plan, &dedupe, rows, plan->row_count, &plan->sets[0]);
	for (size_t i = 0; i < key_count; i = tags_end) {
		for (tags_end = i + 1; tags_end < key_count && same_bytes(&tags[i], &tags[tags_end]);)
			tags_end++;
		group_tag(plan, &dedupe, &tags[i], tags_end - i);
	}
}

/* --- names --- */

/* _<service>._tcp: the '_' goes on the service's first label. */
static void add_service_form(struct plan *plan, const char *protocol)
{
	size_t first = plan->service[0], size = plan->service_size;
	uint8_t *name = arena_alloc(plan->scratch, size + 6);

	if (first == WIRE_LABEL_MAX || !fits(plan, size + 6))
		return;
	name[0] = (uint8_t)(first + 1);
	name[1] = '_';
	memcpy(name + 2, plan->service + 1, size - 1);
	rr_put_label(name + size + 1, protocol, 4);
	wire_name_lower(name, size + 6, name);
	add_name(plan, name, size + 6, VIEW_SERVICE, true, 0);
}

/* _<alias>._tcp.<service> */
static void add_alias_form(struct plan *plan, const char *alias, const char *protocol)
{
	uint8_t front[2 + WIRE_LABEL_MAX + 5];
	size_t length = strlen(alias), size = 2 + length + 5;

	if (!fits(plan, size + plan->service_size))
		return;
	/* The alias one byte late, so that its size stands where the '_' goes. */
	rr_put_label(rr_put_label(front + 1, alias, length), protocol, 4);
	front[0] = (uint8_t)(length + 1);
	front[1] = '_';
	add_name(
		plan, below_service(plan, front, size, true), size + plan->service_size, VIEW_ALIAS, true, 0);
}

static void add_service_names(struct plan *plan)
{
	static const char *const protocols[] = {"_tcp", "_udp"};
	const bool spoken[] = {plan->tcp, plan->udp};

	add_name(plan, below_service(plan, plan->service, 0, true), plan->service_size, VIEW_SERVICE, false,
		0);
	for (unsigned p = 0; p < 2; p++) {
		if (!spoken[p])
			continue;
		add_service_form(plan, protocols[p]);
		for (size_t i = 0; i < plan->alias_count; i++)
			add_alias_form(plan, plan->aliases[i], protocols[p]);
	}
}

struct plan *plan_make(const struct render_request *request, struct arena *scratch)
{
	struct plan *plan = arena_alloc(scratch, sizeof(*plan));

	*plan = (struct plan){.request = request, .scratch = scratch, .ttl = request->ttl};
	int size = rr_host_name(request->service, plan->service);
	if (size < 0 || !fits(plan, (size_t)size)) {
		skip(plan, request->service, "its name cannot be a DNS name in the zone", 0);
		return NULL;
	}
	plan->service_size = (size_t)size;
	read_meta(plan);
	judge_all(plan);
	for (uint32_t i = 0; i < plan->row_count; i++)
		add_name(plan, plan->rows[i].name, plan->rows[i].name_size, VIEW_INSTANCE, false, i);
	add_service_names(plan);
	group(plan);
	return plan;
}
