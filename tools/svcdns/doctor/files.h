/* files.h -- small files of a system, read below a root.
 *
 * The doctor looks at /etc, /run and /proc; with --root=DIR at those of another tree. Links are followed
 * inside that tree (openat2(2), RESOLVE_IN_ROOT), so a tree never shows what is outside it. Nothing is ever
 * written. */
#pragma once

#include <stddef.h>

#include "base/arena.h"

struct files {
	struct arena *arena; /* what is read lives there */
	int root;            /* a descriptor */
};

/* Opens the root. 0 or negative errno; end with files_finish(). */
int files_init(struct files *files, struct arena *arena, const char *root);

/* Closes the root. */
void files_finish(struct files *files);

/* The text of a file of up to 1 MiB ("/etc/resolv.conf"), NULL if it cannot be read. A NUL is read as a
 * blank. */
const char *files_read(const struct files *files, const char *path);

/* Where a symbolic link points, NULL if it is none. */
const char *files_link(const struct files *files, const char *path);

/* The names in a folder, sorted, without those that start with a dot; *ret_count is 0 if it cannot be read.
 */
const char **files_list(const struct files *files, const char *path, size_t *ret_count);

/* The next line of *text, without its end and the white space around it, in the arena; NULL at the end. */
const char *files_line(const struct files *files, const char **text);

/* The next word of *line, as files_line(); words are apart by white space. */
const char *files_word(const struct files *files, const char **line);
