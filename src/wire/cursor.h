/* cursor.h -- a reader over bytes that remembers its first failure.
 *
 * Reads behind a failure return zero and move nothing, so a parser is written without an `if` for each field
 * and asks once at the end. The idea is Knot's wire_ctx. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/header.h"

struct wire_cursor {
	const uint8_t *data;
	size_t size;
	size_t position;
	bool failed;
};

/* True if `n` more bytes are there; else the cursor has failed from now on. */
static inline bool wire_cursor_need(struct wire_cursor *c, size_t n)
{
	if (c->failed || c->size - c->position < n)
		c->failed = true;
	return !c->failed;
}

/* The next byte, or 0 after a failure. */
static inline uint8_t wire_read8(struct wire_cursor *c)
{
	return wire_cursor_need(c, 1) ? c->data[c->position++] : 0;
}

/* The next two bytes as a number, or 0 after a failure. */
static inline uint16_t wire_read16(struct wire_cursor *c)
{
	if (!wire_cursor_need(c, 2))
		return 0;
	c->position += 2;
	return wire_get16(c->data + c->position - 2);
}

/* The next four bytes as a number, or 0 after a failure. */
static inline uint32_t wire_read32(struct wire_cursor *c)
{
	if (!wire_cursor_need(c, 4))
		return 0;
	c->position += 4;
	return wire_get32(c->data + c->position - 4);
}

/* The next `n` bytes (and moves behind them), or NULL after a failure. */
static inline const uint8_t *wire_read(struct wire_cursor *c, size_t n)
{
	if (!wire_cursor_need(c, n))
		return NULL;
	c->position += n;
	return c->data + c->position - n;
}
