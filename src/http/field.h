/* field.h -- a field of a head, in a request or a reply (RFC 9110 section 5). */
#pragma once

struct http_header {
	const char *name, *value; /* without white space around them; NUL-terminated */
};
