/* target.c -- the target of a request: where it goes, and what is asked. See head.h. */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "http/head.h"
#include "net/addr.h"

static int fail(const char *text, const char **ret_text)
{
	*ret_text = text;
	return 400;
}

static bool port_valid(const char *text)
{
	uint64_t port;

	return *text == '\0' || str_parse_u64(text, 65535, &port) == 0;
}

/* "[v6]" or "[v6]:port". */
static bool host_v6_valid(const char *host)
{
	const char *end = strchr(host, ']');
	char address[INET6_ADDRSTRLEN];
	struct in6_addr ignored;
	size_t size;

	if (!end || (end[1] != '\0' && (end[1] != ':' || !port_valid(end + 2))))
		return false;
	size = (size_t)(end - host) - 1;
	if (size >= sizeof(address))
		return false;
	memcpy(address, host + 1, size);
	address[size] = '\0';
	return inet_pton(AF_INET6, address, &ignored) == 1;
}

bool http_host_valid(const char *host)
{
	static const char others[] = "-._~";
	size_t size = 0;

	if (host[0] == '[')
		return host_v6_valid(host);
	/* Of what RFC 3986 allows in a reg-name only what names on the wire use: no percent, no sub-delims.
	 */
	while (host[size] && host[size] != ':') {
		unsigned char c = str_lower((unsigned char)host[size]);

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !strchr(others, c))
			return false;
		size++;
	}
	return size > 0 && size <= 255 && (host[size] == '\0' || port_valid(host + size + 1));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)str_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one name or value of a query in place. False for a bad escape, or a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from == '+' ? ' ' : *from;
			continue;
		}
		high = hex_digit(from[1]);
		low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return true;
}

static int parse_query(struct arena *arena, char *text, struct http_head *head, const char **ret_text)
{
	struct http_query *query = NULL;
	char *piece, *value, *rest = text;

	while ((piece = strsep(&rest, "&"))) {
		if (*piece == '\0')
			continue;
		if (head->query_count == HTTP_QUERY_MAX)
			return fail("Too many query parameters", ret_text);
		value = strchr(piece, '=');
		if (value)
			*value++ = '\0';
		if (!decode(piece) || (value && !decode(value)))
			return fail("Malformed query: bad percent-encoding", ret_text);
		query = arena_grow(arena, query, head->query_count, sizeof(*query));
		query[head->query_count++] = (struct http_query){
			.name = piece, .value = value ? value : "", .has_value = value != NULL};
	}
	head->query = query;
	return 0;
}

/* Skips "http://authority" in an absolute-form; the authority must be the Host (RFC 9112 3.2.2). */
static int skip_authority(char *target, const struct http_head *head, char **ret_rest, const char **ret_text)
{
	static const char scheme[] = "http://";
	size_t size;

	if (strncasecmp(target, scheme, sizeof(scheme) - 1) != 0)
		return fail("The request target must be a path or an http:// URI", ret_text);
	target += sizeof(scheme) - 1;
	size = strcspn(target, "/?");
	if (!head->host || strlen(head->host) != size || strncasecmp(target, head->host, size) != 0)
		return fail("The target's authority is not the Host", ret_text);
	*ret_rest = target + size;
	return 0;
}

int http_target_parse(struct arena *arena, struct http_head *head, const char **ret_text)
{
	char *rest = arena_strdup(arena, head->target), *query;
	int status = 0;

	if (strchr(rest, '#'))
		return fail("A fragment in the request target", ret_text);
	if (str_eq(rest, "*") && str_eq(head->method, "OPTIONS")) {
		head->path = rest;
		return 0;
	}
	if (*rest != '/')
		status = skip_authority(rest, head, &rest, ret_text);
	if (status)
		return status;
	query = strchr(rest, '?');
	if (query)
		*query++ = '\0';
	head->path = *rest ? rest : "/";
	return query ? parse_query(arena, query, head, ret_text) : 0;
}
