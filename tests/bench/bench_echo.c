/* bench_echo.c -- see bench_echo.h. */
#include "bench_echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32
#define PACKET_MAX 1500

struct side {
	int fd;
	unsigned long packets; /* to answer */
	size_t size;           /* of what it sends */
	double cpu_ns;
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in peers[BATCH];
	unsigned char bytes[BATCH][PACKET_MAX];
};

static double now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void prepare(struct side *side, size_t size)
{
	for (unsigned i = 0; i < BATCH; i++) {
		side->vectors[i] = (struct iovec){.iov_base = side->bytes[i], .iov_len = size};
		side->messages[i].msg_hdr = (struct msghdr){.msg_iov = &side->vectors[i],
			.msg_iovlen = 1,
			.msg_name = &side->peers[i],
			.msg_namelen = sizeof side->peers[i]};
	}
}

/* The server: as many packets as have come, answered to where they came from. */
static void *serve(void *arg)
{
	struct side *side = arg;
	unsigned long left = side->packets;
	double start = now_ns(CLOCK_THREAD_CPUTIME_ID);

	while (left) {
		prepare(side, PACKET_MAX);
		int count = recvmmsg(side->fd, side->messages, BATCH, MSG_WAITFORONE, NULL);
		if (count <= 0)
			break;
		for (int i = 0; i < count; i++)
			side->vectors[i].iov_len = side->size;
		if (sendmmsg(side->fd, side->messages, (unsigned)count, 0) != count)
			break;
		left -= (unsigned long)count < left ? (unsigned long)count : left;
	}
	side->cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	side->packets -= left;
	return NULL;
}

/* The client: a batch out, the same batch back. */
static int drive(struct side *side, const struct sockaddr_in *server)
{
	for (unsigned long left = side->packets; left;) {
		unsigned count = left < BATCH ? (unsigned)left : BATCH;
		prepare(side, side->size);
		for (unsigned i = 0; i < count; i++)
			side->peers[i] = *server;
		if (sendmmsg(side->fd, side->messages, count, 0) != (int)count)
			return -errno;
		for (unsigned got = 0; got < count;) {
			struct pollfd ready = {.fd = side->fd, .events = POLLIN};
			if (poll(&ready, 1, 2000) != 1)
				return -ETIMEDOUT;
			prepare(side, PACKET_MAX);
			int n = recvmmsg(side->fd, side->messages, BATCH, MSG_DONTWAIT, NULL);
			if (n <= 0)
				return -errno;
			got += (unsigned)n;
		}
		left -= count;
	}
	return 0;
}

static int open_loopback(struct sockaddr_in *ret)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, size) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	*ret = address;
	return fd;
}

int bench_echo_run(unsigned long packets, size_t query_size, size_t answer_size, struct bench_echo *ret)
{
	static struct side server, client;
	struct sockaddr_in server_address, client_address;
	pthread_t thread;
	int error;

	if (query_size > PACKET_MAX || answer_size > PACKET_MAX)
		return -EINVAL;
	memset(&server, 0, sizeof server);
	memset(&client, 0, sizeof client);
	server.packets = client.packets = packets;
	server.size = answer_size;
	client.size = query_size;
	client.fd = -1;
	server.fd = open_loopback(&server_address);
	if (server.fd < 0)
		return server.fd;
	error = client.fd = open_loopback(&client_address);
	if (client.fd < 0)
		goto close_server;
	error = -pthread_create(&thread, NULL, serve, &server);
	if (error)
		goto close_client;
	double start = now_ns(CLOCK_MONOTONIC);
	error = drive(&client, &server_address);
	double end = now_ns(CLOCK_MONOTONIC);
	if (error)
		shutdown(server.fd, SHUT_RDWR); /* lets the server's receive return */
	pthread_join(thread, NULL);
	if (error == 0)
		*ret = (struct bench_echo){.server_ns = server.cpu_ns / (double)server.packets,
			.wall_ns = (end - start) / (double)packets,
			.packets = packets};
close_client:
	close(client.fd);
close_server:
	close(server.fd);
	return error;
}
