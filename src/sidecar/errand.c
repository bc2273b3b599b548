/* errand.c -- a place for each kind. */
#include "sidecar/errand.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/wake.h"
#include "sidecar/api.h"

bool errand_begin(struct call *call, enum errand_kind kind)
{
	struct errand *errand = &call->sidecar->errands[kind];

	if (errand->running) {
		call_text(call, 429, "another one is under way");
		return false;
	}
	errand->running = true;
	errand->call = call;
	call_later(call);
	return true;
}

void errand_done(struct sidecar *sidecar, enum errand_kind kind, int status, const char *text)
{
	struct errand *errand = &sidecar->errands[kind];

	pthread_mutex_lock(&sidecar->mutex);
	free(errand->text);
	errand->text = mem_strdup(text);
	errand->status = status;
	errand->done = true;
	pthread_mutex_unlock(&sidecar->mutex);
	net_wake_ring(sidecar->control_fd);
}

static void answer(struct sidecar *sidecar, enum errand_kind kind)
{
	/* Each gets a call that may be NULL, and replies if it is not. */
	static void (*const answers[ERRAND_COUNT])(struct sidecar *, struct call *, int, const char *) = {
		[ERRAND_RELOAD] = api_reload_done,
		[ERRAND_SNAPSHOT] = api_snapshot_done,
	};
	struct errand *errand = &sidecar->errands[kind];
	struct call *call = errand->call;
	char *text;
	int status;
	bool done;

	pthread_mutex_lock(&sidecar->mutex);
	done = errand->done;
	status = errand->status;
	text = errand->text;
	errand->done = false;
	errand->text = NULL;
	pthread_mutex_unlock(&sidecar->mutex);
	/* An answer that nobody asked for is the supervisor's to a call of a former life of ours. */
	if (done && errand->running) {
		errand->running = false;
		errand->call = NULL;
		answers[kind](sidecar, call, status, text);
	}
	free(text);
}

void errand_answer(struct sidecar *sidecar)
{
	for (int i = 0; i < ERRAND_COUNT; i++)
		answer(sidecar, (enum errand_kind)i);
}

void errand_leave(struct call *call)
{
	for (int i = 0; i < ERRAND_COUNT; i++)
		if (call->sidecar->errands[i].call == call)
			call->sidecar->errands[i].call = NULL;
}

void errand_finish(struct sidecar *sidecar)
{
	for (int i = 0; i < ERRAND_COUNT; i++)
		free(sidecar->errands[i].text);
}
