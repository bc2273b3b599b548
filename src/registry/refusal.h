/* refusal.h -- the sentence that goes back with a command that a rule refuses.
 *
 * Private to the registry room. */
#pragma once

#include "registry/command.h"

/* Writes the sentence (cut at a UTF-8 boundary) and returns `error`. */
int refusal(char message[REGISTRY_MESSAGE], int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
