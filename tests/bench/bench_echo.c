/* bench_echo.c -- the kernel's limit: a UDP server that does nothing but receive and send.
 *
 *   bench_echo SIZE [PORT]
 *
 * Each packet is answered with SIZE bytes that begin with the query's header and question, by recvmmsg() and
 * sendmmsg() in batches of up to 64. Prints its port, and runs until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, PACKET_MAX = 4096, HEADER = 12, TYPE_AND_CLASS = 4 };

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in peers[BATCH];
static unsigned char queries[BATCH][PACKET_MAX + 64], replies[BATCH][PACKET_MAX + 64];

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = 4 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

/* Bytes of header and question; the whole packet if it is not a query. */
static size_t question_end(const unsigned char *query, size_t size)
{
	size_t at = HEADER;

	while (at < size && query[at])
		at += query[at] + 1u;
	at += 1 + TYPE_AND_CLASS;
	return at < size ? at : size;
}

static void echo_batch(int fd, size_t answer_size)
{
	for (unsigned i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){queries[i], PACKET_MAX};
		messages[i].msg_hdr.msg_namelen = sizeof(peers[i]);
	}
	int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
	if (count < 0) {
		if (errno != EINTR && errno != ECONNREFUSED)
			fail("recvmmsg");
		return;
	}
	for (int i = 0; i < count; i++) {
		size_t head = question_end(queries[i], messages[i].msg_len);
		memcpy(replies[i], queries[i], head < answer_size ? head : answer_size);
		vectors[i] = (struct iovec){replies[i], answer_size};
	}
	for (int sent = 0; sent < count;) {
		int n = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
		sent += n > 0 ? n : 1;
	}
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

	if (size < HEADER || size > PACKET_MAX) {
		fprintf(stderr, "usage: bench_echo SIZE [PORT]\n");
		return 2;
	}
	int fd = open_socket(argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0);
	for (unsigned i = 0; i < BATCH; i++)
		messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = &peers[i]};
	for (;;)
		echo_batch(fd, size);
}
