/* reader_private.h -- what the files that read share: reader.c, questions.c, walk.c, history.c and
 * position.c. */
#pragma once

#include <sys/stat.h>

#include "registry/reader.h"
#include "registry/store.h"

/* A kind of question: nodes, instances or checks. */
enum reader_question { READER_NODES, READER_INSTANCES, READER_CHECKS, READER_QUESTIONS };

#define READER_FILTERS 7 /* fields of struct registry_filter, and one for the checks that fail */

struct registry_reader {
	struct store *store;
	char *path;
	dev_t device;
	ino_t inode;
	bool snapshot; /* between registry_reader_begin() and _end() */
	/* Of a snapshot with a bound. */
	int64_t until_ns;
	const atomic_bool *stop;
	int cut_off; /* why a question was ended by us */
	/* Statements by which fields of the filter are set; prepared when first asked. */
	sqlite3_stmt *questions[READER_QUESTIONS][1 << READER_FILTERS];
};

/* The store's error, if it has one, and forgets it; else 0. */
int reader_finish(struct registry_reader *reader);

/* The changelog's last row, 0 if it is empty. An error sticks in the store. */
int64_t reader_changelog_newest(struct registry_reader *reader);

/* The row behind which the changes after `index` stand: no row up to it has a higher index, each behind it
 * has. An error sticks in the store. */
int64_t reader_changelog_position(struct registry_reader *reader, uint64_t index);

/* The SQL of a question with the given fields of the filter, into `ret`. For tests of its query plans. */
void reader_question_sql(enum reader_question question, unsigned fields, char *ret, size_t size);
