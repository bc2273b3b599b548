/* replay.c -- runs a fuzz target over saved inputs: each argument is a file, or a folder of files.
 *
 * So that every build, not only one with libFuzzer, tests what the fuzzer has found. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static int replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	int result = -1;

	if (!file || !data || fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		goto out;
	}
	fprintf(stderr, "%s\n", path); /* the last line names the input that ended the process */
	LLVMFuzzerTestOneInput(data, size);
	inputs++;
	result = 0;
out:
	free(data);
	if (file)
		fclose(file);
	return result;
}

static int replay(const char *path)
{
	struct stat st;
	struct dirent **entries;
	int result = 0;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char below[4096];
		snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && replay(below) != 0)
			result = -1;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count < 0 ? -1 : result;
}

int main(int argc, char **argv)
{
	int result = 0;

	for (int i = 1; i < argc; i++)
		result |= replay(argv[i]);
	fprintf(stderr, "%u inputs\n", inputs);
	return result == 0 && inputs > 0 ? 0 : 1;
}
