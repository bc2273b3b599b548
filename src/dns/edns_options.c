/* edns_options.c -- the table of EDNS options that we answer. */
#include "dns/edns_options.h"

#include <string.h>

/* The name of this server, if it has one; what the client put into the option says nothing. RFC 5001
 * section 2. */
static void answer_nsid(struct dns_exchange *x)
{
	const char *nsid = x->context->nsid;

	if (nsid && *nsid)
		wire_response_option(&x->reply, WIRE_OPTION_NSID, nsid, strlen(nsid));
}

/* How long an idle connection stays open; over UDP the option has no meaning. RFC 7828 section 3. */
static void answer_keepalive(struct dns_exchange *x)
{
	uint8_t timeout[2];

	if (!x->message->source.tcp)
		return;
	wire_set16(timeout, x->context->keepalive);
	wire_response_option(&x->reply, WIRE_OPTION_KEEPALIVE, timeout, sizeof timeout);
}

static const struct option_rule {
	uint16_t code;
	void (*answer)(struct dns_exchange *x);
} option_rules[] = {
	{WIRE_OPTION_NSID, answer_nsid},
	{WIRE_OPTION_KEEPALIVE, answer_keepalive},
};

#define OPTION_RULES (sizeof option_rules / sizeof *option_rules)

void dns_edns_answer_options(struct dns_exchange *x)
{
	bool answered[OPTION_RULES] = {false};
	const uint8_t *value;
	size_t position = 0, size;
	int code;

	while ((code = wire_edns_next(&x->query.edns, &position, &value, &size)) >= 0) {
		for (unsigned i = 0; i < OPTION_RULES; i++) {
			if (option_rules[i].code != code || answered[i])
				continue;
			answered[i] = true;
			option_rules[i].answer(x);
		}
	}
}
