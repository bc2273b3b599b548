/* test_tcp_relay.c -- TCP connections whose queries are with the relay: when they count as idle, and who
 * makes room for another. The relay is the test. */
#include <poll.h>
#include <unistd.h>

#include "net/link.h"
#include "transport.h"

static int connect_to(const struct transport *t)
{
	return transport_connect(&t->tcp, SOCK_STREAM, NULL, NULL);
}

static void begin(struct transport *t, unsigned connections)
{
	transport_init(t, "127.0.0.1", 1);
	transport_add_relay(t);
	t->config.tcp_connections = connections;
	transport_start(t);
}

/* Sends a query for the relay, and receives it there. */
static struct net_link_head pass(const struct transport *t, int fd, uint16_t id)
{
	static uint8_t passed[NET_LINK_MESSAGE];
	struct pollfd link = {.fd = t->links[1][1], .events = POLLIN};
	struct net_link_head head;
	uint8_t query[22];
	tcp_frame(query, 20, id, SMALL);
	query[2 + AT_FLAGS] = WIRE_FLAG_RD >> 8;
	tcp_write(fd, query, sizeof(query));
	assert_int_equal(poll(&link, 1, 20000), 1);
	assert_int_equal(net_link_receive(link.fd, &head, passed), 20);
	assert_int_equal(wire_get16(passed), id);
	return head;
}

/* The relay's answer to that. */
static void give(const struct transport *t, const struct net_link_head *head, uint16_t id)
{
	uint8_t answer[SMALL];
	size_t size = fake_relay_answer(answer, id, WIRE_NOERROR);
	assert_int_equal(net_link_send(t->links[1][1], head, answer, size), 0);
}

/* Who waits for the relay's answer longer than others are idle keeps the connection. */
static void test_idle_makes_room_first(void **state)
{
	static struct transport t;
	begin(&t, 2);
	int waiting = connect_to(&t);
	struct net_link_head head = pass(&t, waiting, 1);
	transport_advance(&t, 1);
	int idle = connect_to(&t);
	tcp_ask(idle, 2);
	transport_advance(&t, 1);
	int third = connect_to(&t);
	tcp_ask(third, 3);
	tcp_expect_closed(idle);
	give(&t, &head, 1);
	tcp_expect(waiting, 1, SMALL);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_REJECTED_IDLE), 1);
	/* Answered, it is idle, and the newest of them. */
	int fourth = connect_to(&t);
	tcp_ask(fourth, 4);
	tcp_expect_closed(third);
	tcp_ask(waiting, 5);
	close(waiting);
	close(idle);
	close(third);
	tcp_end(&t, fourth);
}

/* A relay that hangs keeps nobody from asking for our names. */
static void test_longest_waiting_makes_room_else(void **state)
{
	static struct transport t;
	begin(&t, 2);
	int first = connect_to(&t), second = connect_to(&t);
	tcp_ask(first, 1);
	tcp_ask(second, 1);
	struct net_link_head of_second = pass(&t, second, 2);
	transport_advance(&t, 1);
	struct net_link_head of_first = pass(&t, first, 3);
	int third = connect_to(&t);
	tcp_ask(third, 4);
	tcp_expect_closed(second);
	assert_int_equal(transport_metric(&t, METRIC_DNS_TCP_REJECTED_FULL), 0);
	give(&t, &of_second, 2); /* nobody's */
	give(&t, &of_first, 3);
	tcp_expect(first, 3, SMALL);
	transport_wait_metric(&t, METRIC_RELAY_IN_FLIGHT, 0);
	close(first);
	close(second);
	tcp_end(&t, third);
}

/* The idle time of a connection begins with the relay's last answer. */
static void test_waiting_is_not_idle(void **state)
{
	static struct transport t;
	begin(&t, 100);
	int waiting = connect_to(&t), idle = connect_to(&t);
	struct net_link_head one = pass(&t, waiting, 1), two = pass(&t, waiting, 2);
	tcp_ask(idle, 1);
	transport_advance(&t, 10000);
	tcp_expect_closed(idle);
	give(&t, &two, 2);
	tcp_expect(waiting, 2, SMALL);
	close(idle);
	idle = connect_to(&t);
	tcp_ask(idle, 1);
	transport_advance(&t, 10000);
	tcp_expect_closed(idle);
	give(&t, &one, 1);
	tcp_expect(waiting, 1, SMALL);
	transport_advance(&t, 9999);
	tcp_ask(waiting, 3);
	transport_advance(&t, 10000);
	tcp_expect_closed(waiting);
	close(idle);
	tcp_end(&t, waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_makes_room_first),
		cmocka_unit_test(test_longest_waiting_makes_room_else),
		cmocka_unit_test(test_waiting_is_not_idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
