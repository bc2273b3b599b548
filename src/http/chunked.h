/* chunked.h -- decodes a chunked body (RFC 9112 section 7.1), strictly and with bounds on what is not data.
 *
 * Private to the HTTP server; bytes in, bytes out, no I/O. Chunk sizes are plain hex; extensions are skipped,
 * trailer lines are checked for their shape and dropped. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define CHUNKED_EXTENSIONS 4096 /* bytes of chunk extensions in one body, at most */
#define CHUNKED_TRAILERS 4096   /* bytes of trailer lines, at most */

/* All zero at the start of a body. */
struct chunked {
	int state;
	unsigned digits;
	unsigned line;       /* bytes of the trailer line so far */
	unsigned extras;     /* bytes of extensions, then of trailers */
	uint64_t left;       /* bytes that the current chunk still brings; while its size is read: the size */
	unsigned char colon; /* the trailer line's name is complete */
};

/* Takes `size` bytes; data is appended to `out`, which never grows beyond `limit` bytes. *ret_used is how
 * many bytes belong to the body. 0 if more are needed, 1 at its end, or an HTTP status (400, 413) and
 * *ret_text. */
int chunked_feed(struct chunked *chunked, const char *bytes, size_t size, size_t limit, struct buf *out,
	size_t *ret_used, const char **ret_text);
