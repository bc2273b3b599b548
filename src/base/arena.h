/* arena.h -- memory with one owner and one end: allocate piece by piece, free all at once.
 *
 * A request, a command or the rows of one read live in an arena and are freed with it. An arena belongs to
 * one thread at a time. Out of memory ends the process: a registry that can no longer allocate a few hundred
 * bytes is restarted by its supervisor, which is simpler and safer than a thousand untested error paths. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena. The caller frees it with arena_destroy(). */
struct arena *arena_create(void);

/* Frees the arena and all that was allocated in it. NULL is fine. */
void arena_destroy(struct arena *arena);

/* `size` zeroed bytes, aligned for any type; they live as long as the arena. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `size` bytes with a NUL behind them. */
char *arena_copy(struct arena *arena, const void *bytes, size_t size);

/* A copy of `text`; NULL stays NULL. */
char *arena_strdup(struct arena *arena, const char *text);

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Grows an array in the arena for one more element: returns the array (moved if it was full) with room for
 * `count` + 1 elements of `size` bytes. The capacity is the power of two at or above `count` (at least 4), so
 * callers keep only pointer and count. With `count` 0 what `array` points to is not looked at: it may be
 * NULL, or some non-NULL stand-in for an empty list. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t size);

/* Bytes that the arena holds in all, for limits and tests. */
size_t arena_size(const struct arena *arena);
