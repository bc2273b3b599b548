/* test_traces.c -- streams of queries over real sockets, with rings that the test writes in dns's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"
#include "sidecar/traces.h"

#define HEARTBEAT (15 * CLOCK_NS_PER_S)
#define PERIOD (10 * CLOCK_NS_PER_MS)
#define RING 5
#define HELLO ": listening\n\n"

struct world {
	struct pump pump;
	struct page *dns;
	struct page_traces *rings;
	_Atomic uint32_t listeners;
	struct traces *traces;
	struct traces_wanted wanted; /* by the next request */
	int opened;                  /* what traces_open() said last */
};

static void handle(struct http_request *request, void *ctx)
{
	struct world *w = ctx;

	w->pump.handled++;
	w->opened = traces_open(w->traces, request, &w->wanted);
	if (w->opened != 0)
		http_reply(request, &(struct http_reply){.status = 429});
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int writable, readable;

	pump_init(&w->pump);
	w->pump.config.handle = handle;
	w->pump.config.ctx = w;
	w->pump.config.limits.write_buffer = 1 << 20;
	assert_int_equal(page_create(&writable, &readable), 0);
	assert_int_equal(page_map(writable, true, &w->dns), 0);
	assert_int_equal(page_map_traces(writable, true, &w->rings), 0);
	close(writable);
	close(readable);
	atomic_store(&w->dns->threads[PAGE_UDP + RING].tick, 1);
	w->traces = traces_create(&(struct traces_config){
		.clock = &w->pump.clock.clock,
		.metrics = w->pump.metrics,
		.listeners = &w->listeners,
		.dns = w->dns,
		.traces = w->rings,
		.streams = 3,
		.buffer = 65536,
		.heartbeat_ns = HEARTBEAT,
	});
	pump_start(&w->pump);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pump_stop(&w->pump);
	assert_int_equal(traces_next(w->traces), INT64_MAX);
	assert_int_equal(w->listeners, 0);
	traces_destroy(w->traces);
	page_unmap(w->dns);
	page_unmap_traces(w->rings);
	free(w);
	return 0;
}

/* A query for `name`, from 10.0.0.`host`. */
static struct trace_entry query(const char *name, uint8_t host)
{
	struct trace_entry entry = {.time_ns = INT64_C(1700000000) * CLOCK_NS_PER_S,
		.address = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host},
		.port = 5353,
		.type = WIRE_SRV,
		.answers = 2,
		.size = 120};

	entry.name_size = (uint8_t)wire_name_parse(name, entry.name);
	return entry;
}

static void put(struct world *w, struct trace_entry entry)
{
	trace_put(&w->rings->rings[RING], &entry);
}

static struct traces_wanted by_name(const char *name)
{
	struct traces_wanted wanted = {.limit = 0};

	wanted.name_size = (uint8_t)wire_name_parse(name, wanted.name);
	return wanted;
}

/* Opens a stream and reads what every one begins with. */
static int listen_for(struct world *w, struct traces_wanted wanted)
{
	int fd = pump_connect(&w->pump, false);
	unsigned handled = w->pump.handled + 1;
	char head[4096], hello[sizeof(HELLO)] = "";

	w->wanted = wanted;
	pump_text(&w->pump, fd, "GET / HTTP/1.0\r\n\r\n"); /* no chunks: what comes is the text */
	pump_until(&w->pump, pump_has_handled, &handled);
	if (w->opened != 0)
		return fd;
	assert_int_equal(pump_reply_head(&w->pump, fd, head), 200);
	assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
	pump_read(&w->pump, fd, hello, sizeof(HELLO) - 1);
	assert_string_equal(hello, HELLO);
	return fd;
}

/* As the loop does, when it is time. */
static void turn(void *ctx)
{
	struct world *w = ctx;

	clock_manual_advance(&w->pump.clock, PERIOD);
	for (int i = 0; i < 100 && traces_run(w->traces); i++)
		;
}

static const char *received(struct world *w, int fd)
{
	return pump_received(&w->pump, fd, turn, w);
}

static void a_query_is_told(void **state)
{
	struct world *w = *state;
	int fd;
	struct trace_entry entry = query("web.service.local", 7);

	put(w, entry); /* before anybody listened */
	fd = listen_for(w, (struct traces_wanted){.limit = 0});
	assert_int_equal(w->listeners, 1);
	put(w, entry);
	assert_string_equal(received(w, fd),
		"data: {\"Time\":\"2023-11-14T22:13:20.000Z\",\"Client\":\"10.0.0.7\",\"Port\":5353,"
		"\"Protocol\":\"udp\",\"Name\":\"web.service.local\",\"Type\":\"SRV\",\"Rcode\":\"NOERROR\","
		"\"Answers\":2,\"Size\":120,\"Truncated\":false}\n\n");
	entry = (struct trace_entry){.flags = TRACE_TCP | TRACE_TRUNCATED | TRACE_NO_QUESTION,
		.address = {0x20, 1, 0xd, 0xb8, [15] = 1},
		.rcode = WIRE_FORMERR,
		.size = 12};
	put(w, entry);
	assert_non_null(strstr(received(w, fd), "\"Client\":\"2001:db8::1\",\"Port\":0,\"Protocol\":\"tcp\","
						"\"Rcode\":\"FORMERR\",\"Answers\":0,"
						"\"Size\":12,\"Truncated\":true}"));
	entry = query("a\\010\\\"b.example.org", 7);
	entry.flags = TRACE_RELAYED;
	entry.type = 65280;
	put(w, entry);
	assert_non_null(strstr(received(w, fd),
		"\"Name\":\"a\\\\010\\\\\\\"b.example.org\",\"Type\":\"TYPE65280\",\"Relayed\":true}"));
	close(fd);
	pump_until_open(&w->pump, 0);
	assert_int_equal(w->listeners, 0);
}

static void only_what_is_wanted(void **state)
{
	static const char *const names[] = {"web.service.local", "v1.web.service.local", "xweb.service.local",
		"service.local", "db.service.local"};
	static const struct {
		const char *name, *address;
		const char *hosts; /* of those that come: 1 to 5 for the names above */
	} rows[] = {
		{NULL, NULL, "12345"},
		{"web.service.local", NULL, "12"},
		{"service.local", NULL, "12345"},
		{"b.service.local", NULL, ""},
		{".", NULL, "12345"},
		{NULL, "10.0.0.3", "3"},
		{NULL, "10.0.0.4/31", "45"},
		{NULL, "10.0.0.0/8", "12345"},
		{NULL, "::ffff:10.0.0.3", "3"},
		{NULL, "2001:db8::/32", ""},
		{"web.service.local", "10.0.0.2", "2"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct traces_wanted wanted = {.limit = 0};
		char came[8] = "";
		const char *at;

		if (rows[i].name)
			wanted = by_name(rows[i].name);
		wanted.by_address = rows[i].address;
		if (rows[i].address)
			assert_int_equal(net_prefix_parse(rows[i].address, &wanted.address), 0);
		int fd = listen_for(w, wanted);
		for (unsigned k = 0; k < 5; k++)
			put(w, query(names[k], (uint8_t)(k + 1)));
		at = received(w, fd);
		for (size_t k = 0; (at = strstr(at, "\"10.0.0.")); k++, at++)
			came[k] = at[8];
		assert_string_equal(came, rows[i].hosts);
		close(fd);
		pump_until_open(&w->pump, 0);
	}
}

static void it_ends_at_its_limit(void **state)
{
	struct world *w = *state;
	int all = listen_for(w, (struct traces_wanted){.limit = 0});
	int two = listen_for(w, (struct traces_wanted){.limit = 2});

	assert_int_equal(w->listeners, 2);
	for (int i = 0; i < 3; i++)
		put(w, query("web.service.local", 1));
	assert_int_equal(pump_times(received(w, two), "data:"), 2);
	assert_true(pump_closed(&w->pump, two));
	assert_int_equal(pump_times(received(w, all), "data:"), 3);
	assert_int_equal(w->listeners, 1);
	close(all);
	close(two);
}

static void what_is_lost_is_told(void **state)
{
	struct world *w = *state;
	int fd = listen_for(w, by_name("web.service.local"));
	const char *text;

	for (int i = 0; i < TRACE_SLOTS + 100; i++)
		put(w, query("web.service.local", 1));
	text = received(w, fd);
	assert_int_equal(pump_times(text, "\"Client\""), TRACE_SLOTS);
	assert_int_equal(pump_times(text, "event: lost\ndata: {\"Lost\":100}\n\n"), 1);
	/* Once. */
	put(w, query("web.service.local", 1));
	assert_int_equal(pump_times(received(w, fd), "lost"), 0);
	close(fd);
}

/* One turn of the loop takes so much and no more, and says that there is more. */
static void a_turn_has_an_end(void **state)
{
	struct world *w = *state;
	int fd = listen_for(w, (struct traces_wanted){.limit = 0});

	for (int i = 0; i < TRACE_SLOTS; i++)
		put(w, query("web.service.local", 1));
	clock_manual_advance(&w->pump.clock, PERIOD);
	assert_true(traces_run(w->traces));
	assert_true(traces_run(w->traces));
	assert_false(traces_run(w->traces));
	assert_int_equal(traces_next(w->traces), clock_now(&w->pump.clock.clock) + PERIOD);
	assert_int_equal(pump_times(received(w, fd), "data:"), TRACE_SLOTS);
	/* Between two looks nothing is read. */
	put(w, query("web.service.local", 1));
	turn(w);
	put(w, query("web.service.local", 1));
	assert_false(traces_run(w->traces));
	pump_idle(&w->pump);
	char bytes[4096] = "";
	assert_true(recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(pump_times(bytes, "data:"), 1);
	close(fd);
}

/* The memory is dns's, which faces strangers. */
static void an_entry_that_is_none_is_left_out(void **state)
{
	struct world *w = *state;
	int fd = listen_for(w, by_name("."));
	struct trace_entry entry;

	memset(&entry, 0xff, sizeof(entry));
	put(w, entry);
	entry.flags = 0;
	put(w, entry);
	entry = query("web.service.local", 1);
	entry.name_size--;
	put(w, entry);
	entry.name_size += 2;
	put(w, entry);
	entry = query("web.service.local", 1);
	entry.name[0] = 200;
	put(w, entry);
	put(w, query("db.service.local", 1));
	const char *text = received(w, fd);
	assert_int_equal(pump_times(text, "data:"), 1);
	assert_non_null(strstr(text, "db.service.local"));
	close(fd);
}

static void no_more_than_the_limit(void **state)
{
	struct world *w = *state;
	int fds[4];

	for (int i = 0; i < 4; i++) {
		fds[i] = listen_for(w, (struct traces_wanted){.limit = 0});
		assert_int_equal(w->opened, i < 3 ? 0 : -EBUSY);
	}
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_STREAMS_TRACES), 3);
	close(fds[1]);
	pump_until_open(&w->pump, 3);
	assert_int_equal(w->listeners, 2);
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_STREAMS_TRACES), 2);
	fds[1] = listen_for(w, (struct traces_wanted){.limit = 0});
	assert_int_equal(w->opened, 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

/* The one that does not read is cut off; the one beside it hears all. */
static void a_slow_reader_is_cut_off(void **state)
{
	struct world *w = *state;
	int slow = pump_connect(&w->pump, true), fast = listen_for(w, (struct traces_wanted){.limit = 0});
	unsigned handled = w->pump.handled + 1, rejected = pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW);
	unsigned heard = 0, sent = 0;

	pump_text(&w->pump, slow, "GET / HTTP/1.0\r\n\r\n");
	pump_until(&w->pump, pump_has_handled, &handled);
	while (sent < 200000 && pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW) == rejected) {
		for (int i = 0; i < 200; i++, sent++)
			put(w, query("web.service.local", 1));
		heard += pump_times(received(w, fast), "data:");
	}
	assert_int_equal(pump_count(&w->pump, METRIC_HTTP_REJECTED_SLOW), rejected + 1);
	pump_until_open(&w->pump, 1);
	assert_int_equal(heard, sent);
	assert_int_equal(w->listeners, 1);
	close(slow);
	close(fast);
}

static void a_heartbeat_when_it_is_quiet(void **state)
{
	struct world *w = *state;
	int fd = listen_for(w, (struct traces_wanted){.limit = 0});

	clock_manual_advance(&w->pump.clock, HEARTBEAT - 3 * PERIOD);
	assert_string_equal(received(w, fd), "");
	clock_manual_advance(&w->pump.clock, 3 * PERIOD);
	assert_string_equal(received(w, fd), ":\n\n");
	close(fd);
}

static void the_end_is_told(void **state)
{
	struct world *w = *state;
	int fd = listen_for(w, (struct traces_wanted){.limit = 0});

	traces_end(w->traces);
	assert_int_equal(w->listeners, 0);
	assert_true(pump_closed(&w->pump, fd));
	close(fd);
	fd = listen_for(w, (struct traces_wanted){.limit = 0});
	assert_int_equal(w->opened, -EAGAIN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_query_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(it_ends_at_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_lost_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_turn_has_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_that_is_none_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_reader_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(a_heartbeat_when_it_is_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
