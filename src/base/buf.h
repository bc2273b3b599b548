/* buf.h -- a byte buffer that grows.
 *
 * init/finish: the struct is the caller's memory, the bytes are the buffer's. One thread at a time. Out of
 * memory ends the process (see arena.h). */
#pragma once

#include <stddef.h>

struct buf {
	char *data; /* size bytes, always with a NUL behind them once something was added; NULL while empty */
	size_t size;
	size_t capacity;
};

/* Frees the bytes and makes the buffer empty and usable again. A zeroed struct is a valid empty buffer. */
void buf_finish(struct buf *buf);

/* Forgets the contents, keeps the memory. */
void buf_clear(struct buf *buf);

/* Appends `size` bytes. */
void buf_add(struct buf *buf, const void *bytes, size_t size);

/* Appends a NUL-terminated string. */
void buf_str(struct buf *buf, const char *text);

/* Appends by printf. */
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
