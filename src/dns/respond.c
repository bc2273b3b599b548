/* respond.c -- the answer: one query in, one reply out. RFC 1034 section 4.3.2 is the order of its steps.
 *
 * No allocation, lock, system call or log line: what an answer needs stands rendered in the view. */
#include "dns/respond.h"

#include <string.h>

#include "dns/edns_options.h"
#include "dns/policy.h"
#include "dns/records.h"

#define ALIASES_MAX 8 /* CNAME records that are followed in one answer */
#define RDATA_AT 12   /* in a record whose owner is a pointer */

/* Where the search stands: a name below the zone, and how to write it as an owner. */
struct place {
	const uint8_t *relative;
	size_t size; /* 0: the apex */
	uint16_t owner;
};

static void refuse(struct dns_exchange *x, const struct dns_refusal *refusal)
{
	x->reply.rcode = refusal->rcode;
	wire_response_ede(&x->reply, refusal->ede, refusal->text, strlen(refusal->text));
}

/* No such name, or no such type at it: the SOA says how long that holds (RFC 2308), EDE why (RFC 8914). */
static void answer_negative(struct dns_exchange *x, uint16_t rcode, const struct view_answer *answer)
{
	x->reply.rcode = rcode;
	dns_put_soa(x, WIRE_AUTHORITY_SECTION, x->zone_owner);
	if (answer && answer->reason)
		wire_response_ede(&x->reply, WIRE_EDE_OTHER, answer->reason, answer->reason_size);
}

/* The set that answers `type`; for ANY one set, the most useful that there is (RFC 8482 section 4.1). */
static const struct view_rrset *choose_set(const struct view_answer *answer, uint16_t type)
{
	static const uint16_t any_order[] = {WIRE_A, WIRE_AAAA, WIRE_SRV};
	const struct view_rrset *set = NULL;

	if (type != WIRE_ANY)
		return view_answer_find(answer, type);
	for (unsigned i = 0; !set && i < sizeof any_order / sizeof *any_order; i++)
		set = view_answer_find(answer, any_order[i]);
	return set || answer->rrset_count == 0 ? set : &answer->rrsets[0];
}

static void answer_positive(struct dns_exchange *x, const struct view_answer *answer,
	const struct view_rrset *set, uint16_t owner)
{
	struct dns_put put = dns_put_set(x, set, owner);

	/* What is cut short gets no glue: the room is for answers, and the client asks again over TCP. */
	if (set->stride == 0 && !(x->reply.flags & WIRE_FLAG_TC))
		dns_put_glue(x, set, &put, answer->kind == VIEW_STATIC);
}

/* Puts the CNAME of `alias` and moves *place to its target, whose name is read into *target. False if the
 * answer ends here: the target is not in this zone, or the record did not fit. */
static bool follow_alias(struct dns_exchange *x, const struct view_rrset *alias, struct place *place,
	struct wire_query *target)
{
	struct dns_put put = dns_put_set(x, alias, place->owner);
	size_t at = put.at + RDATA_AT, relative;

	if (put.count == 0 || !wire_query_name(x->reply.data + at, x->reply.size - at, target))
		return false;
	/* Asked by name: a reload may have put another object in the place of our zone meanwhile. */
	const struct view_zone *zone = view_find_zone(x->context->view, target, &relative);
	if (!zone || !wire_name_equal(zone->name, zone->name_size, x->zone->name, x->zone->name_size))
		return false;
	*place = (struct place){.relative = target->name, .size = relative, .owner = dns_pointer(at)};
	return true;
}

/* Step 3 of RFC 1034 section 4.3.2: down to the name, and through aliases to where they lead. */
static void answer_name(struct dns_exchange *x, struct place place)
{
	const struct view_answer *seen[ALIASES_MAX];
	struct wire_query target;
	uint16_t type = x->query.type;

	for (unsigned n = 0;; n++) {
		const struct view_answer *answer =
			view_find(x->context->view, x->zone, place.relative, place.size);
		if (!answer)
			return answer_negative(x, WIRE_NXDOMAIN, NULL);
		const struct view_rrset *set = choose_set(answer, type), *alias;
		if (set)
			return answer_positive(x, answer, set, place.owner);
		if (place.size == 0 && (type == WIRE_SOA || type == WIRE_ANY))
			return dns_put_soa(x, WIRE_ANSWER_SECTION, place.owner);
		alias = view_answer_find(answer, WIRE_CNAME);
		if (!alias)
			return answer_negative(x, WIRE_NOERROR, answer);
		for (unsigned i = 0; i < n; i++)
			if (seen[i] == answer)
				return;
		if (n == ALIASES_MAX || !follow_alias(x, alias, &place, &target))
			return;
		seen[n] = answer;
	}
}

static void answer_query(struct dns_exchange *x)
{
	const struct dns_refusal *refusal = dns_policy_judge(&x->query);
	size_t relative;

	if (refusal)
		return refuse(x, refusal);
	x->zone = view_find_zone(x->context->view, &x->query, &relative);
	if (!x->zone)
		return refuse(x, &dns_not_our_zone);
	if (x->context->loading)
		return refuse(x, &dns_not_loaded);
	x->reply.flags |= WIRE_FLAG_AA;
	x->zone_owner = dns_pointer(WIRE_HEADER_SIZE + relative);
	answer_name(x, (struct place){x->query.name, relative, WIRE_POINTER_TO_QNAME});
}

static void count_request(struct dns_exchange *x)
{
	enum metric first = x->source->tcp ? METRIC_DNS_REQUESTS_TCP_A : METRIC_DNS_REQUESTS_UDP_A;
	unsigned row = x->query.type == WIRE_A      ? 0
		       : x->query.type == WIRE_AAAA ? 1
		       : x->query.type == WIRE_SRV  ? 2
						    : 3;

	metrics_add(x->context->metrics, first + row, 1);
}

static void count_response(struct dns_exchange *x)
{
	struct metrics *metrics = x->context->metrics;
	unsigned row = x->reply.rcode <= WIRE_REFUSED ? x->reply.rcode : WIRE_REFUSED + 1u;

	metrics_add(metrics, METRIC_DNS_RESPONSES_NOERROR + row, 1);
	if (x->reply.flags & WIRE_FLAG_TC)
		metrics_add(metrics, METRIC_DNS_TRUNCATED, 1);
}

/* The rows of metrics.h stand in the order of the response codes. */
_Static_assert(METRIC_DNS_RESPONSES_REFUSED - METRIC_DNS_RESPONSES_NOERROR == WIRE_REFUSED, "rows by rcode");
_Static_assert(METRIC_DNS_RESPONSES_OTHER == METRIC_DNS_RESPONSES_REFUSED + 1, "rows by rcode");
_Static_assert(METRIC_DNS_REQUESTS_UDP_OTHER - METRIC_DNS_REQUESTS_UDP_A == 3, "rows by type");
_Static_assert(METRIC_DNS_REQUESTS_TCP_OTHER - METRIC_DNS_REQUESTS_TCP_A == 3, "rows by type");

size_t dns_respond(struct dns_context *context, const struct dns_source *source, const uint8_t *query,
	size_t query_size, uint8_t *answer, size_t capacity)
{
	struct dns_exchange x;
	enum wire_verdict verdict = wire_query_parse(query, query_size, &x.query);

	x.context = context;
	x.source = source;
	if (verdict == WIRE_DROP) {
		metrics_add(context->metrics, METRIC_DNS_DROPPED, 1);
		return 0;
	}
	count_request(&x);
	wire_response_begin(
		&x.reply, answer, dns_policy_limit(context, source, &x.query, capacity), &x.query, query);
	if (verdict == WIRE_ANSWER) {
		dns_edns_answer_options(&x);
		answer_query(&x);
		context->rotation++;
	} else {
		x.reply.rcode = x.query.rcode;
	}
	count_response(&x);
	return wire_response_end(&x.reply, x.query.id, context->udp_size);
}
