/* body.c -- see body.h. */
#include "http/body.h"

#include <stdlib.h>

#include "base/mem.h"

struct http_body *http_body_create(struct buf *bytes)
{
	struct http_body *body = mem_alloc(sizeof(*body));

	*body = (struct http_body){.holders = 1, .bytes = *bytes};
	*bytes = (struct buf){0};
	return body;
}

struct http_body *http_body_hold(struct http_body *body)
{
	body->holders++;
	return body;
}

void http_body_release(struct http_body *body)
{
	if (!body || --body->holders > 0)
		return;
	buf_finish(&body->bytes);
	free(body);
}
