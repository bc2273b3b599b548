/* assets.h -- the files of the page, as they lie in ui/, in the program.
 *
 * Private to the sidecar room; constant. The table is made at build time (tools/embed). */
#pragma once

#include <stddef.h>

struct asset {
	const char *path; /* below /ui/: "" is the page itself */
	const char *content_type;
	const char *etag; /* with its quotes; of the contents */
	const char *data;
	size_t size;
};

extern const struct asset assets[];
extern const size_t assets_count;
