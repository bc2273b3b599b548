/* api_ui.c -- the page: its files, and the headers that keep it to itself. */
#include "sidecar/api.h"

#include <string.h>

#include "base/str.h"
#include "sidecar/assets.h"

/* Nothing from elsewhere, nothing inline, in nobody's frame; names and outputs come from strangers. */
#define POLICY                                                                                               \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "       \
	"data:; "                                                                                            \
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* True if the list of tags in If-None-Match names this one. */
static bool has_tag(const char *list, const char *etag)
{
	return list && (str_eq(list, "*") || strstr(list, etag));
}

static void send_asset(struct call *call, const struct asset *asset)
{
	const char *known = http_request_header(call->request, "If-None-Match");
	bool same = has_tag(known, asset->etag);
	const struct http_header headers[] = {
		{"Content-Security-Policy", POLICY},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cache-Control", "no-cache"}, /* kept, and asked for by its tag */
		{"ETag", asset->etag},
	};

	http_reply(call->request, &(struct http_reply){
					  .status = same ? 304 : 200,
					  .content_type = asset->content_type,
					  .headers = headers,
					  .header_count = sizeof(headers) / sizeof(headers[0]),
					  .body = asset->data,
					  .body_size = same ? 0 : asset->size,
				  });
	call_end(call);
}

void api_ui(struct call *call)
{
	for (size_t i = 0; i < assets_count; i++) {
		if (str_eq(call->rest, assets[i].path)) {
			send_asset(call, &assets[i]);
			return;
		}
	}
	call_text(call, 404, "the page has no file \"%.100s\"", call->rest);
}

void api_to_ui(struct call *call)
{
	call->extra_name = "Location";
	call->extra_value = "/ui/";
	call_text(call, 302,
		"svcdns " SVCDNS_VERSION
		": the page is at /ui/, the Consul HTTP API for services under /v1/; "
		"/metrics, /healthz, /readyz\n");
}
