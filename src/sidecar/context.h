/* context.h -- the sidecar's own state: one struct, one thread.
 *
 * Private to the sidecar room. Everything belongs to the loop's thread but what stands under `mutex`. */
#pragma once

#include <pthread.h>

#include "http/http.h"
#include "sidecar/blocking.h"
#include "sidecar/errand.h"
#include "sidecar/events.h"
#include "sidecar/guard.h"
#include "sidecar/long_reads.h"
#include "sidecar/publish.h"
#include "sidecar/sharing.h"
#include "sidecar/sidecar.h"
#include "sidecar/snapshot.h"
#include "sidecar/traces.h"

struct call;
struct dns_client;
struct event;
struct event_base;

#define SIDECAR_EVENTS 6

struct sidecar {
	struct sidecar_config config; /* its strings are in config_arena */
	struct arena *config_arena;
	struct guard_config guard;
	struct event_base *base;
	struct event *events[SIDECAR_EVENTS];
	struct http_server *server;
	struct registry_inbox *inbox;
	struct registry_reader *reader; /* NULL while the registry cannot be opened */
	struct publish publish;
	struct blocking *blocking;
	struct events *streams;
	struct traces *traces;
	struct dns_client *dns_client;
	struct sharing sharing; /* among the queries that are ready now */
	struct call *calls;
	struct long_reads long_reads;
	struct errand errands[ERRAND_COUNT];
	struct snapshot_thread snapshot;
	size_t writing;        /* commands that are with the writer */
	uint64_t status_index; /* of the last heartbeat that changed something */
	int64_t checks_ns;     /* when a check may last have come or gone; monotonic */
	uint64_t random;
	int64_t timer_ns; /* when the timer is set to ring; INT64_MAX: never */
	bool stopping;
	int64_t stop_ns; /* when the end may wait no longer */
	bool running;    /* the thread */
	int control_fd;  /* rung by the two functions below */
	pthread_t thread;
	char *token; /* NULL: none is wanted */
	pthread_mutex_t mutex;
	/* Under `mutex`: what other threads ask for. */
	bool stop;
	struct sidecar_config next_config;
	struct arena *next_arena; /* NULL: there is no new config */
	char *next_token;
};
