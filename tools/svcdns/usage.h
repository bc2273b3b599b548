/* usage.h -- the verb table in words: for --help and for the man page. */
#pragma once

#include <stdio.h>

#include "svcdns/verbs.h"

/* Prints all verbs and the common flags. */
void usage_print(FILE *file);

/* Prints the usage of one verb, with its flags. */
void usage_print_verb(FILE *file, const struct verb *verb);

/* Prints the verbs, with their flags, and the common flags as the lists of svcdns(1), in mdoc. */
void usage_print_mdoc(FILE *file);
