/* load_tcp.c -- pipelined DNS queries over TCP, closed loop.
 *
 *   load_tcp --port 5300 --names names.txt --type A --count 1000000 --connections 4 --outstanding 64
 *
 * Each connection has up to --outstanding queries on its way and sends half of them anew as soon as half have
 * been answered. Answers are checked like those of load; the server may answer in any order. JSON to stdout;
 * exit status 1 if an answer was not what was expected. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "load_queries.h"

enum { CONNECTIONS_MAX = 64, OUTSTANDING_MAX = 1024, BUFFER = 1 << 20 };

struct connection {
	int fd;
	unsigned waiting;
	uint32_t asked[65536]; /* by id: the query's number, or NOT_ASKED */
	uint16_t next_id;
	size_t size; /* of what has come and is not taken yet */
	uint8_t in[BUFFER];
};

#define NOT_ASKED UINT32_MAX

static struct sockaddr_in server;
static unsigned connection_count = 4, outstanding = 64;
static unsigned long count;
static struct load_queries queries;
static struct load_expect expect = {.rcode = -1, .answers = -1};
static struct load_result result;
static struct connection *connections;
static size_t next_query;

static void open_connection(struct connection *c)
{
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof(server)) != 0)
		load_die("connect", errno);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	memset(c->asked, 0xff, sizeof(c->asked));
}

static void send_some(struct connection *c)
{
	static uint8_t out[OUTSTANDING_MAX * (LOAD_QUERY_MAX + 2)];
	size_t size = 0;

	for (; c->waiting < outstanding; c->waiting++) {
		const struct load_query *query = &queries.list[next_query];
		uint8_t *p = out + size;
		p[0] = (uint8_t)(query->size >> 8);
		p[1] = (uint8_t)query->size;
		memcpy(p + 2, query->bytes, query->size);
		c->next_id++;
		p[2] = (uint8_t)(c->next_id >> 8);
		p[3] = (uint8_t)c->next_id;
		c->asked[c->next_id] = (uint32_t)next_query;
		size += query->size + 2u;
		next_query = next_query + 1 < queries.count ? next_query + 1 : 0;
	}
	for (size_t done = 0; done < size;) {
		ssize_t n = send(c->fd, out + done, size - done, MSG_NOSIGNAL);
		if (n <= 0)
			load_die("send", errno);
		done += (size_t)n;
	}
}

static void take_some(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->size, BUFFER - c->size, MSG_DONTWAIT);
	size_t at = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		load_die("the server closed a connection", n ? errno : 0);
	c->size += (size_t)n;
	while (c->size - at >= 2) {
		const uint8_t *p = c->in + at;
		size_t size = (size_t)p[0] << 8 | p[1];
		if (c->size - at < 2 + size)
			break;
		at += 2 + size;
		unsigned id = (unsigned)p[2] << 8 | p[3];
		if (size < 12 || c->asked[id] == NOT_ASKED) {
			result.bad++;
			continue;
		}
		load_check(&expect, &queries.list[c->asked[id]], p + 2, size, &result);
		c->asked[id] = NOT_ASKED;
		c->waiting--;
	}
	memmove(c->in, c->in + at, c->size - at);
	c->size -= at;
}

static void run(void)
{
	double start = load_now(), last = start;

	while (result.answers < count) {
		unsigned long before = result.answers;
		for (unsigned i = 0; i < connection_count; i++) {
			if (connections[i].waiting <= outstanding / 2)
				send_some(&connections[i]);
			take_some(&connections[i]);
		}
		if (result.answers != before)
			last = load_now();
		else if (load_now() - last > 10)
			load_die("no answer for 10 seconds", 0);
	}
	result.seconds = load_now() - start;
}

static const struct option long_options[] = {{"port", required_argument, NULL, 'p'},
	{"names", required_argument, NULL, 'n'}, {"type", required_argument, NULL, 't'},
	{"outstanding", required_argument, NULL, 'o'}, {"connections", required_argument, NULL, 's'},
	{"count", required_argument, NULL, 'c'}, {"rcode", required_argument, NULL, 'R'},
	{"answers", required_argument, NULL, 'A'}, {0}};

int main(int argc, char **argv)
{
	const char *names = NULL, *type = "A";
	int option;

	server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		unsigned long number = optarg ? strtoul(optarg, NULL, 10) : 0;
		if (option == 'p')
			server.sin_port = htons((uint16_t)number);
		else if (option == 'n')
			names = optarg;
		else if (option == 't')
			type = optarg;
		else if (option == 'o')
			outstanding = (unsigned)number;
		else if (option == 's')
			connection_count = (unsigned)number;
		else if (option == 'c')
			count = number;
		else if (option == 'R')
			expect.rcode = (int)number;
		else if (option == 'A')
			expect.answers = (int)number;
		else
			return 2;
	}
	if (!names || !server.sin_port || !count || connection_count < 1 ||
		connection_count > CONNECTIONS_MAX || outstanding < 2 || outstanding > OUTSTANDING_MAX)
		load_die("usage: load_tcp --port PORT --names FILE --type TYPE --count N [--connections N] "
			 "[--outstanding N]",
			0);
	queries = load_queries_read(names, type);
	connections = calloc(connection_count, sizeof(connections[0]));
	if (!connections)
		load_die("out of memory", 0);
	for (unsigned i = 0; i < connection_count; i++)
		open_connection(&connections[i]);
	run();
	load_result_print(&result, "");
	return result.bad > 0;
}
