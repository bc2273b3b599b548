/* check_http.c -- one HTTP or HTTPS request by http/client: no redirect, a fresh connection, one
 * deadline. */
#include "health/check_types.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "http/http.h"

#define USER_AGENT "svcdns/" SVCDNS_VERSION " (health check)"
#define ACCEPT "text/plain, text/*, */*"

struct health_probe {
	struct arena *arena;
	struct http_transfer *request;
	const char *method, *url;
	size_t output_size;
	void (*done)(const struct health_result *result, void *ctx);
	void *ctx;
};

static enum registry_status judge(const struct http_client_result *result)
{
	if (result->error)
		return REGISTRY_CRITICAL;
	if (result->status >= 200 && result->status <= 299)
		return REGISTRY_PASSING;
	return result->status == 429 ? REGISTRY_WARNING : REGISTRY_CRITICAL;
}

int health_want_of_descriptors(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return health_own_fault(-errno) ? -errno : 0;
	close(fd);
	return 0;
}

bool health_http_is_judged(const struct http_client_result *result)
{
	return !result->error || (!health_own_fault(result->error) && health_want_of_descriptors() == 0);
}

long health_http_timeout_ms(const struct health_probe_request *request)
{
	return (long)((request->timeout_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS);
}

static void on_result(const struct http_client_result *result, void *ctx)
{
	struct health_probe *probe = ctx;
	struct arena *arena = probe->arena;
	const char *reason = result->reason ? result->reason : "";
	struct health_result verdict = {.judged = health_http_is_judged(result), .status = judge(result)};
	const char *text;

	if (result->error)
		text = arena_printf(arena, "HTTP %s %s: %s", probe->method, probe->url,
			result->message && *result->message ? result->message : err_str(result->error));
	else
		text = arena_printf(arena, "HTTP %s %s: %ld%s%s Output: %s", probe->method, probe->url,
			result->status, *reason ? " " : "", reason, result->body ? result->body : "");
	verdict.output = health_clean_output(arena, text, strlen(text), probe->output_size);
	probe->done(&verdict, probe->ctx);
	arena_destroy(arena); /* holds the probe itself */
}

/* The check's headers, and Accept if it has none of its own. */
static const struct http_header *headers(
	struct arena *arena, const struct registry_check_definition *definition, size_t *ret_count)
{
	struct http_header *list = arena_alloc(arena, (definition->header_count + 1) * sizeof(*list));
	bool accept = false;
	size_t count = 0;

	for (; count < definition->header_count; count++) {
		list[count] = (struct http_header){
			definition->headers[count].key, definition->headers[count].value};
		accept |= str_ieq(definition->headers[count].key, "Accept");
	}
	if (!accept)
		list[count++] = (struct http_header){"Accept", ACCEPT};
	*ret_count = count;
	return list;
}

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

int health_http_start(const struct health_probe_env *env, const struct health_probe_request *request,
	struct health_probe **ret)
{
	const struct registry_check_definition *definition = request->definition;
	struct arena *arena = arena_create();
	struct health_probe *probe = arena_alloc(arena, sizeof(*probe));
	struct http_client_request config = {
		.method = given(definition->method) ? definition->method : "GET",
		.url = definition->target,
		.body = given(definition->body),
		.server_name = given(definition->tls_server_name),
		.insecure = definition->tls_skip_verify,
		.timeout_ms = health_http_timeout_ms(request),
		.body_limit = request->output_size,
		.user_agent = USER_AGENT,
	};
	int r;

	r = health_want_of_descriptors();
	if (r < 0)
		goto fail;
	config.headers = headers(arena, definition, &config.header_count);
	probe->arena = arena;
	probe->method = arena_strdup(arena, config.method);
	probe->url = arena_strdup(arena, config.url);
	probe->output_size = request->output_size;
	probe->done = request->done;
	probe->ctx = request->ctx;
	r = http_client_start(env->http, &config, on_result, probe, &probe->request);
	if (r < 0)
		goto fail;
	*ret = probe;
	return 0;
fail:
	arena_destroy(arena);
	return r;
}

void health_http_cancel(struct health_probe *probe)
{
	http_client_cancel(probe->request);
	arena_destroy(probe->arena);
}
