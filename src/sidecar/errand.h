/* errand.h -- what another thread does for a call, one at a time of a kind.
 *
 * Private to the sidecar room. A handler begins an errand and sets the other thread to work; that thread says
 * what came of it, and the loop answers. A client that leaves meanwhile gets no answer, but the errand runs
 * to its end: until then there is no second one. */
#pragma once

#include <stdbool.h>

struct call;
struct sidecar;

enum errand_kind { ERRAND_RELOAD, ERRAND_SNAPSHOT, ERRAND_COUNT };

struct errand {
	struct call *call; /* NULL if its client has left */
	bool running;
	/* Under sidecar->mutex. */
	bool done;
	int status;
	char *text;
};

/* Parks the call. False if another one of the kind is under way; then 429 was sent. */
bool errand_begin(struct call *call, enum errand_kind kind);

/* It is done: a status for the reply, and a text (copied). Any thread. */
void errand_done(struct sidecar *sidecar, enum errand_kind kind, int status, const char *text);

/* Answers the calls whose errands are done. The loop's thread. */
void errand_answer(struct sidecar *sidecar);

/* The call ends, whether or not it is on an errand. The loop's thread. */
void errand_leave(struct call *call);

/* Frees what was never answered; when no other thread is at work any more. */
void errand_finish(struct sidecar *sidecar);
