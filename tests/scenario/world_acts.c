#include "world_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include <cmocka.h>

#include "dns/dns.h"
#include "wire/wire.h"

/* -- What a scenario does -- */

static void on_done(struct registry_command *command, void *ctx)
{
	struct world *world = ctx;

	world->error = command->error;
	world->index = command->index;
}

/* A command of the http thread; the index of its reply. */
static uint64_t run_command(struct world *world, struct registry_command *command)
{
	command->done = on_done;
	command->ctx = world;
	registry_writer_submit(world->writer, command, world->inbox);
	world_settle_writer(world);
	assert_int_equal(world->error, 0);
	return world->index;
}

uint64_t world_register(struct world *world, const struct world_instance *given)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof(*instance));
	struct registry_check *check = arena_alloc(command->arena, sizeof(*check));

	*instance = (struct registry_instance){.node = "",
		.id = given->id,
		.service = given->service,
		.address = given->address ? given->address : "10.0.0.1",
		.port = 80,
		.weight_passing = 1,
		.weight_warning = 1,
		.agent = true};
	*check = (struct registry_check){.name = "",
		.id = "",
		.notes = "",
		.output = "",
		.status = REGISTRY_CRITICAL,
		.definition = {.type = given->type,
			.target = given->target ? given->target : "",
			.method = "",
			.body = "",
			.tls_server_name = "",
			.interval_ns = given->interval_ns,
			.timeout_ns = given->timeout_ns,
			.ttl_ns = given->ttl_ns,
			.deregister_after_ns = given->deregister_after_ns,
			.success_before_passing = given->success,
			.failures_before_warning = given->warning,
			.failures_before_critical = given->critical}};
	command->instance = instance;
	command->checks = check;
	command->check_count = given->type == REGISTRY_CHECK_NONE ? 0 : 1;
	run_command(world, command);
	world_run_dns(world);
	return world->index;
}

uint64_t world_deregister(struct world *world, const char *id)
{
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_INSTANCE);

	command->node_name = "";
	command->instance_id = id;
	run_command(world, command);
	world_run_dns(world);
	return world->index;
}

uint64_t world_heartbeat(struct world *world, const char *instance_id, enum registry_status status)
{
	struct registry_command *command;
	char check_id[128];

	snprintf(check_id, sizeof(check_id), "service:%s", instance_id);
	if (registry_live_heartbeat(world->live, "node", check_id, status, "beat",
		    clock_now(&world->clock.clock)) == REGISTRY_LIVE_CHANGED) {
		command = registry_command_create(REGISTRY_SET_STATUS);
		command->node_name = "";
		command->check_id = check_id;
		command->status = status;
		command->output = "beat";
		run_command(world, command);
		registry_live_set_status(world->live, "node", check_id, status);
	}
	world_run_dns(world);
	return world->index;
}

void world_host(struct world *world, const char *target, enum world_host host)
{
	size_t i = 0;

	while (i < HOSTS && *world->hosts[i].target && strcmp(world->hosts[i].target, target) != 0)
		i++;
	assert_true(i < HOSTS);
	snprintf(world->hosts[i].target, sizeof(world->hosts[i].target), "%s", target);
	world->hosts[i].host = host;
}

void world_pass(struct world *world, int64_t ns)
{
	world_run_loops(world);
	while (ns > 0) {
		int64_t step = ns < LOOP_NS ? ns : LOOP_NS;

		clock_manual_advance(&world->clock, step);
		world_run_loops(world);
		ns -= step;
	}
}

void world_stopped(struct world *world, int64_t ns)
{
	clock_manual_advance(&world->clock, ns);
	while (world_run_network(
		world)) /* libcurl's timers are in the same loop, and may be looked at first */
		;
	world_run_loops(world);
}

void world_restart_sidecar(struct world *world, int64_t ns)
{
	world_end_sidecar(world);
	clock_manual_advance(&world->clock, ns);
	world_start_sidecar(world);
	world_run_loops(world);
}

void world_restart_dns(struct world *world)
{
	view_destroy(world->view);
	world_start_dns(world);
}

void world_dns(struct world *world, enum world_dns dns)
{
	world->dns = dns;
	if (dns == WORLD_DNS_DEAD)
		page_reset(&world->dns_page);
	world_run_dns(world);
}

void world_sql(struct world *world, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

void world_disk(struct world *world, bool full)
{
	world->disk_full = full;
}

/* -- What a scenario sees -- */

static size_t make_query(const char *name, uint16_t type, uint8_t ret[512])
{
	static const uint8_t header[12] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
	static const uint8_t opt[11] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
	size_t size = sizeof(header);

	memcpy(ret, header, size);
	while (*name) {
		size_t n = strcspn(name, ".");

		ret[size++] = (uint8_t)n;
		memcpy(ret + size, name, n);
		size += n;
		name += n + (name[n] == '.');
	}
	ret[size++] = 0;
	ret[size++] = (uint8_t)(type >> 8);
	ret[size++] = (uint8_t)type;
	ret[size++] = 0;
	ret[size++] = 1;
	memcpy(ret + size, opt, sizeof(opt));
	return size + sizeof(opt);
}

/* The text of the EDE option, which stands at the end of the message if there is one (RFC 8914): option 15, a
 * length, a code, the text. NULL if there is none. */
static const char *ede_text(const uint8_t *answer, size_t size, size_t *ret_size)
{
	for (size_t at = 12; at + 6 <= size; at++) {
		size_t length = (size_t)answer[at + 2] << 8 | answer[at + 3];

		if (answer[at] == 0 && answer[at + 1] == 15 && length >= 2 && at + 4 + length == size) {
			*ret_size = length - 2;
			return (const char *)answer + at + 6;
		}
	}
	return NULL;
}

const char *world_ask(struct world *world, const char *name, uint16_t type)
{
	static const char *const rcodes[16] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	struct dns_context context = {.view = world->view,
		.udp_size = 1232,
		.loading = !view_ready(world->view),
		.metrics = &world->dns_page.threads[PAGE_UDP].metrics};
	uint8_t query[512], answer[4096];
	size_t size, text_size = 0;
	const char *text, *rcode;

	struct dns_message message = {.source = {.tcp = true},
		.query = query,
		.query_size = make_query(name, type, query),
		.answer = answer,
		.capacity = sizeof(answer)};
	view_read_begin();
	dns_respond(&context, &message, 1);
	view_read_end();
	size = message.answer_size;
	assert_true(size >= 12);
	text = ede_text(answer, size, &text_size);
	rcode = rcodes[answer[3] & 15];
	snprintf(world->answer, sizeof(world->answer), "%s %u%s%.*s", rcode ? rcode : "?",
		answer[6] << 8 | answer[7], text ? " EDE " : "", (int)text_size, text ? text : "");
	return world->answer;
}

static void on_release(struct publish_wait *wait, bool published)
{
	struct world *world = (struct world *)(void *)((char *)wait - offsetof(struct world, wait));

	world->reply = published;
}

int world_reply(struct world *world, uint64_t index)
{
	static const int replies[] = {[PUBLISH_DONE] = 1, [PUBLISH_NOT] = 0, [PUBLISH_HELD] = -1};

	return world->reply = replies[publish_hold(&world->gate, &world->wait, index, on_release)];
}

int world_reply_now(const struct world *world)
{
	return world->reply;
}

uint64_t world_metric(const struct world *world, enum metric metric)
{
	uint64_t totals[METRIC_COUNT] = {0};

	page_sum(&world->sidecar_page, totals);
	page_sum(&world->dns_page, totals);
	return totals[metric];
}

size_t world_count(struct world *world)
{
	const struct registry_filter all = {0};
	const struct registry_instance *instances;
	struct arena *arena = arena_create();
	struct registry_reader *reader;
	size_t count;

	assert_int_equal(registry_reader_open(world->path, &reader), 0);
	assert_int_equal(registry_reader_instances(reader, &all, arena, &instances, &count), 0);
	registry_reader_close(reader);
	arena_destroy(arena);
	return count;
}
