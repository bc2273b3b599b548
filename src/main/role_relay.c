/* role_relay.c -- the relay process: names that are not ours, from the servers upstream. It sees the config,
 * the links to dns and the network; neither the registry nor a listening socket. */
#include "main/inherit.h"
#include "main/roles.h"
#include "main/wiring.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay.h"

static int start(const struct inherit *inherit, struct relay **ret, char message[512])
{
	struct wiring_relay wiring;
	int r = wiring_relay(&inherit->config, &wiring, message);
	if (r < 0) {
		wiring_relay_finish(&wiring);
		return r;
	}
	size_t count = 2 * (size_t)wiring_workers(&inherit->config);
	int *links = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		links[i] = INHERIT_SOCKETS + (int)i;
	wiring.relay.link_fds = links;
	wiring.relay.link_count = count;
	wiring.relay.thread = &inherit->own->threads[PAGE_RELAY];
	r = relay_start(&wiring.relay, ret, message);
	wiring_relay_finish(&wiring);
	free(links);
	return r;
}

int role_relay(int parent)
{
	struct inherit inherit;
	struct relay *relay = NULL;
	enum log_level level;
	char message[512] = "";
	int r = inherit_open(parent, "relay", &inherit);
	if (r == 0)
		r = start(&inherit, &relay, message);
	if (r == 0)
		atomic_store(&inherit.own->state, PAGE_READY);
	while (r == 0 && inherit_wait(&inherit) != INHERIT_END) {
		/* Zones may have come: they are not to be asked for upstream. The cache starts anew. */
		if (log_parse_level(inherit.config.log.level, &level) == 0)
			log_setup("relay", level);
		relay_stop(relay);
		relay = NULL;
		r = start(&inherit, &relay, message);
	}
	if (r < 0)
		log_error("relay cannot start", "error", err_str(r), "detail", message);
	relay_stop(relay);
	inherit_close(&inherit);
	return r < 0 ? 1 : 0;
}
