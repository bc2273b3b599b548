#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

#include "base/log.h"
#include "dns/dns.h"
#include "health/core.h"
#include "view/view.h"
#include "wire/wire.h"

#define HOSTS 16
#define LOOP_NS (50 * MS)

struct health_probe {
	struct health_probe *next;
	struct health_probe_request request;
	char target[64];
	int64_t deadline_ns;
};

struct world {
	char folder[64], path[96];
	struct clock_manual clock;
	struct page sidecar_page, dns_page;
	struct registry_writer *writer;
	struct registry_live *live;
	struct registry_inbox *inbox;
	struct health_core core;
	struct view *view;
	enum world_dns dns;
	bool disk_full;
	unsigned with_writer; /* commands that are not yet answered */
	struct health_probe *probes;
	struct {
		char target[64];
		enum world_host host;
	} hosts[HOSTS];
	struct publish gate;
	struct publish_wait wait;
	int reply;
	int error;
	uint64_t index;
	struct registry_command *refused; /* what a full disk gave back, not yet told */
	char answer[256];
};

/* -- The probes' network -- */

static int start_probe(const struct health_check_type *type, const struct health_probe_request *request,
	void *ctx, struct health_probe **ret)
{
	struct world *world = ctx;
	struct health_probe *probe = calloc(1, sizeof(*probe));

	probe->request = *request;
	probe->deadline_ns = clock_now(&world->clock.clock) + request->timeout_ns;
	snprintf(probe->target, sizeof(probe->target), "%s", request->definition->target);
	probe->next = world->probes;
	*ret = world->probes = probe;
	return 0;
}

static void take_out(struct world *world, struct health_probe *probe)
{
	struct health_probe **at = &world->probes;

	while (*at != probe)
		at = &(*at)->next;
	*at = probe->next;
}

static void cancel_probe(const struct health_check_type *type, struct health_probe *probe, void *ctx)
{
	take_out(ctx, probe);
	free(probe);
}

static enum world_host host_of(const struct world *world, const char *target)
{
	for (size_t i = 0; i < HOSTS; i++)
		if (strcmp(world->hosts[i].target, target) == 0)
			return world->hosts[i].host;
	return WORLD_UP;
}

/* Ends the probes that have an answer, or no time left. */
static bool run_network(struct world *world)
{
	static const struct health_result results[] = {
		[WORLD_UP] = {true, REGISTRY_PASSING, "up"},
		[WORLD_ILL] = {true, REGISTRY_WARNING, "ill"},
		[WORLD_DOWN] = {true, REGISTRY_CRITICAL, "connection refused"},
		[WORLD_SILENT] = {true, REGISTRY_CRITICAL, "i/o timeout"},
	};
	struct health_probe *probe = world->probes;

	while (probe && host_of(world, probe->target) == WORLD_SILENT &&
		probe->deadline_ns > clock_now(&world->clock.clock))
		probe = probe->next;
	if (!probe)
		return false;
	take_out(world, probe);
	probe->request.done(&results[host_of(world, probe->target)], probe->request.ctx);
	free(probe);
	return true;
}

/* -- The writer and the loops -- */

static int look_up(
	const char *node, const char *check_id, struct arena *arena, struct registry_check *ret, void *ctx)
{
	const struct registry_filter filter = {.node = node, .id = check_id};
	const struct registry_check *rows;
	struct registry_reader *reader;
	struct world *world = ctx;
	size_t count;

	assert_int_equal(registry_reader_open(world->path, &reader), 0);
	assert_int_equal(registry_reader_checks(reader, &filter, arena, &rows, &count), 0);
	registry_reader_close(reader);
	if (!count)
		return -ENOENT;
	*ret = rows[0];
	return 0;
}

static void submit_of_health(struct registry_command *command, void *ctx)
{
	struct world *world = ctx;

	if (world->disk_full) {
		command->error = -ENOSPC;
		command->next = world->refused;
		world->refused = command;
	} else {
		world->with_writer++;
		registry_writer_submit(world->writer, command, world->inbox);
	}
}

static void tell_refused(struct world *world)
{
	struct registry_command *command = world->refused, *next;

	world->refused = NULL;
	for (; command; command = next) {
		next = command->next;
		command->done(command, command->ctx);
		registry_command_destroy(command);
	}
}

static void on_commit(const struct registry_commit *commit, void *ctx)
{
	struct world *world = ctx;

	health_core_commit(&world->core, commit);
}

static void drain(struct world *world)
{
	struct pollfd poll_fd = {.fd = registry_inbox_fd(world->inbox), .events = POLLIN};

	assert_true(poll(&poll_fd, 1, 10000) == 1);
	registry_inbox_drain(world->inbox);
}

static void run_dns(struct world *world)
{
	if (world->dns == WORLD_DNS_SERVES)
		assert_true(view_step(world->view) >= 0);
}

static void on_marker(struct registry_command *command, void *ctx)
{
	*(bool *)ctx = true;
}

/* A command without effect: what was submitted before it is answered before it. */
static void pass_marker(struct world *world)
{
	struct registry_command *marker = registry_command_create(REGISTRY_REMOVE_CHECK);
	bool reached = false;

	marker->node_name = "";
	marker->check_id = "no such check";
	marker->done = on_marker;
	marker->ctx = &reached;
	registry_writer_submit(world->writer, marker, world->inbox);
	while (!reached)
		drain(world);
}

/* Waits until the writer has answered all that it was given. Twice, because a transaction is told to
 * observers behind the results of its commands, and the first marker may be one of them. */
static void settle_writer(struct world *world)
{
	world->with_writer = 0;
	pass_marker(world);
	pass_marker(world);
}

/* All loops run until nothing is left to do at this moment. */
static void run_loops(struct world *world)
{
	bool busy = true;

	while (busy) {
		health_core_step(&world->core);
		busy = run_network(world);
		tell_refused(world);
		while (world->with_writer) {
			settle_writer(world);
			busy = true;
		}
	}
	run_dns(world);
	publish_run(&world->gate);
}

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
	settle_writer(world);
	assert_int_equal(world->error, 0);
	return world->index;
}

/* -- Start and end -- */

static void start_sidecar(struct world *world)
{
	const struct registry_inbox_handler handler = {.on_commit = on_commit, .ctx = world};
	const struct registry_config config = {
		.path = world->path,
		.node_name = "node",
		.node_address = "127.0.0.1",
		.zone_size = 15,
		.limits = {.instances = 1000,
			.checks_per_instance = 16,
			.tags_per_instance = 16,
			.tag_size = 64,
			.meta_pairs = 64,
			.meta_value_size = 512,
			.output_size = 4096,
			.changelog_rows = 1000,
			.queue = 1000},
		.clock = &world->clock.clock,
		.page = &world->sidecar_page,
		.thread = &world->sidecar_page.threads[PAGE_WRITER],
		.wake_fd = -1,
	};
	struct health_core_config core = {
		.tuning = {.in_flight = 64,
			.interval_min_ns = 1 * S,
			.interval_default_ns = 10 * S,
			.timeout_default_ns = 10 * S,
			.restart_spread_ns = 10 * S,
			.stopped_ns = 2 * S,
			.output_size = 4096},
		.seed = 1,
		.clock = &world->clock.clock,
		.metrics = &world->sidecar_page.threads[PAGE_HEALTH].metrics,
		.start = start_probe,
		.cancel = cancel_probe,
		.look_up = look_up,
		.submit = submit_of_health,
		.ctx = world,
	};
	const struct registry_filter all = {0};
	const struct registry_check *rows;
	struct arena *arena = arena_create();
	struct registry_reader *reader;
	char message[512];
	size_t count;

	if (registry_writer_start(&config, &world->writer, message) < 0)
		fail_msg("%s", message);
	core.live = world->live = registry_live_create(4096);
	health_core_init(&world->core, &core);
	/* As health.c does it: observe, then load. */
	assert_int_equal(registry_inbox_create(&handler, &world->inbox), 0);
	registry_writer_observe(world->writer, world->inbox);
	assert_int_equal(registry_reader_open(world->path, &reader), 0);
	assert_int_equal(registry_reader_checks(reader, &all, arena, &rows, &count), 0);
	for (size_t i = 0; i < count; i++)
		health_core_put(&world->core, &rows[i], false);
	registry_reader_close(reader);
	arena_destroy(arena);
}

static void end_sidecar(struct world *world)
{
	health_core_finish(&world->core);
	registry_writer_stop(world->writer);
	registry_inbox_destroy(world->inbox);
	registry_live_destroy(world->live);
	for (struct registry_command *next; world->refused; world->refused = next) {
		next = world->refused->next;
		registry_command_destroy(world->refused);
	}
}

static void start_dns(struct world *world)
{
	static const struct view_zone_config zone = {.name = "service.local"};
	const struct view_config config = {
		.zones = &zone,
		.zone_count = 1,
		.ttl = 5,
		.node_address = "127.0.0.1",
		.registry_path = world->path,
		.sidecar = &world->sidecar_page,
		.page = &world->dns_page,
		.thread = &world->dns_page.threads[PAGE_FOLLOWER],
		.wake_fd = -1,
		.notify_fd = -1,
		.clock = &world->clock.clock,
	};
	char message[512];

	page_reset(&world->dns_page);
	if (view_create(&config, &world->view, message) < 0)
		fail_msg("%s", message);
	world->dns = WORLD_DNS_SERVES;
	run_dns(world);
}

int world_setup(void **state)
{
	struct world *world = aligned_alloc(64, (sizeof(*world) + 63) / 64 * 64);

	memset(world, 0, sizeof(*world));
	log_setup("test", LOG_ERROR);
	snprintf(world->folder, sizeof(world->folder), "/tmp/svcdns-scenario-XXXXXX");
	if (!mkdtemp(world->folder))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/registry.db", world->folder);
	clock_manual_init(&world->clock, 1000 * S, 1700000000 * S);
	view_reader_register();
	start_sidecar(world);
	start_dns(world);
	publish_init(&world->gate, &world->dns_page, &world->clock.clock,
		&world->sidecar_page.threads[PAGE_HTTP].metrics, 500 * MS);
	*state = world;
	return 0;
}

int world_teardown(void **state)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	struct world *world = *state;
	char path[128];

	publish_finish(&world->gate);
	end_sidecar(world);
	view_destroy(world->view);
	view_reader_unregister();
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", world->path, files[i]);
		unlink(path);
	}
	rmdir(world->folder);
	free(world);
	return 0;
}

/* -- What a scenario does -- */

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
	run_dns(world);
	return world->index;
}

uint64_t world_deregister(struct world *world, const char *id)
{
	struct registry_command *command = registry_command_create(REGISTRY_REMOVE_INSTANCE);

	command->node_name = "";
	command->instance_id = id;
	run_command(world, command);
	run_dns(world);
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
	run_dns(world);
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
	run_loops(world);
	while (ns > 0) {
		int64_t step = ns < LOOP_NS ? ns : LOOP_NS;

		clock_manual_advance(&world->clock, step);
		run_loops(world);
		ns -= step;
	}
}

void world_stopped(struct world *world, int64_t ns)
{
	clock_manual_advance(&world->clock, ns);
	while (run_network(world)) /* libcurl's timers are in the same loop, and may be looked at first */
		;
	run_loops(world);
}

void world_restart_sidecar(struct world *world, int64_t ns)
{
	end_sidecar(world);
	clock_manual_advance(&world->clock, ns);
	start_sidecar(world);
	run_loops(world);
}

void world_restart_dns(struct world *world)
{
	view_destroy(world->view);
	start_dns(world);
}

void world_dns(struct world *world, enum world_dns dns)
{
	world->dns = dns;
	if (dns == WORLD_DNS_DEAD)
		page_reset(&world->dns_page);
	run_dns(world);
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
		.metrics = &world->dns_page.threads[PAGE_WORKER].metrics};
	const struct dns_source source = {.tcp = true};
	uint8_t query[512], answer[4096];
	size_t size, text_size = 0;
	const char *text, *rcode;

	size = make_query(name, type, query);
	view_read_begin();
	size = dns_respond(&context, &source, query, size, answer, sizeof(answer));
	view_read_end();
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
