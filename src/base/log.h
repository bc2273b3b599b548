/* log.h -- one line of logfmt on stderr: time=... level=... process=... msg="..." key=value ...
 *
 * Any thread; a line is one write(2). A blocked or closed stderr never blocks the caller for long and never
 * ends the process: what cannot be written at once is dropped and counted. Rooms on floors 0 to 3 do not log.
 * Each call site may write LOG_BURST lines a second; the rest is dropped, counted, and told in the next line
 * (suppressed=N: by this call site; lost=N: by anyone, to a blocked stderr). Values that hold a space, quote,
 * '=' or control character are quoted and escaped. The time is UTC, ISO 8601 with milliseconds. */
#pragma once

#include <stdarg.h>

#include "base/level.h"

#define LOG_BURST 50 /* lines a second and call site */
/* Bytes of a line, newline included; what is longer is cut. PIPE_BUF, so that a line in a pipe stays whole.
 */
#define LOG_LINE 4096

/* State of one call site; kept by the macros below. */
struct log_site {
	_Atomic long second;
	_Atomic unsigned count, dropped;
};

/* Sets the process's name in each line ("supervisor", "dns", "sidecar") and the lowest level that is written.
 * The name must stay alive. Ignores SIGPIPE, because stderr may be a pipe that nobody reads any more. */
void log_setup(const char *process, enum log_level level);

/* Gives this process, and those that it starts, an open file of its own behind stderr that does not block, if
 * stderr is a pipe or a terminal: several processes write to it, so that poll() says little, and the flag of
 * the file that we were given is not ours to set. If that fails stderr stays as it is. Before the first
 * thread. */
void log_own_stderr(void);

/* Parses "debug", "info", "warn" or "error". 0 or -EINVAL. */
int log_parse_level(const char *text, enum log_level *ret);

/* Writes one line. `message` is a plain sentence; what follows are pairs (const char *key, const char *value)
 * closed by NULL; a pair whose value is NULL is left out. `site` NULL means no limit. errno stays as it was.
 * Use the macros. */
void log_line(struct log_site *site, enum log_level level, const char *message, ...)
	__attribute__((sentinel));

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
