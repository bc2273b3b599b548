#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An arena with its first chunk: malloc keeps a thread's own pieces of this size at hand, larger ones it does
 * not. */
#define FIRST_SIZE 1000
#define CHUNK_SECOND (2 * 1024)
#define CHUNK_LARGEST (64 * 1024)
#define ALIGNMENT alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t used, capacity;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks; /* the first is the one that is being filled */
	size_t size;          /* bytes of all chunks with their heads, and of this struct */
	size_t next_capacity; /* of the next chunk; doubles up to CHUNK_LARGEST */
	alignas(max_align_t) struct chunk first;
};

static void *allocate(size_t size)
{
	void *bytes = malloc(size);

	if (!bytes)
		mem_out();
	return bytes;
}

struct arena *arena_create(void)
{
	struct arena *arena = allocate(FIRST_SIZE);

	*arena = (struct arena){.chunks = &arena->first,
		.size = FIRST_SIZE,
		.next_capacity = CHUNK_SECOND,
		.first = {.capacity = FIRST_SIZE - sizeof(*arena)}};
	return arena;
}

void arena_destroy(struct arena *arena)
{
	struct chunk *chunk, *next;

	if (!arena)
		return;
	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		if (chunk != &arena->first)
			free(chunk);
	}
	free(arena);
}

/* A chunk for at least `size` bytes. One that is only for a large piece goes behind the first, so that what
 * is left of the first is still used. */
static struct chunk *add_chunk(struct arena *arena, size_t size)
{
	size_t capacity = size > arena->next_capacity ? size : arena->next_capacity;
	struct chunk *chunk = allocate(sizeof(*chunk) + capacity);

	chunk->used = 0;
	chunk->capacity = capacity;
	arena->size += sizeof(*chunk) + capacity;
	if (size > arena->next_capacity) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
		return chunk;
	}
	if (arena->next_capacity < CHUNK_LARGEST)
		arena->next_capacity *= 2;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded;
	void *bytes;

	if (size > PTRDIFF_MAX - sizeof(*chunk) - ALIGNMENT)
		mem_out();
	/* Nothing is given out twice, not even for a size of 0. */
	rounded = ((size ? size : 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (chunk->capacity - chunk->used < rounded)
		chunk = add_chunk(arena, rounded);
	bytes = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return memset(bytes, 0, rounded);
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	char *copy;

	if (size == SIZE_MAX)
		mem_out();
	copy = arena_alloc(arena, size + 1);
	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text;
	int size;

	va_start(args, format);
	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0)
		mem_out();
	text = arena_alloc(arena, (size_t)size + 1);
	vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	return text;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t size)
{
	size_t capacity, bytes;
	void *moved;

	/* Full means: exactly at a power of two, the smallest of which is 4. */
	if (count > 0 && (count < 4 || (count & (count - 1)) != 0))
		return array;
	capacity = count < 4 ? 4 : count * 2;
	if (__builtin_mul_overflow(capacity, size, &bytes))
		mem_out();
	moved = arena_alloc(arena, bytes);
	if (count > 0)
		memcpy(moved, array, count * size);
	return moved;
}

size_t arena_size(const struct arena *arena)
{
	return arena->size;
}
