/* edns_options.h -- inside the dns room: which EDNS options of a query get an answer.
 *
 * One table in edns_options.c: an option that is not in it is ignored and not echoed (RFC 6891
 * section 6.1.2). Work is bounded by the bytes of the query; an option that comes twice is answered once. */
#pragma once

#include "dns/exchange.h"

/* Adds to the reply what the options of the query ask for. */
void dns_edns_answer_options(struct dns_exchange *x);
