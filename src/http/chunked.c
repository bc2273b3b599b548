/* chunked.c -- see chunked.h. One byte at a time but for data, so that any split of the input is the same. */
#include "http/chunked.h"

#include <stdbool.h>

#include "base/str.h"
#include "http/head.h"

enum state { SIZE, SIZE_SPACE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, DONE };

static int fail(int status, const char *text, const char **ret_text)
{
	*ret_text = text;
	return status;
}

static bool is_control(unsigned char c)
{
	return (c < ' ' && c != '\t') || c == 0x7f;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static int on_size(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	unsigned char lower = str_lower(c);

	if (c >= '0' && c <= '9') {
		chunked->left = chunked->left << 4 | (unsigned)(c - '0');
	} else if (lower >= 'a' && lower <= 'f') {
		chunked->left = chunked->left << 4 | (unsigned)(lower - 'a' + 10);
	} else if (chunked->digits > 0 && (c == '\r' || c == ';' || is_blank(c))) {
		chunked->state = c == '\r' ? SIZE_LF : c == ';' ? EXTENSION : SIZE_SPACE;
		return 0;
	} else {
		return fail(400, "Malformed chunk size", ret_text);
	}
	if (++chunked->digits > 16)
		return fail(400, "Malformed chunk size", ret_text);
	return 0;
}

/* White space may stand before a ';' (RFC 9112 7.1.1), and before nothing else. */
static int on_size_space(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	if (c == ';')
		chunked->state = EXTENSION;
	else if (!is_blank(c))
		return fail(400, "Malformed chunk size", ret_text);
	if (++chunked->extras > CHUNKED_EXTENSIONS)
		return fail(400, "Too many chunk extensions", ret_text);
	return 0;
}

static int on_extension(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	if (c == '\r') {
		chunked->state = SIZE_LF;
		return 0;
	}
	if (is_control(c))
		return fail(400, "Malformed chunk extension", ret_text);
	if (++chunked->extras > CHUNKED_EXTENSIONS)
		return fail(400, "Too many chunk extensions", ret_text);
	return 0;
}

static int on_line_feed(struct chunked *chunked, unsigned char c, enum state next, const char **ret_text)
{
	if (c != '\n')
		return fail(400, "Malformed chunk: CR LF expected", ret_text);
	chunked->state = (int)next;
	return 0;
}

static int on_size_lf(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	chunked->digits = 0;
	chunked->line = 0;
	chunked->colon = 0;
	if (chunked->left == 0)
		chunked->extras = 0;
	return on_line_feed(chunked, c, chunked->left ? DATA : TRAILER, ret_text);
}

static int on_data_cr(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	if (c != '\r')
		return fail(400, "Malformed chunk: longer than its size", ret_text);
	chunked->state = DATA_LF;
	return 0;
}

static int on_data_lf(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	return on_line_feed(chunked, c, SIZE, ret_text);
}

static int on_trailer(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	if (c == '\r') {
		if (chunked->line > 0 && !chunked->colon)
			return fail(400, "Malformed trailer", ret_text);
		chunked->state = TRAILER_LF;
		return 0;
	}
	if (!chunked->colon) {
		if (c == ':' && chunked->line > 0)
			chunked->colon = 1;
		else if (!http_is_token(c))
			return fail(400, "Malformed trailer", ret_text);
	} else if (is_control(c)) {
		return fail(400, "Malformed trailer", ret_text);
	}
	chunked->line++;
	if (++chunked->extras > CHUNKED_TRAILERS)
		return fail(400, "The trailers are too long", ret_text);
	return 0;
}

static int on_trailer_lf(struct chunked *chunked, unsigned char c, const char **ret_text)
{
	bool last = chunked->line == 0;

	chunked->line = 0;
	chunked->colon = 0;
	return on_line_feed(chunked, c, last ? DONE : TRAILER, ret_text);
}

static int (*const steps[])(struct chunked *chunked, unsigned char c, const char **ret_text) = {
	[SIZE] = on_size,
	[SIZE_SPACE] = on_size_space,
	[EXTENSION] = on_extension,
	[SIZE_LF] = on_size_lf,
	[DATA_CR] = on_data_cr,
	[DATA_LF] = on_data_lf,
	[TRAILER] = on_trailer,
	[TRAILER_LF] = on_trailer_lf,
};

/* Copies what there is of the current chunk's data. */
static size_t take_data(struct chunked *chunked, const char *bytes, size_t size, struct buf *out)
{
	if (size > chunked->left)
		size = (size_t)chunked->left;
	buf_add(out, bytes, size);
	chunked->left -= size;
	if (chunked->left == 0)
		chunked->state = DATA_CR;
	return size;
}

int chunked_feed(struct chunked *chunked, const char *bytes, size_t size, size_t limit, struct buf *out,
	size_t *ret_used, const char **ret_text)
{
	size_t at = 0;
	int status;

	while (at < size && chunked->state != DONE) {
		if (chunked->state == DATA) {
			at += take_data(chunked, bytes + at, size - at, out);
			continue;
		}
		status = steps[chunked->state](chunked, (unsigned char)bytes[at++], ret_text);
		if (status)
			return status;
		/* Refused by its announced size, before a byte of it is read. */
		if (chunked->state == DATA && (out->size > limit || chunked->left > limit - out->size))
			return fail(413, "The body of the request is too large", ret_text);
	}
	*ret_used = at;
	return chunked->state == DONE;
}
