/* mem.h -- the heap for long-lived things, where running out ends the process (arena.h says why).
 *
 * Any thread; free with free(3). What belongs to one request lives in an arena instead. */
#pragma once

#include <stddef.h>

/* `size` zeroed bytes; never NULL. */
void *mem_alloc(size_t size);

/* `count` zeroed cache lines of 64 bytes, the first at the start of one; never NULL. */
void *mem_alloc_lines(size_t count);

/* Changes `bytes` (NULL for new ones) to room for `count` elements of `size` bytes; what was added is not
 * zeroed. Ends the process when the product overflows. */
void *mem_resize(void *bytes, size_t count, size_t size);

/* A copy of `text`; NULL stays NULL. */
char *mem_strdup(const char *text);

/* Says so on stderr and aborts. */
_Noreturn void mem_out(void);
