/* revision.h -- which commit the program was built from. */
#pragma once

/* The commit, "-dirty" behind it if something was changed since; "none" if the build was not in a clone.
 * Static. */
const char *revision(void);
