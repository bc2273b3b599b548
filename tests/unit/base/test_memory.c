/* test_memory.c -- arenas, buffers and the heap that never runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

static void arena_pieces(void **state)
{
	struct arena *arena = arena_create();
	unsigned char *pieces[300];

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		pieces[i] = arena_alloc(arena, i * 7);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)(i & 0xff), i * 7);
	}
	/* No piece lies in another one. */
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
	assert_true(arena_size(arena) >= 300 * 299 / 2 * 7);
	assert_true(arena_size(arena) < 2 * 300 * 299 / 2 * 7);
	arena_destroy(arena);
	arena_destroy(NULL);
}

static void arena_large_piece(void **state)
{
	struct arena *arena = arena_create();
	char *small = arena_alloc(arena, 16), *large, *next;
	size_t size;

	(void)state;
	large = arena_alloc(arena, 10 * 1024 * 1024);
	memset(large, 1, 10 * 1024 * 1024);
	size = arena_size(arena);
	next = arena_alloc(arena, 16);
	/* The rest of the small chunk is used still. */
	assert_int_equal(arena_size(arena), size);
	assert_ptr_equal(next, small + 16);
	arena_destroy(arena);
}

static void arena_strings(void **state)
{
	struct arena *arena = arena_create();
	char source[] = "text", *copy = arena_strdup(arena, source), *zeroes;

	(void)state;
	source[0] = 'n';
	assert_string_equal(copy, "text");
	assert_null(arena_strdup(arena, NULL));
	zeroes = arena_copy(arena, "a\0b", 3);
	assert_memory_equal(zeroes, "a\0b\0", 4);
	assert_string_equal(arena_copy(arena, NULL, 0), "");
	assert_string_equal(arena_printf(arena, "%s-%d", "port", 53), "port-53");
	assert_int_equal(strlen(arena_printf(arena, "%0*d", 5000, 1)), 5000);
	arena_destroy(arena);
}

static void arena_arrays(void **state)
{
	struct arena *arena = arena_create();
	uint32_t *array = NULL, *before;
	size_t moves = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		before = array;
		array = arena_grow(arena, array, i, sizeof(*array));
		moves += before != array;
		array[i] = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(array[i], i);
	assert_int_equal(moves, 9); /* 4, 8, 16, ... 1024 */
	/* An array that was emptied keeps its room. */
	/* An empty list may be a stand-in that has no room: it is not written to, and not kept. */
	char *stand_in = arena_alloc(arena, 1);
	assert_ptr_not_equal(arena_grow(arena, stand_in, 0, sizeof(*array)), stand_in);
	arena_destroy(arena);
}

static void buf_grows(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_clear(&buf);
	assert_null(buf.data);
	for (int i = 0; i < 1000; i++) {
		buf_add(&buf, "ab\0", 3);
		assert_int_equal(buf.data[buf.size], 0);
	}
	assert_int_equal(buf.size, 3000);
	assert_memory_equal(buf.data + 2997, "ab\0\0", 4);
	buf_clear(&buf);
	assert_int_equal(buf.size, 0);
	assert_string_equal(buf.data, "");
	buf_str(&buf, "one ");
	buf_printf(&buf, "%d %s", 2, "three");
	assert_string_equal(buf.data, "one 2 three");
	buf_printf(&buf, "%0*d", 9000, 7);
	assert_int_equal(buf.size, 11 + 9000);
	assert_int_equal(strlen(buf.data), buf.size);
	buf_finish(&buf);
	assert_null(buf.data);
	buf_add(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	buf_finish(&buf);
}

static void printf_at_the_edge(void **state)
{
	(void)state;
	for (int size = 0; size < 600; size++) {
		struct buf buf = {0};

		buf_str(&buf, "x");
		buf_printf(&buf, "%*s", size, "");
		assert_int_equal(buf.size, 1 + size);
		assert_int_equal(strlen(buf.data), buf.size);
		buf_finish(&buf);
	}
}

static void heap(void **state)
{
	char *text = mem_strdup("text");
	uint64_t *numbers = mem_resize(NULL, 2, sizeof(*numbers));
	unsigned char *zeroes = mem_alloc(64);

	(void)state;
	numbers[1] = 7;
	numbers = mem_resize(numbers, 200, sizeof(*numbers));
	assert_int_equal(numbers[1], 7);
	for (int i = 0; i < 64; i++)
		assert_int_equal(zeroes[i], 0);
	assert_string_equal(text, "text");
	assert_null(mem_strdup(NULL));
	free(text);
	free(numbers);
	free(zeroes);
}

static void ask_heap(void)
{
	size_t half = SIZE_MAX / 2;

	free(mem_resize(NULL, half, 3));
}

static void ask_arena(void)
{
	struct arena *arena = arena_create();

	arena_alloc(arena, SIZE_MAX - 8);
	arena_destroy(arena);
}

static void ask_array(void)
{
	struct arena *arena = arena_create();

	arena_grow(arena, NULL, 0, SIZE_MAX / 2);
	arena_destroy(arena);
}

/* A size that overflows ends the process instead of giving too little. */
static void impossible_sizes(void **state)
{
	void (*const asks[])(void) = {ask_heap, ask_arena, ask_array};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(STDERR_FILENO);
			asks[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_pieces),
		cmocka_unit_test(arena_large_piece),
		cmocka_unit_test(arena_strings),
		cmocka_unit_test(arena_arrays),
		cmocka_unit_test(buf_grows),
		cmocka_unit_test(printf_at_the_edge),
		cmocka_unit_test(heap),
		cmocka_unit_test(impossible_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
