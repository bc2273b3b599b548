/* log_text.h -- the text of a log line: pairs of key and value, as logfmt or as a JSON object.
 *
 *   logfmt  time=2026-11-28T08:00:00.000Z level=info process=dns msg="a sentence" key=value ...
 *   json    {"time":"2026-11-28T08:00:00.000Z","level":"info","process":"dns","msg":"a
 * sentence","key":"value"}
 *
 * The same pairs in the same order; in JSON every value is a string. A line is one line of valid UTF-8
 * whatever the values hold: control characters (C1 too, which a terminal may obey) are escaped, and so are
 * bytes that are no UTF-8: \xff in logfmt, where it is a letter of ours, U+FFFD in JSON, which has no other
 * way to say it. A value that is too long ends with "...", cut between two characters; a pair that does not
 * fit at all is left out. Any thread; nothing is allocated. */
#pragma once

#include <stddef.h>

#include "base/level.h"

/* Bytes of a line, newline included. PIPE_BUF, so that a line in a pipe stays whole. */
#define LOG_LINE 4096

/* A line in the making. */
struct log_text {
	enum log_format format;
	size_t size;
	char text[LOG_LINE];
};

/* Starts a line. */
void log_text_begin(struct log_text *line, enum log_format format);

/* Adds a pair. `key` is a word of ours: letters and '_', at most 64 bytes. */
void log_text_pair(struct log_text *line, const char *key, const char *value);

/* Ends the line with its newline; line->text holds line->size bytes then, not terminated. */
void log_text_end(struct log_text *line);
