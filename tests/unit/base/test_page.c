/* test_page.c -- shared pages and the counters in them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/page.h"

static void two_sides(void **state)
{
	struct page *writer, *reader, *none = NULL;
	int writable, readable;

	(void)state;
	assert_int_equal(page_create(&writable, &readable), 0);
	assert_true(fcntl(writable, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(readable, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(page_map(writable, true, &writer), 0);
	assert_int_equal(page_map(readable, false, &reader), 0);
	assert_int_equal(page_map(readable, true, &none), -EACCES);
	assert_null(none);
	assert_int_equal(atomic_load(&reader->state), PAGE_DOWN);
	atomic_store_explicit(&writer->index, 42, memory_order_release);
	assert_int_equal(atomic_load_explicit(&reader->index, memory_order_acquire), 42);
	/* Nobody can pull the memory away from under the other side, nor write through the second descriptor.
	 */
	assert_int_equal(ftruncate(writable, 0), -1);
	assert_int_equal(write(readable, "x", 1), -1);
	assert_int_equal(mprotect(reader, sizeof(*reader), PROT_READ | PROT_WRITE), -1);
	page_unmap(writer);
	page_unmap(reader);
	page_unmap(NULL);
	close(writable);
	close(readable);
}

static void not_a_page(void **state)
{
	struct page *page = NULL;
	int fd = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(page_map(fd, false, &page), -EINVAL);
	close(fd);
	assert_int_equal(page_map(-1, false, &page), -EBADF);
	assert_null(page);
}

static void slots_add_up(void **state)
{
	uint64_t totals[METRIC_COUNT] = {0};
	struct page *page;
	int writable, readable;

	(void)state;
	assert_int_equal(page_create(&writable, &readable), 0);
	assert_int_equal(page_map(writable, true, &page), 0);
	metrics_add(&page->threads[PAGE_MAIN].metrics, METRIC_DNS_TRUNCATED, 1);
	metrics_add(&page->threads[PAGE_UDP].metrics, METRIC_DNS_TRUNCATED, 2);
	metrics_add(&page->threads[PAGE_THREADS - 1].metrics, METRIC_DNS_TRUNCATED, 4);
	metrics_add(&page->threads[PAGE_UDP].metrics, METRIC_DNS_TCP_OPEN, 3);
	metrics_add(&page->threads[PAGE_UDP].metrics, METRIC_DNS_TCP_OPEN, -1);
	metrics_set(&page->threads[PAGE_FOLLOWER].metrics, METRIC_VIEW_NAMES, 9);
	page_sum(page, totals);
	assert_int_equal(totals[METRIC_DNS_TRUNCATED], 7);
	assert_int_equal(totals[METRIC_DNS_TCP_OPEN], 2);
	assert_int_equal(totals[METRIC_VIEW_NAMES], 9);
	/* Into what is there: that is how two pages add up. */
	page_sum(page, totals);
	assert_int_equal(totals[METRIC_DNS_TRUNCATED], 14);
	page_unmap(page);
	close(writable);
	close(readable);
}

static void reset_before_a_start(void **state)
{
	uint64_t totals[METRIC_COUNT] = {0};
	struct page_thread *thread;
	struct page *page;
	int writable, readable;

	(void)state;
	assert_int_equal(page_create(&writable, &readable), 0);
	assert_int_equal(page_map(writable, true, &page), 0);
	thread = &page->threads[PAGE_UDP + 1];
	atomic_store(&page->state, PAGE_READY);
	atomic_store(&page->pid, 4711);
	atomic_store(&page->index, 12);
	page_tick(thread);
	page_tick(thread);
	assert_int_equal(atomic_load(&thread->tick), 2);
	atomic_store(&thread->patience, 60);
	metrics_add(&thread->metrics, METRIC_DNS_RESPONSES_NOERROR, 5);
	metrics_set(&thread->metrics, METRIC_DNS_TCP_OPEN, 3);
	page_reset(page);
	assert_int_equal(atomic_load(&page->state), PAGE_DOWN);
	assert_int_equal(atomic_load(&page->pid), 0);
	assert_int_equal(atomic_load(&page->index), 0);
	assert_int_equal(atomic_load(&thread->tick), 0);
	assert_int_equal(atomic_load(&thread->patience), 0);
	page_sum(page, totals);
	assert_int_equal(totals[METRIC_DNS_RESPONSES_NOERROR], 5);
	/* The connections of a dead process are gone. */
	assert_int_equal(totals[METRIC_DNS_TCP_OPEN], 0);
	page_unmap(page);
	close(writable);
	close(readable);
}

static void the_last_commits(void **state)
{
	static struct page page;
	int64_t at_ns[PAGE_COMMITS];

	(void)state;
	assert_int_equal(page_commits(&page, 0, UINT64_MAX, at_ns), 0);
	page_note_commit(&page, 7, 700);
	page_note_commit(&page, 9, 900);
	assert_int_equal(page_commits(&page, 0, UINT64_MAX, at_ns), 2);
	assert_int_equal(at_ns[0] + at_ns[1], 1600);
	assert_int_equal(page_commits(&page, 7, 9, at_ns), 1);
	assert_int_equal(at_ns[0], 900);
	assert_int_equal(page_commits(&page, 9, UINT64_MAX, at_ns), 0);
	assert_int_equal(page_commits(&page, 0, 6, at_ns), 0);
	for (uint64_t i = 10; i < 10 + 3 * PAGE_COMMITS; i++)
		page_note_commit(&page, i, (int64_t)(100 * i));
	assert_int_equal(page_commits(&page, 0, UINT64_MAX, at_ns), PAGE_COMMITS);
	assert_int_equal(page_commits(&page, 9 + 2 * PAGE_COMMITS, UINT64_MAX, at_ns), PAGE_COMMITS);
	page_reset(&page);
	assert_int_equal(page_commits(&page, 0, UINT64_MAX, at_ns), 0);
}

static void zones(void **state)
{
	static struct page page;
	char name[PAGE_ZONE_NAME], longest[400];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	page_set_zone(&page, 0, "service.local", 4000000000);
	page_set_zone(&page, PAGE_ZONES - 1, longest, 1);
	assert_int_equal(page_get_zone(&page, 0, name), 4000000000);
	assert_string_equal(name, "service.local");
	assert_int_equal(page_get_zone(&page, PAGE_ZONES - 1, name), 1);
	assert_int_equal(strlen(name), PAGE_ZONE_NAME - 1);
}

static size_t count_lines(const char *text, const char *start)
{
	size_t count = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		count += strncmp(p, start, strlen(start)) == 0;
	return count;
}

static void prometheus_text(void **state)
{
	static struct metrics_shown shown;
	struct buf text = {0};

	(void)state;
	for (uint64_t i = 0; i < METRIC_COUNT; i++)
		shown.values[i] = 1000 + i;
	shown.values[METRIC_DNS_REQUESTS_UDP_A] = 1000;
	shown.values[METRIC_DNS_REQUESTS_UDP_SRV] = UINT64_MAX;
	shown.values[METRIC_HTTP_PARKED] = (uint64_t)-1;
	shown.values[METRIC_PROCESS_START_DNS] = 1500000000;
	metrics_format(&shown, &text);
	assert_non_null(
		strstr(text.data, "# TYPE svcdns_dns_requests_total counter\n"
				  "svcdns_dns_requests_total{proto=\"udp\",family=\"1\",type=\"A\"} 1000\n"));
	assert_non_null(strstr(text.data, "type=\"SRV\"} 18446744073709551615\n"));
	assert_non_null(strstr(text.data, "# TYPE svcdns_api_parked gauge\nsvcdns_api_parked -1\n"));
	assert_non_null(
		strstr(text.data, "svcdns_process_start_time_seconds{process=\"dns\"} 1.500000000\n"));
	/* A family is introduced once. */
	assert_int_equal(count_lines(text.data, "# TYPE svcdns_dns_requests_total "), 1);
	assert_int_equal(count_lines(text.data, "# HELP "), count_lines(text.data, "# TYPE "));
	assert_int_equal(text.data[text.size - 1], '\n');
	buf_clear(&text);
	metrics_format_family(FAMILY_ZONE_SERIAL, &text);
	metrics_format_labelled(FAMILY_ZONE_SERIAL, "a\\.b\"c\nd.local", UINT32_MAX, &text);
	assert_non_null(
		strstr(text.data, "# TYPE svcdns_zone_serial gauge\n"
				  "svcdns_zone_serial{zone=\"a\\\\.b\\\"c\\nd.local\"} 4294967295\n"));
	buf_finish(&text);
}

/* What a process that is down held is left out; what it counted, and what lives elsewhere, stays. */
static void hidden_gauges(void **state)
{
	static struct metrics_shown shown;
	struct buf text = {0};

	(void)state;
	metrics_hide_gauges(&shown, METRIC_HOME_DNS);
	metrics_format(&shown, &text);
	assert_null(strstr(text.data, "svcdns_view_names"));
	assert_null(strstr(text.data, "svcdns_dns_tcp_connections "));
	assert_non_null(strstr(text.data, "\nsvcdns_dns_tcp_connections_total 0\n"));
	assert_non_null(strstr(text.data, "\nsvcdns_api_parked 0\n"));
	buf_finish(&text);
}

static void histograms(void **state)
{
	static struct metrics metrics;
	static struct metrics_shown shown;
	static const uint32_t sizes[] = {1, 64, 65, 128, 129, 512, 513, 65535};
	static const int64_t times[] = {-5, 1000, 1001, 2000, 5000000000, 10000000000, 10000000001};
	struct buf text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		metrics_observe_size(&metrics, METRIC_DNS_RESPONSE_SIZE_UDP, sizes[i]);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		metrics_observe_time(&metrics, METRIC_REGISTRY_COMMIT_DURATION, times[i], 2);
	for (size_t i = 0; i < METRIC_COUNT; i++)
		shown.values[i] = atomic_load(&metrics.values[i]);
	metrics_format(&shown, &text);
	assert_non_null(
		strstr(text.data, "# TYPE svcdns_dns_response_size_bytes histogram\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"64\"} 2\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"128\"} 4\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"256\"} 5\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"512\"} 6\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"1024\"} 7\n"));
	assert_non_null(strstr(text.data, "_bucket{proto=\"udp\",le=\"32768\"} 7\n"));
	assert_non_null(
		strstr(text.data, "_bytes_bucket{proto=\"udp\",le=\"65536\"} 8\n"
				  "svcdns_dns_response_size_bytes_bucket{proto=\"udp\",le=\"+Inf\"} 8\n"
				  "svcdns_dns_response_size_bytes_sum{proto=\"udp\"} 66947\n"
				  "svcdns_dns_response_size_bytes_count{proto=\"udp\"} 8\n"));
	assert_non_null(
		strstr(text.data, "svcdns_registry_commit_duration_seconds_bucket{le=\"1e-06\"} 4\n"
				  "svcdns_registry_commit_duration_seconds_bucket{le=\"2e-06\"} 8\n"));
	assert_non_null(strstr(text.data, "_bucket{le=\"2\"} 8\n"
					  "svcdns_registry_commit_duration_seconds_bucket{le=\"5\"} 10\n"
					  "svcdns_registry_commit_duration_seconds_bucket{le=\"10\"} 12\n"
					  "svcdns_registry_commit_duration_seconds_bucket{le=\"+Inf\"} 14\n"
					  "svcdns_registry_commit_duration_seconds_sum 50.000008004\n"
					  "svcdns_registry_commit_duration_seconds_count 14\n"));
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_sides),
		cmocka_unit_test(not_a_page),
		cmocka_unit_test(slots_add_up),
		cmocka_unit_test(reset_before_a_start),
		cmocka_unit_test(the_last_commits),
		cmocka_unit_test(zones),
		cmocka_unit_test(prometheus_text),
		cmocka_unit_test(hidden_gauges),
		cmocka_unit_test(histograms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
