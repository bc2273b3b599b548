/* test_listen.c -- listening sockets and bells. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/listen.h"
#include "net/wake.h"

static struct net_addr parsed(const char *text)
{
	struct net_addr addr;

	assert_int_equal(net_addr_parse(text, 0, &addr), 0);
	return addr;
}

static int option(int fd, int level, int name)
{
	socklen_t size = sizeof(int);
	int value = -1;

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void assert_flags(int fd)
{
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void udp(void **state)
{
	struct net_addr addr = parsed("127.0.0.1:0"), again;
	int fd, second, granted = 0;

	(void)state;
	assert_int_equal(net_listen_udp(&addr, 65536, &fd, &granted), 0);
	assert_true(net_addr_port(&addr) != 0);
	assert_int_equal(granted, 65536);
	assert_flags(fd);
	assert_int_equal(option(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
	assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 0);
	/* Another worker may join; another server is found out. */
	again = addr;
	assert_int_equal(net_listen_udp(&again, 65536, &second, &granted), 0);
	assert_int_equal(net_addr_port(&again), net_addr_port(&addr));
	assert_int_equal(net_probe_udp(&addr), -EADDRINUSE);
	close(fd);
	close(second);
	assert_int_equal(net_probe_udp(&addr), 0);
}

static void udp_wildcard(void **state)
{
	struct net_addr v4 = parsed("0.0.0.0:0"), v6 = parsed("[::]:0");
	int fd4, fd6, granted;

	(void)state;
	assert_int_equal(net_listen_udp(&v4, 65536, &fd4, &granted), 0);
	assert_int_equal(option(fd4, IPPROTO_IP, IP_PKTINFO), 1);
	/* Both families stand side by side on one port. */
	v6.v6.sin6_port = htons(net_addr_port(&v4));
	assert_int_equal(net_listen_udp(&v6, 65536, &fd6, &granted), 0);
	assert_int_equal(option(fd6, IPPROTO_IPV6, IPV6_RECVPKTINFO), 1);
	assert_int_equal(option(fd6, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	assert_int_equal(option(fd6, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_OMIT);
	close(fd4);
	close(fd6);
}

static void udp_refused(void **state)
{
	struct net_addr foreign = parsed("192.0.2.1:53"), chosen = parsed("127.0.0.1:0");
	int fd = 4711, granted = 4711;

	(void)state;
	assert_int_equal(net_probe_udp(&foreign), -EADDRNOTAVAIL);
	assert_int_equal(net_listen_udp(&foreign, 65536, &fd, &granted), -EADDRNOTAVAIL);
	assert_int_equal(fd, 4711);
	assert_int_equal(granted, 4711);
	assert_int_equal(net_probe_udp(&chosen), 0);
}

static void tcp(void **state)
{
	struct net_addr addr = parsed("127.0.0.1:0"), other;
	int fd, second = 4711, third;

	(void)state;
	assert_int_equal(net_listen_tcp(&addr, 8, false, &fd), 0);
	assert_flags(fd);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
	other = addr;
	assert_int_equal(net_listen_tcp(&other, 8, false, &second), -EADDRINUSE);
	assert_int_equal(net_listen_tcp(&other, 8, true, &second), -EADDRINUSE);
	assert_int_equal(second, 4711);
	close(fd);
	assert_int_equal(net_listen_tcp(&addr, 8, true, &second), 0);
	assert_int_equal(net_listen_tcp(&addr, 8, true, &third), 0);
	close(second);
	close(third);
}

static void tcp_both_families(void **state)
{
	struct net_addr v6 = parsed("[::1]:0"), v4;
	int fd6, fd4;

	(void)state;
	assert_int_equal(net_listen_tcp(&v6, 8, true, &fd6), 0);
	assert_true(net_addr_port(&v6) != 0);
	v4 = parsed("127.0.0.1:0");
	v4.v4.sin_port = htons(net_addr_port(&v6));
	assert_int_equal(net_listen_tcp(&v4, 8, true, &fd4), 0);
	close(fd6);
	close(fd4);
}

/* Sockets that somebody else has opened: what they are is seen, and UDP gets what it lacks. */
static void handed_over(void **state)
{
	struct net_addr addr = parsed("0.0.0.0:0");
	struct net_socket found;
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET6, SOCK_STREAM, 0), pair[2];
	int file = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(bind(udp, &addr.any, addr.size), 0);
	assert_int_equal(net_inspect(udp, &found), 0);
	assert_int_equal(found.type, SOCK_DGRAM);
	assert_false(found.dual);
	assert_true(net_addr_port(&found.addr) != 0);
	assert_int_equal(net_prepare_udp(udp, &found.addr, 65536), 0);
	assert_int_equal(option(udp, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
	assert_int_equal(option(udp, IPPROTO_IP, IP_PKTINFO), 1);
	assert_int_equal(option(udp, SOL_SOCKET, SO_RCVBUF), 2 * 65536);
	assert_int_equal(option(udp, SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(net_probe_udp(&found.addr), -EADDRINUSE);

	assert_int_equal(net_inspect(tcp, &found), 0);
	assert_int_equal(found.type, SOCK_STREAM);
	assert_false(found.listening);
	assert_true(found.dual);
	assert_int_equal(listen(tcp, 1), 0);
	assert_int_equal(net_inspect(tcp, &found), 0);
	assert_true(found.listening);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(net_inspect(pair[0], &found), -EAFNOSUPPORT);
	assert_int_equal(net_inspect(file, &found), -ENOTSOCK);
	assert_int_equal(net_inspect(-1, &found), -EBADF);
	assert_int_equal(found.type, SOCK_STREAM);
	close(udp);
	close(tcp);
	close(pair[0]);
	close(pair[1]);
	close(file);
}

/* A number of /proc/sys/net/core; 0 if this container does not show it. */
static int limit(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, text, sizeof(text) - 1);

	close(fd);
	return size > 0 ? atoi(text) : 0;
}

/* In a process that may do no more than nobody: what a buffer is after net_prepare_udp() asked for `size`. */
static int prepared_by_nobody(int fd, const struct net_addr *addr, int size)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		bool good = setresuid(65534, 65534, 65534) == 0 && net_prepare_udp(fd, addr, size) == 0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return option(fd, SOL_SOCKET, SO_RCVBUF);
}

/* A buffer that somebody with more rights made is not cut to what we may have; else we get what we ask for.
 */
static void handed_over_buffer(void **state)
{
	const struct net_addr any = parsed("127.0.0.1:0");
	int most = limit("/proc/sys/net/core/rmem_max"), large = most < 1 << 26 ? 4 * most : 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_true(fd >= 0);
	if (geteuid() != 0 || large == 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)) < 0) {
		close(fd);
		print_message("needs CAP_NET_ADMIN to make a buffer above net.core.rmem_max\n");
		skip();
	}
	assert_int_equal(option(fd, SOL_SOCKET, SO_RCVBUF), 2 * large);
	assert_int_equal(prepared_by_nobody(fd, &any, large), 2 * large);
	assert_int_equal(prepared_by_nobody(fd, &any, 2 * large), 2 * large);
	assert_int_equal(prepared_by_nobody(fd, &any, 4096), 2 * 4096);
	assert_int_equal(prepared_by_nobody(fd, &any, large), 2 * most);
	close(fd);
}

static bool is_ringing(int fd)
{
	struct pollfd bell = {.fd = fd, .events = POLLIN};

	return poll(&bell, 1, 0) == 1;
}

static void bell(void **state)
{
	const uint64_t nearly_full = UINT64_MAX - 1;
	int fd = net_wake_create();

	(void)state;
	assert_true(fd >= 0);
	assert_flags(fd);
	assert_false(is_ringing(fd));
	net_wake_ring(fd);
	net_wake_ring(fd);
	assert_true(is_ringing(fd));
	net_wake_clear(fd);
	assert_false(is_ringing(fd));
	net_wake_clear(fd); /* does not block */
	assert_int_equal(write(fd, &nearly_full, sizeof(nearly_full)), sizeof(nearly_full));
	net_wake_ring(fd); /* nor does this */
	assert_true(is_ringing(fd));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp),
		cmocka_unit_test(udp_wildcard),
		cmocka_unit_test(udp_refused),
		cmocka_unit_test(tcp),
		cmocka_unit_test(tcp_both_families),
		cmocka_unit_test(handed_over),
		cmocka_unit_test(handed_over_buffer),
		cmocka_unit_test(bell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
