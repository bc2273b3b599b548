/* udp.c -- see udp.h. */
#include <errno.h>
#include <event2/event.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/handover.h"
#include "dns/trace.h"
#include "dns/udp.h"

enum {
	/* Room for the largest datagram, so that no query is ever cut. Pages that no packet has touched cost
	 * nothing; the odd stride keeps the heads of a batch out of each other's cache sets. */
	QUERY_STRIDE = 65536 + 192,
	ANSWER_STRIDE = UDP_ANSWER_MAX + 192,
	CONTROL_SIZE = HANDOVER_CONTROL, /* the larger of the two kinds of packet information */
	PAUSE_US = 10000                 /* after an error of receive that may last */
};

/* One batch: message headers that stay wired to their buffers. */
struct batch {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_bytes[UDP_BATCH], out_bytes[UDP_BATCH];
	struct dns_message messages[UDP_BATCH];
	struct sockaddr_in6 clients[UDP_BATCH]; /* holds a sockaddr_in as well */
	_Alignas(struct cmsghdr) uint8_t control[UDP_BATCH][CONTROL_SIZE];
	uint8_t *queries, *answers;
};

struct udp {
	struct dns_worker *worker;
	struct batch *batch;
	struct handover *handover; /* NULL without a relay */
	struct event *pause;       /* ends a pause after an error of receive */
	size_t count;
	struct udp_socket {
		struct event *event;
		int fd; /* whose drops are counted; -1 if an earlier worker does */
	} sockets[];
};

/* Lets the headers of the first `count` packets accept anything again: the kernel wrote what it received. */
static void batch_rearm(struct batch *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		batch->in[i].msg_hdr.msg_namelen = sizeof(batch->clients[i]);
		batch->in[i].msg_hdr.msg_controllen = CONTROL_SIZE;
	}
}

static struct batch *batch_create(void)
{
	struct batch *batch = mem_alloc(sizeof(*batch));
	batch->queries = mem_alloc(UDP_BATCH * QUERY_STRIDE);
	batch->answers = mem_alloc(UDP_BATCH * ANSWER_STRIDE);
	for (size_t i = 0; i < UDP_BATCH; i++) {
		batch->in_bytes[i] = (struct iovec){batch->queries + i * QUERY_STRIDE, 65535};
		batch->in[i].msg_hdr = (struct msghdr){.msg_name = &batch->clients[i],
			.msg_iov = &batch->in_bytes[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i]};
		batch->out_bytes[i].iov_base = batch->answers + i * ANSWER_STRIDE;
		batch->out[i].msg_hdr.msg_iovlen = 1;
		batch->messages[i] = (struct dns_message){.query = batch->in_bytes[i].iov_base,
			.answer = batch->out_bytes[i].iov_base,
			.capacity = UDP_ANSWER_MAX};
	}
	batch_rearm(batch, UDP_BATCH);
	return batch;
}

static void batch_destroy(struct batch *batch)
{
	free(batch->queries);
	free(batch->answers);
	free(batch);
}

static bool has_source_port(const struct sockaddr_in6 *client)
{
	_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
		"the port stands at the same place in both families");
	return client->sin6_port != 0;
}

/* Makes the packet information of a query say where its answer leaves from: the address that the query came
 * to (RFC 2181 section 4). The interface is left to routing but for link-local addresses, which need theirs.
 */
static void turn_packet_info(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			info.ipi_ifindex = 0;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			memcpy(CMSG_DATA(c), &info, sizeof(info));
		}
	}
}

/* Makes out[ready] carry the answer to packet `i` back to where that came from. */
static void address_answer(struct batch *batch, unsigned i, unsigned ready, size_t size)
{
	struct msghdr *in = &batch->in[i].msg_hdr, *out = &batch->out[ready].msg_hdr;
	turn_packet_info(in);
	batch->out_bytes[i].iov_len = size;
	out->msg_iov = &batch->out_bytes[i];
	out->msg_name = in->msg_name;
	out->msg_namelen = in->msg_namelen;
	out->msg_control = in->msg_controllen ? in->msg_control : NULL;
	out->msg_controllen = in->msg_controllen;
}

/* Hands packet `i` to the relay, with the way back. False if it stays with us. */
static bool hand_over(struct udp *udp, unsigned i, int fd)
{
	struct msghdr *in = &udp->batch->in[i].msg_hdr;
	struct handover_slot *slot = handover_pass(udp->handover, &udp->batch->messages[i]);
	if (!slot)
		return false;
	turn_packet_info(in);
	slot->fd = fd;
	slot->client = udp->batch->clients[i];
	slot->client_size = in->msg_namelen;
	slot->control_size = in->msg_controllen;
	memcpy(slot->control, in->msg_control, in->msg_controllen);
	return true;
}

/* Sends what the relay, or its silence, has answered. */
static void deliver(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg)
{
	const struct udp *udp = arg;
	struct iovec bytes = {(void *)(uintptr_t)answer, size};
	const struct msghdr packet = {.msg_name = &slot->client,
		.msg_namelen = slot->client_size,
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = slot->control_size ? slot->control : NULL,
		.msg_controllen = slot->control_size};
	metrics_observe_size(udp->worker->context.metrics, METRIC_DNS_RESPONSE_SIZE_UDP, (uint32_t)size);
	if (sendmsg(slot->fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		metrics_add(udp->worker->context.metrics, METRIC_DNS_SEND_ERRORS, 1);
}

/* Somebody listens: tells of a batch. */
static void trace_batch(const struct udp *udp, unsigned received)
{
	int64_t now = clock_wall(udp->worker->clock);
	for (unsigned i = 0; i < received; i++)
		dns_trace(udp->worker, &udp->batch->messages[i], (const void *)&udp->batch->clients[i], now);
}

/* Answers the packets of a batch that came from `fd`; returns how many answers wait in batch->out. */
static unsigned answer_batch(struct udp *udp, int fd, unsigned received)
{
	struct dns_worker *worker = udp->worker;
	struct metrics *metrics = worker->context.metrics;
	struct batch *batch = udp->batch;
	unsigned ready = 0;
	for (unsigned i = 0; i < received; i++) {
		const struct sockaddr *client = (const void *)&batch->clients[i];
		batch->messages[i].source = worker_client(worker, client, false);
		batch->messages[i].query_size = batch->in[i].msg_len;
	}
	view_read_begin();
	dns_respond(&worker->context, batch->messages, received);
	view_read_end();
	if (dns_trace_wanted(worker))
		trace_batch(udp, received);
	for (unsigned i = 0; i < received; i++) {
		size_t size = batch->messages[i].answer_size;
		if (size == 0)
			continue;
		metrics_observe_size(metrics, METRIC_DNS_REQUEST_SIZE_UDP, batch->in[i].msg_len);
		/* Port 0 cannot be answered; it is only ever forged. */
		if (!has_source_port(&batch->clients[i]))
			continue;
		if (batch->messages[i].relay && hand_over(udp, i, fd))
			continue;
		metrics_observe_size(metrics, METRIC_DNS_RESPONSE_SIZE_UDP, (uint32_t)size);
		address_answer(batch, i, ready++, size);
	}
	return ready;
}

/* Sends `count` answers. One that the kernel refuses (no route, full buffer, a filter) is counted and left.
 */
static void send_batch(struct dns_worker *worker, struct batch *batch, int fd, unsigned count)
{
	unsigned sent = 0;
	while (sent < count) {
		int n = sendmmsg(fd, batch->out + sent, count - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			sent += (unsigned)n;
		} else if (errno != EINTR) {
			metrics_add(worker->context.metrics, METRIC_DNS_SEND_ERRORS, 1);
			sent++;
		}
	}
}

/* Stops to read for a moment: an error that lasts must not become a busy loop. */
static void pause_reading(struct udp *udp, int error)
{
	static const struct timeval pause = {.tv_usec = PAUSE_US};
	log_warn("cannot receive queries; trying again", "error", strerror(error));
	udp_close(udp);
	event_add(udp->pause, &pause);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp *udp = arg;
	struct batch *batch = udp->batch;
	unsigned errors = 0;
	for (unsigned round = 0; round < UDP_ROUNDS; round++) {
		int received = recvmmsg(fd, batch->in, UDP_BATCH, MSG_DONTWAIT, NULL);
		if (received < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			/* One error may be the echo of an earlier send; a row of them will not go away. */
			if (errno != EINTR && ++errors == UDP_ROUNDS)
				pause_reading(udp, errno);
			continue;
		}
		int64_t since = udp->worker->time_next ? clock_now(udp->worker->clock) : 0;
		unsigned ready = answer_batch(udp, fd, (unsigned)received);
		send_batch(udp->worker, batch, fd, ready);
		worker_timed(udp->worker, METRIC_DNS_DURATION_UDP, since, (unsigned)received);
		batch_rearm(batch, (unsigned)received);
		if (received < UDP_BATCH)
			return;
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	udp_open(arg);
}

static uint64_t cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	return cookie;
}

/* True if the socket is one that an earlier worker has for the same address. */
static bool is_shared(const int *fd, size_t count, unsigned earlier)
{
	for (unsigned i = 1; i <= earlier; i++)
		if (cookie(fd[-(ptrdiff_t)(i * count)]) == cookie(*fd))
			return true;
	return false;
}

struct udp *udp_create(struct dns_worker *worker, const int *fds, size_t count, unsigned earlier,
	const struct worker_relay *relay)
{
	struct udp *udp = mem_alloc(sizeof(*udp) + count * sizeof(udp->sockets[0]));
	udp->worker = worker;
	udp->batch = batch_create();
	udp->pause = worker_event(worker, -1, 0, on_pause_over, udp);
	udp->count = count;
	if (relay)
		udp->handover = handover_create(
			worker, relay->link, relay->in_flight, relay->timeout_ns, deliver, udp);
	for (size_t i = 0; i < count; i++) {
		udp->sockets[i].event = worker_event(worker, fds[i], EV_READ | EV_PERSIST, on_readable, udp);
		udp->sockets[i].fd = is_shared(&fds[i], count, earlier) ? -1 : fds[i];
	}
	return udp;
}

uint64_t udp_drops(const struct udp *udp)
{
	uint64_t drops = 0;
	for (size_t i = 0; i < udp->count; i++) {
		uint32_t info[SK_MEMINFO_VARS];
		socklen_t size = sizeof(info);
		if (udp->sockets[i].fd >= 0 &&
			getsockopt(udp->sockets[i].fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 &&
			size > SK_MEMINFO_DROPS * sizeof(info[0]))
			drops += info[SK_MEMINFO_DROPS];
	}
	return drops;
}

void udp_open(struct udp *udp)
{
	for (size_t i = 0; i < udp->count; i++)
		event_add(udp->sockets[i].event, NULL);
}

void udp_close(struct udp *udp)
{
	for (size_t i = 0; i < udp->count; i++)
		event_del(udp->sockets[i].event);
	event_del(udp->pause);
}

void udp_destroy(struct udp *udp)
{
	if (!udp)
		return;
	for (size_t i = 0; i < udp->count; i++)
		event_free(udp->sockets[i].event);
	event_free(udp->pause);
	handover_destroy(udp->handover);
	batch_destroy(udp->batch);
	free(udp);
}
