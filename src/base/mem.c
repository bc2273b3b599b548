#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void mem_out(void)
{
	static const char message[] = "svcdns: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

	(void)ignored;
	abort();
}

void *mem_alloc(size_t size)
{
	void *bytes = calloc(1, size ? size : 1);

	if (!bytes)
		mem_out();
	return bytes;
}

void *mem_alloc_lines(size_t count)
{
	enum { LINE = 64 };
	size_t size;
	void *lines = __builtin_mul_overflow(count, LINE, &size) ? NULL : aligned_alloc(LINE, size);

	if (!lines)
		mem_out();
	return memset(lines, 0, size);
}

void *mem_resize(void *bytes, size_t count, size_t size)
{
	void *moved = reallocarray(bytes, count ? count : 1, size ? size : 1);

	if (!moved)
		mem_out();
	return moved;
}

char *mem_strdup(const char *text)
{
	char *copy;

	if (!text)
		return NULL;
	copy = strdup(text);
	if (!copy)
		mem_out();
	return copy;
}
