/* head.c -- see head.h. */
#include "http/head.h"

#include <string.h>

#include "base/str.h"

bool http_is_token(unsigned char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if (c >= '0' && c <= '9')
		return true;
	if (str_lower(c) >= 'a' && str_lower(c) <= 'z')
		return true;
	return c != '\0' && strchr(others, c) != NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int fail(int status, const char *text, const char **ret_text)
{
	*ret_text = text;
	return status;
}

/* The version at the end of a request line, exactly "HTTP/d.d". */
static int parse_version(const char *text, size_t size, unsigned *ret_minor, const char **ret_text)
{
	if (size != 8 || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) || text[6] != '.' ||
		!is_digit(text[7]))
		return fail(400, "Malformed request line: no HTTP version at its end", ret_text);
	if (text[5] != '1')
		return fail(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here", ret_text);
	*ret_minor = text[7] > '0';
	return 0;
}

int http_request_line(const char *line, size_t size, struct http_line *ret, const char **ret_text)
{
	struct http_line parsed = {0};
	size_t at = 0;
	int status;

	while (at < size && http_is_token((unsigned char)line[at]))
		at++;
	if (at == 0 || at == size || line[at] != ' ')
		return fail(400, "Malformed request line: no method and space at its start", ret_text);
	parsed.method_size = at;
	parsed.target = ++at;
	while (at < size && line[at] > ' ' && line[at] <= '~')
		at++;
	parsed.target_size = at - parsed.target;
	if (parsed.target_size == 0)
		return fail(400, "Malformed request line: no target", ret_text);
	if (at == size || line[at] != ' ')
		return fail(400,
			"Malformed request line: the target must be printable ASCII and one version must "
			"follow",
			ret_text);
	status = parse_version(line + at + 1, size - at - 1, &parsed.minor, ret_text);
	if (status)
		return status;
	if (parsed.method_size == 7 && memcmp(line, "CONNECT", 7) == 0)
		return fail(501, "CONNECT is not served here", ret_text);
	*ret = parsed;
	return 0;
}

/* A line ended at `end` (its LF). 0 to go on, 1 at the end of the head, or an HTTP status. */
static int scan_line(struct http_scan *scan, const char *bytes, size_t end, const char **ret_text)
{
	size_t size = end - 1 - scan->line;
	struct http_line line;
	int status;

	if (size == 0 && scan->past_request)
		return 1;
	if (!scan->past_request) {
		/* One empty line before a request is forgiven (RFC 9112 2.2). */
		if (size == 0 && scan->start == 0) {
			scan->start = scan->line = end + 1;
			return 0;
		}
		status = http_request_line(bytes + scan->line, size, &line, ret_text);
		if (status)
			return status;
		scan->past_request = true;
	}
	scan->line = end + 1;
	return 0;
}

static int scan_byte(const char *bytes, size_t at, const char **ret_text)
{
	unsigned char c = (unsigned char)bytes[at];
	bool after_cr = at > 0 && bytes[at - 1] == '\r';

	if (after_cr && c != '\n')
		return fail(400, "Malformed head: a CR without LF", ret_text);
	if (c == '\n' && !after_cr)
		return fail(400, "Malformed head: a line must end with CR LF", ret_text);
	if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
		return fail(400, "Malformed head: a control character", ret_text);
	return 0;
}

int http_head_scan(struct http_scan *scan, const char *bytes, size_t size, size_t limit, size_t *ret_size,
	const char **ret_text)
{
	int status;

	for (; scan->offset < size; scan->offset++) {
		if (!scan->past_request && scan->offset - scan->start > limit / 2)
			return fail(414, "The request line is too long", ret_text);
		if (scan->offset - scan->start >= limit)
			return fail(431, "The head of the request is too long", ret_text);
		status = scan_byte(bytes, scan->offset, ret_text);
		if (!status && bytes[scan->offset] == '\n')
			status = scan_line(scan, bytes, scan->offset, ret_text);
		if (status == 1)
			*ret_size = ++scan->offset;
		if (status)
			return status;
	}
	return 0;
}

/* Whether a comma-separated list of tokens holds `token`, without case. */
static bool list_holds(const char *list, const char *token)
{
	size_t size = strlen(token);

	while (*list) {
		size_t item;

		list += strspn(list, " \t,");
		item = strcspn(list, " \t,");
		if (item == size && strncasecmp(list, token, size) == 0)
			return true;
		list += item;
	}
	return false;
}

/* The fields that decide how a message is framed and where it goes; nothing is ever guessed here. */

static int take_host(struct http_head *head, const char *value, const char **ret_text)
{
	if (head->host)
		return fail(400, "More than one Host", ret_text);
	if (!http_host_valid(value))
		return fail(400, "Malformed Host", ret_text);
	head->host = value;
	return 0;
}

static int take_length(struct http_head *head, const char *value, const char **ret_text)
{
	if (head->length != UINT64_MAX)
		return fail(400, "More than one Content-Length", ret_text);
	if (str_parse_u64(value, UINT64_MAX - 1, &head->length) != 0)
		return fail(400, "Malformed Content-Length", ret_text);
	return 0;
}

static int take_encoding(struct http_head *head, const char *value, const char **ret_text)
{
	if (head->chunked)
		return fail(400, "More than one Transfer-Encoding", ret_text);
	if (*value == '\0')
		return fail(400, "Empty Transfer-Encoding", ret_text);
	if (head->minor == 0)
		return fail(400, "Transfer-Encoding in an HTTP/1.0 request", ret_text);
	if (!str_ieq(value, "chunked"))
		return fail(list_holds(value, "chunked") ? 400 : 501,
			"Only the transfer encoding chunked is known", ret_text);
	head->chunked = true;
	return 0;
}

static int take_expect(struct http_head *head, const char *value, const char **ret_text)
{
	if (head->minor == 0)
		return 0; /* RFC 9110 10.1.1: ignored there */
	if (!str_ieq(value, "100-continue"))
		return fail(417, "Only the expectation 100-continue is known", ret_text);
	head->expect_continue = true;
	return 0;
}

static int take_connection(struct http_head *head, const char *value, const char **ret_text)
{
	(void)ret_text;
	if (list_holds(value, "close"))
		head->keep_alive = false;
	else if (head->minor == 0 && list_holds(value, "keep-alive"))
		head->keep_alive = true;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct http_head *head, const char *value, const char **ret_text);
} fields[] = {
	{"Host", take_host},
	{"Content-Length", take_length},
	{"Transfer-Encoding", take_encoding},
	{"Expect", take_expect},
	{"Connection", take_connection},
};

static int take_field(struct http_head *head, const struct http_header *header, const char **ret_text)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (str_ieq(header->name, fields[i].name))
			return fields[i].take(head, header->value, ret_text);
	}
	return 0;
}

/* Takes one header line (NUL-terminated, in the arena) apart, in place. */
static int parse_field(char *line, struct http_header *ret, const char **ret_text)
{
	char *colon = line, *value, *end;

	while (http_is_token((unsigned char)*colon))
		colon++;
	if (line[0] == ' ' || line[0] == '\t')
		return fail(400, "Malformed head: a folded header line", ret_text);
	if (colon == line)
		return fail(400, "Malformed head: a header line without a name", ret_text);
	if (*colon != ':')
		return fail(400,
			"Malformed head: a header's name must be a token with a colon right behind it",
			ret_text);
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	*ret = (struct http_header){.name = line, .value = value};
	return 0;
}

/* All header lines from `text` on, up to the empty line. */
static int parse_fields(struct arena *arena, char *text, struct http_head *head, const char **ret_text)
{
	struct http_header *headers = NULL;
	int status;

	while (*text != '\r') {
		char *end = strstr(text, "\r\n");

		if (!end)
			return fail(400, "Malformed head", ret_text);
		if (head->header_count == HTTP_HEADERS_MAX)
			return fail(431, "Too many header lines", ret_text);
		*end = '\0';
		headers = arena_grow(arena, headers, head->header_count, sizeof(*headers));
		status = parse_field(text, &headers[head->header_count], ret_text);
		if (!status)
			status = take_field(head, &headers[head->header_count], ret_text);
		if (status)
			return status;
		head->header_count++;
		text = end + 2;
	}
	head->headers = headers;
	return 0;
}

/* What the fields say together. */
static int check_together(struct http_head *head, const char **ret_text)
{
	bool has_length = head->length != UINT64_MAX;

	if (!has_length)
		head->length = 0;
	if (head->chunked && has_length)
		return fail(400, "Both Content-Length and Transfer-Encoding", ret_text);
	if (head->minor > 0 && !head->host)
		return fail(400, "No Host", ret_text);
	if (!head->chunked && head->length == 0)
		head->expect_continue = false;
	return 0;
}

int http_head_parse(
	struct arena *arena, const char *bytes, size_t size, struct http_head *ret, const char **ret_text)
{
	struct http_head head = {.length = UINT64_MAX};
	char *text = arena_copy(arena, bytes, size);
	char *end = strstr(text, "\r\n");
	struct http_line line;
	int status;

	if (!end || size < 4 || memcmp(text + size - 4, "\r\n\r\n", 4) != 0)
		return fail(400, "Malformed head", ret_text);
	status = http_request_line(text, (size_t)(end - text), &line, ret_text);
	if (status)
		return status;
	text[line.method_size] = '\0';
	text[line.target + line.target_size] = '\0';
	head.method = text;
	head.target = text + line.target;
	head.minor = line.minor;
	head.keep_alive = line.minor > 0;
	status = parse_fields(arena, end + 2, &head, ret_text);
	if (!status)
		status = check_together(&head, ret_text);
	if (!status)
		status = http_target_parse(arena, &head, ret_text);
	if (!status)
		*ret = head;
	return status;
}
