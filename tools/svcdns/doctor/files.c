/* files.c -- openat2 and what reads through it. */
#include "svcdns/doctor/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define SPACE " \t\r\v\f"

int files_init(struct files *files, struct arena *arena, const char *root)
{
	*files = (struct files){.arena = arena, .root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	return files->root < 0 ? -errno : 0;
}

void files_finish(struct files *files)
{
	if (files->root >= 0)
		close(files->root);
	files->root = -1;
}

static int open_in_root(const struct files *files, const char *path, unsigned flags)
{
	const struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

	return (int)syscall(SYS_openat2, files->root, path, &how, sizeof(how));
}

const char *files_read(const struct files *files, const char *path)
{
	int fd = open_in_root(files, path, O_RDONLY | O_NONBLOCK);
	char *text, *copy;
	size_t size = 0;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	text = malloc(FILE_MAX + 1);
	/* Files in /proc have no size and come in pieces. */
	while (text && size < FILE_MAX && (n = read(fd, text + size, FILE_MAX - size)) > 0)
		size += (size_t)n;
	close(fd);
	for (char *nul = text; nul && (nul = memchr(nul, '\0', size - (size_t)(nul - text))) != NULL;)
		*nul = ' ';
	copy = text && n >= 0 ? arena_copy(files->arena, text, size) : NULL;
	free(text);
	return copy;
}

const char *files_link(const struct files *files, const char *path)
{
	char target[4096];
	int fd = open_in_root(files, path, O_PATH | O_NOFOLLOW);
	ssize_t size = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target));

	if (fd >= 0)
		close(fd);
	return size < 0 ? NULL : arena_copy(files->arena, target, (size_t)size);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **files_list(const struct files *files, const char *path, size_t *ret_count)
{
	int fd = open_in_root(files, path, O_RDONLY | O_DIRECTORY);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const char **names = NULL;
	const struct dirent *entry;
	size_t count = 0;

	if (!folder && fd >= 0)
		close(fd);
	while (folder && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		names = arena_grow(files->arena, names, count, sizeof(*names));
		names[count++] = arena_strdup(files->arena, entry->d_name);
	}
	if (folder)
		closedir(folder);
	if (count > 0)
		qsort(names, count, sizeof(*names), compare);
	*ret_count = count;
	return names;
}

const char *files_line(const struct files *files, const char **text)
{
	const char *start, *end;

	if (!*text || !**text)
		return NULL;
	start = *text + strspn(*text, SPACE);
	end = start + strcspn(start, "\n");
	*text = *end ? end + 1 : end;
	while (end > start && strchr(SPACE, end[-1]))
		end--;
	return arena_copy(files->arena, start, (size_t)(end - start));
}

const char *files_word(const struct files *files, const char **line)
{
	const char *start = *line + strspn(*line, SPACE "\n");
	size_t size = strcspn(start, SPACE "\n");

	*line = start + size;
	return size > 0 ? arena_copy(files->arena, start, size) : NULL;
}
