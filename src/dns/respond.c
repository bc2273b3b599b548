/* respond.c -- the answer: queries in, replies out. RFC 1034 section 4.3.2 is the order of its steps.
 *
 * No allocation, lock, system call or log line: what an answer needs stands rendered in the view. What is
 * left is the wait for memory, so a batch takes each step together: one asks for the memory that the next
 * reads. */
#include "dns/exchange.h"

#include <string.h>

#include "dns/edns_options.h"
#include "dns/policy.h"
#include "dns/records.h"

#define ALIASES_MAX 8 /* CNAME records that are followed in one answer */
#define RDATA_AT 12   /* in a record whose owner is a pointer */
#define AHEAD 2    /* replies whose records are on their way: more than a core can wait for is for nothing */
#define TOGETHER 8 /* queries that wait for memory together: their exchanges fit the nearest cache */

/* Where the search stands: a name below the zone, and how to write it as an owner. */
struct place {
	const uint8_t *relative;
	size_t size; /* 0: the apex */
	uint16_t owner;
};

static void refuse(struct dns_exchange *x)
{
	const struct dns_refusal *refusal = x->refusal;

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

/* There is no such set. At a name of a zone file that cannot be read nobody knows that; at registered names,
 * and at the empty ones above them, which resolvers pass on their way, it is so. */
static void answer_without_set(struct dns_exchange *x, const struct view_answer *answer)
{
	if (answer->kind != VIEW_STATIC || !x->zone->incomplete)
		return answer_negative(x, WIRE_NOERROR, answer);
	x->refusal = &dns_not_known;
	x->reply.flags &= (uint16_t)~WIRE_FLAG_AA;
	refuse(x);
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

/* Step 3 of RFC 1034 section 4.3.2, from what stands at the name, through aliases, to where they lead. */
static void answer_name(struct dns_exchange *x)
{
	const struct view_answer *seen[ALIASES_MAX], *answer = x->answer;
	struct place place = {x->search.name, x->search.size, WIRE_POINTER_TO_QNAME};
	struct wire_query target;
	uint16_t type = x->query.type;

	for (unsigned n = 0;; n++) {
		if (!answer)
			return answer_negative(x, WIRE_NXDOMAIN, NULL);
		const struct view_rrset *set = choose_set(answer, type), *alias;
		if (set)
			return answer_positive(x, answer, set, place.owner);
		if (place.size == 0 && (type == WIRE_SOA || type == WIRE_ANY))
			return dns_put_soa(x, WIRE_ANSWER_SECTION, place.owner);
		alias = view_answer_find(answer, WIRE_CNAME);
		if (!alias)
			return answer_without_set(x, answer);
		for (unsigned i = 0; i < n; i++)
			if (seen[i] == answer)
				return;
		if (n == ALIASES_MAX || !follow_alias(x, alias, &place, &target))
			return;
		seen[n] = answer;
		answer = view_find(x->context->view, x->zone, place.relative, place.size);
	}
}

/* The rows of metrics_table.h stand in the order of what is added up here, and of the response codes. */
#define AT(id) (METRIC_DNS_REQUESTS_##id - METRIC_DNS_REQUESTS_UDP_A)
_Static_assert(AT(UDP_AAAA) == 1 && AT(UDP_SRV) == 2 && AT(UDP_OTHER) == 3, "rows by type");
_Static_assert(AT(UDP6_A) == 4 && AT(TCP_A) == 8 && AT(TCP6_OTHER) == 15, "rows by family and transport");
_Static_assert(METRIC_DNS_RESPONSES_REFUSED - METRIC_DNS_RESPONSES_NOERROR == WIRE_REFUSED, "rows by rcode");
_Static_assert(METRIC_DNS_RESPONSES_OTHER == METRIC_DNS_RESPONSES_REFUSED + 1, "rows by rcode");
#undef AT

static void count_request(struct dns_exchange *x)
{
	const struct dns_message *message = x->message;
	unsigned row = x->query.type == WIRE_A      ? 0
		       : x->query.type == WIRE_AAAA ? 1
		       : x->query.type == WIRE_SRV  ? 2
						    : 3;

	row += 8u * message->source.tcp + 4u * message->source.ipv6;
	metrics_add(x->context->metrics, METRIC_DNS_REQUESTS_UDP_A + row, 1);
}

/* True while the exchange is about a name in one of our zones. */
static bool has_name(const struct dns_exchange *x)
{
	return x->verdict == WIRE_ANSWER && !x->refusal;
}

/* Steps 1 and 2 of RFC 1034 section 4.3.2: what is asked, and in which zone. */
static void read_query(struct dns_exchange *x, struct dns_context *context, struct dns_message *message)
{
	const struct view *view = context->view;
	size_t relative;

	x->context = context;
	x->message = message;
	x->verdict = wire_query_parse(message->query, message->query_size, &x->query);
	if (x->verdict != WIRE_ANSWER)
		return;
	x->refusal = dns_policy_judge(&x->query);
	if (x->refusal)
		return;
	x->zone = view_find_zone(view, &x->query, &relative);
	x->refusal = !x->zone           ? dns_policy_other_name(context, &message->source, &x->query)
		     : context->loading ? &dns_not_loaded
					: NULL;
	if (x->refusal)
		return;
	x->zone_owner = dns_pointer(WIRE_HEADER_SIZE + relative);
	view_search_begin(view, x->zone, x->query.name, relative, &x->search);
}

static void approach_name(struct dns_exchange *x)
{
	if (has_name(x))
		view_search_approach(&x->search);
}

static void find_name(struct dns_exchange *x)
{
	if (!has_name(x))
		return;
	x->answer = view_search_end(&x->search);
	if (x->answer)
		view_answer_prefetch(x->answer);
	else if (x->zone->incomplete)
		x->refusal = &dns_not_known;
}

static void approach_records(const struct dns_exchange *x)
{
	const struct view_rrset *set =
		has_name(x) && x->answer ? view_answer_find(x->answer, x->query.type) : NULL;

	if (set)
		view_rrset_prefetch(set);
}

static size_t write_reply(struct dns_exchange *x)
{
	struct dns_context *context = x->context;
	struct dns_message *message = x->message;

	message->relay = false;
	if (x->verdict == WIRE_DROP) {
		metrics_add(context->metrics, METRIC_DNS_DROPPED, 1);
		return 0;
	}
	count_request(x);
	wire_response_begin(&x->reply, message->answer,
		dns_policy_limit(context, &message->source, &x->query, message->capacity), &x->query,
		message->query);
	if (context->relay && dns_policy_may_relay(context, &message->source))
		x->reply.flags |= WIRE_FLAG_RA;
	if (x->verdict == WIRE_ANSWER) {
		dns_edns_answer_options(x);
		if (x->refusal) {
			refuse(x);
		} else {
			x->reply.flags |= WIRE_FLAG_AA;
			answer_name(x);
		}
		context->rotation++;
	} else {
		x->reply.rcode = x->query.rcode;
	}
	message->relay = x->verdict == WIRE_ANSWER && x->refusal == &dns_relay_full;
	message->limit = (uint16_t)x->reply.limit;
	if (!message->relay) /* else its answer is counted when it comes */
		dns_count_response(context->metrics, x->reply.rcode, x->reply.flags & WIRE_FLAG_TC);
	return wire_response_end(&x->reply, x->query.id, context->udp_size);
}

void dns_respond(struct dns_context *context, struct dns_message *messages, size_t count)
{
	struct dns_exchange exchanges[TOGETHER];

	for (size_t done = 0; done < count; done += TOGETHER) {
		size_t n = count - done < TOGETHER ? count - done : TOGETHER;
		for (size_t i = 0; i < n; i++)
			read_query(&exchanges[i], context, &messages[done + i]);
		for (size_t i = 0; i < n; i++)
			approach_name(&exchanges[i]);
		for (size_t i = 0; i < n; i++)
			find_name(&exchanges[i]);
		for (size_t i = 0; i < n + AHEAD; i++) {
			if (i < n)
				approach_records(&exchanges[i]);
			if (i >= AHEAD)
				messages[done + i - AHEAD].answer_size = write_reply(&exchanges[i - AHEAD]);
		}
	}
}
