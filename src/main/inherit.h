/* inherit.h -- what a child gets from the supervisor: fixed descriptors, and the config as a message.
 *
 *   3  control: a SOCK_SEQPACKET pair; each message is a whole config (options_serialize); its end means that
 *      the supervisor is gone
 *   4  the child's own page, writable        5  the other process's page, read-only
 *   6  the bell that wakes this child        7  the bell of the other process
 *   8  and up: listening sockets; dns: UDP of worker 0 (one for each address), of worker 1 ..., then TCP
 *      likewise; sidecar: one for each address of http.listen
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

struct page;

/* A child as it stands after inherit_open(). */
struct inherit {
	struct main_config config;
	struct page *own;
	const struct page *peer;
	int signals; /* a signalfd for SIGTERM */
};

/* What a child does first: makes sure that it dies with its parent (`parent` is the supervisor's pid), blocks
 * signals, reads the config, maps the pages. 0 or negative errno. */
int inherit_open(int parent, const char *process, struct inherit *ret);

/* Waits until SIGTERM or the end of the supervisor (returns false), or for a new config (returns true; it is
 * in inherit->config then, the old one freed). Ticks meanwhile. */
bool inherit_wait(struct inherit *inherit);

/* Before and after something on this thread that may take minutes without a tick, such as reading zone files
 * or a large registry: the supervisor is patient meanwhile. */
void inherit_set_busy(const struct inherit *inherit, bool busy);

/* Frees what inherit_open() made. */
void inherit_close(struct inherit *inherit);
