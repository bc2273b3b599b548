/* http_load.c -- replays HTTP requests over keep-alive connections and times them.
 *
 *   http_load --port 8500 --requests requests.bin --connections 64 --count 50000
 *
 * The file holds whole requests, each behind a line with its length; they are sent in turn, from the start
 * again after the last. Closed loop: every connection has one request on its way. With --rate (and --seconds)
 * so many are sent a second, on whichever connection is free, and a time counts from when the request was
 * due. A status other than 200 is counted as bad, the first one told. The result goes to stdout as JSON; exit
 * status 1 if any was bad.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load_queries.h"

enum { CONNECTIONS_MAX = 4096, REPLY_MAX = 65536 };

struct request {
	const char *bytes;
	size_t size;
};

struct connection {
	int fd;
	bool waits;
	double due;
	size_t size; /* of the reply so far */
	char reply[REPLY_MAX];
};

static struct {
	struct sockaddr_in server;
	unsigned connections;
	unsigned long count;
	double seconds, rate;
} options = {.connections = 64};

static struct request *requests;
static size_t request_count, next_request;
static struct connection *connections;
static unsigned idle[CONNECTIONS_MAX], idle_first,
	idle_count; /* a ring: all take their turn, none looks dead */
static unsigned long sent, done, bad;
static float *latencies;
static int epoll;

static void read_requests(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t room = 0, size;

	if (!file)
		load_die(path, errno);
	while (fscanf(file, "%zu", &size) == 1) {
		if (request_count == room) {
			room = room ? 2 * room : 1024;
			requests = realloc(requests, room * sizeof(requests[0]));
		}
		char *bytes = requests ? malloc(size + 1) : NULL;
		if (!bytes)
			load_die("out of memory", 0);
		fgetc(file); /* the end of the line */
		if (fread(bytes, 1, size, file) != size)
			load_die("a request is cut short", 0);
		requests[request_count++] = (struct request){bytes, size};
	}
	fclose(file);
	if (request_count == 0)
		load_die("no requests", 0);
}

static void open_connection(unsigned number)
{
	struct connection *c = &connections[number];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&options.server, sizeof(options.server)) != 0)
		load_die("connect", errno);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		load_die("epoll", errno);
	idle[(idle_first + idle_count++) % CONNECTIONS_MAX] = number;
}

static void send_request(double due)
{
	struct connection *c = &connections[idle[idle_first]];
	const struct request *request = &requests[next_request];

	idle_first = (idle_first + 1) % CONNECTIONS_MAX;
	idle_count--;
	next_request = next_request + 1 < request_count ? next_request + 1 : 0;
	c->waits = true;
	c->due = due;
	c->size = 0;
	sent++;
	if (send(c->fd, request->bytes, request->size, MSG_NOSIGNAL) != (ssize_t)request->size)
		load_die("send", errno);
}

/* True if the reply is whole. */
static bool reply_is_whole(const char *reply, size_t size)
{
	const char *body = strstr(reply, "\r\n\r\n"), *length;

	if (!body)
		return false;
	body += 4;
	length = strcasestr(reply, "\r\ncontent-length:");
	if (length && length < body)
		return (size_t)(reply + size - body) >= strtoul(length + 17, NULL, 10);
	length = strcasestr(reply, "\r\ntransfer-encoding: chunked");
	if (length && length < body)
		return size >= 5 && memcmp(reply + size - 5, "0\r\n\r\n", 5) == 0;
	load_die("a reply without a length", 0);
}

static void take_reply(unsigned number)
{
	struct connection *c = &connections[number];
	ssize_t n = recv(c->fd, c->reply + c->size, REPLY_MAX - 1 - c->size, 0);

	if (n <= 0)
		load_die("the server closed a connection", n ? errno : 0);
	if (!c->waits)
		load_die("a reply that nobody asked for", 0);
	c->size += (size_t)n;
	c->reply[c->size] = '\0';
	if (!reply_is_whole(c->reply, c->size)) {
		if (c->size == REPLY_MAX - 1)
			load_die("the reply is too long", 0);
		return;
	}
	if (strncmp(c->reply, "HTTP/1.1 200", 12) != 0 && bad++ == 0)
		fprintf(stderr, "an unexpected reply: %.400s\n", c->reply);
	latencies[done++] = (float)((load_now() - c->due) * 1e3);
	c->waits = false;
	idle[(idle_first + idle_count++) % CONNECTIONS_MAX] = number;
}

static void take_replies(double patience)
{
	struct epoll_event events[256];
	struct timespec t = {
		.tv_sec = (time_t)patience, .tv_nsec = (long)((patience - (double)(time_t)patience) * 1e9)};
	int count = epoll_pwait2(epoll, events, 256, &t, NULL);

	for (int i = 0; i < count; i++)
		take_reply(events[i].data.u32);
}

static double run(void)
{
	double start = load_now(), last = start;
	unsigned long seen = 0;

	while (done < options.count) {
		double now = load_now(), due = now, patience = 1;
		while (sent < options.count && idle_count) {
			if (options.rate > 0) {
				due = start + (double)sent / options.rate;
				patience = due - now;
				if (due > now)
					break;
			}
			send_request(due);
		}
		if (sent == options.count || idle_count == 0)
			patience = 1;
		take_replies(patience < 1 ? patience : 1);
		if (done != seen || sent < options.count)
			last = now;
		seen = done;
		if (now - last > 20)
			load_die("no reply for 20 seconds", 0);
	}
	return load_now() - start;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double percentile(double part)
{
	return (double)latencies[(size_t)(part * (double)(done - 1))];
}

static const struct option long_options[] = {{"port", required_argument, NULL, 'p'},
	{"requests", required_argument, NULL, 'q'}, {"connections", required_argument, NULL, 'n'},
	{"count", required_argument, NULL, 'c'}, {"seconds", required_argument, NULL, 'd'},
	{"rate", required_argument, NULL, 'r'}, {0}};

static const char *read_options(int argc, char **argv)
{
	const char *path = NULL;
	int option;

	options.server =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'p')
			options.server.sin_port = htons((uint16_t)strtoul(optarg, NULL, 10));
		else if (option == 'q')
			path = optarg;
		else if (option == 'n')
			options.connections = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'c')
			options.count = strtoul(optarg, NULL, 10);
		else if (option == 'd')
			options.seconds = strtod(optarg, NULL);
		else if (option == 'r')
			options.rate = strtod(optarg, NULL);
		else
			exit(2);
	}
	if (options.rate > 0)
		options.count = (unsigned long)(options.rate * options.seconds);
	if (!path || !options.server.sin_port || !options.count || !options.connections ||
		options.connections > CONNECTIONS_MAX)
		load_die("usage: http_load --port PORT --requests FILE [--connections N] (--count N | --rate "
			 "N "
			 "--seconds S)",
			0);
	return path;
}

int main(int argc, char **argv)
{
	read_requests(read_options(argc, argv));
	connections = calloc(options.connections, sizeof(connections[0]));
	latencies = calloc(options.count, sizeof(latencies[0]));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!connections || !latencies || epoll < 0)
		load_die("out of memory", 0);
	for (unsigned i = 0; i < options.connections; i++)
		open_connection(i);
	double seconds = run();
	qsort(latencies, done, sizeof(latencies[0]), compare);
	printf("{\"replies\": %lu, \"bad\": %lu, \"seconds\": %.6f, \"p50_ms\": %.4f, \"p90_ms\": %.4f, "
	       "\"p99_ms\": %.4f, "
	       "\"max_ms\": %.4f}\n",
		done, bad, seconds, percentile(0.5), percentile(0.9), percentile(0.99), percentile(1));
	return bad > 0;
}
