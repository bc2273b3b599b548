/* resolver.h -- libunbound as we want it: forwarding only, bounded, on an event loop. Private to the relay
 * room, and the only file that knows libunbound. */
#pragma once

#include "relay/relay.h"

#define RESOLVER_LOOP_OPTION 65001 /* EDNS code for local use (RFC 6891 section 9) */

struct event_base;
struct resolver;

/* Who waits for an answer; the asker's memory. */
struct resolver_question {
	/* What became of it: a response in wire form that lives until this returns, or NULL if there is none.
	 */
	void (*callback)(struct resolver_question *question, const uint8_t *packet, size_t size);
};

/* A resolver on `base`. Each query upstream carries `mark` in the EDNS option RESOLVER_LOOP_OPTION. 0 or
 * negative errno with the cause in `message`. */
int resolver_create(struct event_base *base, const struct relay_config *config, const char *mark,
	struct resolver **ret, char message[512]);

/* Asks for a name (wire form, `size` bytes) and type in class IN. 0: the callback is called once, perhaps
 * before this returns, and `question` must stay until then; negative errno: it is not called. */
int resolver_ask(struct resolver *resolver, const uint8_t *name, size_t size, uint16_t type,
	struct resolver_question *question);

/* Frees it; what is under way is never called back. NULL is fine. */
void resolver_destroy(struct resolver *resolver);
