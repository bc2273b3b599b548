/* json_out.h -- writes JSON straight into a buffer, in the order of the calls.
 *
 * Private to the sidecar room. Reading JSON is jansson's work; for writing, a tree of a hundred allocations
 * for each instance would only be built to be torn down. Compact, or indented by four as Consul's ?pretty.
 * What is written is always valid: bytes that are no UTF-8 (a check's output may hold anything) become
 * U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct json_out {
	struct buf *buf;
	bool pretty;
	unsigned depth;  /* of what is open; 32 at most */
	uint32_t filled; /* bit n: something stands in the container at depth n */
	bool after_key;
};

/* Opens an object, as a value. */
void out_object(struct json_out *out);

/* Closes it. */
void out_object_end(struct json_out *out);

/* Opens an array, as a value. */
void out_array(struct json_out *out);

/* Closes it. */
void out_array_end(struct json_out *out);

/* The key of the next value. */
void out_key(struct json_out *out, const char *key);

/* A string; NULL is written as "". */
void out_string(struct json_out *out, const char *text);

/* A number. */
void out_u64(struct json_out *out, uint64_t number);

/* true or false. */
void out_bool(struct json_out *out, bool value);

/* null. */
void out_null(struct json_out *out);

/* A key and a string. */
void out_key_string(struct json_out *out, const char *key, const char *text);

/* A key and a number. */
void out_key_u64(struct json_out *out, const char *key, uint64_t number);

/* A key and true or false. */
void out_key_bool(struct json_out *out, const char *key, bool value);

/* A key and an empty object. */
void out_key_empty(struct json_out *out, const char *key);
