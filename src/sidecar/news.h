/* news.h -- what the registry has to say: it is there, or another one is; something was committed.
 *
 * Private to the sidecar room; the loop's thread. */
#pragma once

#include "registry/registry.h"

struct sidecar;

/* Opens the registry for reading if it is not open, anew if the file is another one. What stands against it
 * is logged; it is tried again with the next tick. */
void news_open(struct sidecar *sidecar);

/* Wakes whoever waits for what a commit has changed; for the inbox, `ctx` is the sidecar. */
void news_commit(const struct registry_commit *commit, void *ctx);
