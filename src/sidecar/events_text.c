/* events_text.c -- see events_text.h. */
#include "sidecar/events_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/str.h"
#include "sidecar/json_out.h"

void events_text_hello(struct buf *buf, uint64_t index)
{
	buf_printf(buf, "retry: 2000\nid: %" PRIu64 "\n\n", index);
}

const char *events_text_time(int64_t time_ms, char ret[40])
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm = {0};
	size_t size;

	gmtime_r(&seconds, &tm);
	size = strftime(ret, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + size, 40 - size, ".%03dZ", (int)(time_ms % 1000));
	return ret;
}

static void add_if_any(struct json_out *out, const char *key, const char *text)
{
	if (*text)
		out_key_string(out, key, text);
}

/* What happened: "status" if it was that, for then `what` is the new one. */
static void add_change(struct json_out *out, const struct registry_history *row)
{
	enum registry_status status;
	bool is_status = registry_status_parse(row->what, &status) == 0;

	out_key_string(out, "Change", is_status ? "status" : row->what);
	add_if_any(out, "OldStatus", row->former);
	if (is_status)
		out_key_string(out, "NewStatus", row->what);
}

void events_text_change(struct buf *buf, const struct registry_history *row, bool published)
{
	struct json_out out = {.buf = buf};
	char time[40];

	if (row->last)
		buf_printf(buf, "id: %" PRIu64 "\n", row->index);
	buf_str(buf, "data: ");
	out_object(&out);
	out_key_u64(&out, "Index", row->index);
	out_key_string(&out, "Time", events_text_time(row->time_ms, time));
	out_key_string(&out, "Kind", row->kind);
	add_change(&out, row);
	add_if_any(&out, "Service", row->service);
	out_key_string(&out, "Node", row->node);
	add_if_any(&out, "Instance", row->instance);
	if (str_eq(row->kind, "check"))
		out_key_string(&out, "Check", row->id);
	add_if_any(&out, "Reason", row->reason);
	if (!published)
		out_key_bool(&out, "Published", false);
	out_object_end(&out);
	buf_str(buf, "\n\n");
}

void events_text_reset(struct buf *buf, uint64_t index)
{
	buf_printf(buf,
		"event: reset\nid: %" PRIu64 "\ndata: {\"Index\":%" PRIu64
		",\"Reason\":\"the changelog does not reach back to where you were: load afresh\"}\n\n",
		index, index);
}
