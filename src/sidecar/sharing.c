/* sharing.c -- see sharing.h. */
#include "sidecar/sharing.h"

#include <string.h>

#include "base/str.h"
#include "sidecar/call.h"

/* What changes nothing of the body. */
static const char *const indifferent[] = {
	"index", "wait", "stale", "consistent", "cached", "dc", "datacenter"};

static bool matters(const char *name)
{
	for (size_t i = 0; i < sizeof(indifferent) / sizeof(indifferent[0]); i++)
		if (str_eq(name, indifferent[i]))
			return false;
	return true;
}

/* Texts with the NUL behind them, so that none runs into the next. */
void sharing_key(struct buf *key, const struct call *call)
{
	const struct http_request *request = call->request;
	const void *route = call->route; /* known by its place in the table */

	buf_clear(key);
	buf_add(key, &route, sizeof(route));
	buf_add(key, call->rest, strlen(call->rest) + 1);
	for (size_t i = 0; i < request->query_count; i++) {
		if (!matters(request->query[i].name))
			continue;
		buf_add(key, request->query[i].name, strlen(request->query[i].name) + 1);
		buf_add(key, request->query[i].value, strlen(request->query[i].value) + 1);
	}
}

const struct sharing_reply *sharing_find(struct sharing *sharing, const struct call *call)
{
	const struct buf *key = &sharing->scratch;

	if (sharing->count == 0)
		return NULL;
	sharing_key(&sharing->scratch, call);
	for (size_t i = 0; i < sharing->count; i++) {
		const struct sharing_reply *reply = &sharing->replies[i];

		if (reply->key.size == key->size && memcmp(reply->key.data, key->data, key->size) == 0)
			return reply;
	}
	return NULL;
}

void sharing_keep(struct sharing *sharing, const struct call *call, const struct sharing_reply *reply)
{
	struct sharing_reply *kept = &sharing->replies[sharing->count];

	if (sharing->count == SHARING_KEPT)
		return;
	*kept = *reply;
	kept->key = (struct buf){0};
	sharing_key(&kept->key, call);
	http_body_hold(kept->body);
	sharing->count++;
}

void sharing_clear(struct sharing *sharing)
{
	for (size_t i = 0; i < sharing->count; i++) {
		http_body_release(sharing->replies[i].body);
		buf_finish(&sharing->replies[i].key);
	}
	sharing->count = 0;
}

void sharing_finish(struct sharing *sharing)
{
	sharing_clear(sharing);
	buf_finish(&sharing->scratch);
}
