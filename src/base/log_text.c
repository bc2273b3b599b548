/* log_text.c -- see log_text.h. */
#include "base/log_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define CUT "..."
#define END_MAX 2     /* the longest end of a line: "}\n" */
#define ESCAPE_MAX 16 /* the longest character, escaped and terminated */

/* What differs between the formats. */
struct syntax {
	const char *begin, *between, *end;   /* of a line; between two pairs */
	const char *key, *equals, *no_quote; /* around a key; around a value that needs no quotes */
	const char *control;                 /* in front of a control character's two digits */
	const char *bad_byte;                /* a byte that is no UTF-8; NULL: as a control character */
};

static const struct syntax syntaxes[] = {
	[LOG_LOGFMT] = {"", " ", "\n", "", "=", "", "\\x", NULL},
	[LOG_JSON] = {"{", ",", "}\n", "\"", "\":", "\"", "\\u00", "\\ufffd"},
};

/* What has a short escape, in both formats. */
static const struct {
	char byte;
	const char *escape;
} escapes[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}, {'\r', "\\r"}};

static void put(struct log_text *line, const char *text)
{
	size_t size = strlen(text);

	memcpy(line->text + line->size, text, size);
	line->size += size;
}

/* What is left for a value, with room kept for its end and the line's. */
static size_t room_of(const struct log_text *line)
{
	const size_t kept = strlen(CUT) + 1 + END_MAX;

	return line->size + kept < sizeof(line->text) ? sizeof(line->text) - line->size - kept : 0;
}

/* Bytes of the character at `p`, 0 if that is no UTF-8. */
static size_t character_size(const char *p)
{
	for (size_t size = 1; size <= 4; size++)
		if (str_utf8(p, size))
			return size;
		else if (!p[size - 1])
			break;
	return 0;
}

static bool is_control(const char *p, size_t size)
{
	const unsigned char *c = (const unsigned char *)p;

	return size == 2 ? c[0] == 0xc2 && c[1] <= 0x9f : size == 1 && (c[0] < ' ' || c[0] == 0x7f);
}

/* Writes the character at *p as it stands between quotes, and moves *p behind it. Returns its bytes. */
static size_t escape_character(const struct syntax *syntax, const char **p, char ret[ESCAPE_MAX])
{
	const char *at = *p;
	size_t size = character_size(at);

	*p += size ? size : 1;
	if (size == 0 && syntax->bad_byte)
		return str_copy(ret, ESCAPE_MAX, syntax->bad_byte);
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (*at == escapes[i].byte)
			return str_copy(ret, ESCAPE_MAX, escapes[i].escape);
	if (size == 2 && is_control(at, size))
		return (size_t)snprintf(ret, ESCAPE_MAX, "\\u00%02x", (unsigned char)at[1]);
	if (size == 0 || is_control(at, size))
		return (size_t)snprintf(ret, ESCAPE_MAX, "%s%02x", syntax->control, (unsigned char)*at);
	memcpy(ret, at, size);
	return size;
}

static bool needs_quotes(const char *value)
{
	if (!*value)
		return true;
	for (size_t size; *value; value += size) {
		size = character_size(value);
		if (size == 0 || is_control(value, size) || strchr(" \"=\\", *value))
			return true;
	}
	return false;
}

/* The value, as far as there is room. */
static void put_value(struct log_text *line, const char *value)
{
	const struct syntax *syntax = &syntaxes[line->format];
	const char *quote = needs_quotes(value) ? "\"" : syntax->no_quote;
	char character[ESCAPE_MAX];

	put(line, quote);
	while (*value) {
		size_t size = escape_character(syntax, &value, character);
		if (size > room_of(line)) {
			put(line, CUT);
			break;
		}
		memcpy(line->text + line->size, character, size);
		line->size += size;
	}
	put(line, quote);
}

void log_text_begin(struct log_text *line, enum log_format format)
{
	line->format = format;
	line->size = 0;
	put(line, syntaxes[format].begin);
}

void log_text_pair(struct log_text *line, const char *key, const char *value)
{
	const struct syntax *syntax = &syntaxes[line->format];
	bool first = line->size == strlen(syntax->begin);

	/* Blanks and quotes around the pair, at most. */
	if (room_of(line) < strlen(key) + 8)
		return;
	put(line, first ? "" : syntax->between);
	put(line, syntax->key);
	put(line, key);
	put(line, syntax->equals);
	put_value(line, value);
}

void log_text_end(struct log_text *line)
{
	put(line, syntaxes[line->format].end);
}
