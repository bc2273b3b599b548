/* traces_text.c -- see traces_text.h. */
#include "sidecar/traces_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "net/addr.h"
#include "sidecar/dns_text.h"
#include "sidecar/events_text.h"
#include "sidecar/json_out.h"

bool traces_text_name(const struct trace_entry *entry, struct wire_query *ret)
{
	if (entry->flags & TRACE_NO_QUESTION)
		return entry->name_size == 0;
	return wire_query_name(entry->name, entry->name_size, ret) && ret->name_size == entry->name_size;
}

static void add_client(struct json_out *out, const struct trace_entry *entry)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	bool v4 = memcmp(entry->address, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, entry->address + (v4 ? sizeof(mapped) : 0), text, sizeof(text));
	out_key_string(out, "Client", text);
	out_key_u64(out, "Port", entry->port);
}

static void add_question(struct json_out *out, const struct trace_entry *entry)
{
	char name[WIRE_NAME_TEXT], type[DNS_TEXT_WORD];

	out_key_string(out, "Name", wire_name_format(entry->name, entry->name_size, name));
	out_key_string(out, "Type", dns_text_type(entry->type, type));
}

static void add_answer(struct json_out *out, const struct trace_entry *entry)
{
	char rcode[DNS_TEXT_WORD];

	out_key_string(out, "Rcode", dns_text_rcode(entry->rcode, rcode));
	out_key_u64(out, "Answers", entry->answers);
	out_key_u64(out, "Size", entry->size);
	out_key_bool(out, "Truncated", entry->flags & TRACE_TRUNCATED);
}

void traces_text_entry(struct buf *buf, const struct trace_entry *entry)
{
	struct json_out out = {.buf = buf};
	char time[40];

	buf_str(buf, "data: ");
	out_object(&out);
	out_key_string(&out, "Time", events_text_time(entry->time_ns / CLOCK_NS_PER_MS, time));
	add_client(&out, entry);
	out_key_string(&out, "Protocol", entry->flags & TRACE_TCP ? "tcp" : "udp");
	if (!(entry->flags & TRACE_NO_QUESTION))
		add_question(&out, entry);
	if (entry->flags & TRACE_RELAYED)
		out_key_bool(&out, "Relayed", true);
	else
		add_answer(&out, entry);
	out_object_end(&out);
	buf_str(buf, "\n\n");
}

void traces_text_lost(struct buf *buf, uint64_t lost)
{
	buf_printf(buf, "event: lost\ndata: {\"Lost\":%" PRIu64 "}\n\n", lost);
}
