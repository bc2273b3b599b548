/* options.c -- the option table and what walks over it. */
#include "main/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "main/option_row.h"

#define AT(field) offsetof(struct main_config, field)
#define DAY (24 * 3600 * INT64_C(1000))

static const struct option_row options[] = {
	{"dns.listen", OPTION_LIST, AT(dns.listen), "127.0.0.1:8600", 0, 0, false,
		"Addresses for DNS over UDP and TCP."},
	{"dns.workers", OPTION_NUMBER, AT(dns.workers), "0", 0, 64, false,
		"Threads that answer DNS; 0 means one for each processor."},
	{"dns.receive_buffer", OPTION_SIZE, AT(dns.receive_buffer), "4MiB", 4096, 1 << 30, false,
		"Receive buffer asked for each UDP socket: what waits while dns restarts."},
	{"dns.udp_size", OPTION_NUMBER, AT(dns.udp_size), "1232", 512, 4096, true,
		"Largest UDP answer, and the EDNS size that is advertised (RFC 9715)."},
	{"dns.nsid", OPTION_TEXT, AT(dns.nsid), "", 0, 128, true, "Identity for NSID queries (RFC 5001)."},
	{"dns.load_patience", OPTION_DURATION, AT(dns.load_patience), "1s", 0, 60000, false,
		"How long queries wait for the first load before they get SERVFAIL."},
	{"dns.tcp_connections", OPTION_NUMBER, AT(dns.tcp_connections), "1000", 1, 1000000, true,
		"Open TCP connections in all, an equal share for each worker; the oldest idle one makes "
		"room."},
	{"dns.tcp_connections_per_address", OPTION_NUMBER, AT(dns.tcp_connections_per_address), "500", 1,
		1000000, true, "Open TCP connections from one client address, shared out likewise."},
	{"dns.tcp_write_buffer", OPTION_SIZE, AT(dns.tcp_write_buffer), "256KiB", 65537, 1 << 30, true,
		"Answers that may wait for a TCP client that does not read."},
	{"dns.tcp_idle", OPTION_DURATION, AT(dns.tcp_idle), "10s", 100, DAY, true,
		"How long a TCP connection may be silent between queries."},
	{"dns.tcp_io_timeout", OPTION_DURATION, AT(dns.tcp_io_timeout), "2s", 10, DAY, true,
		"How long one query over TCP may take from its first byte to its last."},

	{"http.listen", OPTION_LIST, AT(http.listen), "127.0.0.1:8500", 0, 0, false,
		"Addresses for HTTP. Outside loopback only with http.token_file."},
	{"http.token_file", OPTION_TEXT, AT(http.token_file), "", 0, 4096, true,
		"File (mode 0600) with the bearer token that requests must carry."},
	{"http.hosts", OPTION_LIST, AT(http.hosts), "", 0, 0, true,
		"Host names, besides localhost and address literals, by which HTTP may be called."},
	{"http.publish_timeout", OPTION_DURATION, AT(http.publish_timeout), "500ms", 0, 60000, true,
		"How long a reply waits for a slow view."},
	{"http.header_timeout", OPTION_DURATION, AT(http.header_timeout), "5s", 10, DAY, true,
		"Time for a request's head, in all."},
	{"http.body_timeout", OPTION_DURATION, AT(http.body_timeout), "10s", 10, DAY, true,
		"Time for a request's body, in all."},
	{"http.idle_timeout", OPTION_DURATION, AT(http.idle_timeout), "10m", 100, DAY, true,
		"How long a connection may be silent between requests."},
	{"http.write_timeout", OPTION_DURATION, AT(http.write_timeout), "10s", 10, DAY, true,
		"How long a client may take no byte of its reply."},
	{"http.header_size", OPTION_SIZE, AT(http.header_size), "16KiB", 1024, 1 << 20, true,
		"Largest head of a request."},
	{"http.body_size", OPTION_SIZE, AT(http.body_size), "1MiB", 1024, 1 << 28, true,
		"Largest body of a request."},
	{"http.connections", OPTION_NUMBER, AT(http.connections), "2000", 1, 1000000, true,
		"Open HTTP connections in all."},
	{"http.connections_per_address", OPTION_NUMBER, AT(http.connections_per_address), "1000", 1, 1000000,
		true, "Open HTTP connections from one client address."},
	{"http.parked", OPTION_NUMBER, AT(http.parked), "2000", 1, 1000000, true,
		"Blocking queries that may wait."},
	{"http.write_buffer", OPTION_SIZE, AT(http.write_buffer), "16MiB", 65536, 1 << 30, true,
		"Replies that may wait for a client that does not read."},
	{"http.streams", OPTION_NUMBER, AT(http.streams), "100", 1, 1000000, true,
		"Event streams (/v1/events) open at once."},
	{"http.stream_buffer", OPTION_SIZE, AT(http.stream_buffer), "256KiB", 1024, 1 << 30, true,
		"Events, or queries, that may wait for a client that does not read."},
	{"http.traces", OPTION_NUMBER, AT(http.traces), "10", 0, 1000, true,
		"Streams of DNS queries (/v1/trace) open at once; 0 offers none."},
	{"http.heartbeat", OPTION_DURATION, AT(http.heartbeat), "15s", 100, DAY, true,
		"How often a quiet event stream sends a comment."},
	{"http.page_instances", OPTION_NUMBER, AT(http.page_instances), "100000", 1, 100000000, true,
		"Instances that the page's list reads; of a larger registry it shows the beginning."},
	{"http.sd_instances", OPTION_NUMBER, AT(http.sd_instances), "20000", 1, 100000000, true,
		"Instances that one reply of /v1/sd/prometheus reads; for more it is refused."},
	{"http.dns_queries", OPTION_NUMBER, AT(http.dns_queries), "64", 1, 10000, true,
		"Queries to our own DNS (/v1/agent/dns) under way at once."},
	{"http.dns_timeout", OPTION_DURATION, AT(http.dns_timeout), "2s", 10, 60000, true,
		"How long such a query may take."},
	{"http.wait_default", OPTION_DURATION, AT(http.wait_default), "5m", 1, DAY, true,
		"How long a blocking query without wait= waits."},
	{"http.wait_max", OPTION_DURATION, AT(http.wait_max), "10m", 1, DAY, true,
		"Longest wait= of a blocking query."},
	{"http.snapshot_timeout", OPTION_DURATION, AT(http.snapshot_timeout), "5m", 10, DAY, true,
		"How long one copy of the registry (GET /v1/snapshot) may take to make."},

	{"registry.path", OPTION_TEXT, AT(registry.path), OPTIONS_REGISTRY_PATH, 1, 4000, false,
		"The database file."},
	{"registry.instances", OPTION_NUMBER, AT(registry.instances), "1000000", 1, 100000000, false,
		"Registered instances in all."},
	{"registry.checks_per_instance", OPTION_NUMBER, AT(registry.checks_per_instance), "32", 1, 10000,
		false, "Checks of one instance."},
	{"registry.tags_per_instance", OPTION_NUMBER, AT(registry.tags_per_instance), "128", 0, 10000, false,
		"Tags of one instance."},
	{"registry.tag_size", OPTION_SIZE, AT(registry.tag_size), "16KiB", 1, 1 << 20, false,
		"Bytes of one tag."},
	{"registry.meta_pairs", OPTION_NUMBER, AT(registry.meta_pairs), "64", 0, 10000, false,
		"Meta pairs of one instance."},
	{"registry.meta_value_size", OPTION_SIZE, AT(registry.meta_value_size), "512", 1, 1 << 20, false,
		"Bytes of one Meta value."},
	{"registry.output_size", OPTION_SIZE, AT(registry.output_size), "4KiB", 16, 1 << 20, false,
		"Bytes of a check's output that are kept."},
	{"registry.changelog_rows", OPTION_NUMBER, AT(registry.changelog_rows), "100000", 100, 100000000,
		false, "Changes that the changelog remembers."},
	{"registry.queue", OPTION_NUMBER, AT(registry.queue), "10000", 1, 10000000, false,
		"Writes that may wait for the disk; more are answered 503."},

	{"zone.name", OPTION_LIST, AT(zone.name), "service.local", 1, 0, false,
		"Zones; the same services are shown under each."},
	{"zone.file", OPTION_LIST, AT(zone.file), "", 0, 0, true,
		"Master files with SOA, NS and static records; each belongs to the zone that its SOA names."},
	{"zone.of_file", OPTION_LIST, AT(zone.of_file), "", 0, 0, true, NULL},
	{"zone.ttl", OPTION_DURATION, AT(zone.ttl), "5s", 0, DAY, true,
		"TTL of live records, and of negative answers in a zone without a file."},

	{"node.name", OPTION_TEXT, AT(node.name), NULL, 1, 253, false,
		"Our own node's name; default: the host name, or localhost where there is none."},
	{"node.address", OPTION_TEXT, AT(node.address), "127.0.0.1", 1, 253, false,
		"Our own node's address: where instances without Address are."},
	{"node.datacenter", OPTION_TEXT, AT(node.datacenter), "dc1", 1, 63, false,
		"What the API shows as the datacenter."},

	{"check.in_flight", OPTION_NUMBER, AT(check.in_flight), "1024", 1, 1000000, true,
		"Probes that run at once."},
	{"check.interval_min", OPTION_DURATION, AT(check.interval_min), "1s", 10, DAY, true,
		"Shorter check intervals are raised to this."},
	{"check.interval_default", OPTION_DURATION, AT(check.interval_default), "10s", 10, DAY, true,
		"Interval of a check that names none."},
	{"check.timeout_default", OPTION_DURATION, AT(check.timeout_default), "10s", 10, DAY, true,
		"Timeout of a check that names none."},
	{"check.timeout_max", OPTION_DURATION, AT(check.timeout_max), "10m", 10, DAY, true,
		"Longer check timeouts are cut to this."},
	{"check.restart_spread", OPTION_DURATION, AT(check.restart_spread), "10s", 0, DAY, true,
		"After a start, loaded checks are probed within their interval or this, whichever is "
		"shorter."},
	{"check.stopped", OPTION_DURATION, AT(check.stopped), "2s", 100, DAY, true,
		"A gap in the checker's own clock longer than this expires nothing."},

	{"relay.upstream", OPTION_LIST, AT(relay.upstream), "", 0, 0, false,
		"Name servers, such as 192.0.2.53 or [::1]:5353, that names outside our zones are asked "
		"from; empty: such names are refused."},
	{"relay.allow", OPTION_LIST, AT(relay.allow), "127.0.0.0/8,::1", 0, 0, false,
		"Clients, as addresses or networks, for whom names outside our zones are asked. Never the "
		"whole Internet: open resolvers are abused."},
	{"relay.in_flight", OPTION_NUMBER, AT(relay.in_flight), "512", 16, 4096, false,
		"Queries that may wait for the name servers of relay.upstream; more get SERVFAIL."},
	{"relay.in_flight_per_address", OPTION_NUMBER, AT(relay.in_flight_per_address), "256", 1, 4096, false,
		"Queries of one client among them, so that it cannot take all."},
	{"relay.timeout", OPTION_DURATION, AT(relay.timeout), "3s", 100, 60000, false,
		"How long such a query may wait before it gets SERVFAIL."},
	{"relay.cache_size", OPTION_SIZE, AT(relay.cache_size), "4MiB", 65536, 1 << 30, false,
		"Bytes of their answers that are kept."},

	{"process.user", OPTION_TEXT, AT(process.user), "", 0, 255, false,
		"User to become after the sockets are open. It must be able to read the config file, the "
		"token and the zone files."},
	{"process.stall_timeout", OPTION_DURATION, AT(process.stall_timeout), "5s", 2000, DAY, true,
		"A process with a thread that stands still for so long is replaced."},
	{"log.level", OPTION_TEXT, AT(log.level), "info", 0, 16, true,
		"Lowest level logged: debug, info, warn, error."},
	{"log.format", OPTION_TEXT, AT(log.format), "logfmt", 0, 16, true,
		"How a log line is written: logfmt, or json (an object on each line)."},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

void options_list_finish(struct main_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct main_list){0};
}

void options_defaults(struct main_config *config)
{
	char message[256], host[256] = "";
	*config = (struct main_config){0};
	/* A machine or a container may have none. */
	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
		str_copy(host, sizeof(host), "localhost");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *value = options[i].value ? options[i].value : host;
		if (option_row_set(config, &options[i], value, message) < 0)
			abort(); /* a default that its own row refuses */
	}
}

void options_finish(struct main_config *config)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		option_row_finish(config, &options[i]);
	*config = (struct main_config){0};
}

static const struct option_row *find(const char *key)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (str_eq(options[i].key, key))
			return &options[i];
	return NULL;
}

int options_set(struct main_config *config, const char *key, const char *value, char message[256])
{
	const struct option_row *row = find(key);
	if (row && row->help)
		return option_row_set(config, row, value, message);
	snprintf(message, 256, "there is no such key");
	return -ENOENT;
}

void options_serialize(const struct main_config *config, struct buf *ret)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		buf_printf(ret, "%s=", options[i].key);
		option_row_format(config, &options[i], ret);
		buf_add(ret, "", 1);
	}
}

int options_deserialize(const char *data, size_t size, struct main_config *ret)
{
	struct main_config config;
	int r = 0;
	options_defaults(&config);
	const char *end = data + size;
	char message[256], key[64];
	while (data < end && r == 0) {
		size_t length = strnlen(data, (size_t)(end - data));
		const char *equals = memchr(data, '=', length);
		if (data + length == end || !equals || (size_t)(equals - data) >= sizeof(key)) {
			r = -EINVAL;
			break;
		}
		memcpy(key, data, (size_t)(equals - data));
		key[equals - data] = '\0';
		const struct option_row *row = find(key);
		r = row ? option_row_set(&config, row, equals + 1, message) : -ENOENT;
		data += length + 1;
	}
	if (r < 0)
		options_finish(&config);
	else
		*ret = config;
	return r;
}

void options_copy(const struct main_config *from, struct main_config *ret)
{
	*ret = (struct main_config){0};
	for (size_t i = 0; i < OPTION_COUNT; i++)
		option_row_copy(ret, from, &options[i]);
}

void options_need_restart(
	const struct main_config *started, const struct main_config *fresh, struct buf *ret_keys)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!options[i].live && !option_row_equal(started, fresh, &options[i]))
			buf_printf(ret_keys, "%s%s", ret_keys->size ? " " : "", options[i].key);
}

void options_take_live(struct main_config *to, const struct main_config *from)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].live)
			option_row_copy(to, from, &options[i]);
}

void options_print_help(FILE *file)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].help)
			fprintf(file, "  --%s=%s\n        %s%s\n", options[i].key,
				options[i].value ? options[i].value : "HOSTNAME", options[i].help,
				options[i].live ? "" : " (needs a restart)");
}

void options_print_sample(FILE *file)
{
	char section[32] = "";
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *dot = strchr(options[i].key, '.');
		size_t size = (size_t)(dot - options[i].key);
		if (!options[i].help)
			continue;
		if (strncmp(section, options[i].key, size) != 0 || section[size] != '\0') {
			snprintf(section, sizeof(section), "%.*s", (int)size, options[i].key);
			fprintf(file, "%s[%s]\n", i ? "\n" : "", section);
		}
		fprintf(file, "# %s%s\n#%s = %s\n", options[i].help,
			options[i].live ? "" : " Needs a restart.", dot + 1,
			options[i].value ? options[i].value : "");
	}
}

/* mdoc(7) wants each sentence on a line of its own, and short lines. */
static void print_sentences(FILE *file, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t word = strcspn(text, " ");
		bool sentence_ends = text[word] == ' ' && text[word - 1] == '.';
		fprintf(file, "%.*s", (int)word, text);
		column += word + 1;
		text += word + strspn(text + word, " ");
		bool breaks = sentence_ends || column + strcspn(text, " ") > 76 || !*text;
		fputc(breaks ? '\n' : ' ', file);
		column = breaks ? 0 : column;
	}
}

static void print_mdoc(FILE *file, const struct option_row *row)
{
	const char *value = !row->value ? "the host name" : row->value[0] ? row->value : "(none)";
	fprintf(file, ".It Sy %s\n", row->key);
	print_sentences(file, row->help);
	fprintf(file, "Default:\n.Ql %s .\n%s", value, row->live ? "" : "Needs a restart.\n");
}

void options_print_mdoc(FILE *file)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].help)
			print_mdoc(file, &options[i]);
}
