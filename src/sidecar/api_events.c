/* api_events.c -- GET /v1/events: what happens in the registry, as it happens. */
#include "sidecar/api.h"

#include <errno.h>

#include "base/err.h"
#include "base/str.h"

/* Where to begin. A client that comes back says so in a header, whatever its first URL asked for. False after
 * a refusal was sent. */
static bool read_start(struct call *call, struct events_start *ret)
{
	const char *resumed = http_request_header(call->request, "Last-Event-ID");
	const char *index = resumed && *resumed ? resumed : call_query(call, "index");
	const char *last = call_query(call, "last");
	uint64_t number;

	*ret = (struct events_start){.from = EVENTS_NOW};
	if (index && *index) {
		if (str_parse_u64(index, INT64_MAX, &ret->since) != 0) {
			call_text(call, 400, "Invalid index: \"%.40s\"", index);
			return false;
		}
		ret->from = EVENTS_SINCE;
	} else if (last && *last) {
		if (str_parse_u64(last, EVENTS_LAST_MAX, &number) != 0) {
			call_text(call, 400, "Invalid last: \"%.40s\" is not a number up to %d", last,
				EVENTS_LAST_MAX);
			return false;
		}
		ret->from = number > 0 ? EVENTS_LAST : EVENTS_NOW;
		ret->last = (uint32_t)number;
	}
	return true;
}

void api_events(struct call *call)
{
	struct sidecar *sidecar = call->sidecar;
	struct events_start start;
	int error;

	if (!read_start(call, &start))
		return;
	error = events_open(sidecar->streams, call->request, &start);
	if (!error)
		call_end(call); /* the request lives on as the stream's */
	else if (error == -EBUSY)
		call_text(call, 429, "Too many event streams: the limit is %u", sidecar->config.streams);
	else if (error == -EAGAIN)
		call_text(call, 503, "the registry is not open yet");
	else
		call_text(call, 503, "the registry cannot be read: %s", err_str(error));
}
