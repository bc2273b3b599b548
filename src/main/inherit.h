/* inherit.h -- what a child gets from the supervisor: fixed descriptors, and the config as a message.
 *
 *   3  control: a SOCK_SEQPACKET pair; its end means that the supervisor is gone. The first byte of a message
 *      says what it is (enum inherit_message): down come whole configs and what came of a reload, up goes
 *      the wish for one
 *   4  the child's own page, writable        5  the other process's page, read-only (relay: dns's)
 *   6  the bell that wakes this child        7  the bell of the other process
 *   8  and up: listening sockets; dns: UDP of worker 0 (one for each address), of worker 1 ..., then TCP
 *      likewise; sidecar: one for each address of http.listen; relay: none. Behind them, if there is a
 *      relay, its links (net/link.h) in dns and relay: of the UDP thread of worker 0, worker 1 ..., then
 *      of the TCP threads
 */
#pragma once

#include "main/options.h"

enum inherit_fd {
	INHERIT_CONTROL = 3,
	INHERIT_OWN_PAGE = 4,
	INHERIT_PEER_PAGE = 5,
	INHERIT_OWN_BELL = 6,
	INHERIT_PEER_BELL = 7,
	INHERIT_SOCKETS = 8
};

#define INHERIT_MESSAGE_MAX 65536

enum inherit_message {
	INHERIT_CONFIG = 'c', /* down: options_serialize() */
	INHERIT_TAKEN =
		't', /* down, to whoever asked: the config was taken over; what there is to say of it */
	INHERIT_REFUSED = 'r', /* down, likewise: it was not, and why */
	INHERIT_RELOAD = 'l',  /* up: read the config again */
	INHERIT_END = 0,       /* no message: SIGTERM, or the supervisor is gone */
};

struct page;

/* A child as it stands after inherit_open(). */
struct inherit {
	struct main_config config;
	struct page *own;
	const struct page *peer;
	struct page_traces *traces; /* after inherit_map_traces(); else NULL */
	int signals;                /* a signalfd for SIGTERM */
	char *text;                 /* behind INHERIT_TAKEN and INHERIT_REFUSED */
};

/* What a child does first: makes sure that it dies with its parent (`parent` is the supervisor's pid), blocks
 * signals, reads the config, maps the pages. 0 or negative errno. */
int inherit_open(int parent, const char *process, struct inherit *ret);

/* Maps the rings of queries (base/trace.h): of our own page, to write them (dns), or of the other process's,
 * which can only be read. 0 or negative errno. */
int inherit_map_traces(struct inherit *inherit, bool own);

/* Waits for SIGTERM or the end of the supervisor (INHERIT_END), a new config (INHERIT_CONFIG; it is in
 * inherit->config then, the old one freed), or what came of a reload (INHERIT_TAKEN, INHERIT_REFUSED;
 * inherit->text says more). Ticks meanwhile. */
enum inherit_message inherit_wait(struct inherit *inherit);

/* Asks the supervisor to read the config again; the answer comes by inherit_wait(), after the config. Any
 * thread, does not block. 0 or negative errno. */
int inherit_ask_reload(void);

/* Before and after something on this thread that may take minutes without a tick, such as reading zone files
 * or a large registry: the supervisor is patient meanwhile. */
void inherit_set_busy(const struct inherit *inherit, bool busy);

/* Frees what inherit_open() made. */
void inherit_close(struct inherit *inherit);
