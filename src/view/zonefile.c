#include "view/zonefile.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "view/rr.h"

#define FILE_MAX (64u << 20)

/* A file while it is read. */
struct reading {
	const char *path;
	struct arena *arena;
	struct buf text;
	size_t at;     /* what was read so far */
	uint32_t line; /* lines before `at` */
	uint32_t ttl;
	ldns_rdf *origin, *previous;
	struct zonefile *file;
	char *message;
};

/* Types that sign; the server does not. */
static const uint16_t dnssec_types[] = {LDNS_RR_TYPE_DS, LDNS_RR_TYPE_DNSKEY, LDNS_RR_TYPE_RRSIG,
	LDNS_RR_TYPE_NSEC, LDNS_RR_TYPE_NSEC3, LDNS_RR_TYPE_NSEC3PARAM, LDNS_RR_TYPE_CDS,
	LDNS_RR_TYPE_CDNSKEY, LDNS_RR_TYPE_KEY, LDNS_RR_TYPE_SIG, LDNS_RR_TYPE_NXT, LDNS_RR_TYPE_DLV};

static int refuse(const struct reading *r, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes "file:line: what"; line 0 stands for the whole file. Returns -EINVAL. */
static int refuse(const struct reading *r, uint32_t line, const char *format, ...)
{
	char what[280], where[16] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (line)
		snprintf(where, sizeof(where), "%u:", line);
	snprintf(r->message, ZONES_MESSAGE, "%.200s:%s %s", r->path, where, what);
	return -EINVAL;
}

/* --- entries: one directive or record, which may span lines inside parentheses --- */

/* Skips lines that are blank or only a comment. False at the end of the file. */
static bool skip_blank(struct reading *r)
{
	const char *text = r->text.data;

	while (r->at < r->text.size) {
		size_t p = r->at + strspn(text + r->at, " \t");
		if (text[p] == ';')
			p += strcspn(text + p, "\n");
		if (text[p] != '\n' && p < r->text.size)
			return true;
		r->at = p < r->text.size ? p + 1 : p;
		r->line++;
	}
	return false;
}

/* Moves behind the entry at r->at. 0, or -EINVAL if a quote or parenthesis is not closed. */
static int skip_entry(struct reading *r)
{
	const char *text = r->text.data;
	uint32_t first = r->line + 1;
	unsigned depth = 0;
	bool quoted = false;

	for (; r->at < r->text.size; r->at++) {
		char c = text[r->at];
		if (c == '\\' && r->at + 1 < r->text.size && text[r->at + 1] != '\n')
			r->at++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == ';' && !quoted)
			r->at += strcspn(text + r->at, "\n") - 1;
		else if (c == '(' && !quoted)
			depth++;
		else if (c == ')' && !quoted && depth-- == 0)
			return refuse(r, r->line + 1, "a ')' without '('");
		else if (c == '\n' && quoted)
			return refuse(r, r->line + 1, "a quote is not closed");
		if (c != '\n')
			continue;
		r->line++;
		if (depth == 0) {
			r->at++;
			return 0;
		}
	}
	if (depth > 0 || quoted)
		return refuse(r, first, "a %s is not closed", quoted ? "quote" : "'('");
	r->line++;
	return 0;
}

/* ldns takes any $TTL and makes an hour of what it cannot read. */
static int check_ttl_directive(const struct reading *r, const char *entry, uint32_t line)
{
	const char *value = entry + 4 + strspn(entry + 4, " \t");
	const char *end = value;

	if (*value >= '0' && *value <= '9')
		ldns_str2period(value, &end);
	if (end == value || !strchr(" \t\n;", *end))
		return refuse(r, line, "$TTL needs a number of seconds, or periods like 1h30m");
	if (r->ttl > RR_TTL_MAX)
		return refuse(r, line, "the TTL is above %d (RFC 2181 section 8)", RR_TTL_MAX);
	return 0;
}

/* --- records --- */

static const char *type_name(uint16_t type, char ret[32])
{
	char *text = ldns_rr_type2str((ldns_rr_type)type);

	snprintf(ret, 32, "%s", text ? text : "?");
	free(text);
	return ret;
}

/* What can be judged without the rest of the zone. */
static int check_record(const struct reading *r, const ldns_rr *rr, uint32_t line)
{
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);
	const uint8_t *owner = ldns_rdf_data(ldns_rr_owner(rr));
	char name[32];

	if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
		return refuse(r, line, "only class IN is served");
	for (size_t i = 0; i < sizeof(dnssec_types) / sizeof(dnssec_types[0]); i++)
		if (type == dnssec_types[i])
			return refuse(r, line, "DNSSEC is not served: type %s", type_name(type, name));
	if (type == LDNS_RR_TYPE_DNAME)
		return refuse(r, line, "DNAME is not served");
	if (!rr_type(type))
		return refuse(r, line, "type %s is not served", type_name(type, name));
	if (owner[0] == 1 && owner[1] == '*')
		return refuse(r, line, "wildcards are not served");
	if (ldns_rr_ttl(rr) > RR_TTL_MAX)
		return refuse(r, line, "the TTL is above %d (RFC 2181 section 8)", RR_TTL_MAX);
	if (type == WIRE_SOA && r->file->soa)
		return refuse(r, line, "a second SOA (the first is in line %u)", r->file->soa->line);
	return 0;
}

static const uint8_t *lower_copy(struct arena *arena, const uint8_t *name, size_t size)
{
	uint8_t *copy = arena_alloc(arena, size);

	wire_name_lower(name, size, copy);
	return copy;
}

void zonefile_keep(struct zonefile *file, struct arena *arena, const struct zonefile_record *record)
{
	if (record->type == WIRE_SOA) {
		file->soa =
			(const struct zonefile_record *)(void *)arena_copy(arena, record, sizeof(*record));
		file->name = record->owner;
		file->name_size = record->owner_size;
		return;
	}
	file->records = arena_grow(arena, file->records, file->count, sizeof(*record));
	file->records[file->count++] = *record;
}

static int add_record(struct reading *r, const ldns_rr *rr, uint32_t line)
{
	const ldns_rdf *owner = ldns_rr_owner(rr);
	ldns_buffer *wire = ldns_buffer_new(LDNS_MIN_BUFLEN);
	int rc = check_record(r, rr, line);

	if (rc == 0 && ldns_rr2buffer_wire(wire, rr, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		rc = refuse(r, line, "the record is too large");
	if (rc == 0) {
		size_t owner_size = ldns_rdf_size(owner), head = owner_size + RR_FIXED;
		const uint8_t *bytes = ldns_buffer_begin(wire);
		size_t size = ldns_buffer_position(wire) - head;
		const struct rr_type *type = rr_type((uint16_t)ldns_rr_get_type(rr));
		struct zonefile_record record = {.owner = lower_copy(r->arena, bytes, owner_size),
			.owner_size = (uint8_t)owner_size,
			.type = type->type,
			.ttl = ldns_rr_ttl(rr),
			.rdata = (const uint8_t *)arena_copy(r->arena, bytes + head, size),
			.rdata_size = (uint16_t)size,
			.line = line};
		if (!rr_rdata_valid(type, record.rdata, size))
			rc = refuse(r, line, "this is no rdata of type %s", type->name);
		else if (size > UINT16_MAX - 2 * (RR_OWNER + RR_FIXED))
			rc = refuse(r, line, "the record is too large");
		else
			zonefile_keep(r->file, r->arena, &record);
	}
	ldns_buffer_free(wire);
	return rc;
}

/* Hands one entry to ldns. */
static int read_entry(struct reading *r)
{
	char *entry = r->text.data + r->at;
	uint32_t line = r->line + 1;
	size_t start = r->at;
	ldns_rr *rr = NULL;
	int ldns_line = 0;
	int rc = skip_entry(r);

	if (rc < 0)
		return rc;
	FILE *stream = fmemopen(entry, r->at - start, "r");
	if (!stream)
		return refuse(r, line, "%s", err_str(-errno));
	ldns_status status = ldns_rr_new_frm_fp_l(&rr, stream, &r->ttl, &r->origin, &r->previous, &ldns_line);
	fclose(stream);
	switch (status) {
	case LDNS_STATUS_OK:
		rc = add_record(r, rr, line);
		break;
	case LDNS_STATUS_SYNTAX_TTL:
		rc = check_ttl_directive(r, entry, line);
		break;
	case LDNS_STATUS_SYNTAX_ORIGIN:
	case LDNS_STATUS_SYNTAX_EMPTY:
		break;
	case LDNS_STATUS_SYNTAX_INCLUDE:
		rc = refuse(r, line, "$INCLUDE is not supported");
		break;
	default:
		rc = refuse(r, line, "%s", ldns_get_errorstr_by_id(status));
	}
	ldns_rr_free(rr);
	return rc;
}

/* --- the zone as a whole --- */

static int compare_owners(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	if (a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return memcmp(a, b, a_size);
}

static int compare_records(const void *left, const void *right)
{
	const struct zonefile_record *a = left, *b = right;
	int order = compare_owners(a->owner, a->owner_size, b->owner, b->owner_size);

	if (order)
		return order;
	return a->line < b->line ? -1 : a->line > b->line;
}

static bool same_owner(const struct zonefile_record *a, const struct zonefile_record *b)
{
	return compare_owners(a->owner, a->owner_size, b->owner, b->owner_size) == 0;
}

static bool same_record(const struct zonefile_record *a, const struct zonefile_record *b)
{
	return a->type == b->type &&
	       rr_rdata_equal(rr_type(a->type), a->rdata, a->rdata_size, b->rdata, b->rdata_size);
}

/* Sorts by owner and leaves out what was said before (RFC 2181 section 5); the lower TTL stays. */
static void sort_records(struct zonefile *file)
{
	size_t kept = 0;

	if (file->count > 1)
		qsort(file->records, file->count, sizeof(*file->records), compare_records);
	for (size_t i = 0; i < file->count; i++) {
		const struct zonefile_record *record = &file->records[i];
		bool known = false;
		for (size_t j = kept; !known && j > 0 && same_owner(&file->records[j - 1], record); j--) {
			struct zonefile_record *other = &file->records[j - 1];
			known = same_record(other, record);
			if (known && record->ttl < other->ttl)
				other->ttl = record->ttl;
		}
		if (!known)
			file->records[kept++] = *record;
	}
	file->count = kept;
}

static bool at_apex(const struct zonefile *file, const struct zonefile_record *record)
{
	return record->owner_size == file->name_size;
}

/* True if the target of an NS, MX or SRV record is a CNAME of this zone. */
static bool target_is_alias(const struct zonefile *file, const struct zonefile_record *record)
{
	uint8_t target[WIRE_NAME_MAX];
	int at = rr_type(record->type)->target;

	if (at < 0)
		return false;
	size_t size = record->rdata_size - (size_t)at;
	wire_name_lower(record->rdata + at, size, target);
	size_t low = 0, high = file->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct zonefile_record *probe = &file->records[middle];
		if (compare_owners(probe->owner, probe->owner_size, target, size) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == file->count)
		return false;
	const struct zonefile_record *found = &file->records[low];
	return found->type == WIRE_CNAME &&
	       compare_owners(found->owner, found->owner_size, target, size) == 0;
}

static int check_in_zone(const struct reading *r, const struct zonefile_record *record)
{
	const struct zonefile *file = r->file;
	char text[WIRE_NAME_TEXT], zone[WIRE_NAME_TEXT];

	if (!wire_name_within(record->owner, record->owner_size, file->name, file->name_size))
		return refuse(r, record->line, "%.100s is not in zone %.100s",
			wire_name_format(record->owner, record->owner_size, text),
			wire_name_format(file->name, file->name_size, zone));
	if (record->type == WIRE_NS && !at_apex(file, record))
		return refuse(r, record->line, "delegations (NS below the zone's apex) are not served");
	if (record->type == WIRE_CNAME && at_apex(file, record))
		return refuse(r, record->line, "a CNAME at the zone's apex, beside the SOA");
	if (target_is_alias(file, record))
		return refuse(r, record->line, "the target is a CNAME (RFC 2181 section 10.3)");
	return 0;
}

static int check_zone(const struct reading *r, const char *name)
{
	const struct zonefile *file = r->file;
	char text[WIRE_NAME_TEXT];
	uint8_t wanted[WIRE_NAME_MAX];
	bool has_ns = false;
	int rc = 0;

	if (!file->soa)
		return refuse(r, 0, "no SOA record, so it is no zone");
	if (file->name_size == 1)
		return refuse(r, file->soa->line, "the root cannot be served");
	int size = name ? wire_name_parse(name, wanted) : 0;
	if (size < 0)
		return refuse(r, 0, "'%.100s' is not a domain name", name);
	if (name && !wire_name_equal(wanted, (size_t)size, file->name, file->name_size))
		return refuse(r, file->soa->line, "the SOA names zone %.100s, not %.100s",
			wire_name_format(file->name, file->name_size, text), name);
	for (size_t i = 0; rc == 0 && i < file->count; i++) {
		const struct zonefile_record *record = &file->records[i];
		rc = check_in_zone(r, record);
		has_ns = has_ns || record->type == WIRE_NS;
		if (rc == 0 && i > 0 && same_owner(record - 1, record) &&
			(record[-1].type == WIRE_CNAME || record->type == WIRE_CNAME))
			rc = refuse(
				r, record->line, "a CNAME may have no other records beside it (RFC 1034)");
	}
	if (rc == 0 && !has_ns)
		rc = refuse(r, file->soa->line, "the zone's apex has no NS record");
	return rc;
}

static int slurp(struct reading *r)
{
	char chunk[4096];
	size_t size;
	FILE *stream = fopen(r->path, "re");

	if (!stream)
		return refuse(r, 0, "%s", err_str(-errno));
	while ((size = fread(chunk, 1, sizeof(chunk), stream)) > 0 && r->text.size <= FILE_MAX)
		buf_add(&r->text, chunk, size);
	int rc = ferror(stream) ? refuse(r, 0, "%s", err_str(-errno)) : 0;
	fclose(stream);
	if (rc == 0 && r->text.size > FILE_MAX)
		rc = refuse(r, 0, "larger than %u bytes", FILE_MAX);
	if (rc == 0 && r->text.size && memchr(r->text.data, '\0', r->text.size))
		rc = refuse(r, 0, "a NUL byte: not a text file");
	for (size_t i = 0; i < r->text.size; i++)
		if (r->text.data[i] == '\r')
			r->text.data[i] = ' ';
	return rc;
}

int zonefile_read(const char *path, const char *origin, const char *name, uint32_t ttl, struct arena *arena,
	struct zonefile *ret, char message[ZONES_MESSAGE])
{
	struct zonefile file = {.path = arena_strdup(arena, path)};
	struct reading r = {.path = path, .arena = arena, .ttl = ttl, .file = &file, .message = message};
	int rc = slurp(&r);

	if (rc < 0)
		goto out;
	r.origin = ldns_dname_new_frm_str(origin ? origin : ".");
	if (!r.origin) {
		rc = refuse(&r, 0, "'%.100s' is not a domain name", origin ? origin : ".");
		goto out;
	}
	while (rc == 0 && skip_blank(&r))
		rc = read_entry(&r);
	if (rc < 0)
		goto out;
	sort_records(&file);
	rc = check_zone(&r, name);
	if (rc == 0)
		*ret = file;
out:
	ldns_rdf_deep_free(r.origin);
	ldns_rdf_deep_free(r.previous);
	buf_finish(&r.text);
	return rc;
}
