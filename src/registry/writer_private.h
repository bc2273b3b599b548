/* writer_private.h -- what other files of the registry room ask of the writer. Any thread. */
#pragma once

#include <stdbool.h>

struct registry_writer;

/* The database file. */
const char *writer_path(const struct registry_writer *writer);

/* While somebody holds the log, the writer does not wait for readers in order to empty it. Holds add up. */
void writer_hold_log(struct registry_writer *writer, bool hold);
