/* backup.h -- a copy of the registry as it stood at one moment, made while everything goes on.
 *
 * For a thread of its own. The copy is read through a connection and a snapshot of its own, in small steps;
 * the writer commits meanwhile and does not try to empty its log, which would wait for us. */
#pragma once

#include <stdbool.h>

struct registry_writer;

/* Copies the writer's registry into the new file `copy` (0600; whatever had that name is removed). The copy
 * is whole and needs no other file. `stop` is asked between steps and ends the work when it returns true. 0;
 * -ECANCELED after `stop`, -ENOSPC, or another negative errno, and then there is no file. Any thread, while
 * the writer lives. */
int registry_backup(struct registry_writer *writer, const char *copy, bool (*stop)(void *ctx), void *ctx);
