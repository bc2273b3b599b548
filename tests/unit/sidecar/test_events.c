/* test_events.c -- event streams over real sockets, on a real registry, with a dns page of the test's own. */
#include "../registry/fixture.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pump.h"
#include "sidecar/events.h"

#define CHANGELOG_REASON 512 /* as in registry/changelog.h */
#define TIMEOUT (500 * CLOCK_NS_PER_MS)
#define HEARTBEAT (15 * CLOCK_NS_PER_S)

struct world {
	struct fixture *f;
	struct pump pump;
	struct page *dns;
	struct publish publish;
	struct events *events;
	int opened; /* what events_open() said last */
};

/* "/since/N" and "/last/N" say where to begin, any other path means now. */
static void handle(struct http_request *request, void *ctx)
{
	struct world *w = ctx;
	struct events_start start = {.from = EVENTS_NOW};

	w->pump.handled++;
	if (strncmp(request->path, "/since/", 7) == 0)
		start = (struct events_start){EVENTS_SINCE, strtoull(request->path + 7, NULL, 10), 0};
	else if (strncmp(request->path, "/last/", 6) == 0)
		start = (struct events_start){EVENTS_LAST, 0, (uint32_t)atoi(request->path + 6)};
	w->opened = events_open(w->events, request, &start);
	if (w->opened != 0)
		http_reply(request, &(struct http_reply){.status = 429});
}

static int begin(void **state, uint32_t rows)
{
	struct world *w = calloc(1, sizeof(*w));
	void *fixture = NULL;

	if (fixture_folder(&fixture))
		return -1;
	w->f = fixture;
	w->f->config.limits.changelog_rows = rows;
	fixture_start(w->f);
	pump_init(&w->pump);
	w->pump.config.handle = handle;
	w->pump.config.ctx = w;
	w->pump.config.limits.write_buffer = 1 << 20;
	w->pump.config.limits.write_timeout_ns =
		600 * CLOCK_NS_PER_S; /* who is cut off is so for its buffer */
	w->dns = aligned_alloc(64, sizeof(*w->dns));
	memset(w->dns, 0, sizeof(*w->dns));
	atomic_store(&w->dns->state, PAGE_READY);
	publish_init(&w->publish, w->dns, &w->pump.clock.clock, w->pump.metrics, TIMEOUT);
	w->events = events_create(&(struct events_config){
		.clock = &w->pump.clock.clock,
		.metrics = w->pump.metrics,
		.publish = &w->publish,
		.reader = (struct registry_reader *const *)&w->f->reader,
		.streams = 3,
		.buffer = 65536,
		.heartbeat_ns = HEARTBEAT,
	});
	pump_start(&w->pump);
	*state = w;
	return 0;
}

static int setup(void **state)
{
	return begin(state, 10000);
}

static int setup_few_rows(void **state)
{
	return begin(state, 10);
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *fixture = w->f;
	int error;

	pump_stop(&w->pump);
	assert_int_equal(events_next(w->events), INT64_MAX);
	publish_finish(&w->publish);
	events_destroy(w->events);
	error = fixture_teardown(&fixture);
	free(w->dns);
	free(w);
	return error;
}

/* What the sidecar's loop does behind each event. */
static bool turn(struct world *w)
{
	publish_run(&w->publish, UINT_MAX);
	return events_run(w->events);
}

static void turn_all(void *ctx)
{
	struct world *w = ctx;

	for (int i = 0; i < 1000 && turn(w); i++)
		;
}

/* A commit that DNS has not seen. */
static uint64_t commit(struct world *w, struct registry_command *command)
{
	uint64_t index = must(w->f, command);

	events_commit(w->events, index);
	return index;
}

static void apply(struct world *w, uint64_t index)
{
	atomic_store(&w->dns->index, index);
	turn_all(w);
}

static uint64_t commit_and_apply(struct world *w, struct registry_command *command)
{
	uint64_t index = commit(w, command);

	apply(w, index);
	return index;
}

static int listen_to(struct world *w, const char *path)
{
	int fd = pump_connect(&w->pump, false);
	unsigned handled = w->pump.handled + 1;
	char text[128];

	snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", path); /* no chunks: what comes is the text */
	pump_text(&w->pump, fd, text);
	pump_until(&w->pump, pump_has_handled, &handled);
	return fd;
}

/* The head of the reply, and the line that every stream begins with. */
static void skip_hello(struct world *w, int fd, uint64_t index)
{
	char head[4096], text[64], expected[64];
	int size =
		snprintf(expected, sizeof(expected), "retry: 2000\nid: %llu\n\n", (unsigned long long)index);

	assert_int_equal(pump_reply_head(&w->pump, fd, head), 200);
	assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
	pump_read(&w->pump, fd, text, (size_t)size);
	text[size] = '\0';
	assert_string_equal(text, expected);
}

static const char *received(struct world *w, int fd)
{
	return pump_received(&w->pump, fd, turn_all, w);
}

static void expect_id(const char *text, uint64_t index)
{
	char id[40];

	snprintf(id, sizeof(id), "id: %llu\n", (unsigned long long)index);
	assert_non_null(strstr(text, id));
}

static void an_event_for_each_change(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w"));
	int fd = listen_to(w, "/");
	const char *text;

	skip_hello(w, fd, start);
	commit_and_apply(w, put_check("c", "w", REGISTRY_CHECK_TTL));
	text = received(w, fd);
	assert_non_null(strstr(text, "\"Kind\":\"check\",\"Change\":\"registered\",\"Service\":\"web\""));
	start = commit_and_apply(w, set_status("c", REGISTRY_CRITICAL, "<b>\n\r\001"));
	text = received(w, fd);
	expect_id(text, start);
	assert_non_null(strstr(text, "\"Time\":\"2023-11-14T22:13:20.000Z\""));
	assert_non_null(
		strstr(text, "\"Change\":\"status\",\"OldStatus\":\"waiting\",\"NewStatus\":\"critical\","
			     "\"Service\":\"web\",\"Node\":\"own\",\"Instance\":\"w\",\"Check\":\"c\""));
	assert_int_equal(pump_times(text, "\n"), 3); /* id, data and the end: nothing in a text can add one */
	close(fd);
}

/* COMMIT, then DNS, then the event. */
static void not_before_dns_shows_it(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w")), index;
	int fd = listen_to(w, "/");

	skip_hello(w, fd, start);
	commit(w, put_instance("web", "w2"));
	index = commit(w, put_instance("web", "w3"));
	turn_all(w);
	assert_string_equal(received(w, fd), "");
	apply(w, index - 1);
	assert_string_equal(received(w, fd), "");
	apply(w, index);
	assert_int_equal(pump_times(received(w, fd), "data:"), 2);
	/* A slow view holds it no longer than the timeout, and the event says so. */
	index = commit(w, put_instance("web", "w4"));
	turn_all(w);
	clock_manual_advance(&w->pump.clock, TIMEOUT);
	turn_all(w);
	assert_non_null(strstr(received(w, fd), "\"Instance\":\"w4\",\"Published\":false}"));
	apply(w, index);
	/* A view that is not there holds nobody. */
	atomic_store(&w->dns->state, PAGE_DOWN);
	commit(w, put_instance("web", "w5"));
	turn_all(w);
	assert_non_null(strstr(received(w, fd), "\"Instance\":\"w5\",\"Published\":false}"));
	close(fd);
}

/* Who asks for what was before is not left waiting until something happens. */
static void history_is_due_at_once(void **state)
{
	struct world *w = *state;
	int fd;

	commit_and_apply(w, put_instance("web", "w1"));
	commit_and_apply(w, put_instance("web", "w2"));
	fd = listen_to(w, "/last/2");
	assert_true(events_next(w->events) <= clock_now(&w->pump.clock.clock));
	turn_all(w);
	assert_int_equal(events_next(w->events), clock_now(&w->pump.clock.clock) + HEARTBEAT);
	assert_int_equal(pump_times(received(w, fd), "data:"), 2);
	close(fd);
}

static void resumes_without_loss(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w0")), end = 0;
	char path[64];
	const char *text;
	int fd;

	for (int i = 1; i <= 1000; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		end = commit(w, put_instance("web", id));
	}
	apply(w, end);
	snprintf(path, sizeof(path), "/since/%llu", (unsigned long long)start);
	fd = listen_to(w, path);
	skip_hello(w, fd, start);
	turn_all(w);
	text = received(w, fd);
	assert_int_equal(pump_times(text, "data:"), 1000); /* several batches */
	assert_int_equal(pump_times(text, "id: "), 1000);
	expect_id(text, start + 1);
	expect_id(text, end);
	assert_null(strstr(text, "event: reset"));
	/* Then it is one of those that hear what comes. */
	commit_and_apply(w, remove_instance("w0"));
	assert_int_equal(pump_times(received(w, fd), "data:"), 1);
	close(fd);
	fd = listen_to(w, "/last/7");
	skip_hello(w, fd, end + 1 - 7);
	turn_all(w);
	assert_int_equal(pump_times(received(w, fd), "data:"), 7);
	close(fd);
}

static void what_was_pruned_is_told(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w")), end = 0;
	const char *text;
	char path[64];
	int fd, live = listen_to(w, "/");

	skip_hello(w, live, start);
	for (int i = 0; i < 30; i++) {
		char id[16];
		snprintf(id, sizeof(id), "w%d", i);
		end = commit(w, put_instance("web", id));
	}
	/* One that was open the whole time but fell behind what is kept. */
	apply(w, end);
	text = received(w, live);
	assert_int_equal(pump_times(text, "event: reset\n"), 1);
	assert_int_equal(pump_times(text, "data:"), 1);
	expect_id(text, end);
	/* One that comes back. */
	snprintf(path, sizeof(path), "/since/%llu", (unsigned long long)start);
	fd = listen_to(w, path);
	skip_hello(w, fd, end);
	turn_all(w);
	assert_int_equal(pump_times(received(w, fd), "event: reset\n"), 1);
	commit_and_apply(w, put_instance("web", "new"));
	assert_non_null(strstr(received(w, fd), "\"Instance\":\"new\""));
	assert_non_null(strstr(received(w, live), "\"Instance\":\"new\""));
	/* One that knows an index that never was: another registry's. */
	close(live);
	live = listen_to(w, "/since/9999999999999");
	skip_hello(w, live, end + 1);
	assert_non_null(strstr(received(w, live), "event: reset\n"));
	close(fd);
	close(live);
}

static void no_more_than_the_limit(void **state)
{
	struct world *w = *state;
	int fds[4];

	apply(w, commit(w, put_instance("web", "w")));
	for (int i = 0; i < 3; i++) {
		fds[i] = listen_to(w, "/");
		assert_int_equal(w->opened, 0);
	}
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_STREAMS_EVENTS), 3);
	fds[3] = listen_to(w, "/");
	assert_int_equal(w->opened, -EBUSY);
	/* Who leaves makes room. */
	close(fds[0]);
	pump_until_open(&w->pump, 3);
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_STREAMS_EVENTS), 2);
	fds[0] = listen_to(w, "/");
	assert_int_equal(w->opened, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	pump_until_open(&w->pump, 0);
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_STREAMS_EVENTS), 0);
}

/* The one that does not read is cut off; the one beside it hears all. */
static void a_slow_reader_is_cut_off(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w"));
	int slow = pump_connect(&w->pump, true), fast = listen_to(w, "/");
	unsigned handled = w->pump.handled + 1, rejected = pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW);
	unsigned heard = 0, sent = 0;
	char id[16], reason[CHANGELOG_REASON + 1] = "";

	memset(reason, '\1', sizeof(reason) - 1); /* six bytes each in JSON */

	skip_hello(w, fast, start);
	pump_text(&w->pump, slow, "GET / HTTP/1.0\r\n\r\n");
	pump_until(&w->pump, pump_has_handled, &handled);
	for (; sent < 9000 && pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW) == rejected; sent++) {
		snprintf(id, sizeof(id), "%u", sent);
		struct registry_command *command = put_instance("web", id);
		command->reason = reason;
		commit(w, command);
		if (sent % 20 < 19)
			continue;
		apply(w, w->f->committed);
		heard += pump_times(received(w, fast), "data:");
	}
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW), rejected + 1);
	pump_until_open(&w->pump, 1);
	apply(w, w->f->committed);
	heard += pump_times(received(w, fast), "data:");
	assert_int_equal(heard, sent);
	close(slow);
	close(fast);
}

static void a_heartbeat_when_it_is_quiet(void **state)
{
	struct world *w = *state;
	uint64_t start = commit_and_apply(w, put_instance("web", "w"));
	int fd = listen_to(w, "/");

	skip_hello(w, fd, start);
	turn_all(w);
	assert_int_equal(events_next(w->events), clock_now(&w->pump.clock.clock) + HEARTBEAT);
	clock_manual_advance(&w->pump.clock, HEARTBEAT - 1);
	turn_all(w);
	assert_string_equal(received(w, fd), "");
	clock_manual_advance(&w->pump.clock, 1);
	turn_all(w);
	assert_string_equal(received(w, fd), ":\n\n");
	assert_int_equal(events_next(w->events), clock_now(&w->pump.clock.clock) + HEARTBEAT);
	close(fd);
}

static void the_end_is_told(void **state)
{
	struct world *w = *state;
	int fd;

	apply(w, commit(w, put_instance("web", "w")));
	fd = listen_to(w, "/");
	skip_hello(w, fd, w->f->committed);
	events_end(w->events);
	assert_true(pump_closed(&w->pump, fd));
	close(fd);
	fd = listen_to(w, "/");
	assert_int_equal(w->opened, -EAGAIN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_event_for_each_change, setup, teardown),
		cmocka_unit_test_setup_teardown(not_before_dns_shows_it, setup, teardown),
		cmocka_unit_test_setup_teardown(history_is_due_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(resumes_without_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_pruned_is_told, setup_few_rows, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_reader_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(a_heartbeat_when_it_is_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
