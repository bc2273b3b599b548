/* sidecar.h -- the door of the sidecar room: the HTTP API that every Consul client already speaks.
 *
 * A libevent loop on a thread of its own; long lists and copies of the registry have one each. It parses,
 * answers from its own read-only connection, hands writes to the registry's writer and sends each reply once
 * the view has applied its index (the publication order). Blocking queries are parked and woken by service.
 */
#pragma once

#include "base/clock.h"
#include "base/page.h"
#include "http/http.h"
#include "net/addr.h"
#include "registry/registry.h"

struct sidecar_config {
	const int *listen_fds; /* opened by the supervisor; they stay the caller's */
	size_t listen_count;
	const char *registry_path;
	struct registry_writer *writer;
	struct registry_live *live;
	const struct page *dns;           /* the dns page: state and applied index */
	const struct page *self;          /* the sidecar's own page, for /metrics */
	_Atomic uint32_t *listeners;      /* in our own page: who wants to hear of queries */
	const struct page_traces *traces; /* where dns tells of them */
	int wake_fd; /* rung by dns after each applied index, and by the supervisor when dns dies */
	struct page_thread *thread; /* our slot, for ticks and counters */
	const struct clock *clock;

	const char *node_name, *node_address, *datacenter, *zone_name;
	struct registry_limits limits; /* for early, cheap refusals; the registry applies them itself */

	const char *token_file;   /* bearer token, NULL or "" for none */
	const char *const *hosts; /* further Host names that are accepted, host_count of them */
	size_t host_count;
	int64_t publish_timeout_ns; /* how long a reply waits for a slow view */
	struct http_limits http;
	unsigned parked;                 /* blocking queries at once */
	unsigned streams, stream_buffer; /* event streams at once, and bytes that may wait for each */
	unsigned traces_max;             /* streams of queries at once */
	int64_t heartbeat_ns;
	unsigned page_instances; /* that the page's list reads, about */
	unsigned sd_instances;   /* that one reply of /v1/sd/prometheus reads */
	const char *revision;    /* that the program was built from; static */
	const char *dns_listen;  /* where our own DNS answers: "127.0.0.1:8600" */
	unsigned dns_queries;    /* to it, at once */
	int64_t dns_timeout_ns;
	int64_t wait_default_ns, wait_max_ns; /* blocking queries: 300 s and 600 s */
	int64_t snapshot_timeout_ns;          /* for a copy of the registry */

	/* Asks that the config be read again; sidecar_reloaded() answers. 0 or negative errno. On the loop's
	 * thread, must not block; NULL if there is nobody to ask. */
	int (*reload)(void);
};

struct sidecar;

/* Makes the room's inbox an observer of the writer and starts the loop in a thread of its own. Before the
 * first command is submitted. 0 or negative errno; end with sidecar_stop() and sidecar_destroy(). */
int sidecar_start(const struct sidecar_config *config, struct sidecar **ret);

/* Takes over what is live in the config (limits, timeouts, token, hosts). Any thread. */
void sidecar_reconfigure(struct sidecar *sidecar, const struct sidecar_config *config);

/* What came of config.reload(): `text` is what the user should know. After sidecar_reconfigure(), if there is
 * a new config. Any thread. */
void sidecar_reloaded(struct sidecar *sidecar, bool good, const char *text);

/* Stops accepting, answers what is being written, releases parked queries, and ends the thread; from here on
 * the writer gets no command from us. The order of an end is sidecar_stop(), registry_writer_stop(),
 * sidecar_destroy(), because the writer may still have something for our inbox. NULL is fine. */
void sidecar_stop(struct sidecar *sidecar);

/* Frees the sidecar; after the writer has ended. NULL is fine. */
void sidecar_destroy(struct sidecar *sidecar);

/* Is there a token for the API in this file? 0, or negative errno and a sentence for the user: it cannot be
 * read, others can read it too, or what is in it is none. For the supervisor, before a config is taken over;
 * any thread. */
int sidecar_check_token(const char *path, char ret_message[256]);

/* May the API listen on these addresses? Outside loopback only with a token (`token`: http.token_file is
 * set). 0, or -EPERM and a sentence for the user. For the supervisor, before it opens a socket; any thread.
 */
int sidecar_check_bind(const struct net_addr *addrs, size_t count, bool token, char ret_message[256]);
