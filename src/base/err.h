/* err.h -- errors are negative errno values everywhere; this says them in words.
 *
 * Any thread. Nothing is allocated. */
#pragma once

/* The words for a negative (or positive) errno value; never NULL, static or thread-local storage. */
const char *err_str(int error);
