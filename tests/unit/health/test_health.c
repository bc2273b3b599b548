/* The thread itself: with a real registry, a real writer and real sockets. Waits for events, never for time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "health/health.h"

#define S CLOCK_NS_PER_S

struct fixture {
	char folder[64], path[96];
	struct page page;
	struct registry_writer *writer;
	struct registry_live *live;
	struct registry_inbox *inbox; /* the test's own */
	struct health *health;
	uint64_t index; /* of the last commit that was seen */
	int error;
	bool answered;
	int listener;
	char target[32];
};

static void on_commit(const struct registry_commit *commit, void *ctx)
{
	struct fixture *f = ctx;

	f->index = commit->index;
}

static void start_registry(struct fixture *f)
{
	const struct registry_inbox_handler handler = {.on_commit = on_commit, .ctx = f};
	const struct registry_config config = {
		.path = f->path,
		.node_name = "node",
		.node_address = "127.0.0.1",
		.zone_size = 15,
		.limits = {.instances = 100,
			.checks_per_instance = 16,
			.tags_per_instance = 16,
			.tag_size = 64,
			.meta_pairs = 64,
			.meta_value_size = 512,
			.output_size = 4096,
			.changelog_rows = 1000,
			.queue = 100},
		.clock = clock_system(),
		.page = &f->page,
		.thread = &f->page.threads[PAGE_WRITER],
		.wake_fd = -1,
	};
	char message[512];

	f->live = registry_live_create(4096);
	if (registry_writer_start(&config, &f->writer, message) < 0)
		fail_msg("%s", message);
	assert_int_equal(registry_inbox_create(&handler, &f->inbox), 0);
	registry_writer_observe(f->writer, f->inbox);
}

static void start_health(struct fixture *f)
{
	const struct health_config config = {
		.registry_path = f->path,
		.writer = f->writer,
		.live = f->live,
		.in_flight = 16,
		.interval_min_ns = 20 * CLOCK_NS_PER_MS,
		.interval_default_ns = 10 * S,
		.timeout_default_ns = 10 * S,
		.timeout_max_ns = 600 * S,
		.restart_spread_ns = 20 * CLOCK_NS_PER_MS,
		.stopped_ns = 60 * S,
		.output_size = 4096,
		.clock = clock_system(),
		.thread = &f->page.threads[PAGE_HEALTH],
	};

	assert_int_equal(health_start(&config, &f->health), 0);
}

static void stop_all(struct fixture *f)
{
	health_stop(f->health);
	registry_writer_stop(f->writer);
	health_destroy(f->health);
	registry_inbox_destroy(f->inbox);
	registry_live_destroy(f->live);
}

static int setup(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
	socklen_t size = sizeof(addr);

	memset(f, 0, sizeof(*f));
	snprintf(f->folder, sizeof(f->folder), "/tmp/svcdns-health-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/registry.db", f->folder);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&addr, &size), 0);
	snprintf(f->target, sizeof(f->target), "127.0.0.1:%u", ntohs(addr.sin_port));
	start_registry(f);
	start_health(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"", "-wal", "-shm"};
	struct fixture *f = *state;
	char path[128];

	stop_all(f);
	close(f->listener);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static void wait_for_mail(struct fixture *f)
{
	struct pollfd poll_fd = {.fd = registry_inbox_fd(f->inbox), .events = POLLIN};

	assert_int_equal(poll(&poll_fd, 1, 10000), 1);
	registry_inbox_drain(f->inbox);
}

static void on_done(struct registry_command *command, void *ctx)
{
	struct fixture *f = ctx;

	f->error = command->error;
	f->answered = true;
}

static void run_command(struct fixture *f, struct registry_command *command)
{
	command->done = on_done;
	command->ctx = f;
	f->answered = false;
	registry_writer_submit(f->writer, command, f->inbox);
	while (!f->answered)
		wait_for_mail(f);
	assert_int_equal(f->error, 0);
}

static void register_web(
	struct fixture *f, enum registry_check_type type, const char *target, int64_t deregister_after_ns)
{
	struct registry_command *command = registry_command_create(REGISTRY_PUT_INSTANCE);
	struct registry_instance *instance = arena_alloc(command->arena, sizeof(*instance));
	struct registry_check *check = arena_alloc(command->arena, sizeof(*check));

	*instance = (struct registry_instance){.node = "",
		.id = "web-1",
		.service = "web",
		.address = "127.0.0.1",
		.port = 80,
		.weight_passing = 1,
		.weight_warning = 1,
		.agent = true};
	*check = (struct registry_check){.name = "",
		.id = "",
		.notes = "",
		.output = "",
		.status = REGISTRY_CRITICAL,
		.definition = {.type = type,
			.target = arena_strdup(command->arena, target),
			.method = "",
			.body = "",
			.tls_server_name = "",
			.interval_ns = type == REGISTRY_CHECK_TTL ? 0 : 20 * CLOCK_NS_PER_MS,
			.ttl_ns = type == REGISTRY_CHECK_TTL ? 30 * CLOCK_NS_PER_MS : 0,
			.timeout_ns = 5 * S,
			.deregister_after_ns = deregister_after_ns}};
	command->instance = instance;
	command->checks = check;
	command->check_count = 1;
	run_command(f, command);
}

/* The status in the registry; -1 if the instance is not there. */
static int status_of_web(struct fixture *f, bool *ret_checked)
{
	const struct registry_filter filter = {.service = "web"};
	const struct registry_instance *instances;
	struct arena *arena = arena_create();
	struct registry_reader *reader;
	size_t count;
	int status = -1;

	assert_int_equal(registry_reader_open(f->path, &reader), 0);
	assert_int_equal(registry_reader_instances(reader, &filter, arena, &instances, &count), 0);
	if (count) {
		status = (int)instances[0].status;
		*ret_checked = !instances[0].waiting;
	}
	registry_reader_close(reader);
	arena_destroy(arena);
	return status;
}

static void wait_for_status(struct fixture *f, int status)
{
	bool checked = false;

	while (status_of_web(f, &checked) != status || (status >= 0 && !checked))
		wait_for_mail(f);
}

static void a_listener_makes_it_pass_and_its_end_fail(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(listen(f->listener, 64), 0);
	register_web(f, REGISTRY_CHECK_TCP, f->target, 0);
	wait_for_status(f, REGISTRY_PASSING);
	shutdown(f->listener, SHUT_RDWR); /* listens no more */
	wait_for_status(f, REGISTRY_CRITICAL);
	/* In two steps: were both in the first registration, a slow look might find it removed already. */
	register_web(f, REGISTRY_CHECK_TCP, f->target, 50 * CLOCK_NS_PER_MS);
	wait_for_status(f, -1);
	assert_true(atomic_load(&f->page.threads[PAGE_HEALTH].tick) > 0);
}

static void a_name_is_resolved(void **state)
{
	struct fixture *f = *state;
	char target[64];

	assert_int_equal(listen(f->listener, 64), 0);
	snprintf(target, sizeof(target), "localhost%s", strchr(f->target, ':'));
	register_web(f, REGISTRY_CHECK_TCP, target, 0);
	wait_for_status(f, REGISTRY_PASSING);
}

static void a_ttl_expires(void **state)
{
	struct fixture *f = *state;

	register_web(f, REGISTRY_CHECK_TTL, "", 0);
	wait_for_status(f, REGISTRY_CRITICAL);
	register_web(f, REGISTRY_CHECK_TTL, "", 30 * CLOCK_NS_PER_MS);
	wait_for_status(f, -1);
}

static void a_restart_goes_on_with_what_is_stored(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(listen(f->listener, 64), 0);
	register_web(f, REGISTRY_CHECK_TCP, f->target, 0);
	wait_for_status(f, REGISTRY_PASSING);
	stop_all(f);
	shutdown(f->listener, SHUT_RDWR);
	start_registry(f);
	start_health(f);
	wait_for_status(f, REGISTRY_CRITICAL); /* nobody registered anything again: the check was loaded */
}

static uint64_t probes(struct fixture *f)
{
	return atomic_load(&f->page.threads[PAGE_HEALTH].metrics.values[METRIC_HEALTH_PROBES]);
}

static void probes_follow_one_another_at_once(void **state)
{
	struct fixture *f = *state;
	int64_t begin = clock_now(clock_system());

	assert_int_equal(listen(f->listener, 64), 0);
	register_web(f, REGISTRY_CHECK_TCP, f->target, 0);
	while (probes(f) < 15) { /* one each 20 ms; a loop that only looks once a second takes 15 s */
		assert_true(clock_now(clock_system()) - begin < 10 * S);
		sched_yield();
	}
}

static void an_end_in_the_middle_of_work_is_clean(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(listen(f->listener, 64), 0);
	register_web(f, REGISTRY_CHECK_TCP, f->target, 0);
	health_reconfigure(f->health, &(struct health_config){.in_flight = 1,
					      .interval_min_ns = 1 * CLOCK_NS_PER_MS,
					      .interval_default_ns = S,
					      .stopped_ns = 60 * S,
					      .timeout_default_ns = S,
					      .timeout_max_ns = 600 * S,
					      .output_size = 10});
	register_web(f, REGISTRY_CHECK_HTTP, "http://127.0.0.1:1/", 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_listener_makes_it_pass_and_its_end_fail),
		TEST(a_name_is_resolved),
		TEST(a_ttl_expires),
		TEST(a_restart_goes_on_with_what_is_stored),
		TEST(probes_follow_one_another_at_once),
		TEST(an_end_in_the_middle_of_work_is_clean),
	};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
