/* api_status.c -- who we are and how we are. */
#include "sidecar/api.h"

/* The Consul whose API this is; clients compare it with the version from which a feature is there. */
#define API_VERSION "1.21.4"
#define LEADER "127.0.0.1:8300"

static void answer(struct call *call, int status, const char *text)
{
	call->status = status;
	call->content_type = "text/plain; charset=utf-8";
	buf_str(&call->body, text);
	call_send(call);
}

void api_healthz(struct call *call)
{
	answer(call, 200, "ok\n");
}

static enum page_state state_of(const struct page *page)
{
	return (enum page_state)atomic_load_explicit(&page->state, memory_order_acquire);
}

void api_readyz(struct call *call)
{
	const struct sidecar_config *config = &call->sidecar->config;

	if (!call->sidecar->reader || state_of(config->self) != PAGE_READY)
		answer(call, 503, "the registry is not open yet\n");
	else if (state_of(config->dns) == PAGE_DOWN)
		answer(call, 503, "DNS is down\n");
	else if (state_of(config->dns) != PAGE_READY)
		answer(call, 503, "DNS is loading its view of the registry\n");
	else
		answer(call, 200, "ready\n");
}

/* --- The agent ------------------------------------------------------------------------------------------ */

static struct json_out begin(struct call *call)
{
	call->content_type = "application/json";
	return (struct json_out){.buf = &call->body, .pretty = call->pretty};
}

static void end(struct call *call)
{
	if (call->pretty)
		buf_str(&call->body, "\n");
	call_send(call);
}

/* The one member of a cluster of one. */
static void member(struct json_out *out, const struct sidecar_config *config)
{
	static const char *const protocols[] = {
		"ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur"};
	static const unsigned versions[] = {1, 5, 2, 2, 5, 4};

	out_object(out);
	out_key_string(out, "Name", config->node_name);
	out_key_string(out, "Addr", config->node_address);
	out_key_u64(out, "Port", 8301);
	out_key(out, "Tags");
	out_object(out);
	out_key_string(out, "build", API_VERSION);
	out_key_string(out, "dc", config->datacenter);
	out_key_string(out, "role", "consul");
	out_object_end(out);
	out_key_u64(out, "Status", 1);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		out_key_u64(out, protocols[i], versions[i]);
	out_object_end(out);
}

/* Our own node's row, for its id. */
static int fetch_self(struct call *call, struct registry_reader *reader, struct arena *arena, void **ret)
{
	const struct registry_node *node = NULL;
	int error = api_fetch_node(reader, arena, call->sidecar->config.node_name, &node);

	*ret = arena_strdup(arena, node ? node->id : "");
	return error;
}

/* Every value at the top is an object: Go's client decodes a map of maps. */
static void render_self(struct call *call, struct encode *encode, const void *rows)
{
	const struct sidecar_config *config = &call->sidecar->config;
	struct json_out *out = &encode->out;

	out_object(out);
	out_key(out, "Config");
	out_object(out);
	out_key_string(out, "Datacenter", config->datacenter);
	out_key_string(out, "PrimaryDatacenter", config->datacenter);
	out_key_string(out, "NodeName", config->node_name);
	out_key_string(out, "NodeID", rows);
	out_key_string(out, "Revision", "svcdns-" SVCDNS_VERSION);
	out_key_bool(out, "Server", true);
	out_key_string(out, "Version", API_VERSION);
	out_key_string(out, "BuildDate", "1970-01-01T00:00:00Z");
	out_object_end(out);
	out_key_empty(out, "DebugConfig");
	out_key_empty(out, "Coord");
	out_key(out, "Member");
	member(out, config);
	out_key(out, "Stats");
	out_object(out);
	out_key(out, "svcdns");
	out_object(out);
	out_key_string(out, "version", SVCDNS_VERSION);
	out_key_string(out, "zone", config->zone_name);
	out_key_string(out, "dns", config->dns_listen);
	out_object_end(out);
	out_object_end(out);
	out_key_empty(out, "Meta");
	out_key_empty(out, "xDS");
	out_object_end(out);
}

void api_agent_self(struct call *call)
{
	static const struct call_read read = {.fetch = fetch_self, .render = render_self};

	call_read(call, &read);
}

void api_agent_members(struct call *call)
{
	struct json_out out = begin(call);

	out_array(&out);
	member(&out, &call->sidecar->config);
	out_array_end(&out);
	end(call);
}

/* go-micro asks whether there is an answer, not what it says. */
void api_agent_host(struct call *call)
{
	struct json_out out = begin(call);

	out_object(&out);
	out_key(&out, "Host");
	out_object(&out);
	out_key_string(&out, "hostname", call->sidecar->config.node_name);
	out_object_end(&out);
	out_object_end(&out);
	end(call);
}

void api_agent_version(struct call *call)
{
	struct json_out out = begin(call);

	out_object(&out);
	out_key_string(&out, "SHA", "");
	out_key_string(&out, "BuildDate", "1970-01-01T00:00:00Z");
	out_key_string(&out, "HumanVersion", API_VERSION "+svcdns." SVCDNS_VERSION);
	out_key_string(&out, "FIPS", "");
	out_object_end(&out);
	end(call);
}

void api_status_leader(struct call *call)
{
	struct json_out out = begin(call);

	out_string(&out, LEADER);
	end(call);
}

void api_status_peers(struct call *call)
{
	struct json_out out = begin(call);

	out_array(&out);
	out_string(&out, LEADER);
	out_array_end(&out);
	end(call);
}
