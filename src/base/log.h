/* log.h -- one line on stderr, in logfmt or JSON (log_text.h): time, level, process, msg, then what was
 * given.
 *
 * Any thread; a line is one write(2). A blocked or closed stderr never blocks the caller for long and never
 * ends the process: what cannot be written at once is dropped and counted. Rooms on floors 0 to 3 do not log.
 * Each call site may write LOG_BURST lines a second; the rest is dropped and counted, and told in the next
 * line of that site (suppressed=N), or by log_tell_suppressed() if none comes. What a blocked stderr cost is
 * told in the next line of any (lost=N). The time is UTC, ISO 8601 with milliseconds. */
#pragma once

#include <stdbool.h>

#include "base/level.h"

#define LOG_BURST 50 /* lines a second and call site */

/* State of one call site; kept by the macros below. Static: once it has dropped a line it is remembered. */
struct log_site {
	_Atomic long second;
	_Atomic unsigned count, dropped;
	const char *_Atomic message; /* of what it dropped last */
	_Atomic int level;
	_Atomic bool listed;
	struct log_site *next; /* that has dropped a line, too */
};

/* Sets the process's name in each line ("supervisor", "dns", "sidecar") and the lowest level that is written.
 * The name must stay alive. Ignores SIGPIPE, because stderr may be a pipe that nobody reads any more. */
void log_setup(const char *process, enum log_level level);

/* Sets how lines are written; logfmt, if it is never called. */
void log_set_format(enum log_format format);

/* Gives this process, and those that it starts, an open file of its own behind stderr that does not block, if
 * stderr is a pipe or a terminal: several processes write to it, so that poll() says little, and the flag of
 * the file that we were given is not ours to set. If that fails stderr stays as it is. Before the first
 * thread. */
void log_own_stderr(void);

/* Parses "debug", "info", "warn" or "error". 0 or -EINVAL. */
int log_parse_level(const char *text, enum log_level *ret);

/* Parses "logfmt" or "json". 0 or -EINVAL. */
int log_parse_format(const char *text, enum log_format *ret);

/* Writes one line. `message` is a plain sentence; what follows are pairs (const char *key, const char *value)
 * closed by NULL; a pair whose value is NULL is left out. `site` NULL means no limit; with one, the message
 * must stay alive. errno stays as it was. Use the macros. */
void log_line(struct log_site *site, enum log_level level, const char *message, ...)
	__attribute__((sentinel));

/* Writes a line for each call site that has dropped some, in a second that is over, and none has come since.
 * Call it about once a second; any thread. */
void log_tell_suppressed(void);

/* Lines that this process has dropped since it started, for whatever reason. */
unsigned long long log_dropped(void);

/* A number as a value: storage of the calling thread, good until eight further calls. */
const char *log_u64(unsigned long long number);

/* printf as a value: storage of the calling thread, 256 bytes, good until eight further calls. */
const char *log_fmt(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define LOG_AT(level, ...)                                                                                   \
	do {                                                                                                 \
		static struct log_site log_site_;                                                            \
		log_line(&log_site_, (level), __VA_ARGS__, NULL);                                            \
	} while (0)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
