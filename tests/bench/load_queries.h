/* load_queries.h -- the queries of the load generators, made once from a list of names, and the checks of
 * what comes back. One thread; nothing here is of the server's code, so that a fault of it cannot hide. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_QUERY_MAX = 288, LOAD_ANSWER_MAX = 65535 };

struct load_query {
	uint16_t size;
	uint16_t question_size;
	uint8_t bytes[LOAD_QUERY_MAX]; /* id 0 */
};

struct load_queries {
	struct load_query *list;
	size_t count;
};

/* What every answer must be. */
struct load_expect {
	bool raw;    /* the server is an echo: only the id is looked at */
	int rcode;   /* -1: any */
	int answers; /* records in the answer section; -1: any */
};

/* What came. */
struct load_result {
	unsigned long answers, lost, bad, truncated;
	unsigned long rcodes[16];
	unsigned long records; /* of the answer sections */
	uint64_t bytes;
	double seconds;
};

/* Reads names (one a line) and makes one query for each, of `type` (A, AAAA, SRV, TXT), with RD and EDNS of
 * 1232 bytes. Ends the program on an error. */
struct load_queries load_queries_read(const char *path, const char *type);

/* Counts an answer to `query`; false (and counted as bad, the first one told) if it is not what was expected.
 * The id is the caller's to check. */
bool load_check(const struct load_expect *expect, const struct load_query *query, const uint8_t *answer,
	size_t size, struct load_result *result);

/* Adds `from` to `to`; the times are left. */
void load_result_add(struct load_result *to, const struct load_result *from);

/* Prints the result as one JSON object; `more` is put in front of its end (", \"key\": value" or ""). */
void load_result_print(const struct load_result *result, const char *more);

/* Seconds of the monotonic clock. */
double load_now(void);

/* A message to stderr and exit 1; with errno's text if `code` is not 0. */
_Noreturn void load_die(const char *what, int code);
