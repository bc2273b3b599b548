/* api_dns.c -- GET /v1/agent/dns: what DNS answers, found out by asking it. */
#include "sidecar/api.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "sidecar/dns_client.h"
#include "sidecar/dns_text.h"

/* A call whose question is under way. */
struct asking {
	struct call *call;
	struct dns_query *query; /* NULL while dns_client_ask() runs */
};

static void reply(struct call *call, const uint8_t *answer, size_t size, int error)
{
	struct json_out out = {.buf = &call->body, .pretty = call->pretty};

	if (!error)
		error = dns_text_answer(answer, size, &out);
	if (error) {
		call_text(call, error == -ETIMEDOUT ? 504 : 502, "DNS gave no answer: %s", err_str(error));
		return;
	}
	call->content_type = "application/json";
	if (call->pretty)
		buf_str(&call->body, "\n");
	call_send(call);
}

static void on_answer(const uint8_t *answer, size_t size, int error, void *ctx)
{
	struct asking *asking = ctx;
	struct call *call = asking->call;

	free(asking);
	reply(call, answer, size, error);
}

/* The client left: nobody wants the answer. */
static void on_gone(struct http_request *request, void *ctx)
{
	struct asking *asking = ctx;

	dns_client_cancel(asking->query);
	call_gone(request, asking->call->sidecar);
	free(asking);
}

static void ask(struct call *call, const uint8_t *question, size_t size)
{
	struct sidecar *sidecar = call->sidecar;
	struct asking *asking = mem_alloc(sizeof(*asking));
	struct dns_query *query = NULL;
	int error;

	asking->call = call;
	error = dns_client_ask(sidecar->dns_client, question, size, on_answer, asking, &query);
	if (error) {
		free(asking);
		if (error == -EBUSY)
			call_text(call, 429, "Too many DNS queries at once: the limit is %u",
				sidecar->config.dns_queries);
		else
			call_text(call, 502, "DNS cannot be asked: %s", err_str(error));
	} else if (query) { /* else it has been answered by now, and `asking` is gone */
		asking->query = query;
		call->parked = true;
		http_park(call->request, on_gone, asking);
	}
}

void api_dns(struct call *call)
{
	const char *name = call_query(call, "name"), *type = call_query(call, "type");
	uint8_t question[DNS_TEXT_QUESTION];
	char message[256];
	int size;

	if (!name || !*name) {
		call_text(call, 400, "Missing name");
		return;
	}
	size = dns_text_question(name, type && *type ? type : "A", question, message);
	if (size < 0)
		call_text(call, 400, "%s", message);
	else
		ask(call, question, (size_t)size);
}
