/* policy.c -- the tables of what we do not answer. RFC 6895 section 3.1, RFC 5936, RFC 9619, doc/RFCS.md. */
#include "dns/policy.h"

#include <string.h>

const struct dns_refusal dns_not_our_zone = {
	.rcode = WIRE_REFUSED, .ede = WIRE_EDE_NOT_AUTHORITATIVE, .text = "not authoritative for this name"};

const struct dns_refusal dns_not_loaded = {
	.rcode = WIRE_SERVFAIL, .ede = WIRE_EDE_NOT_READY, .text = "the registry is being loaded"};

const struct dns_refusal dns_not_known = {
	.rcode = WIRE_SERVFAIL, .ede = WIRE_EDE_NOT_READY, .text = "the zone's file cannot be read"};

const struct dns_refusal dns_relay_full = {.rcode = WIRE_SERVFAIL,
	.ede = WIRE_EDE_NOT_READY,
	.text = "the relay does not take or answer queries now"};

static const struct dns_refusal not_allowed = {.rcode = WIRE_REFUSED,
	.ede = WIRE_EDE_PROHIBITED,
	.text = "other names are not relayed for this client"};

/* No SOA comes with it, so nobody keeps it: mDNS may know the name. */
static const struct dns_refusal multicast_name = {
	.rcode = WIRE_NXDOMAIN, .ede = WIRE_EDE_OTHER, .text = "names under local. are never relayed"};

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

bool dns_policy_may_relay(const struct dns_context *context, const struct dns_source *source)
{
	const struct dns_relay *relay = context->relay;

	return relay && source->client &&
	       net_prefix_match(relay->allow, relay->allow_count, source->client) &&
	       !net_prefix_match(relay->refuse, relay->refuse_count, source->client);
}

const struct dns_refusal *dns_policy_other_name(
	const struct dns_context *context, const struct dns_source *source, const struct wire_query *query)
{
	static const uint8_t local[] = "\5local";
	unsigned labels = query->label_count;

	if (!context->relay || !(query->flags & WIRE_FLAG_RD))
		return &dns_not_our_zone;
	if (!dns_policy_may_relay(context, source))
		return &not_allowed;
	if (labels == 0 || memcmp(query->name + query->label_at[labels - 1], local, sizeof local) != 0)
		return &dns_relay_full;
	/* NXDOMAIN here would deny all of local., or a zone of ours below the name (RFC 8020). */
	return labels == 1 || view_is_above_zone(context->view, query) ? &dns_not_our_zone : &multicast_name;
}
