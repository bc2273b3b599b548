/* policy.c -- the tables of what we do not answer. RFC 6895 section 3.1, RFC 5936, RFC 9619, doc/RFCS.md. */
#include "dns/policy.h"

const struct dns_refusal dns_not_our_zone = {
	.rcode = WIRE_REFUSED, .ede = WIRE_EDE_NOT_AUTHORITATIVE, .text = "not authoritative for this name"};

const struct dns_refusal dns_not_loaded = {
	.rcode = WIRE_SERVFAIL, .ede = WIRE_EDE_NOT_READY, .text = "the registry is being loaded"};

static const struct dns_refusal other_class = {
	.rcode = WIRE_REFUSED, .ede = WIRE_EDE_NOT_AUTHORITATIVE, .text = "only class IN is served"};

/* Types that cannot be asked for (they are records of a message, not of a name), and transfers. */
static const struct type_rule {
	uint16_t type;
	struct dns_refusal refusal;
} type_rules[] = {
	{WIRE_OPT, {WIRE_FORMERR, WIRE_EDE_OTHER, "OPT is not a question"}},
	{WIRE_TKEY, {WIRE_FORMERR, WIRE_EDE_OTHER, "TKEY is not a question"}},
	{WIRE_TSIG, {WIRE_FORMERR, WIRE_EDE_OTHER, "TSIG is not a question"}},
	{WIRE_IXFR, {WIRE_REFUSED, WIRE_EDE_NOT_SUPPORTED, "zone transfers are not served"}},
	{WIRE_AXFR, {WIRE_REFUSED, WIRE_EDE_NOT_SUPPORTED, "zone transfers are not served"}},
};

const struct dns_refusal *dns_policy_judge(const struct wire_query *query)
{
	for (unsigned i = 0; i < sizeof type_rules / sizeof *type_rules; i++)
		if (type_rules[i].type == query->type)
			return &type_rules[i].refusal;
	return query->klass == WIRE_CLASS_IN ? NULL : &other_class;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t dns_policy_limit(const struct dns_context *context, const struct dns_source *source,
	const struct wire_query *query, size_t capacity)
{
	if (source->tcp)
		return least(capacity, WIRE_MESSAGE_MAX);
	if (query->edns.udp_size <= WIRE_UDP_MIN || context->udp_size <= WIRE_UDP_MIN)
		return WIRE_UDP_MIN;
	return least(least(query->edns.udp_size, context->udp_size), capacity);
}
