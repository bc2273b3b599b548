/* resolver.c -- see resolver.h. */
#include "relay/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/wire.h"

#define NOWHERE "255.255.255.255" /* the limited broadcast (RFC 919): no server's address */
#define SOCKETS_MAX 4096u         /* to servers upstream at once */

enum {
	PATIENCE_MS = 600, /* with a server upstream, which may have to ask others; twice as much each time */
	TRY_MS = 3 * PATIENCE_MS /* what a try of libunbound's takes at least: it is two queries */
};

struct resolver {
	struct ub_ctx *context;
};

static void write_upstream(struct buf *text, const struct net_addr *addr)
{
	char host[NET_ADDR_TEXT];
	net_addr_format(addr, host);
	*strrchr(host, ':') = '\0';
	host[strcspn(host, "]")] = '\0';
	buf_printf(text, "  forward-addr: %s@%u\n", host + (host[0] == '['), net_addr_port(addr));
}

/* What is forwarded nowhere fails at once: an alias upstream must not lead a question about our zones, or
 * about local., out of the house. */
static void write_nowhere(struct buf *text, const char *zone)
{
	buf_printf(text, "forward-zone:\n  name: \"%s\"\n  forward-addr: " NOWHERE "\n", zone);
}

/* The settings as libunbound reads them. It doubles its patience with a server at each silence, and rests it
 * when that has come to 12 s; then all names fail. A name whose own servers are dead is silence, too, so what
 * is known of a server is forgotten before it can come so far, and a dead server is asked like a slow one. A
 * question is tried for as long as somebody waits for it.
 *
 * What a network has for itself (private addresses, home.arpa, test) is asked from it; localhost, invalid and
 * onion libunbound answers by itself (RFC 6761, 7686), and upstream's resolver.arpa (RFC 9462 section 6.4) is
 * not ours.
 */
static void write_settings(struct buf *text, const struct relay_config *config, const char *mark)
{
	unsigned sockets = config->in_flight < SOCKETS_MAX ? config->in_flight : SOCKETS_MAX;
	unsigned tries = 1 + (unsigned)(config->timeout_ns / (TRY_MS * CLOCK_NS_PER_MS));
	buf_str(text, "server:\n"
		      "  module-config: \"iterator\"\n"
		      "  do-not-query-localhost: no\n"
		      "  do-not-query-address: " NOWHERE "/32\n"
		      "  unblock-lan-zones: yes\n"
		      "  local-zone: \"home.arpa.\" nodefault\n"
		      "  local-zone: \"test.\" nodefault\n"
		      "  local-zone: \"resolver.arpa.\" static\n"
		      "  qname-minimisation: no\n"
		      "  edns-buffer-size: 1232\n"
		      "  outgoing-num-tcp: 16\n"
		      "  infra-cache-numhosts: 100\n"
		      "  infra-host-ttl: 10\n"
		      "  infra-keep-probing: yes\n"
		      "  key-cache-size: 16k\n"
		      "  neg-cache-size: 16k\n"
		      "  msg-cache-slabs: 1\n"
		      "  rrset-cache-slabs: 1\n"
		      "  infra-cache-slabs: 1\n"
		      "  key-cache-slabs: 1\n");
	buf_printf(text, "  msg-cache-size: %zu\n  rrset-cache-size: %zu\n", config->cache_size / 3,
		config->cache_size - config->cache_size / 3);
	buf_printf(text, "  infra-cache-min-rtt: %d\n  outbound-msg-retry: %u\n", PATIENCE_MS, tries);
	buf_printf(text, "  num-queries-per-thread: %u\n  outgoing-range: %u\n", config->in_flight, sockets);
	buf_printf(text, "  edns-client-string-opcode: %d\n", RESOLVER_LOOP_OPTION);
	buf_printf(text, "  edns-client-string: 0.0.0.0/0 \"%s\"\n  edns-client-string: ::/0 \"%s\"\n", mark,
		mark);
	buf_str(text, "forward-zone:\n  name: \".\"\n");
	for (size_t i = 0; i < config->upstream_count; i++)
		write_upstream(text, &config->upstreams[i]);
	write_nowhere(text, "local");
	for (size_t i = 0; i < config->zone_count; i++)
		write_nowhere(text, config->zones[i]);
}

/* libunbound takes all its settings from files only, so it gets one that is in memory. 0 or an error of
 * libunbound's. */
static int read_settings(struct ub_ctx *context, const struct buf *text)
{
	char path[32];
	int fd = memfd_create("relay", MFD_CLOEXEC);
	if (fd < 0)
		return UB_INITFAIL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = write(fd, text->data, text->size) == (ssize_t)text->size ? ub_ctx_config(context, path)
									 : UB_READFILE;
	close(fd);
	return r;
}

int resolver_create(struct event_base *base, const struct relay_config *config, const char *mark,
	struct resolver **ret, char message[512])
{
	struct ub_ctx *context = ub_ctx_create_event(base);
	struct buf text = {0};
	if (!context) {
		snprintf(message, 512, "libunbound %s has no context for us", ub_version());
		return -ENOMEM;
	}
	ub_ctx_debugout(context, NULL);
	write_settings(&text, config, mark);
	int r = read_settings(context, &text);
	buf_finish(&text);
	if (r != UB_NOERROR) {
		snprintf(message, 512, "libunbound %s does not take its settings: %s", ub_version(),
			ub_strerror(r));
		ub_ctx_delete(context);
		return -EINVAL;
	}
	struct resolver *resolver = mem_alloc(sizeof(*resolver));
	resolver->context = context;
	*ret = resolver;
	return 0;
}

static void on_result(void *arg, int rcode, void *packet, int size, int security, char *why, int limited)
{
	struct resolver_question *question = arg;
	bool whole = rcode == 0 && packet && size >= WIRE_HEADER_SIZE;
	question->callback(question, whole ? packet : NULL, whole ? (size_t)size : 0);
}

int resolver_ask(struct resolver *resolver, const uint8_t *name, size_t size, uint16_t type,
	struct resolver_question *question)
{
	char text[WIRE_NAME_TEXT];
	wire_name_format(name, size, text);
	int r = ub_resolve_event(resolver->context, text, type, WIRE_CLASS_IN, question, on_result, NULL);
	return r == UB_NOERROR ? 0 : r == UB_NOMEM ? -ENOMEM : -EIO;
}

void resolver_destroy(struct resolver *resolver)
{
	if (!resolver)
		return;
	ub_ctx_delete(resolver->context);
	free(resolver);
}
