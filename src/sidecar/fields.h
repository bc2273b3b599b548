/* fields.h -- JSON objects into C structs, by tables.
 *
 * Private to the sidecar room, below decode.h. A table names the fields of an object, their kinds and where
 * they go. Keys compare without case and underscores, as old clients need (name, Name,
 * deregister_critical_service_after); null is "not given" everywhere; unknown keys are ignored; a wrong type,
 * a duplicate and a number that is no integer are errors whose text names the field. Any thread; what is
 * filled in lives in the arena. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "registry/registry.h"

#define FIELDS_DEPTH 32    /* how deep a body may be nested */
#define FIELDS_MESSAGE 512 /* bytes of an error's text */

/* One decoding: where things go and what was wrong. */
struct fields {
	struct arena *arena;
	char message[FIELDS_MESSAGE]; /* after an error: the reply's text */
};

enum field_kind {
	FIELD_STRING,   /* const char * */
	FIELD_BOOL,     /* bool */
	FIELD_INT,      /* int64_t */
	FIELD_PORT,     /* uint16_t, 0 to 65535 */
	FIELD_DURATION, /* int64_t nanoseconds: a string in Go's syntax ("" is not given), or an integer */
	FIELD_STRINGS,  /* struct field_strings */
	FIELD_PAIRS,    /* struct field_pairs: an object of strings */
	FIELD_OBJECT,   /* json_t *, borrowed: an object */
	FIELD_ARRAY,    /* json_t *, borrowed: an array */
	FIELD_SEEN /* const char *: set to the field's name if the value is not empty (0, "", false, [], {})
		    */
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

struct field_strings {
	const char *const *items;
	size_t count;
};

struct field_pairs {
	const struct registry_pair *items;
	size_t count;
};

/* Parses a body. 0 and a new reference, to be given back with json_decref(), or -EINVAL with `message`
 * ("Request decode failed: ..."). Only an object or null is a body; null gives an empty object. */
int fields_parse(struct fields *fields, const char *body, size_t size, json_t **ret);

/* Fills the struct at `ret` from `object` by the `count` rows of `table`; what is not in the object is left
 * as it is. `path` is put in front of the field's name in errors ("Check."). 0 or -EINVAL with `message`. */
int fields_fill(struct fields *fields, const char *path, json_t *object, const struct field *table,
	size_t count, void *ret);

/* Writes the message; returns -EINVAL. */
int fields_fail(struct fields *fields, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a value of the wrong type: "json: cannot unmarshal <it> into field "<path><name>" of type
 * ...". */
int fields_mistyped(
	struct fields *fields, const char *path, const char *name, const json_t *value, const char *type);
