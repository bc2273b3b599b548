/* body.c -- see body.h. */
#include "sidecar/body.h"

#include <stdlib.h>

#include "base/mem.h"

struct body *body_create(struct buf *bytes)
{
	struct body *body = mem_alloc(sizeof(*body));

	body->holders = 1;
	body->bytes = *bytes;
	*bytes = (struct buf){0};
	return body;
}

struct body *body_hold(struct body *body)
{
	body->holders++;
	return body;
}

void body_release(struct body *body)
{
	if (!body || --body->holders > 0)
		return;
	buf_finish(&body->bytes);
	free(body);
}
