/* view.h -- the door of the view room: the registry compiled into answers, read without a lock.
 *
 * The follower thread is the only one that changes the view. It reads what changed from the registry, renders
 * each changed service once into wire bytes, and swaps the answers of its names under RCU (QSBR). Readers,
 * the dns workers, look a name up between view_read_begin() and view_read_end(); what they find is immutable
 * and stays until view_read_end(). Nothing here allocates, locks or calls the kernel on the reader's side.
 *
 * Names are kept once, without the zone: every zone shows the same services. What a zone has of its own (SOA,
 * NS, static records) is in the zone. One name has one owner, in the order of enum view_kind; a claim that
 * loses waits behind the winner and takes over when that goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/level.h"
#include "base/page.h"
#include "wire/wire.h"

/* Who owns a name; the lowest number wins. */
enum view_kind {
	VIEW_STATIC,   /* the zone file */
	VIEW_SERVICE,  /* <svc>: A, AAAA, SRV;  and _<svc>._tcp: SRV */
	VIEW_ALIAS,    /* _<alias>._tcp.<svc>: SRV */
	VIEW_INSTANCE, /* <instance>.<svc>: A, AAAA */
	VIEW_TAG,      /* <tag>.<svc>: A, AAAA, SRV */
	VIEW_EMPTY     /* an empty non-terminal: exists, owns nothing */
};

/* One record, ready to be copied behind the question. bytes[] is the record in wire form from its owner,
 * which is a pointer to the question's name (0xC00C), to the end of its rdata. If `relative` is set the rdata
 * ends in a name without its zone: the zone's wire name is appended, and RDLENGTH (at bytes[10]) grows by its
 * size. */
struct view_record {
	uint16_t size;
	uint8_t relative;
	uint8_t target_at;   /* SRV, MX, NS: where in bytes[] the target name starts; else 0 */
	uint16_t glue_count; /* addresses of the target: view_record_glue() */
	uint16_t glue_size;
	uint8_t bytes[];
};

/* The records of one type at one name, in a stable order. A and AAAA records all have the same size and stand
 * one behind the other; other types are reached one by one. */
struct view_rrset {
	uint16_t type;
	uint16_t stride; /* 16 for A, 28 for AAAA: `flat` is count * stride bytes; else 0 */
	uint32_t count;
	const uint8_t *flat;     /* stride != 0 */
	const uint32_t *offsets; /* stride == 0: from `base` to each struct view_record */
	const uint8_t *base;
};

/* Everything at one name. */
struct view_answer {
	uint8_t kind; /* enum view_kind */
	uint8_t rrset_count;
	uint16_t reason_size; /* bytes of `reason` */
	/* Why the name has no instances to show ("web: 0 of 3 healthy"), for EDE; NULL if it has. */
	const char *reason;
	struct view_rrset rrsets[];
};

/* A zone: its name, and its own records. Immutable; swapped whole by a reload. */
struct view_zone {
	uint8_t name[WIRE_NAME_MAX]; /* wire form, lower case, with the root label */
	uint8_t name_size;
	uint8_t label_count;
	bool incomplete;    /* its file cannot be read: what is not here may stand there; the SOA is ours */
	uint16_t config_at; /* which of view_config.zones made it */
	/* From the zone file; see view_zone_serial(). */
	uint32_t serial;
	/* The SOA record from its type on (no owner), for authority and apex answers: the apex has no SOA
	 * set. Its TTL and its MINIMUM are the lower of both (RFC 2308). */
	uint16_t soa_size;
	uint16_t soa_serial_at; /* where in soa[] the serial stands */
	uint8_t soa[600];
	const void *statics; /* the view's own */
};

/* The serial that a zone shows with a view at `index`: the greater of both in the arithmetic of RFC 1982
 * section 3.2. */
static inline uint32_t view_zone_serial(const struct view_zone *zone, uint64_t index)
{
	return zone->serial - (uint32_t)index < UINT32_C(0x80000000) ? zone->serial : (uint32_t)index;
}

struct view;

/* One zone. A bare name and a file whose SOA names the same zone are one zone: the file's. */
struct view_zone_config {
	const char *name; /* "service.local"; NULL with a file: the SOA's owner */
	const char *file; /* master file, NULL for the built-in SOA, NS and NS address */
	/* The zone that the file named when it was checked, the only one that it may name then; NULL: any. */
	const char *accepted;
};

struct view_config {
	const struct view_zone_config *zones;
	size_t zone_count;
	uint32_t ttl;             /* zone.ttl in seconds */
	const char *node_address; /* for the built-in ns1 record; NULL or a host name: no address */
	const char *registry_path;
	struct page *page;          /* dns's page: state and applied index are published here */
	struct page_thread *thread; /* the follower's slot */
	const struct page *commits; /* the sidecar's page: when what is shown was committed; NULL for none */
	const struct clock *clock;  /* for those times */
	int wake_fd;                /* rung by the writer after each commit; -1 for polling only */
	int notify_fd;              /* rung after each applied index; -1 for none */
	/* Says one thing worth a log line, on the follower's thread or in view_create(). May be NULL. */
	void (*report)(enum log_level level, const char *message, const char *name, const char *detail);
};

/* Reads and checks the zones without a view, for --check-config and reloads. If all is good, calls `visit`
 * (may be NULL) for each zone, with its place in config->zones and its name in wire form and lower case. The
 * wire size of the longest name, or -EINVAL with file, line and what is wrong in `message`. */
int view_check_zones(const struct view_config *config,
	void (*visit)(size_t at, const uint8_t *name, size_t size, void *ctx), void *ctx, char message[512]);

/* A view with its zones and no names, not yet whole. A file that cannot be read is reported and left out if
 * its zone is known (`accepted`): of its own that has only the built-in SOA then, until view_reload_zones()
 * reads the file. 0, or -EINVAL with `message` as view_check_zones(). */
int view_create(const struct view_config *config, struct view **ret, char message[512]);

/* Ends the follower if it runs, and frees all; no reader may be left. NULL is fine. */
void view_destroy(struct view *view);

/* Reads the zones anew and swaps them; any error keeps the old ones. Any thread but readers. 0 or -EINVAL. */
int view_reload_zones(struct view *view, const struct view_config *config, char message[512]);

/* Starts the follower's thread: it loads the registry as soon as it can be opened, and follows it. 0 or
 * negative errno. */
int view_follow(struct view *view);

/* One round of the follower in the calling thread, for tests: opens or loads if needed, applies what changed.
 * Returns the number of services rendered, or negative errno (-ENOENT, -EAGAIN: no registry yet). */
int view_step(struct view *view);

/* True once the whole registry has been loaded (it stays true if the registry goes away later). */
bool view_ready(const struct view *view);

/* The registry index that the view shows; 0 before it is whole. */
uint64_t view_index(const struct view *view);

/* Makes the calling thread a reader; it is offline until view_read_begin(). Each reader thread, once. */
void view_reader_register(void);

/* The end of a reader thread. */
void view_reader_unregister(void);

/* Opens a read-side section (goes online). Cheap; once for a batch of queries. */
void view_read_begin(void);

/* Closes it; nothing found since view_read_begin() may be touched any more. */
void view_read_end(void);

/* The zone with the longest match of the lower-case name in `query`, NULL if none. *ret_relative: bytes of
 * the name in front of the zone. */
const struct view_zone *view_find_zone(
	const struct view *view, const struct wire_query *query, size_t *ret_relative);

/* True if a zone stands below the lower-case name in `query`. Not for each query: it looks at all zones. */
bool view_is_above_zone(const struct view *view, const struct wire_query *query);

/* A name on its way to its answer. Each step asks for the memory that the next one reads, so that a batch of
 * searches waits for all of it at once. The name stays the caller's and must stay until the end. */
struct view_search {
	const struct view *view;
	const struct view_zone *zone;
	const uint8_t *name;
	size_t size;
	uint64_t hash;
};

/* Starts the search for the relative name (lower case, `size` bytes, without root) in `zone`. */
void view_search_begin(const struct view *view, const struct view_zone *zone, const uint8_t *relative,
	size_t size, struct view_search *ret);

/* A step on the way; it may be left out. */
void view_search_approach(const struct view_search *search);

/* What stands at the name; NULL if the name does not exist (NXDOMAIN). An empty relative name is the apex and
 * always exists. */
const struct view_answer *view_search_end(const struct view_search *search);

/* The whole search at once. */
static inline const struct view_answer *view_find(
	const struct view *view, const struct view_zone *zone, const uint8_t *relative, size_t size)
{
	struct view_search search;

	view_search_begin(view, zone, relative, size, &search);
	return view_search_end(&search);
}

/* The glue of an SRV, MX or NS record: glue_size bytes of records from their type on (no owner), A before
 * AAAA. */
static inline const uint8_t *view_record_glue(const struct view_record *record)
{
	return record->bytes + record->size;
}

/* The record at position `i` of a set without stride. */
static inline const struct view_record *view_rrset_record(const struct view_rrset *set, uint32_t i)
{
	return (const struct view_record *)(const void *)(set->base + set->offsets[i]);
}

/* The set of `type` at a name, NULL if there is none. */
static inline const struct view_rrset *view_answer_find(const struct view_answer *answer, uint16_t type)
{
	for (unsigned i = 0; i < answer->rrset_count; i++)
		if (answer->rrsets[i].type == type)
			return &answer->rrsets[i];
	return NULL;
}

/* Asks for the memory of an answer's sets. */
static inline void view_answer_prefetch(const struct view_answer *answer)
{
	const uint8_t *start = (const uint8_t *)answer;

	__builtin_prefetch(start);
	__builtin_prefetch(start + 64);
	__builtin_prefetch(start + 128);
}

/* Asks for the memory of the first records of a set. */
static inline void view_rrset_prefetch(const struct view_rrset *set)
{
	enum { LINE = 64, LINES = 16, USUAL = 72 /* bytes of an SRV record with its glue */ };
	size_t size = (size_t)set->count * (set->stride ? set->stride : USUAL);
	const uint8_t *start = set->stride ? set->flat : set->base;

	if (!set->stride)
		__builtin_prefetch(set->offsets);
	for (size_t at = 0; at < size && at < (size_t)LINE * LINES; at += LINE)
		__builtin_prefetch(start + at);
}
