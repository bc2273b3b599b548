/* json_out.c -- separators, escapes and nothing else. */
#include "sidecar/json_out.h"

#include <string.h>

static void newline(struct json_out *out)
{
	buf_str(out->buf, "\n");
	for (unsigned i = 0; i < out->depth; i++)
		buf_str(out->buf, "    ");
}

/* What stands in front of a value or a key: a comma, an indent, or nothing behind a key. */
static void separate(struct json_out *out)
{
	uint32_t bit = UINT32_C(1) << (out->depth & 31);

	if (out->after_key) {
		out->after_key = false;
		return;
	}
	if (out->depth == 0)
		return;
	if (out->filled & bit)
		buf_str(out->buf, ",");
	out->filled |= bit;
	if (out->pretty)
		newline(out);
}

static void open_container(struct json_out *out, const char *bracket)
{
	separate(out);
	buf_str(out->buf, bracket);
	out->depth++;
	out->filled &= ~(UINT32_C(1) << (out->depth & 31));
}

static void close_container(struct json_out *out, const char *bracket)
{
	bool filled = out->filled & (UINT32_C(1) << (out->depth & 31));

	out->depth--;
	if (filled && out->pretty)
		newline(out);
	buf_str(out->buf, bracket);
}

void out_object(struct json_out *out)
{
	open_container(out, "{");
}

void out_object_end(struct json_out *out)
{
	close_container(out, "}");
}

void out_array(struct json_out *out)
{
	open_container(out, "[");
}

void out_array_end(struct json_out *out)
{
	close_container(out, "]");
}

/* The length of the valid UTF-8 sequence at `text` (RFC 3629 section 4), 0 if there is none. A NUL behind the
 * text ends every sequence, so nothing past it is read. */
static size_t sequence(const unsigned char *text)
{
	size_t size = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

	if (size == 0 || text[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
		(text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return size;
}

static void escape(struct buf *buf, unsigned char c)
{
	switch (c) {
	case '"':
		buf_str(buf, "\\\"");
		break;
	case '\\':
		buf_str(buf, "\\\\");
		break;
	case '\n':
		buf_str(buf, "\\n");
		break;
	case '\r':
		buf_str(buf, "\\r");
		break;
	case '\t':
		buf_str(buf, "\\t");
		break;
	default:
		buf_printf(buf, "\\u%04x", c);
	}
}

static void quoted(struct buf *buf, const char *text)
{
	const unsigned char *at = (const unsigned char *)(text ? text : ""), *plain = at;

	buf_str(buf, "\"");
	while (*at) {
		size_t size = sequence(at);

		if (size > 0 && *at >= 0x20 && *at != '"' && *at != '\\') {
			at += size;
			continue;
		}
		buf_add(buf, plain, (size_t)(at - plain));
		if (size > 0)
			escape(buf, *at);
		else
			buf_str(buf, "\xef\xbf\xbd");
		plain = ++at;
	}
	buf_add(buf, plain, (size_t)(at - plain));
	buf_str(buf, "\"");
}

void out_key(struct json_out *out, const char *key)
{
	separate(out);
	quoted(out->buf, key);
	buf_str(out->buf, out->pretty ? ": " : ":");
	out->after_key = true;
}

void out_string(struct json_out *out, const char *text)
{
	separate(out);
	quoted(out->buf, text);
}

void out_u64(struct json_out *out, uint64_t number)
{
	separate(out);
	buf_printf(out->buf, "%llu", (unsigned long long)number);
}

void out_bool(struct json_out *out, bool value)
{
	separate(out);
	buf_str(out->buf, value ? "true" : "false");
}

void out_null(struct json_out *out)
{
	separate(out);
	buf_str(out->buf, "null");
}

void out_key_string(struct json_out *out, const char *key, const char *text)
{
	out_key(out, key);
	out_string(out, text);
}

void out_key_u64(struct json_out *out, const char *key, uint64_t number)
{
	out_key(out, key);
	out_u64(out, number);
}

void out_key_bool(struct json_out *out, const char *key, bool value)
{
	out_key(out, key);
	out_bool(out, value);
}

void out_key_empty(struct json_out *out, const char *key)
{
	out_key(out, key);
	out_object(out);
	out_object_end(out);
}
