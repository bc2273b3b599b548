/* worker.c -- what both transports ask of their thread. See worker.h. */
#include "dns/worker.h"

#include <event2/event.h>
#include <netinet/in.h>

#include "base/mem.h"

struct dns_source worker_client(const struct dns_worker *worker, const struct sockaddr *client, bool tcp)
{
	struct dns_source source = {.tcp = tcp, .ipv6 = client->sa_family == AF_INET6, .client = client};
	const void *address =
		source.ipv6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)client)->sin6_addr
			    : &((const struct sockaddr_in *)(const void *)client)->sin_addr;

	source.hash = (uint32_t)siphash(
		worker->key, address, source.ipv6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
	return source;
}

void worker_timed(struct dns_worker *worker, enum metric id, int64_t since_ns, unsigned count)
{
	if (!worker->time_next || count == 0)
		return;
	worker->time_next = false;
	metrics_observe_time(worker->context.metrics, id, clock_now(worker->clock) - since_ns, count);
}

struct event *worker_event(const struct dns_worker *worker, int fd, short what,
	void (*callback)(int fd, short what, void *arg), void *arg)
{
	struct event *event = event_new(worker->base, fd, what, callback, arg);
	if (!event)
		mem_out();
	return event;
}
