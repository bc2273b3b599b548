/* client_request.c -- what a request sends: URL, TLS server name, method, headers, body. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "http/client_private.h"

/* True for a token of RFC 9110 section 5.6.2: what a method and a header's name are made of. */
static bool is_token(const char *text)
{
	return *text && text[strspn(text, "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static void add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		mem_out();
	*list = longer;
}

static bool has_header(const struct http_client_request *config, const char *name)
{
	for (size_t i = 0; i < config->header_count; i++)
		if (str_ieq(config->headers[i].name, name))
			return true;
	return false;
}

static int add_headers(struct http_transfer *request, const struct http_client_request *config)
{
	/* libcurl adds these to a request with a body; a line without a value takes them away. */
	static const char *const unwanted[][2] = {{"Content-Type", "Content-Type:"}, {"Expect", "Expect:"}};
	struct buf line = {0};
	int r = 0;

	for (size_t i = 0; i < config->header_count && r == 0; i++) {
		const char *name = config->headers[i].name, *value = config->headers[i].value;

		if (!is_token(name) || strpbrk(value, "\r\n")) {
			r = -EINVAL;
			break;
		}
		buf_clear(&line);
		if (*value)
			buf_printf(&line, "%s: %s", name, value);
		else
			buf_printf(&line, "%s;", name); /* how libcurl spells an empty value */
		add_line(&request->headers, line.data);
	}
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]) && r == 0; i++)
		if (!has_header(config, unwanted[i][0]))
			add_line(&request->headers, unwanted[i][1]);
	buf_finish(&line);
	return r;
}

/* libcurl takes the TLS server name from the URL, so the name goes there; the connection and the Host header
 * keep to what the URL said. */
static int set_server_name(
	struct http_transfer *request, const struct http_client_request *config, CURLU *url)
{
	char *host = NULL, *port = NULL, *explicit_port = NULL;
	struct buf line = {0};
	int r = -EINVAL;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) ||
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ||
		curl_url_set(url, CURLUPART_HOST, config->server_name, 0))
		goto out;
	curl_url_get(url, CURLUPART_PORT, &explicit_port, 0);
	buf_printf(&line, "::%s:%s", host, port);
	add_line(&request->connect_to, line.data);
	if (!has_header(config, "Host")) {
		buf_clear(&line);
		buf_printf(&line, "Host: %s%s%s", host, explicit_port ? ":" : "",
			explicit_port ? explicit_port : "");
		add_line(&request->headers, line.data);
	}
	r = 0;
out:
	buf_finish(&line);
	curl_free(host);
	curl_free(port);
	curl_free(explicit_port);
	return r;
}

static int set_url(struct http_transfer *request, const struct http_client_request *config)
{
	char *scheme = NULL, *text = NULL;
	CURLU *url = curl_url();
	int r = -EINVAL;

	if (!url)
		mem_out();
	if (curl_url_set(url, CURLUPART_URL, config->url, CURLU_PATH_AS_IS) ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
		(!str_eq(scheme, "http") && !str_eq(scheme, "https")))
		goto out;
	if (config->server_name && config->server_name[0]) {
		r = set_server_name(request, config, url);
		if (r < 0)
			goto out;
	}
	if (curl_url_get(url, CURLUPART_URL, &text, 0) || curl_easy_setopt(request->easy, CURLOPT_URL, text))
		r = -EINVAL;
	else
		r = 0;
out:
	curl_free(scheme);
	curl_free(text);
	curl_url_cleanup(url);
	return r;
}

static void set_method(CURL *easy, const struct http_client_request *config)
{
	static const char *const with_body[] = {"POST", "PUT", "PATCH"};
	const char *body = config->body;

	/* A server may insist on a Content-Length with these, be it 0. */
	for (size_t i = 0; i < sizeof(with_body) / sizeof(with_body[0]) && !body; i++)
		if (str_eq(config->method, with_body[i]))
			body = "";
	if (body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)(config->body_size ? config->body_size : strlen(body)));
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
	}
	if (str_eq(config->method, "HEAD") && !body)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, config->method);
}

int http_transfer_prepare(struct http_transfer *request, const struct http_client_request *config)
{
	int r;

	if (!is_token(config->method))
		return -EINVAL;
	r = add_headers(request, config);
	if (r == 0)
		r = set_url(request, config);
	if (r == 0)
		set_method(request->easy, config);
	return r;
}
