/* role_dns.c -- the dns process: the view, its follower, and the workers. No outgoing connection, and the
 * database only for reading. */
#include "main/inherit.h"
#include "main/roles.h"
#include "main/wiring.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/page.h"

/* Seconds for the follower: it ticks between services, and one may have hundreds of thousands of instances.
 */
#define SERVICE_PATIENCE 30

static void report(enum log_level level, const char *message, const char *name, const char *detail)
{
	LOG_AT(level, message, "name", name, "detail", detail);
}

/* The config structs with everything that does not change while the process lives. */
static void configure(const struct inherit *inherit, struct view *view, const int *sockets,
	struct wiring_zones *ret_zones, struct wiring_clients *ret_clients, struct dns_config *ret_dns)
{
	wiring_zones(&inherit->config, ret_zones);
	ret_zones->view.page = inherit->own;
	ret_zones->view.commits = inherit->peer;
	ret_zones->view.clock = clock_system();
	ret_zones->view.thread = &inherit->own->threads[PAGE_FOLLOWER];
	ret_zones->view.wake_fd = INHERIT_OWN_BELL;
	ret_zones->view.notify_fd = INHERIT_PEER_BELL;
	ret_zones->view.report = report;
	wiring_dns(&inherit->config, ret_clients, ret_dns);
	ret_dns->udp_fds = sockets;
	ret_dns->tcp_fds = sockets + ret_dns->workers * ret_dns->address_count;
	if (inherit->config.relay.upstream.count > 0)
		ret_dns->link_fds = ret_dns->tcp_fds + ret_dns->workers * ret_dns->address_count;
	ret_dns->view = view;
	ret_dns->page = inherit->own;
	ret_dns->listeners = &inherit->peer->listeners;
	ret_dns->traces = inherit->traces;
}

static void reload(
	const struct inherit *inherit, struct view *view, struct dns_server *server, const int *sockets)
{
	struct wiring_zones zones;
	struct wiring_clients clients;
	struct dns_config dns;
	char message[512];
	configure(inherit, view, sockets, &zones, &clients, &dns);
	wiring_log(&inherit->config, "dns");
	dns_server_reconfigure(server, &dns);
	inherit_set_busy(inherit, true);
	int r = view_reload_zones(view, &zones.view, message);
	inherit_set_busy(inherit, false);
	if (r < 0)
		log_error("the zones stay as they were", "reason", message);
	else
		log_info("config taken over");
}

int role_dns(int parent)
{
	struct inherit inherit;
	struct wiring_zones zones;
	struct wiring_clients clients;
	struct dns_config dns;
	struct view *view = NULL;
	struct dns_server *server = NULL;
	char message[512] = "";
	int *sockets = NULL;
	int r = inherit_open(parent, "dns", &inherit);
	if (r == 0)
		r = inherit_map_traces(&inherit, true);
	if (r < 0)
		goto out;
	/* UDP and TCP, and for each worker a link more. */
	size_t count = 2 * (size_t)inherit.config.dns.workers * (inherit.config.dns.listen.count + 1);
	sockets = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		sockets[i] = INHERIT_SOCKETS + (int)i;
	atomic_store(&inherit.own->state, PAGE_LOADING);
	configure(&inherit, NULL, sockets, &zones, &clients, &dns);
	inherit_set_busy(&inherit, true);
	r = view_create(&zones.view, &view, message);
	inherit_set_busy(&inherit, false);
	if (r < 0)
		goto out;
	configure(&inherit, view, sockets, &zones, &clients, &dns);
	atomic_store(&inherit.own->threads[PAGE_FOLLOWER].patience, SERVICE_PATIENCE);
	r = view_follow(view);
	if (r == 0)
		r = dns_server_start(&dns, &server);
	if (r < 0)
		goto out;
	while (inherit_wait(&inherit) != INHERIT_END)
		reload(&inherit, view, server, sockets);
out:
	if (r < 0)
		log_error("dns cannot start", "error", err_str(r), "detail", message);
	dns_server_stop(server);
	view_destroy(view);
	free(sockets);
	inherit_close(&inherit);
	return r < 0 ? 1 : 0;
}
