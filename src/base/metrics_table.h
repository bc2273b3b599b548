/* metrics_table.h -- the one table of what /metrics shows.
 *
 *   FAMILY(id, name, type, unit, home, help)   begins a family
 *   SERIES(id, family, labels)                 a number of it
 *   TIMES(id, family, labels)                  a histogram of durations
 *   SIZES(id, family, labels)                  a histogram of sizes
 *
 * type: COUNTER, GAUGE or HISTOGRAM. unit: what the name ends in, and how the number is kept: NONE and BYTES
 * as they are, SECONDS in nanoseconds. home: where the value lives.
 *
 *   DNS, SIDECAR  in the process's page, counted by its threads
 *   EACH          in both pages, and in page.processes what the supervisor and the relay have
 *   ASKED         worked out by the sidecar when it is asked (sidecar/api_metrics.c)
 *
 * A family without rows has labels that are known at run time only; they come from the build or the config,
 * never from a client. Names and labels follow CoreDNS where it has the like. Nothing that a stranger can
 * make up is a label. */
#pragma once

/* The rows of one kind of request; http/write.c knows their order. */
#define METRICS_HTTP_OP(SERIES, id, op)                                                                      \
	SERIES(HTTP_REQUESTS_##id##_2XX, HTTP_REQUESTS, "op=\"" op "\",code=\"2xx\"")                        \
	SERIES(HTTP_REQUESTS_##id##_3XX, HTTP_REQUESTS, "op=\"" op "\",code=\"3xx\"")                        \
	SERIES(HTTP_REQUESTS_##id##_4XX, HTTP_REQUESTS, "op=\"" op "\",code=\"4xx\"")                        \
	SERIES(HTTP_REQUESTS_##id##_429, HTTP_REQUESTS, "op=\"" op "\",code=\"429\"")                        \
	SERIES(HTTP_REQUESTS_##id##_5XX, HTTP_REQUESTS, "op=\"" op "\",code=\"5xx\"")

#define METRICS(FAMILY, SERIES, TIMES, SIZES)                                                                \
	FAMILY(BUILD, "svcdns_build_info", GAUGE, NONE, ASKED,                                               \
		"1, with the version that runs, and the commit it was built from; none: not from a clone.")  \
	FAMILY(PROCESS_UP, "svcdns_process_up", GAUGE, NONE, ASKED, "1 if the process runs.")                \
	SERIES(PROCESS_UP_DNS, PROCESS_UP, "process=\"dns\"")                                                \
	SERIES(PROCESS_UP_SIDECAR, PROCESS_UP, "process=\"sidecar\"")                                        \
	SERIES(PROCESS_UP_RELAY, PROCESS_UP, "process=\"relay\"")                                            \
	FAMILY(PROCESS_START, "svcdns_process_start_time_seconds", GAUGE, SECONDS, ASKED,                    \
		"When the process started, in seconds since 1970.")                                          \
	SERIES(PROCESS_START_SUPERVISOR, PROCESS_START, "process=\"supervisor\"")                            \
	SERIES(PROCESS_START_DNS, PROCESS_START, "process=\"dns\"")                                          \
	SERIES(PROCESS_START_SIDECAR, PROCESS_START, "process=\"sidecar\"")                                  \
	SERIES(PROCESS_START_RELAY, PROCESS_START, "process=\"relay\"")                                      \
	FAMILY(PROCESS_RESTARTS, "svcdns_process_restarts_total", COUNTER, NONE, ASKED,                      \
		"How often the supervisor has started the process again.")                                   \
	SERIES(PROCESS_RESTARTS_DNS, PROCESS_RESTARTS, "process=\"dns\"")                                    \
	SERIES(PROCESS_RESTARTS_SIDECAR, PROCESS_RESTARTS, "process=\"sidecar\"")                            \
	SERIES(PROCESS_RESTARTS_RELAY, PROCESS_RESTARTS, "process=\"relay\"")                                \
	FAMILY(PROCESS_CPU, "svcdns_process_cpu_seconds_total", COUNTER, SECONDS, ASKED,                     \
		"Processor time of the process that runs now.")                                              \
	SERIES(PROCESS_CPU_SUPERVISOR, PROCESS_CPU, "process=\"supervisor\"")                                \
	SERIES(PROCESS_CPU_DNS, PROCESS_CPU, "process=\"dns\"")                                              \
	SERIES(PROCESS_CPU_SIDECAR, PROCESS_CPU, "process=\"sidecar\"")                                      \
	SERIES(PROCESS_CPU_RELAY, PROCESS_CPU, "process=\"relay\"")                                          \
	FAMILY(PROCESS_MEMORY, "svcdns_process_resident_memory_bytes", GAUGE, BYTES, ASKED,                  \
		"Memory of the process, with what it shares with others.")                                   \
	SERIES(PROCESS_MEMORY_SUPERVISOR, PROCESS_MEMORY, "process=\"supervisor\"")                          \
	SERIES(PROCESS_MEMORY_DNS, PROCESS_MEMORY, "process=\"dns\"")                                        \
	SERIES(PROCESS_MEMORY_SIDECAR, PROCESS_MEMORY, "process=\"sidecar\"")                                \
	SERIES(PROCESS_MEMORY_RELAY, PROCESS_MEMORY, "process=\"relay\"")                                    \
	FAMILY(LOG_DROPPED, "svcdns_log_dropped_total", COUNTER, NONE, EACH, "Log lines dropped.")           \
	SERIES(LOG_DROPPED, LOG_DROPPED, "")                                                                 \
                                                                                                             \
	FAMILY(DNS_REQUESTS, "svcdns_dns_requests_total", COUNTER, NONE, DNS,                                \
		"Queries by transport, address family (1: IPv4, 2: IPv6) and type.")                         \
	SERIES(DNS_REQUESTS_UDP_A, DNS_REQUESTS, "proto=\"udp\",family=\"1\",type=\"A\"")                    \
	SERIES(DNS_REQUESTS_UDP_AAAA, DNS_REQUESTS, "proto=\"udp\",family=\"1\",type=\"AAAA\"")              \
	SERIES(DNS_REQUESTS_UDP_SRV, DNS_REQUESTS, "proto=\"udp\",family=\"1\",type=\"SRV\"")                \
	SERIES(DNS_REQUESTS_UDP_OTHER, DNS_REQUESTS, "proto=\"udp\",family=\"1\",type=\"other\"")            \
	SERIES(DNS_REQUESTS_UDP6_A, DNS_REQUESTS, "proto=\"udp\",family=\"2\",type=\"A\"")                   \
	SERIES(DNS_REQUESTS_UDP6_AAAA, DNS_REQUESTS, "proto=\"udp\",family=\"2\",type=\"AAAA\"")             \
	SERIES(DNS_REQUESTS_UDP6_SRV, DNS_REQUESTS, "proto=\"udp\",family=\"2\",type=\"SRV\"")               \
	SERIES(DNS_REQUESTS_UDP6_OTHER, DNS_REQUESTS, "proto=\"udp\",family=\"2\",type=\"other\"")           \
	SERIES(DNS_REQUESTS_TCP_A, DNS_REQUESTS, "proto=\"tcp\",family=\"1\",type=\"A\"")                    \
	SERIES(DNS_REQUESTS_TCP_AAAA, DNS_REQUESTS, "proto=\"tcp\",family=\"1\",type=\"AAAA\"")              \
	SERIES(DNS_REQUESTS_TCP_SRV, DNS_REQUESTS, "proto=\"tcp\",family=\"1\",type=\"SRV\"")                \
	SERIES(DNS_REQUESTS_TCP_OTHER, DNS_REQUESTS, "proto=\"tcp\",family=\"1\",type=\"other\"")            \
	SERIES(DNS_REQUESTS_TCP6_A, DNS_REQUESTS, "proto=\"tcp\",family=\"2\",type=\"A\"")                   \
	SERIES(DNS_REQUESTS_TCP6_AAAA, DNS_REQUESTS, "proto=\"tcp\",family=\"2\",type=\"AAAA\"")             \
	SERIES(DNS_REQUESTS_TCP6_SRV, DNS_REQUESTS, "proto=\"tcp\",family=\"2\",type=\"SRV\"")               \
	SERIES(DNS_REQUESTS_TCP6_OTHER, DNS_REQUESTS, "proto=\"tcp\",family=\"2\",type=\"other\"")           \
	FAMILY(DNS_RESPONSES, "svcdns_dns_responses_total", COUNTER, NONE, DNS, "Answers by response code.") \
	SERIES(DNS_RESPONSES_NOERROR, DNS_RESPONSES, "rcode=\"NOERROR\"")                                    \
	SERIES(DNS_RESPONSES_FORMERR, DNS_RESPONSES, "rcode=\"FORMERR\"")                                    \
	SERIES(DNS_RESPONSES_SERVFAIL, DNS_RESPONSES, "rcode=\"SERVFAIL\"")                                  \
	SERIES(DNS_RESPONSES_NXDOMAIN, DNS_RESPONSES, "rcode=\"NXDOMAIN\"")                                  \
	SERIES(DNS_RESPONSES_NOTIMP, DNS_RESPONSES, "rcode=\"NOTIMP\"")                                      \
	SERIES(DNS_RESPONSES_REFUSED, DNS_RESPONSES, "rcode=\"REFUSED\"")                                    \
	SERIES(DNS_RESPONSES_OTHER, DNS_RESPONSES, "rcode=\"other\"")                                        \
	FAMILY(DNS_DURATION, "svcdns_dns_request_duration_seconds", HISTOGRAM, SECONDS, DNS,                 \
		"From the receipt of queries to the end of sending their answers. A sample: twice a second " \
		"each thread times what comes next.")                                                        \
	TIMES(DNS_DURATION_UDP, DNS_DURATION, "proto=\"udp\"")                                               \
	TIMES(DNS_DURATION_TCP, DNS_DURATION, "proto=\"tcp\"")                                               \
	FAMILY(DNS_REQUEST_SIZE, "svcdns_dns_request_size_bytes", HISTOGRAM, BYTES, DNS,                     \
		"Sizes of queries.")                                                                         \
	SIZES(DNS_REQUEST_SIZE_UDP, DNS_REQUEST_SIZE, "proto=\"udp\"")                                       \
	SIZES(DNS_REQUEST_SIZE_TCP, DNS_REQUEST_SIZE, "proto=\"tcp\"")                                       \
	FAMILY(DNS_RESPONSE_SIZE, "svcdns_dns_response_size_bytes", HISTOGRAM, BYTES, DNS,                   \
		"Sizes of answers.")                                                                         \
	SIZES(DNS_RESPONSE_SIZE_UDP, DNS_RESPONSE_SIZE, "proto=\"udp\"")                                     \
	SIZES(DNS_RESPONSE_SIZE_TCP, DNS_RESPONSE_SIZE, "proto=\"tcp\"")                                     \
	FAMILY(DNS_TRUNCATED, "svcdns_dns_truncated_total", COUNTER, NONE, DNS, "Answers sent with TC set.") \
	SERIES(DNS_TRUNCATED, DNS_TRUNCATED, "")                                                             \
	FAMILY(DNS_DROPPED, "svcdns_dns_dropped_total", COUNTER, NONE, DNS,                                  \
		"Packets that got no answer: responses, and less than a header.")                            \
	SERIES(DNS_DROPPED, DNS_DROPPED, "")                                                                 \
	FAMILY(DNS_SOCKET_DROPS, "svcdns_dns_socket_drops_total", COUNTER, NONE, DNS,                        \
		"Packets that the kernel dropped because a receive buffer was full.")                        \
	SERIES(DNS_SOCKET_DROPS, DNS_SOCKET_DROPS, "")                                                       \
	FAMILY(DNS_SEND_ERRORS, "svcdns_dns_send_errors_total", COUNTER, NONE, DNS,                          \
		"Answers that the kernel refused.")                                                          \
	SERIES(DNS_SEND_ERRORS, DNS_SEND_ERRORS, "")                                                         \
	FAMILY(DNS_TCP_ACCEPTED, "svcdns_dns_tcp_connections_total", COUNTER, NONE, DNS,                     \
		"TCP connections accepted.")                                                                 \
	SERIES(DNS_TCP_ACCEPTED, DNS_TCP_ACCEPTED, "")                                                       \
	FAMILY(DNS_TCP_REJECTED, "svcdns_dns_tcp_rejected_total", COUNTER, NONE, DNS,                        \
		"TCP connections closed for a limit: one too many of the address, all busy (full), or idle " \
		"to make room.")                                                                             \
	SERIES(DNS_TCP_REJECTED_ADDRESS, DNS_TCP_REJECTED, "reason=\"address\"")                             \
	SERIES(DNS_TCP_REJECTED_FULL, DNS_TCP_REJECTED, "reason=\"full\"")                                   \
	SERIES(DNS_TCP_REJECTED_IDLE, DNS_TCP_REJECTED, "reason=\"idle\"")                                   \
	FAMILY(DNS_TCP_OPEN, "svcdns_dns_tcp_connections", GAUGE, NONE, DNS, "TCP connections open now.")    \
	SERIES(DNS_TCP_OPEN, DNS_TCP_OPEN, "")                                                               \
                                                                                                             \
	FAMILY(RELAY_QUERIES, "svcdns_relay_queries_total", COUNTER, NONE, DNS,                              \
		"Queries for other names, by what became of them.")                                          \
	SERIES(RELAY_ANSWERED, RELAY_QUERIES, "result=\"answered\"")                                         \
	SERIES(RELAY_EXPIRED, RELAY_QUERIES, "result=\"expired\"")                                           \
	SERIES(RELAY_FULL, RELAY_QUERIES, "result=\"full\"")                                                 \
	FAMILY(RELAY_IN_FLIGHT, "svcdns_relay_in_flight", GAUGE, NONE, DNS,                                  \
		"Queries that are with the relay now.")                                                      \
	SERIES(RELAY_IN_FLIGHT, RELAY_IN_FLIGHT, "")                                                         \
                                                                                                             \
	FAMILY(VIEW_READY, "svcdns_view_ready", GAUGE, NONE, ASKED, "1 if DNS serves a whole view.")         \
	SERIES(VIEW_READY, VIEW_READY, "")                                                                   \
	FAMILY(VIEW_INDEX, "svcdns_view_index", GAUGE, NONE, ASKED, "Index of the registry that DNS shows.") \
	SERIES(VIEW_INDEX, VIEW_INDEX, "")                                                                   \
	FAMILY(VIEW_BEHIND, "svcdns_view_behind_seconds", GAUGE, SECONDS, ASKED,                             \
		"How long ago the oldest change was committed that DNS does not show yet; 0 if there is "    \
		"none.")                                                                                     \
	SERIES(VIEW_BEHIND, VIEW_BEHIND, "")                                                                 \
	FAMILY(VIEW_PUBLISHED, "svcdns_view_published_timestamp_seconds", GAUGE, SECONDS, DNS,               \
		"When the view last changed, in seconds since 1970.")                                        \
	SERIES(VIEW_PUBLISHED, VIEW_PUBLISHED, "")                                                           \
	FAMILY(VIEW_PUBLISH_DURATION, "svcdns_view_publish_duration_seconds", HISTOGRAM, SECONDS, DNS,       \
		"From a commit to its answers in DNS.")                                                      \
	TIMES(VIEW_PUBLISH_DURATION, VIEW_PUBLISH_DURATION, "")                                              \
	FAMILY(ZONE_SERIAL, "svcdns_zone_serial", GAUGE, NONE, ASKED,                                        \
		"Serial of the SOA, by zone of the config.")                                                 \
	FAMILY(VIEW_NAMES, "svcdns_view_names", GAUGE, NONE, DNS, "Names in the view.")                      \
	SERIES(VIEW_NAMES, VIEW_NAMES, "")                                                                   \
	FAMILY(VIEW_SERVICES, "svcdns_view_services", GAUGE, NONE, DNS, "Services in the view.")             \
	SERIES(VIEW_SERVICES, VIEW_SERVICES, "")                                                             \
	FAMILY(VIEW_INSTANCES, "svcdns_view_instances", GAUGE, NONE, DNS,                                    \
		"Instances in the view, by status.")                                                         \
	SERIES(VIEW_INSTANCES_PASSING, VIEW_INSTANCES, "status=\"passing\"")                                 \
	SERIES(VIEW_INSTANCES_WARNING, VIEW_INSTANCES, "status=\"warning\"")                                 \
	SERIES(VIEW_INSTANCES_CRITICAL, VIEW_INSTANCES, "status=\"critical\"")                               \
	FAMILY(VIEW_RENDERED, "svcdns_view_rendered_total", COUNTER, NONE, DNS, "Services rendered.")        \
	SERIES(VIEW_RENDERED, VIEW_RENDERED, "")                                                             \
	FAMILY(VIEW_SKIPPED, "svcdns_view_skipped_total", COUNTER, NONE, DNS,                                \
		"Rows that could not be rendered.")                                                          \
	SERIES(VIEW_SKIPPED, VIEW_SKIPPED, "")                                                               \
	FAMILY(VIEW_LOADS, "svcdns_view_loads_total", COUNTER, NONE, DNS, "Whole loads of the registry.")    \
	SERIES(VIEW_LOADS, VIEW_LOADS, "")                                                                   \
                                                                                                             \
	FAMILY(REGISTRY_INDEX, "svcdns_registry_index", GAUGE, NONE, ASKED, "Index of the last change.")     \
	SERIES(REGISTRY_INDEX, REGISTRY_INDEX, "")                                                           \
	FAMILY(REGISTRY_DATABASE, "svcdns_registry_database_bytes", GAUGE, BYTES, ASKED,                     \
		"Size of the database.")                                                                     \
	SERIES(REGISTRY_DATABASE, REGISTRY_DATABASE, "")                                                     \
	FAMILY(REGISTRY_WAL, "svcdns_registry_wal_bytes", GAUGE, BYTES, ASKED,                               \
		"Size of its write-ahead log.")                                                              \
	SERIES(REGISTRY_WAL, REGISTRY_WAL, "")                                                               \
	FAMILY(REGISTRY_COMMITS, "svcdns_registry_commits_total", COUNTER, NONE, SIDECAR,                    \
		"Transactions committed.")                                                                   \
	SERIES(REGISTRY_COMMITS, REGISTRY_COMMITS, "")                                                       \
	FAMILY(REGISTRY_COMMIT_DURATION, "svcdns_registry_commit_duration_seconds", HISTOGRAM, SECONDS,      \
		SIDECAR, "Transactions, from the first command to the disk.")                                \
	TIMES(REGISTRY_COMMIT_DURATION, REGISTRY_COMMIT_DURATION, "")                                        \
	FAMILY(REGISTRY_COMMANDS, "svcdns_registry_commands_total", COUNTER, NONE, SIDECAR,                  \
		"Commands that the writer took, by what they do.")                                           \
	SERIES(REGISTRY_COMMANDS_PUT_NODE, REGISTRY_COMMANDS, "op=\"put_node\"")                             \
	SERIES(REGISTRY_COMMANDS_PUT_INSTANCE, REGISTRY_COMMANDS, "op=\"put_instance\"")                     \
	SERIES(REGISTRY_COMMANDS_PUT_CHECK, REGISTRY_COMMANDS, "op=\"put_check\"")                           \
	SERIES(REGISTRY_COMMANDS_REMOVE_NODE, REGISTRY_COMMANDS, "op=\"remove_node\"")                       \
	SERIES(REGISTRY_COMMANDS_REMOVE_INSTANCE, REGISTRY_COMMANDS, "op=\"remove_instance\"")               \
	SERIES(REGISTRY_COMMANDS_REMOVE_CHECK, REGISTRY_COMMANDS, "op=\"remove_check\"")                     \
	SERIES(REGISTRY_COMMANDS_SET_STATUS, REGISTRY_COMMANDS, "op=\"set_status\"")                         \
	SERIES(REGISTRY_COMMANDS_SET_MAINTENANCE, REGISTRY_COMMANDS, "op=\"set_maintenance\"")               \
	SERIES(REGISTRY_COMMANDS_REAP, REGISTRY_COMMANDS, "op=\"reap\"")                                     \
	FAMILY(REGISTRY_CHANGES, "svcdns_registry_changes_total", COUNTER, NONE, SIDECAR,                    \
		"Commands that changed something.")                                                          \
	SERIES(REGISTRY_CHANGES, REGISTRY_CHANGES, "")                                                       \
	FAMILY(REGISTRY_REFUSED, "svcdns_registry_refused_total", COUNTER, NONE, SIDECAR,                    \
		"Commands refused by a rule.")                                                               \
	SERIES(REGISTRY_REFUSED, REGISTRY_REFUSED, "")                                                       \
	FAMILY(REGISTRY_FAILED, "svcdns_registry_failed_total", COUNTER, NONE, SIDECAR,                      \
		"Commands failed by the database.")                                                          \
	SERIES(REGISTRY_FAILED, REGISTRY_FAILED, "")                                                         \
                                                                                                             \
	FAMILY(HTTP_REQUESTS, "svcdns_api_requests_total", COUNTER, NONE, SIDECAR,                           \
		"HTTP requests answered, by what they do and status; 429: over a limit, 4xx: any other.")    \
	METRICS_HTTP_OP(SERIES, OTHER, "other")                                                              \
	METRICS_HTTP_OP(SERIES, REGISTER, "register")                                                        \
	METRICS_HTTP_OP(SERIES, DEREGISTER, "deregister")                                                    \
	METRICS_HTTP_OP(SERIES, HEARTBEAT, "heartbeat")                                                      \
	METRICS_HTTP_OP(SERIES, MAINTENANCE, "maintenance")                                                  \
	METRICS_HTTP_OP(SERIES, READ, "read")                                                                \
	METRICS_HTTP_OP(SERIES, EVENTS, "events")                                                            \
	METRICS_HTTP_OP(SERIES, PAGE, "page")                                                                \
	METRICS_HTTP_OP(SERIES, STATUS, "status")                                                            \
	METRICS_HTTP_OP(SERIES, OPERATE, "operate")                                                          \
	FAMILY(HTTP_REJECTED, "svcdns_api_rejected_total", COUNTER, NONE, SIDECAR,                           \
		"HTTP connections cut off: one too many, a malformed request, or a client that is too "      \
		"slow.")                                                                                     \
	SERIES(HTTP_REJECTED_CONNECTIONS, HTTP_REJECTED, "reason=\"connections\"")                           \
	SERIES(HTTP_REJECTED_MALFORMED, HTTP_REJECTED, "reason=\"malformed\"")                               \
	SERIES(HTTP_REJECTED_SLOW, HTTP_REJECTED, "reason=\"slow\"")                                         \
	FAMILY(HTTP_CONNECTIONS, "svcdns_api_connections", GAUGE, NONE, SIDECAR,                             \
		"HTTP connections open now.")                                                                \
	SERIES(HTTP_CONNECTIONS, HTTP_CONNECTIONS, "")                                                       \
	FAMILY(HTTP_PARKED, "svcdns_api_parked", GAUGE, NONE, SIDECAR, "Blocking queries that wait now.")    \
	SERIES(HTTP_PARKED, HTTP_PARKED, "")                                                                 \
	FAMILY(HTTP_STREAMS, "svcdns_api_streams", GAUGE, NONE, SIDECAR,                                     \
		"Streams open now: events of the registry (/v1/events), queries (/v1/trace).")               \
	SERIES(HTTP_STREAMS_EVENTS, HTTP_STREAMS, "stream=\"events\"")                                       \
	SERIES(HTTP_STREAMS_TRACES, HTTP_STREAMS, "stream=\"trace\"")                                        \
	FAMILY(HTTP_WOKEN, "svcdns_api_woken_total", COUNTER, NONE, SIDECAR,                                 \
		"Blocking queries answered after they were parked.")                                         \
	SERIES(HTTP_WOKEN_RENDERED, HTTP_WOKEN, "reply=\"rendered\"")                                        \
	SERIES(HTTP_WOKEN_SHARED, HTTP_WOKEN, "reply=\"shared\"")                                            \
	FAMILY(HTTP_LONG_READS, "svcdns_api_long_reads_total", COUNTER, NONE, SIDECAR,                       \
		"Lists that a thread of their own reads, because they take long.")                           \
	SERIES(HTTP_LONG_READS, HTTP_LONG_READS, "")                                                         \
	FAMILY(HTTP_UNPUBLISHED, "svcdns_api_unpublished_total", COUNTER, NONE, SIDECAR,                     \
		"Replies sent before the view had applied their index.")                                     \
	SERIES(HTTP_UNPUBLISHED, HTTP_UNPUBLISHED, "")                                                       \
                                                                                                             \
	FAMILY(HEALTH_CHECKS, "svcdns_checks", GAUGE, NONE, SIDECAR,                                         \
		"Checks that are scheduled, by status; waiting: without a first result.")                    \
	SERIES(HEALTH_CHECKS_PASSING, HEALTH_CHECKS, "status=\"passing\"")                                   \
	SERIES(HEALTH_CHECKS_WARNING, HEALTH_CHECKS, "status=\"warning\"")                                   \
	SERIES(HEALTH_CHECKS_CRITICAL, HEALTH_CHECKS, "status=\"critical\"")                                 \
	SERIES(HEALTH_CHECKS_WAITING, HEALTH_CHECKS, "status=\"waiting\"")                                   \
	FAMILY(HEALTH_IN_FLIGHT, "svcdns_checks_in_flight", GAUGE, NONE, SIDECAR, "Probes that run now.")    \
	SERIES(HEALTH_IN_FLIGHT, HEALTH_IN_FLIGHT, "")                                                       \
	FAMILY(HEALTH_DURATION, "svcdns_check_duration_seconds", HISTOGRAM, SECONDS, SIDECAR,                \
		"Probes, from their start to their result.")                                                 \
	TIMES(HEALTH_DURATION_TCP, HEALTH_DURATION, "type=\"tcp\"")                                          \
	TIMES(HEALTH_DURATION_HTTP, HEALTH_DURATION, "type=\"http\"")                                        \
	TIMES(HEALTH_DURATION_GRPC, HEALTH_DURATION, "type=\"grpc\"")                                        \
	FAMILY(HEALTH_PROBES, "svcdns_check_probes_total", COUNTER, NONE, SIDECAR, "Probes finished.")       \
	SERIES(HEALTH_PROBES, HEALTH_PROBES, "")                                                             \
	FAMILY(HEALTH_TRANSITIONS, "svcdns_check_transitions_total", COUNTER, NONE, SIDECAR,                 \
		"Changes of status.")                                                                        \
	SERIES(HEALTH_TO_PASSING, HEALTH_TRANSITIONS, "to=\"passing\"")                                      \
	SERIES(HEALTH_TO_WARNING, HEALTH_TRANSITIONS, "to=\"warning\"")                                      \
	SERIES(HEALTH_TO_CRITICAL, HEALTH_TRANSITIONS, "to=\"critical\"")                                    \
	FAMILY(HEALTH_EXPIRED, "svcdns_check_ttl_expired_total", COUNTER, NONE, SIDECAR,                     \
		"TTL checks whose heartbeat did not come in time.")                                          \
	SERIES(HEALTH_EXPIRED, HEALTH_EXPIRED, "")                                                           \
	FAMILY(HEALTH_REAPED, "svcdns_check_deregistered_total", COUNTER, NONE, SIDECAR,                     \
		"Instances removed after DeregisterCriticalServiceAfter.")                                   \
	SERIES(HEALTH_REAPED, HEALTH_REAPED, "")
