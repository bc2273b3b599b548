#include "probe_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/resolve.h"
#include "http/client.h"
#include "probe_peer.h"

int probe_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->env.base = event_base_new();
	assert_int_equal(http_client_create(f->env.base, &f->env.http), 0);
	assert_int_equal(health_resolver_create(f->env.base, &f->env.resolver), 0);
	f->env.dialer = &f->dialer;
	*state = f;
	return 0;
}

int probe_teardown(void **state)
{
	struct fixture *f = *state;

	http_client_destroy(f->env.http);
	health_resolver_destroy(f->env.resolver);
	health_dialer_finish(&f->dialer);
	event_base_free(f->env.base);
	free(f);
	return 0;
}

static void on_done(const struct health_result *result, void *ctx)
{
	struct fixture *f = ctx;

	f->result = *result;
	snprintf(f->output, sizeof(f->output), "%s", result->output);
	f->results++;
	event_base_loopbreak(f->env.base);
}

int probe_start(struct fixture *f, const struct registry_check_definition *definition, long timeout_ms)
{
	const struct health_check_type *type = health_check_type_find(definition->type);
	const struct health_probe_request request = {
		.definition = definition,
		.timeout_ns = timeout_ms * CLOCK_NS_PER_MS,
		.output_size = definition->output_max_size ? definition->output_max_size : 4096,
		.done = on_done,
		.ctx = f,
	};

	f->results = 0;
	return type->start(&f->env, &request, &f->probe);
}

void probe_wait(struct fixture *f)
{
	if (f->results == 0)
		event_base_dispatch(f->env.base);
	else
		assert_null(f->probe); /* from within start: nothing is left of it */
}

void probe_run(struct fixture *f, const struct registry_check_definition *definition, long timeout_ms)
{
	assert_int_equal(probe_start(f, definition, timeout_ms), 0);
	probe_wait(f);
	assert_int_equal(f->results, 1);
	assert_true(f->result.judged);
}

void full_listener_open(struct full_listener *full)
{
	uint16_t port = peer_closed_port(&full->fd);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(listen(full->fd, 0), 0);
	for (size_t i = 0; i < 8; i++) {
		full->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		/* In progress, or queued. */
		(void)connect(full->filler[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	snprintf(full->target, sizeof(full->target), "127.0.0.1:%u", port);
}

void full_listener_drain(struct full_listener *full)
{
	int client;

	for (size_t i = 0; i < 8; i++)
		close(full->filler[i]);
	while ((client = accept(full->fd, NULL, NULL)) >= 0)
		close(client);
}
