/* trace.c -- see trace.h. */
#include "dns/trace.h"

#include <string.h>

#include "net/addr.h"
#include "net/prefix.h"
#include "wire/wire.h"

/* What the reply says. Its header has four bits of the response code; the others are in OPT, and are used
 * only where the query was refused as a whole. */
static void read_reply(const struct dns_message *message, const struct wire_query *query,
	enum wire_verdict verdict, struct trace_entry *entry)
{
	uint16_t flags = wire_get16(message->answer + 2);

	entry->rcode = verdict == WIRE_ANSWER ? flags & 15 : query->rcode;
	entry->answers = wire_get16(message->answer + 6);
	entry->size = (uint16_t)message->answer_size;
	if (flags & WIRE_FLAG_TC)
		entry->flags |= TRACE_TRUNCATED;
}

void dns_trace(struct dns_worker *worker, const struct dns_message *message, const struct sockaddr *client,
	int64_t now)
{
	struct trace_entry entry = {.time_ns = now, .flags = message->source.tcp ? TRACE_TCP : 0};
	struct wire_query query = {.rcode = 0};
	enum wire_verdict verdict = wire_query_parse(message->query, message->query_size, &query);
	struct net_prefix address;

	if (verdict == WIRE_DROP || message->answer_size < WIRE_HEADER_SIZE)
		return;
	net_prefix_of(client, &address);
	memcpy(entry.address, address.bytes, sizeof(entry.address));
	entry.port = ntohs(((const struct sockaddr_in *)(const void *)client)->sin_port);
	if (verdict == WIRE_BAD_HEADER) {
		entry.flags |= TRACE_NO_QUESTION;
	} else {
		entry.type = query.type;
		entry.name_size = query.name_size;
		memcpy(entry.name, query.name, query.name_size);
	}
	if (message->relay)
		entry.flags |= TRACE_RELAYED;
	else
		read_reply(message, &query, verdict, &entry);
	trace_put(worker->ring, &entry);
}
