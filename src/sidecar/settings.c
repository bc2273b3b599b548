/* settings.c -- see settings.h. */
#include "sidecar/settings.h"

#include "base/log.h"
#include "sidecar/guard.h"

/* A copy whose strings live in `arena`; descriptors are copied too, for the server. */
struct sidecar_config settings_copy(struct arena *arena, const struct sidecar_config *config)
{
	struct sidecar_config copy = *config;
	const char **hosts = arena_alloc(arena, (config->host_count + 1) * sizeof(*hosts));
	int *fds = arena_alloc(arena, (config->listen_count + 1) * sizeof(*fds));

	for (size_t i = 0; i < config->host_count; i++)
		hosts[i] = arena_strdup(arena, config->hosts[i]);
	for (size_t i = 0; i < config->listen_count; i++)
		fds[i] = config->listen_fds[i];
	copy.hosts = hosts;
	copy.listen_fds = fds;
	copy.registry_path = arena_strdup(arena, config->registry_path);
	copy.node_name = arena_strdup(arena, config->node_name);
	copy.node_address = arena_strdup(arena, config->node_address);
	copy.datacenter = arena_strdup(arena, config->datacenter);
	copy.zone_name = arena_strdup(arena, config->zone_name);
	copy.token_file = arena_strdup(arena, config->token_file);
	copy.dns_listen = arena_strdup(arena, config->dns_listen);
	return copy;
}

void settings_keep(struct arena *arena, const struct sidecar_config *old, struct sidecar_config *config)
{
	config->registry_path = arena_strdup(arena, old->registry_path);
	config->node_name = arena_strdup(arena, old->node_name);
	config->node_address = arena_strdup(arena, old->node_address);
	config->datacenter = arena_strdup(arena, old->datacenter);
	config->zone_name = arena_strdup(arena, old->zone_name);
	config->dns_listen = arena_strdup(arena, old->dns_listen);
	config->revision = old->revision;
	config->writer = old->writer;
	config->live = old->live;
	config->dns = old->dns;
	config->self = old->self;
	config->listeners = old->listeners;
	config->traces = old->traces;
	config->wake_fd = old->wake_fd;
	config->thread = old->thread;
	config->clock = old->clock;
	config->reload = old->reload;
}

/* 0 and the token (NULL if none is configured), or negative errno after a line in the log. */
int settings_token(const struct sidecar_config *config, char **ret)
{
	char message[GUARD_MESSAGE];
	int error;

	*ret = NULL;
	if (!config->token_file || !*config->token_file)
		return 0;
	error = guard_load_token(config->token_file, ret, message);
	if (error)
		log_error("the API's token cannot be read", "detail", message);
	return error;
}
