/* load_queries.c -- see load_queries.h. */
#include "load_queries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void load_die(const char *what, int code)
{
	fprintf(stderr, "%s%s%s\n", what, code ? ": " : "", code ? strerror(code) : "");
	exit(1);
}

static uint16_t type_number(const char *type)
{
	static const struct {
		const char *name;
		uint16_t number;
	} types[] = {{"A", 1}, {"AAAA", 28}, {"SRV", 33}, {"TXT", 16}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, type) == 0)
			return types[i].number;
	load_die("the type is A, AAAA, SRV or TXT", 0);
}

static void make_query(const char *name, uint16_t type, struct load_query *ret)
{
	static const uint8_t header[12] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	static const uint8_t opt[11] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
	uint8_t *p = ret->bytes + sizeof(header);

	memcpy(ret->bytes, header, sizeof(header));
	while (*name) {
		size_t size = strcspn(name, ".");
		if (size == 0 || size > 63 || p + size - ret->bytes > 200)
			load_die("a name of the list is not a name", 0);
		*p++ = (uint8_t)size;
		memcpy(p, name, size);
		p += size;
		name += size + (name[size] == '.');
	}
	memcpy(p, (uint8_t[]){0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 5);
	p += 5;
	ret->question_size = (uint16_t)(p - ret->bytes - (long)sizeof(header));
	memcpy(p, opt, sizeof(opt));
	ret->size = (uint16_t)(p + sizeof(opt) - ret->bytes);
}

struct load_queries load_queries_read(const char *path, const char *type)
{
	struct load_queries queries = {0};
	uint16_t number = type_number(type);
	FILE *file = fopen(path, "re");
	size_t room = 0;
	char line[256];

	if (!file)
		load_die("the list of names cannot be read", 0);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!*line)
			continue;
		if (queries.count == room) {
			room = room ? 2 * room : 1024;
			queries.list = realloc(queries.list, room * sizeof(queries.list[0]));
			if (!queries.list)
				load_die("out of memory", 0);
		}
		make_query(line, number, &queries.list[queries.count++]);
	}
	fclose(file);
	if (queries.count == 0)
		load_die("the list of names is empty", 0);
	return queries;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

bool load_check(const struct load_expect *expect, const struct load_query *query, const uint8_t *answer,
	size_t size, struct load_result *result)
{
	result->answers++;
	result->bytes += size;
	if (expect->raw)
		return true;
	if (size < 12u + query->question_size)
		goto bad;
	unsigned flags = get16(answer + 2), records = get16(answer + 6);
	result->rcodes[flags & 15]++;
	result->truncated += flags >> 9 & 1;
	result->records += records;
	if (!(flags & 0x8000) || get16(answer + 4) != 1 ||
		(expect->rcode >= 0 && (int)(flags & 15) != expect->rcode) ||
		(expect->answers >= 0 && (int)records != expect->answers) ||
		memcmp(answer + 12, query->bytes + 12, query->question_size) != 0)
		goto bad;
	return true;
bad:
	if (result->bad++ == 0)
		fprintf(stderr,
			"an unexpected answer: %zu bytes, flags %04x, %u records in the answer section\n",
			size, size >= 12 ? get16(answer + 2) : 0, size >= 12 ? get16(answer + 6) : 0);
	return false;
}

void load_result_add(struct load_result *to, const struct load_result *from)
{
	to->answers += from->answers;
	to->lost += from->lost;
	to->bad += from->bad;
	to->truncated += from->truncated;
	to->records += from->records;
	to->bytes += from->bytes;
	for (unsigned i = 0; i < 16; i++)
		to->rcodes[i] += from->rcodes[i];
}

void load_result_print(const struct load_result *result, const char *more)
{
	const char *comma = "";

	printf("{\"answers\": %lu, \"lost\": %lu, \"bad\": %lu, \"truncated\": %lu, \"records\": %lu, "
	       "\"bytes\": %llu, "
	       "\"seconds\": %.6f, \"rcodes\": {",
		result->answers, result->lost, result->bad, result->truncated, result->records,
		(unsigned long long)result->bytes, result->seconds);
	for (unsigned i = 0; i < 16; i++) {
		if (!result->rcodes[i])
			continue;
		printf("%s\"%u\": %lu", comma, i, result->rcodes[i]);
		comma = ", ";
	}
	printf("}%s}\n", more);
}
