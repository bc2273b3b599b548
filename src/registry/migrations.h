/* migrations.h -- the registry's schema as a list of steps, and the door that a file must pass to be ours.
 *
 * Private to the registry room. user_version says how many steps a file has seen. Each step runs in one
 * transaction with the new user_version, so a file is old or new, never mixed. A step that was released is
 * never changed; a new schema is a new row at the end of the table. */
#pragma once

#include "registry/store.h"

struct migration {
	int version;
	const char *sql;
};

/* The steps of this program, in order. */
extern const struct migration migrations[];
extern const size_t migrations_count;

/* The schema that this program writes: the last step's version. */
int migrations_newest(void);

/* Looks at the file without changing it: ours, or new and empty (*ret_version 0)? 0, -EPROTO (newer schema),
 * -EBADMSG (corrupt or no database), -EINVAL (another program's database), with a sentence in `message`.
 * `deep` runs quick_check too, which reads the whole file. */
int migrations_inspect(struct store *store, bool deep, int *ret_version, char message[512]);

/* Brings the file from what it is to the last of `count` steps. `unix_time` is the first index of a new
 * registry. 0 or negative errno with a sentence in `message`. */
int migrations_run(struct store *store, const struct migration *steps, size_t count, int64_t unix_time,
	char message[512]);
