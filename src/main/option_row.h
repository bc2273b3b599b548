/* option_row.h -- one row of the option table (options.c), and its value in a config: set, written, freed.
 *
 * What a value of each type looks like as text stands here, and nowhere else. */
#pragma once

#include "main/options.h"

enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_NUMBER, OPTION_SIZE, OPTION_DURATION };

struct option_row {
	const char *key; /* section.name */
	enum option_type type;
	size_t offset;
	const char *value; /* the default, as text */
	int64_t min, max;  /* numbers and sizes as such, durations in milliseconds */
	bool live;         /* taken over by SIGHUP; else it needs a restart */
	const char *help;  /* NULL: no option; only options_deserialize() sets it */
};

/* Sets the row's value from text. 0, or -EINVAL with what is wrong in `message`; unchanged then. */
int option_row_set(
	struct main_config *config, const struct option_row *row, const char *value, char message[256]);

/* Appends the row's value as text that option_row_set() takes back. */
void option_row_format(const struct main_config *config, const struct option_row *row, struct buf *ret);

/* Frees the row's value, if it has something to free; the field is garbage then. */
void option_row_finish(struct main_config *config, const struct option_row *row);

/* Copies the row's value between two configs, in place of the one that was there. */
void option_row_copy(struct main_config *to, const struct main_config *from, const struct option_row *row);

/* True if the row has the same value in both. */
bool option_row_equal(const struct main_config *a, const struct main_config *b, const struct option_row *row);
