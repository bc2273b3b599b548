/* api_trace.c -- GET /v1/trace: the queries that DNS answers, as it answers them. */
#include "sidecar/api.h"

#include <errno.h>

#include "base/str.h"

#define LIMIT_MOST 1000000000

/* What is wanted of the queries. False after a refusal was sent. */
static bool read_wanted(struct call *call, struct traces_wanted *ret)
{
	const char *name = call_query(call, "name"), *address = call_query(call, "address"),
		   *limit = call_query(call, "limit");
	uint8_t wire[WIRE_NAME_MAX];
	int size;

	*ret = (struct traces_wanted){.limit = 0};
	if (name && *name) {
		size = wire_name_parse(name, wire);
		if (size < 0) {
			call_text(call, 400, "Invalid name: \"%.150s\" is not a domain name", name);
			return false;
		}
		wire_name_lower(wire, (size_t)size, ret->name);
		ret->name_size = (uint8_t)size;
	}
	ret->by_address = address && *address;
	if (ret->by_address && net_prefix_parse(address, &ret->address) < 0) {
		call_text(call, 400,
			"Invalid address: \"%.80s\" is neither an address nor a prefix such as 10.0.0.0/8",
			address);
		return false;
	}
	if (limit && *limit && str_parse_u64(limit, LIMIT_MOST, &ret->limit) < 0) {
		call_text(call, 400, "Invalid limit: \"%.40s\" is not a number up to %d", limit, LIMIT_MOST);
		return false;
	}
	return true;
}

void api_trace(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	struct traces_wanted wanted;
	int error;

	if (!read_wanted(call, &wanted))
		return;
	error = traces_open(sidecar->traces, call->request, &wanted);
	if (!error)
		call_end(call); /* the request lives on as the stream's */
	else if (error == -EBUSY)
		call_text(call, 429, "Too many streams of queries: the limit is %u (http.traces)",
			sidecar->config.traces_max);
	else
		call_text(call, 503, "the server is ending");
}
