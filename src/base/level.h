/* level.h -- how serious something is that is worth a log line, and how lines are written.
 *
 * Apart from log.h, because floors 0 to 3 do not log: they give a level and words to a report function. */
#pragma once

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };
