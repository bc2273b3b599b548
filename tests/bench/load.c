/* load.c -- a DNS load of our own: it costs less for a query than any server may, so that one core saturates
 * one.
 *
 *   load --port 5300 --names names.txt --type A --count 2000000 --rcode 0 --answers 10
 *
 * Closed loop: at most --outstanding queries are on their way; a batch goes out by one sendmmsg() as soon as
 * so many answers have come, over --sockets connected sockets. It spins instead of sleeping, because the one
 * who wakes a sleeper (the server) would pay for it. Every answer is matched by its id to a query that waits,
 * and checked. With --rate it sends so many a second instead, sleeps in between, and takes the time from
 * sendmmsg() to the kernel's own stamp of the answer's arrival, so that its own tardiness does not count.
 *
 * What came of it goes to stdout as JSON; the exit status is 1 if an answer was not what was expected. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load_queries.h"

enum { BATCH_MAX = 128, BURST = 32, SLOTS = 1024, SOCKETS_MAX = 64, ANSWER_MAX = 4096 + 64 };

#define GIVE_UP 2.0 /* seconds without any answer after which what is on its way is lost */
#define DRAIN 0.5   /* seconds in which the last answers may come */

struct options {
	struct sockaddr_in server;
	unsigned outstanding, batch, sockets;
	unsigned long count;
	double seconds, rate;
	struct load_expect expect;
};

/* A query on its way: its id is slot + SLOTS * turn. */
struct slot {
	uint32_t query;
	uint8_t turn; /* 0 to 63 */
	bool waits;
	double sent;
};

struct lane {
	int fd;
	unsigned waiting; /* queries on their way */
	unsigned free_count;
	uint16_t free[SLOTS];
	struct slot slots[SLOTS];
};

static struct options options = {
	.outstanding = 256, .batch = 32, .sockets = 1, .expect = {.rcode = -1, .answers = -1}};
static struct load_queries queries;
static struct load_result result;
static unsigned long late, skipped, unsent;
static struct lane lanes[SOCKETS_MAX];
static struct mmsghdr out[BATCH_MAX], in[BATCH_MAX];
static struct iovec out_bytes[BATCH_MAX], in_bytes[BATCH_MAX];
static uint8_t sent_bytes[BATCH_MAX][LOAD_QUERY_MAX], answers[BATCH_MAX][ANSWER_MAX];
static union {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
} stamps[BATCH_MAX];
static size_t next_query;
static float *latencies; /* milliseconds, with --rate */
static size_t latency_count, latency_room;

static void open_lane(struct lane *lane, unsigned slots)
{
	int size = 4 << 20, on = 1;

	lane->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (lane->fd < 0 ||
		connect(lane->fd, (struct sockaddr *)&options.server, sizeof(options.server)) != 0)
		load_die("socket", errno);
	if (setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(lane->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (options.rate > 0)
		setsockopt(lane->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	lane->free_count = slots;
	for (unsigned i = 0; i < slots; i++)
		lane->free[i] = (uint16_t)i;
}

static void wire_buffers(void)
{
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		out_bytes[i].iov_base = sent_bytes[i];
		out[i].msg_hdr = (struct msghdr){.msg_iov = &out_bytes[i], .msg_iovlen = 1};
		in_bytes[i] = (struct iovec){answers[i], ANSWER_MAX};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &in_bytes[i], .msg_iovlen = 1};
	}
}

static double wall_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends `count` queries; there are as many free slots. */
static void send_queries(struct lane *lane, unsigned count)
{
	double now = options.rate > 0 ? wall_now() : 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned number = lane->free[--lane->free_count];
		struct slot *slot = &lane->slots[number];
		const struct load_query *query = &queries.list[next_query];
		slot->query = (uint32_t)next_query;
		slot->turn = (slot->turn + 1) & 63;
		slot->waits = true;
		slot->sent = now;
		unsigned id = number + SLOTS * slot->turn;
		memcpy(sent_bytes[i], query->bytes, query->size);
		sent_bytes[i][0] = (uint8_t)(id >> 8);
		sent_bytes[i][1] = (uint8_t)id;
		out_bytes[i].iov_len = query->size;
		next_query = next_query + 1 < queries.count ? next_query + 1 : 0;
	}
	lane->waiting += count;
	for (unsigned done = 0; done < count;) {
		int n = sendmmsg(lane->fd, out + done, count - done, 0);
		if (n <= 0 && errno != EINTR && errno != ENOBUFS)
			load_die("the server is gone: sendmmsg", errno);
		done += n > 0 ? (unsigned)n : 0;
	}
}

static void keep_latency(const struct slot *slot, const struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	struct timespec stamp;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
		latency_count == latency_room)
		return;
	memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
	latencies[latency_count++] =
		(float)(((double)stamp.tv_sec + (double)stamp.tv_nsec / 1e9 - slot->sent) * 1e3);
}

static void take_answer(struct lane *lane, unsigned i)
{
	size_t size = in[i].msg_len;
	unsigned id = (unsigned)answers[i][0] << 8 | answers[i][1];
	struct slot *slot = &lane->slots[id % SLOTS];

	if (size < 12 || !slot->waits || slot->turn != id / SLOTS) {
		late++; /* nobody waits for it any more; or nobody ever did */
		return;
	}
	slot->waits = false;
	lane->free[lane->free_count++] = (uint16_t)(id % SLOTS);
	lane->waiting--;
	load_check(&options.expect, &queries.list[slot->query], answers[i], size, &result);
	if (options.rate > 0)
		keep_latency(slot, &in[i].msg_hdr);
}

/* Takes what has come, at most a batch; the number of packets. */
static unsigned receive_answers(struct lane *lane)
{
	for (unsigned i = 0; i < BATCH_MAX && options.rate > 0; i++) {
		in[i].msg_hdr.msg_control = &stamps[i];
		in[i].msg_hdr.msg_controllen = sizeof(stamps[i]);
	}
	int n = recvmmsg(lane->fd, in, BATCH_MAX, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		load_die("the server is gone: recvmmsg", errno);
	for (int i = 0; i < n; i++)
		take_answer(lane, (unsigned)i);
	return n > 0 ? (unsigned)n : 0;
}

/* What is on its way does not come any more. */
static void give_up(struct lane *lane)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!lane->slots[i].waits)
			continue;
		lane->slots[i].waits = false;
		lane->free[lane->free_count++] = (uint16_t)i;
		lane->waiting--;
		result.lost++;
	}
}

static void run_closed(void)
{
	unsigned each = options.outstanding / options.sockets;
	unsigned batch = options.batch < each ? options.batch : each;
	double start = load_now(), last = start, end = options.seconds > 0 ? start + options.seconds : 1e300;

	while (result.answers < options.count && last < end) {
		unsigned got = 0;
		for (unsigned i = 0; i < options.sockets; i++) {
			while (lanes[i].free_count >= batch && lanes[i].waiting + batch <= each)
				send_queries(&lanes[i], batch);
			got += receive_answers(&lanes[i]);
		}
		if (got) {
			last = load_now();
			continue;
		}
		if (load_now() - last < GIVE_UP) {
			sched_yield(); /* to the server, if it shares the core */
			continue;
		}
		for (unsigned i = 0; i < options.sockets; i++)
			give_up(&lanes[i]);
		last = load_now();
	}
	result.seconds = load_now() - start;
}

/* Sleeps until the next query is due or an answer has come. */
static void wait_until(double due)
{
	struct pollfd fds[SOCKETS_MAX];
	double left = due - load_now();

	if (left <= 0)
		return;
	for (unsigned i = 0; i < options.sockets; i++)
		fds[i] = (struct pollfd){.fd = lanes[i].fd, .events = POLLIN};
	struct timespec t = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
	ppoll(fds, options.sockets, &t, NULL);
}

static void run_rate(void)
{
	double start = load_now(), end = start + options.seconds, now = start;
	unsigned long sent = 0;
	unsigned lane = 0;

	/* It must not wait for what else runs on its core; without the right to this it is only less exact.
	 */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	latency_room = (size_t)(options.rate * options.seconds) + 1024;
	latencies = calloc(latency_room, sizeof(latencies[0]));
	if (!latencies)
		load_die("out of memory", 0);
	for (; now < end; now = load_now()) {
		unsigned long due = (unsigned long)((now - start) * options.rate) + 1;
		if (due > sent + BURST) { /* it was this program that came late: no burst, for which the
					     server would pay */
			skipped += due - BURST - sent;
			sent = due - BURST;
		}
		for (; sent < due; sent++) {
			lane = (lane + 1) % options.sockets;
			if (lanes[lane].free_count > 0)
				send_queries(&lanes[lane], 1);
			else /* every slot waits: the server is far behind */
				unsent++;
		}
		for (unsigned i = 0; i < options.sockets; i++)
			receive_answers(&lanes[i]);
		wait_until(start + (double)sent / options.rate);
	}
	for (double stop = load_now() + DRAIN; load_now() < stop;)
		for (unsigned i = 0; i < options.sockets; i++)
			receive_answers(&lanes[i]);
	for (unsigned i = 0; i < options.sockets; i++)
		give_up(&lanes[i]);
	result.seconds = end - start;
}

/* Answers that the kernel threw away because this program did not take them in time. */
static unsigned long dropped_here(void)
{
	uint32_t memory[SK_MEMINFO_VARS];
	unsigned long dropped = 0;

	for (unsigned i = 0; i < options.sockets; i++) {
		socklen_t size = sizeof(memory);
		if (getsockopt(lanes[i].fd, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0)
			dropped += memory[SK_MEMINFO_DROPS];
	}
	return dropped;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double percentile(double part)
{
	return latency_count ? (double)latencies[(size_t)(part * (double)(latency_count - 1))] : -1;
}

static void print(void)
{
	char more[300] = "";

	if (options.rate > 0) {
		qsort(latencies, latency_count, sizeof(latencies[0]), compare);
		snprintf(more, sizeof(more),
			", \"skipped\": %lu, \"unsent\": %lu, \"dropped_here\": %lu, \"p50_ms\": %.4f, "
			"\"p90_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f",
			skipped, unsent, dropped_here(), percentile(0.5), percentile(0.9), percentile(0.99),
			percentile(0.999));
	}
	load_result_print(&result, more);
}

static const struct option long_options[] = {{"address", required_argument, NULL, 'a'},
	{"port", required_argument, NULL, 'p'}, {"names", required_argument, NULL, 'n'},
	{"type", required_argument, NULL, 't'}, {"outstanding", required_argument, NULL, 'o'},
	{"batch", required_argument, NULL, 'b'}, {"sockets", required_argument, NULL, 's'},
	{"count", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 'd'},
	{"rate", required_argument, NULL, 'r'}, {"rcode", required_argument, NULL, 'R'},
	{"answers", required_argument, NULL, 'A'}, {"raw", no_argument, NULL, 'w'}, {0}};

static void set_option(int option)
{
	unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;

	switch (option) {
	case 'a':
		if (inet_pton(AF_INET, optarg, &options.server.sin_addr) != 1)
			load_die("the address is not IPv4", 0);
		break;
	case 'p':
		options.server.sin_port = htons((uint16_t)number);
		break;
	case 'o':
		options.outstanding = (unsigned)number;
		break;
	case 'b':
		options.batch = (unsigned)number;
		break;
	case 's':
		options.sockets = (unsigned)number;
		break;
	case 'c':
		options.count = number;
		break;
	case 'd':
		options.seconds = strtod(optarg, NULL);
		break;
	case 'r':
		options.rate = strtod(optarg, NULL);
		break;
	case 'R':
		options.expect.rcode = (int)number;
		break;
	case 'A':
		options.expect.answers = (int)number;
		break;
	case 'w':
		options.expect.raw = true;
		break;
	default:
		load_die("usage: load --port PORT --names FILE --type TYPE (--count N | --seconds S) [--rate "
			 "N] ...",
			0);
	}
}

int main(int argc, char **argv)
{
	const char *names = NULL, *type = "A";
	int option;

	options.server =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'n')
			names = optarg;
		else if (option == 't')
			type = optarg;
		else
			set_option(option);
	}
	if (!names || !options.server.sin_port || (options.count == 0 && options.seconds <= 0))
		load_die("--port, --names and --count or --seconds are needed", 0);
	if (options.sockets < 1 || options.sockets > SOCKETS_MAX || options.batch < 1 ||
		options.batch > BATCH_MAX || options.outstanding < options.sockets ||
		options.outstanding / options.sockets > SLOTS || (options.rate > 0 && options.seconds <= 0))
		load_die("a number is out of range", 0);
	if (options.count == 0)
		options.count = (unsigned long)-1;
	queries = load_queries_read(names, type);
	wire_buffers();
	for (unsigned i = 0; i < options.sockets; i++)
		open_lane(&lanes[i], options.rate > 0 ? SLOTS : options.outstanding / options.sockets);
	if (options.rate > 0)
		run_rate();
	else
		run_closed();
	result.bad += late > result.lost ? late - result.lost : 0;
	print();
	return result.bad > 0;
}
