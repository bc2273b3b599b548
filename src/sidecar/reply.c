/* reply.c -- the last stretch: through the gate, and Consul's headers (consul.md section 2.1). */
#include "sidecar/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

#define HEADERS 12

struct headers {
	struct http_header items[HEADERS];
	size_t count;
};

static void add(struct headers *headers, const char *name, const char *value)
{
	headers->items[headers->count++] = (struct http_header){name, value};
}

static void add_index(struct call *call, struct headers *headers, char number[32])
{
	(void)snprintf(number, 32, "%llu", (unsigned long long)(call->index));
	add(headers, "X-Consul-Index", number);
	add(headers, "X-Consul-KnownLeader", "true");
	add(headers, "X-Consul-LastContact", "0");
	add(headers, "X-Consul-Effective-Consistency", call->consistency);
	add(headers, "X-Consul-Query-Backend", "blocking-query");
}

/* The reply leaves. */
static void finish(struct call *call)
{
	struct headers headers = {.count = 0};
	struct http_reply reply = {
		.status = call->status,
		.content_type = call->content_type,
		.body = call->body.data,
		.body_size = call->file > 0 ? call->file_size : call->body.size,
		.shared = call->shared,
		.file = call->file,
	};
	char number[32];

	if (!call->route || !(call->route->flags & ROUTE_PLAIN))
		add(&headers, "X-Consul-Default-ACL-Policy", "allow");
	if (call->index > 0)
		add_index(call, &headers, number);
	if (call->extra_name)
		add(&headers, call->extra_name, call->extra_value);
	if (call->unpublished)
		add(&headers, "X-Svcdns-Published", "false");
	reply.headers = headers.items;
	reply.header_count = headers.count;
	http_reply(call->request, &reply);
	call_end(call);
}

static void released(struct publish_wait *wait, bool published)
{
	struct call *call = (struct call *)(void *)((char *)wait - offsetof(struct call, publish));

	call->unpublished = !published;
	finish(call);
}

void call_send(struct call *call)
{
	if (call->gate > 0) {
		switch (publish_hold(&call->sidecar->publish, &call->publish, call->gate, released)) {
		case PUBLISH_HELD:
			call_later(call);
			return;
		case PUBLISH_NOT:
			call->unpublished = true;
			break;
		case PUBLISH_DONE:
			break;
		}
	}
	finish(call);
}

/* A text may have been cut inside a character, or quote what is none: each such byte becomes a question mark.
 */
static void make_utf8(char *text)
{
	while (*text) {
		size_t size = 1;

		while (size < 4 && text[size] && !str_utf8(text, size))
			size++;
		if (!str_utf8(text, size)) {
			*text = '?';
			size = 1;
		}
		text += size;
	}
}

void call_text(struct call *call, int status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	make_utf8(text);
	http_body_release(call->shared);
	call->shared = NULL;
	buf_clear(&call->body);
	buf_str(&call->body, text);
	call->status = status;
	call->content_type = "text/plain; charset=utf-8";
	if (status == 503 || status == 429) {
		call->extra_name = "Retry-After";
		call->extra_value = "1";
	}
	call_send(call);
}
