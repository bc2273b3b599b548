#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CAPACITY_FIRST 256

/* Makes room for `size` more bytes and the NUL. */
static void reserve(struct buf *buf, size_t size)
{
	size_t needed, capacity = buf->capacity ? buf->capacity : CAPACITY_FIRST;

	if (__builtin_add_overflow(buf->size, size, &needed) || needed >= PTRDIFF_MAX)
		mem_out();
	needed++;
	if (needed <= buf->capacity)
		return;
	while (capacity < needed)
		capacity *= 2;
	buf->data = mem_resize(buf->data, capacity, 1);
	buf->capacity = capacity;
}

void buf_finish(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
	buf->size = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void buf_add(struct buf *buf, const void *bytes, size_t size)
{
	reserve(buf, size);
	if (size)
		memcpy(buf->data + buf->size, bytes, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

void buf_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	int size;

	va_start(args, format);
	va_copy(again, args);
	reserve(buf, 0);
	size = vsnprintf(buf->data + buf->size, buf->capacity - buf->size, format, args);
	va_end(args);
	if (size < 0)
		mem_out();
	if ((size_t)size >= buf->capacity - buf->size) {
		reserve(buf, (size_t)size);
		vsnprintf(buf->data + buf->size, (size_t)size + 1, format, again);
	}
	va_end(again);
	buf->size += (size_t)size;
}
