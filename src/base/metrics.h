/* metrics.h -- the table of all counters, and how a thread counts.
 *
 * Adding a metric is adding a row. Each thread counts in its own slots of its process's shared page (page.h),
 * with plain loads and stores; whoever shows the numbers adds the slots of all threads up. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* X(identifier, family, labels or "", type, help). Rows of a family stand together. */
#define METRICS(X)                                                                                           \
	X(DNS_REQUESTS_UDP_A, "svcdns_dns_requests_total", "proto=\"udp\",type=\"A\"", "counter",            \
		"Queries by transport and type.")                                                            \
	X(DNS_REQUESTS_UDP_AAAA, "svcdns_dns_requests_total", "proto=\"udp\",type=\"AAAA\"", "counter", "")  \
	X(DNS_REQUESTS_UDP_SRV, "svcdns_dns_requests_total", "proto=\"udp\",type=\"SRV\"", "counter", "")    \
	X(DNS_REQUESTS_UDP_OTHER, "svcdns_dns_requests_total", "proto=\"udp\",type=\"other\"", "counter",    \
		"")                                                                                          \
	X(DNS_REQUESTS_TCP_A, "svcdns_dns_requests_total", "proto=\"tcp\",type=\"A\"", "counter", "")        \
	X(DNS_REQUESTS_TCP_AAAA, "svcdns_dns_requests_total", "proto=\"tcp\",type=\"AAAA\"", "counter", "")  \
	X(DNS_REQUESTS_TCP_SRV, "svcdns_dns_requests_total", "proto=\"tcp\",type=\"SRV\"", "counter", "")    \
	X(DNS_REQUESTS_TCP_OTHER, "svcdns_dns_requests_total", "proto=\"tcp\",type=\"other\"", "counter",    \
		"")                                                                                          \
	X(DNS_RESPONSES_NOERROR, "svcdns_dns_responses_total", "rcode=\"NOERROR\"", "counter",               \
		"Answers by response code.")                                                                 \
	X(DNS_RESPONSES_FORMERR, "svcdns_dns_responses_total", "rcode=\"FORMERR\"", "counter", "")           \
	X(DNS_RESPONSES_SERVFAIL, "svcdns_dns_responses_total", "rcode=\"SERVFAIL\"", "counter", "")         \
	X(DNS_RESPONSES_NXDOMAIN, "svcdns_dns_responses_total", "rcode=\"NXDOMAIN\"", "counter", "")         \
	X(DNS_RESPONSES_NOTIMP, "svcdns_dns_responses_total", "rcode=\"NOTIMP\"", "counter", "")             \
	X(DNS_RESPONSES_REFUSED, "svcdns_dns_responses_total", "rcode=\"REFUSED\"", "counter", "")           \
	X(DNS_RESPONSES_OTHER, "svcdns_dns_responses_total", "rcode=\"other\"", "counter", "")               \
	X(DNS_TRUNCATED, "svcdns_dns_truncated_total", "", "counter", "Answers sent with TC set.")           \
	X(DNS_DROPPED, "svcdns_dns_dropped_total", "", "counter",                                            \
		"Packets that got no answer: responses, and less than a header.")                            \
	X(DNS_SEND_ERRORS, "svcdns_dns_send_errors_total", "", "counter",                                    \
		"Answers that the kernel refused.")                                                          \
	X(DNS_TCP_ACCEPTED, "svcdns_dns_tcp_connections_total", "", "counter", "TCP connections accepted.")  \
	X(DNS_TCP_REJECTED, "svcdns_dns_tcp_rejected_total", "", "counter",                                  \
		"TCP connections closed at once or early because a limit was reached.")                      \
	X(DNS_TCP_OPEN, "svcdns_dns_tcp_connections", "", "gauge", "TCP connections open now.")              \
	X(RELAY_ANSWERED, "svcdns_relay_queries_total", "result=\"answered\"", "counter",                    \
		"Queries for other names, by what became of them.")                                          \
	X(RELAY_EXPIRED, "svcdns_relay_queries_total", "result=\"expired\"", "counter", "")                  \
	X(RELAY_FULL, "svcdns_relay_queries_total", "result=\"full\"", "counter", "")                        \
	X(RELAY_IN_FLIGHT, "svcdns_relay_in_flight", "", "gauge", "Queries that are with the relay now.")    \
	X(VIEW_NAMES, "svcdns_view_names", "", "gauge", "Names in the view.")                                \
	X(VIEW_SERVICES, "svcdns_view_services", "", "gauge", "Services in the view.")                       \
	X(VIEW_INSTANCES, "svcdns_view_instances", "", "gauge", "Instances in the view.")                    \
	X(VIEW_RENDERED, "svcdns_view_rendered_total", "", "counter", "Services rendered.")                  \
	X(VIEW_SKIPPED, "svcdns_view_skipped_total", "", "counter", "Rows that could not be rendered.")      \
	X(VIEW_LOADS, "svcdns_view_loads_total", "", "counter", "Whole loads of the registry.")              \
	X(REGISTRY_COMMITS, "svcdns_registry_commits_total", "", "counter", "Transactions committed.")       \
	X(REGISTRY_COMMANDS, "svcdns_registry_commands_total", "", "counter",                                \
		"Commands that the writer took.")                                                            \
	X(REGISTRY_REFUSED, "svcdns_registry_refused_total", "", "counter", "Commands refused by a rule.")   \
	X(REGISTRY_FAILED, "svcdns_registry_failed_total", "", "counter",                                    \
		"Commands failed by the database.")                                                          \
	X(HTTP_REQUESTS_2XX, "svcdns_api_requests_total", "code=\"2xx\"", "counter",                         \
		"HTTP requests answered.")                                                                   \
	X(HTTP_REQUESTS_4XX, "svcdns_api_requests_total", "code=\"4xx\"", "counter", "")                     \
	X(HTTP_REQUESTS_5XX, "svcdns_api_requests_total", "code=\"5xx\"", "counter", "")                     \
	X(HTTP_REJECTED, "svcdns_api_rejected_total", "", "counter",                                         \
		"HTTP connections or requests cut off by a limit or a malformed head.")                      \
	X(HTTP_CONNECTIONS, "svcdns_api_connections", "", "gauge", "HTTP connections open now.")             \
	X(HTTP_PARKED, "svcdns_api_parked", "", "gauge", "Blocking queries that wait now.")                  \
	X(HTTP_STREAMS, "svcdns_api_streams", "", "gauge", "Event streams open now.")                        \
	X(HTTP_WOKEN_RENDERED, "svcdns_api_woken_total", "reply=\"rendered\"", "counter",                    \
		"Blocking queries answered after they were parked.")                                         \
	X(HTTP_WOKEN_SHARED, "svcdns_api_woken_total", "reply=\"shared\"", "counter", "")                    \
	X(HTTP_UNPUBLISHED, "svcdns_api_unpublished_total", "", "counter",                                   \
		"Replies sent before the view had applied their index.")                                     \
	X(HEALTH_CHECKS, "svcdns_checks", "", "gauge", "Checks that are scheduled.")                         \
	X(HEALTH_IN_FLIGHT, "svcdns_checks_in_flight", "", "gauge", "Probes that run now.")                  \
	X(HEALTH_PROBES, "svcdns_check_probes_total", "", "counter", "Probes finished.")                     \
	X(HEALTH_TO_PASSING, "svcdns_check_transitions_total", "to=\"passing\"", "counter",                  \
		"Changes of state.")                                                                         \
	X(HEALTH_TO_WARNING, "svcdns_check_transitions_total", "to=\"warning\"", "counter", "")              \
	X(HEALTH_TO_CRITICAL, "svcdns_check_transitions_total", "to=\"critical\"", "counter", "")            \
	X(HEALTH_REAPED, "svcdns_check_deregistered_total", "", "counter",                                   \
		"Instances removed after DeregisterCriticalServiceAfter.")                                   \
	X(LOG_DROPPED, "svcdns_log_dropped_total", "", "counter", "Log lines dropped.")

enum metric {
#define METRIC_ENUM(id, family, labels, type, help) METRIC_##id,
	METRICS(METRIC_ENUM)
#undef METRIC_ENUM
		METRIC_COUNT
};

/* The counters of one thread; written by that thread only. */
struct metrics {
	_Atomic uint64_t values[METRIC_COUNT];
};

/* Adds `n` (may be negative for gauges) to a counter of the calling thread's own slots. Wait-free. */
static inline void metrics_add(struct metrics *metrics, enum metric id, int64_t n)
{
	uint64_t value = atomic_load_explicit(&metrics->values[id], memory_order_relaxed);
	atomic_store_explicit(&metrics->values[id], value + (uint64_t)n, memory_order_relaxed);
}

/* Sets a gauge of the calling thread's own slots. */
static inline void metrics_set(struct metrics *metrics, enum metric id, uint64_t value)
{
	atomic_store_explicit(&metrics->values[id], value, memory_order_relaxed);
}

/* True for a gauge: what a process holds now, and no longer holds once it has died. */
bool metrics_is_gauge(enum metric id);

/* Appends the whole table in the Prometheus text format 0.0.4 to `ret`; totals[METRIC_COUNT] are the sums. */
void metrics_format(const uint64_t totals[METRIC_COUNT], struct buf *ret);
