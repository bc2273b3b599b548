/* options.h -- the one table of options: key, type, default, bounds, live or not, help.
 *
 * Adding an option is adding a row here and a field in struct main_config. The table generates --help, the
 * sample config and the man page's list, and it is how the supervisor hands the config to its children.
 * Every option is a config key ([dns] listen = ...) and a flag (--dns.listen=...). A row without help is
 * none: it is what the supervisor found out, and goes to the children with the rest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

#define OPTIONS_REGISTRY_PATH "var/registry.db" /* the default */
#define OPTIONS_REGISTRY_FALLBACK                                                                            \
	"/var/lib/svcdns/registry.db" /* where process.user cannot reach the default */

/* A comma-separated list: count strings. Free with options_list_finish(). */
struct main_list {
	char **items;
	size_t count;
};

/* All options, parsed. Durations in nanoseconds, sizes in bytes. Free with options_finish(). */
struct main_config {
	struct {
		struct main_list listen;
		uint32_t workers, receive_buffer, udp_size, tcp_connections, tcp_connections_per_address;
		uint32_t tcp_write_buffer;
		int64_t load_patience, tcp_idle, tcp_io_timeout;
		char *nsid;
	} dns;
	struct {
		struct main_list listen, hosts;
		char *token_file;
		int64_t publish_timeout, header_timeout, body_timeout, idle_timeout, write_timeout;
		int64_t wait_default, wait_max, snapshot_timeout;
		uint32_t header_size, body_size, connections, connections_per_address, parked, write_buffer;
		uint32_t streams, stream_buffer, traces, page_instances, sd_instances, dns_queries;
		int64_t heartbeat, dns_timeout;
	} http;
	struct {
		char *path;
		uint32_t instances, checks_per_instance, tags_per_instance, tag_size, meta_pairs,
			meta_value_size;
		uint32_t output_size, changelog_rows, queue;
	} registry;
	struct {
		struct main_list name, file;
		struct main_list of_file; /* no option: the zone that each file named when it was checked */
		int64_t ttl;
	} zone;
	struct {
		char *name, *address, *datacenter;
	} node;
	struct {
		uint32_t in_flight;
		int64_t interval_min, interval_default, timeout_default, timeout_max, restart_spread, stopped;
	} check;
	struct {
		struct main_list upstream, allow;
		uint32_t in_flight, in_flight_per_address, cache_size;
		int64_t timeout;
	} relay;
	struct {
		char *user;
		int64_t stall_timeout;
	} process;
	struct {
		char *level, *format;
	} log;
};

/* Fills in all defaults. The host name and the number of processors are asked from the system here. */
void options_defaults(struct main_config *config);

/* Frees what the config holds; the struct is zeroed. */
void options_finish(struct main_config *config);

/* Frees a list; it is empty then. */
void options_list_finish(struct main_list *list);

/* Sets one option ("dns.listen") from text. 0, -ENOENT (no such key) or -EINVAL, with what is wrong in
 * `message`; the config is unchanged then. */
int options_set(struct main_config *config, const char *key, const char *value, char message[256]);

/* Appends "key=value" and a NUL for each option: what a child gets. */
void options_serialize(const struct main_config *config, struct buf *ret);

/* Reads what options_serialize() wrote over defaults. 0, or -EINVAL or -ENOENT (then *ret is untouched). */
int options_deserialize(const char *data, size_t size, struct main_config *ret);

/* Makes *ret a copy. */
void options_copy(const struct main_config *from, struct main_config *ret);

/* Appends the keys of options that differ and need a restart to `ret_keys`, separated by spaces. */
void options_need_restart(
	const struct main_config *started, const struct main_config *fresh, struct buf *ret_keys);

/* Copies the live options from `from` to `to`. */
void options_take_live(struct main_config *to, const struct main_config *from);

/* Prints the list of options for --help. */
void options_print_help(FILE *file);

/* Prints a commented sample config. */
void options_print_sample(FILE *file);

/* Prints the list of options as mdoc, for svcdns.conf(5). */
void options_print_mdoc(FILE *file);
