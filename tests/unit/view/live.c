#include "live.h"

#include <ldns/ldns.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

char live_reports[LIVE_REPORTS][512];
size_t live_report_count;

void live_report(enum log_level level, const char *message, const char *name, const char *detail)
{
	(void)level;
	if (live_report_count < LIVE_REPORTS)
		snprintf(live_reports[live_report_count], sizeof(live_reports[0]), "%s: %s: %s", name,
			message, detail);
	live_report_count++;
}

void live_begin(struct live *live, const char *file)
{
	const struct view_zone_config zone = {.name = LIVE_ZONE, .file = file};
	const struct view_config config = {
		.zones = &zone, .zone_count = 1, .ttl = 5, .node_address = "127.0.0.1"};
	char message[ZONES_MESSAGE] = "";

	memset(live, 0, sizeof(*live));
	live_report_count = 0;
	services_init(&live->services, &live->current, live_report, &live->metrics);
	if (zones_load(&config, &live->services.table.key, false, &live->zones, message) != 0)
		fail_msg("%s", message);
	atomic_store(&live->current, live->zones);
	rcu_register();
}

void live_end(struct live *live)
{
	services_finish(&live->services);
	rcu_unregister();
	zones_destroy(live->zones);
}

void live_put(struct live *live, const char *service, const struct registry_instance *instances, size_t count)
{
	const struct render_request request = {.service = service,
		.instances = instances,
		.count = count,
		.ttl = live->zones->ttl,
		.zone_size = live->zones->longest};

	services_apply(&live->services, &request);
	services_reclaim(&live->services);
}

const struct view_answer *live_find(struct live *live, const char *name)
{
	uint8_t wire[WIRE_NAME_MAX];
	int size = wire_name_parse(name, wire);

	assert_true(size > 1);
	size--;
	wire_name_lower(wire, (size_t)size, wire);
	rcu_online();
	uint64_t hash = table_hash(&live->services.table, wire, (size_t)size);
	struct table_node *node = table_find(&live->services.table, hash, wire, (size_t)size);
	const struct view_answer *answer = node ? table_answer(node) : NULL;
	rcu_offline();
	return answer;
}

/* A message for `name` with one answer record, and its glue in additional. */
struct message {
	uint8_t bytes[65535];
	size_t size;
	size_t zone_size;
	uint8_t zone[WIRE_NAME_MAX];
};

static void begin_message(struct message *m, const char *name, uint16_t type)
{
	char full[WIRE_NAME_TEXT + 32];

	memset(m->bytes, 0, WIRE_HEADER_SIZE);
	m->zone_size = (size_t)wire_name_parse(LIVE_ZONE, m->zone);
	snprintf(full, sizeof(full), "%s%s%s", name, *name ? "." : "", LIVE_ZONE);
	int size = wire_name_parse(full, m->bytes + WIRE_HEADER_SIZE);
	assert_true(size > 0);
	m->size = WIRE_HEADER_SIZE + (size_t)size;
	wire_set16(m->bytes + m->size, type);
	wire_set16(m->bytes + m->size + 2, WIRE_CLASS_IN);
	m->size += 4;
	wire_set16(m->bytes + 2, WIRE_FLAG_QR | WIRE_FLAG_AA);
	wire_set16(m->bytes + 4, 1);
}

static void put_record(struct message *m, const struct view_record *record)
{
	uint8_t *start = m->bytes + m->size;

	memcpy(start, record->bytes, record->size);
	m->size += record->size;
	if (record->relative) {
		memcpy(m->bytes + m->size, m->zone, m->zone_size);
		m->size += m->zone_size;
		wire_set16(start + 10, (uint16_t)(wire_get16(start + 10) + m->zone_size));
	}
	wire_set16(m->bytes + 6, 1);
	if (!record->glue_count)
		return;
	/* The glue under its owner, the target, which begins at target_at and now has its root label. */
	const uint8_t *target = start + record->target_at, *glue = view_record_glue(record);
	size_t target_size = (size_t)(m->bytes + m->size - target);
	size_t at = 0;
	for (uint16_t i = 0; i < record->glue_count; i++) {
		size_t size = 10u + wire_get16(glue + at + 8);
		memcpy(m->bytes + m->size, target, target_size);
		memcpy(m->bytes + m->size + target_size, glue + at, size);
		m->size += target_size + size;
		at += size;
	}
	assert_int_equal(at, record->glue_size);
	wire_set16(m->bytes + 10, record->glue_count);
}

static void append_list(struct buf *out, const ldns_rr_list *list, const char *mark)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(list, i));
		for (char *tab = text; (tab = strchr(tab, '\t'));)
			*tab = ' ';
		buf_str(out, mark);
		buf_str(out, text);
		free(text);
	}
}

static void append_packet(struct buf *out, const struct message *m)
{
	ldns_pkt *packet = NULL;

	assert_int_equal(ldns_wire2pkt(&packet, m->bytes, m->size), LDNS_STATUS_OK);
	append_list(out, ldns_pkt_answer(packet), "");
	append_list(out, ldns_pkt_additional(packet), "+ ");
	ldns_pkt_free(packet);
}

char *live_text(const struct view_answer *answer, const char *name, uint16_t type)
{
	const struct view_rrset *set = answer ? view_answer_find(answer, type) : NULL;
	struct buf out = {0};
	struct message *m = malloc(sizeof(*m));

	assert_non_null(m);
	buf_str(&out, "");
	for (uint32_t i = 0; set && i < set->count; i++) {
		begin_message(m, name, type);
		if (set->stride) {
			memcpy(m->bytes + m->size, set->flat + (size_t)i * set->stride, set->stride);
			m->size += set->stride;
			wire_set16(m->bytes + 6, 1);
		} else {
			put_record(m, view_rrset_record(set, i));
		}
		append_packet(&out, m);
	}
	free(m);
	return out.data ? out.data : strdup("");
}

void live_expect(struct live *live, const char *name, uint16_t type, const char *expected)
{
	char *text = live_text(live_find(live, name), name, type);

	assert_string_equal(text, expected);
	free(text);
}

struct wire_query live_query(const char *name)
{
	struct wire_query query = {.name_size = 0};
	uint8_t wire[WIRE_NAME_MAX];

	int size = wire_name_parse(name, wire);
	assert_true(size > 0);
	query.name_size = (uint8_t)size;
	wire_name_lower(wire, (size_t)size, query.name);
	size_t at = 0;
	for (; query.name[at]; at += 1u + query.name[at])
		query.label_at[query.label_count++] = (uint8_t)at;
	query.label_at[query.label_count] = (uint8_t)at;
	return query;
}

const struct view_answer *live_lookup(
	const struct view *view, const char *name, const struct view_zone **ret_zone)
{
	const struct wire_query query = live_query(name);
	size_t relative = 0;
	const struct view_answer *answer = NULL;

	view_reader_register();
	view_read_begin();
	*ret_zone = view_find_zone(view, &query, &relative);
	if (*ret_zone)
		answer = view_find(view, *ret_zone, query.name, relative);
	view_read_end();
	view_reader_unregister();
	return answer;
}
