/* role_relay.c -- the relay process: names that are not ours, from the servers upstream. It sees the config,
 * the links to dns and the network; neither the registry nor a listening socket. */
#include "main/inherit.h"
#include "main/roles.h"
#include "main/wiring.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay.h"

/* 0 or negative errno with the cause in `message`. The caller frees `ret_wiring` in any case. */
static int start(
	const struct inherit *inherit, struct wiring_relay *ret_wiring, struct relay **ret, char message[512])
{
	int r = wiring_relay(&inherit->config, ret_wiring, message);
	if (r < 0)
		return r;
	size_t count = 2 * (size_t)inherit->config.dns.workers;
	int *links = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		links[i] = INHERIT_SOCKETS + (int)i;
	ret_wiring->relay.link_fds = links;
	ret_wiring->relay.link_count = count;
	ret_wiring->relay.thread = &inherit->own->threads[PAGE_RELAY];
	r = relay_start(&ret_wiring->relay, ret, message);
	free(links);
	return r;
}

static bool same(const struct main_list *a, const struct main_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* True if there are other zones than `wiring` has, which must not be asked for upstream, or if another EDNS
 * size is ours now. */
static bool has_changed(const struct inherit *inherit, const struct wiring_relay *wiring)
{
	struct wiring_relay now;
	char message[512] = "";
	int r = wiring_relay(&inherit->config, &now, message);
	if (r < 0)
		log_error("relay keeps its zones", "error", err_str(r), "detail", message);
	bool changed =
		r == 0 && (!same(&now.zones, &wiring->zones) || now.relay.udp_size != wiring->relay.udp_size);
	wiring_relay_finish(&now);
	return changed;
}

int role_relay(int parent)
{
	struct inherit inherit;
	struct wiring_relay wiring = {.zones.count = 0};
	struct relay *relay = NULL;
	char message[512] = "";
	int r = inherit_open(parent, "relay", &inherit);
	if (r == 0)
		r = start(&inherit, &wiring, &relay, message);
	if (r == 0)
		atomic_store(&inherit.own->state, PAGE_READY);
	while (r == 0 && inherit_wait(&inherit) != INHERIT_END) {
		wiring_log(&inherit.config, "relay");
		if (!has_changed(&inherit, &wiring))
			continue;
		/* The queries under way and the cache are lost. */
		relay_stop(relay);
		relay = NULL;
		wiring_relay_finish(&wiring);
		r = start(&inherit, &wiring, &relay, message);
	}
	if (r < 0)
		log_error("relay cannot start", "error", err_str(r), "detail", message);
	relay_stop(relay);
	wiring_relay_finish(&wiring);
	inherit_close(&inherit);
	return r < 0 ? 1 : 0;
}
