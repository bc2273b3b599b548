/* test_link.c -- messages between two processes: whole, bounded, and never waited for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/link.h"

static uint8_t sent[NET_LINK_MESSAGE + 100], received[NET_LINK_MESSAGE];

static void messages_stay_whole(void **state)
{
	const struct net_link_head head = {.token = 7, .at_ns = -3, .limit = 512, .client = 9};
	static const size_t sizes[] = {0, 1, 512, NET_LINK_MESSAGE};
	struct net_link_head got;
	int link[2];
	assert_int_equal(net_link_create(link), 0);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(net_link_send(link[i % 2], &head, sent, sizes[i]), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(net_link_receive(link[1 - i % 2], &got, received), sizes[i]);
		assert_memory_equal(&got, &head, sizeof(head));
		assert_memory_equal(received, sent, sizes[i]);
	}
	assert_int_equal(net_link_receive(link[0], &got, received), -EAGAIN);
	close(link[0]);
	close(link[1]);
}

static void what_is_none_of_ours_is_gone(void **state)
{
	const struct net_link_head head = {.token = 1};
	struct net_link_head got;
	int link[2];
	assert_int_equal(net_link_create(link), 0);
	assert_int_equal(send(link[0], "short", 5, 0), 5);
	assert_int_equal(send(link[0], "", 0, 0), 0);
	assert_int_equal(net_link_send(link[0], &head, sent, NET_LINK_MESSAGE + 1), 0);
	assert_int_equal(net_link_send(link[0], &head, sent, 3), 0);
	assert_int_equal(net_link_receive(link[1], &got, received), -EBADMSG);
	assert_int_equal(net_link_receive(link[1], &got, received), -EBADMSG);
	assert_int_equal(net_link_receive(link[1], &got, received), -EBADMSG);
	assert_int_equal(net_link_receive(link[1], &got, received), 3);
	close(link[0]);
	assert_int_equal(net_link_receive(link[1], &got, received), -ECONNRESET);
	assert_int_equal(net_link_send(link[1], &head, sent, 3), -EPIPE);
	close(link[1]);
}

/* Nobody reads: the sender learns of it, and nothing that was sent is lost. */
static void a_full_link(void **state)
{
	struct net_link_head head = {.token = 0}, got;
	int link[2], r;
	assert_int_equal(net_link_create(link), 0);
	while ((r = net_link_send(link[0], &head, sent, 512)) == 0)
		head.token++;
	assert_int_equal(r, -EAGAIN);
	assert_true(head.token > 50 && head.token < 10000);
	for (uint64_t i = 0; i < head.token; i++) {
		assert_int_equal(net_link_receive(link[1], &got, received), 512);
		assert_int_equal(got.token, i);
	}
	assert_int_equal(net_link_send(link[0], &head, sent, 512), 0);
	close(link[0]);
	close(link[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_stay_whole),
		cmocka_unit_test(what_is_none_of_ours_is_gone),
		cmocka_unit_test(a_full_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
