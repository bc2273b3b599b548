/* role_sidecar.c -- the sidecar process: the writer, the health checks and the HTTP API, started in that
 * order and ended in the reverse. */
#include "main/change_log.h"
#include "main/inherit.h"
#include "main/roles.h"
#include "main/wiring.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

/* Seconds: the HTTP thread reads the registry, and a slow disk is no reason to be killed. */
#define HTTP_PATIENCE 60

static void report(enum log_level level, const char *message, const char *detail)
{
	LOG_AT(level, message, "detail", detail);
}

struct parts {
	struct registry_writer *writer;
	struct registry_live *live;
	struct health *health;
	struct sidecar *sidecar;
	int *sockets;
};

static void configure(const struct inherit *inherit, const struct parts *parts,
	struct health_config *ret_health, struct sidecar_config *ret_sidecar)
{
	wiring_health(&inherit->config, ret_health);
	ret_health->writer = parts->writer;
	ret_health->live = parts->live;
	ret_health->thread = &inherit->own->threads[PAGE_HEALTH];
	wiring_sidecar(&inherit->config, ret_sidecar);
	ret_sidecar->listen_fds = parts->sockets;
	ret_sidecar->writer = parts->writer;
	ret_sidecar->live = parts->live;
	ret_sidecar->dns = inherit->peer;
	ret_sidecar->self = inherit->own;
	ret_sidecar->listeners = &inherit->own->listeners;
	ret_sidecar->traces = inherit->traces;
	ret_sidecar->wake_fd = INHERIT_OWN_BELL;
	ret_sidecar->thread = &inherit->own->threads[PAGE_HTTP];
	ret_sidecar->reload = inherit_ask_reload;
}

static int start(const struct inherit *inherit, struct parts *parts, char message[512])
{
	struct registry_config registry;
	struct health_config health;
	struct sidecar_config sidecar;
	size_t count = inherit->config.http.listen.count;
	parts->sockets = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		parts->sockets[i] = INHERIT_SOCKETS + (int)i;
	wiring_registry(&inherit->config, &registry);
	registry.page = inherit->own;
	registry.thread = &inherit->own->threads[PAGE_WRITER];
	registry.wake_fd = INHERIT_PEER_BELL;
	registry.report = report;
	registry.changed = change_log;
	int r = registry_writer_start(&registry, &parts->writer, message);
	if (r < 0)
		return r;
	parts->live = registry_live_create(inherit->config.registry.output_size);
	atomic_store(&inherit->own->threads[PAGE_HTTP].patience, HTTP_PATIENCE);
	configure(inherit, parts, &health, &sidecar);
	r = health_start(&health, &parts->health);
	if (r < 0)
		return r;
	return sidecar_start(&sidecar, &parts->sidecar);
}

static void reload(const struct inherit *inherit, const struct parts *parts)
{
	struct health_config health;
	struct sidecar_config sidecar;
	configure(inherit, parts, &health, &sidecar);
	wiring_log(&inherit->config, "sidecar");
	health_reconfigure(parts->health, &health);
	sidecar_reconfigure(parts->sidecar, &sidecar);
	log_info("config taken over");
}

static void run(struct inherit *inherit, const struct parts *parts)
{
	enum inherit_message message;
	while ((message = inherit_wait(inherit)) != INHERIT_END) {
		if (message == INHERIT_CONFIG)
			reload(inherit, parts);
		else
			sidecar_reloaded(parts->sidecar, message == INHERIT_TAKEN, inherit->text);
	}
}

int role_sidecar(int parent)
{
	struct inherit inherit;
	struct parts parts = {0};
	char message[512] = "";
	int r = inherit_open(parent, "sidecar", &inherit);
	if (r == 0)
		r = inherit_map_traces(&inherit, false);
	if (r == 0) {
		/* The whole file is checked and may be migrated, and all checks are loaded, on this thread.
		 */
		inherit_set_busy(&inherit, true);
		r = start(&inherit, &parts, message);
		inherit_set_busy(&inherit, false);
	}
	if (r < 0)
		log_error("sidecar cannot start", "error", err_str(r), "detail", message);
	else
		run(&inherit, &parts);
	sidecar_stop(parts.sidecar);
	health_stop(parts.health);
	/* The writer's last results go into the inboxes of both, so these are freed after it. */
	registry_writer_stop(parts.writer);
	sidecar_destroy(parts.sidecar);
	health_destroy(parts.health);
	registry_live_destroy(parts.live);
	free(parts.sockets);
	inherit_close(&inherit);
	return r < 0 ? 1 : 0;
}
