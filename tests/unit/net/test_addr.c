/* test_addr.c -- socket addresses as text and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/addr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void parse(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *formatted; /* NULL: refused */
	} rows[] = {
		{"127.0.0.1:53", 0, "127.0.0.1:53"},
		{"127.0.0.1:53", 99, "127.0.0.1:53"},
		{"127.0.0.1", 99, "127.0.0.1:99"},
		{"127.0.0.1:0", 99, "127.0.0.1:0"},
		{"0.0.0.0:65535", 0, "0.0.0.0:65535"},
		{"[::1]:53", 0, "[::1]:53"},
		{"[::1]", 99, "[::1]:99"},
		{"::1", 99, "[::1]:99"},
		{"::", 99, "[::]:99"},
		{"2001:DB8::5", 99, "[2001:db8::5]:99"},
		{"[::ffff:127.0.0.1]:1", 0, "[::ffff:127.0.0.1]:1"},
		{"[fe80::1%lo]:53", 0, "[fe80::1%1]:53"},
		{"fe80::1%1", 99, "[fe80::1%1]:99"},
		{"[fe80::1%4294967295]:65535", 99, "[fe80::1%4294967295]:65535"},
		{"127.0.0.1", 0, NULL},
		{"::1", 0, NULL},
		{"[::1]", 0, NULL},
		{"", 53, NULL},
		{":53", 0, NULL},
		{"localhost:53", 0, NULL},
		{"127.0.0.1:", 53, NULL},
		{"127.0.0.1:65536", 0, NULL},
		{"127.0.0.1:-1", 0, NULL},
		{"127.0.0.1: 1", 0, NULL},
		{"127.0.0.1:5x", 0, NULL},
		{"127.1:53", 0, NULL},
		{"127.0.0.01:53", 0, NULL},
		{"256.0.0.1:53", 0, NULL},
		{" 127.0.0.1:53", 0, NULL},
		{"[::1", 53, NULL},
		{"[::1]53", 0, NULL},
		{"[::1]:", 53, NULL},
		{"[127.0.0.1]:53", 0, NULL},
		{"[]:53", 0, NULL},
		{"::1:", 53, NULL},
		{"[::1%]:53", 0, NULL},
		{"[::1%nosuchlink]:53", 0, NULL},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:53", 0, NULL},
		{"[111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
		 "11111"
		 "1111111111111111111111111111111111111111111111111111111111111111111111111111111111]:53",
			0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_addr addr = {.size = 4711};
		char text[NET_ADDR_TEXT];
		int r = net_addr_parse(rows[i].text, rows[i].default_port, &addr);

		if (rows[i].formatted) {
			assert_int_equal(r, 0);
			assert_string_equal(net_addr_format(&addr, text), rows[i].formatted);
		} else {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(addr.size, 4711);
		}
	}
}

static void parts(void **state)
{
	struct net_addr addr;

	(void)state;
	assert_int_equal(net_addr_parse("10.1.2.3:8500", 0, &addr), 0);
	assert_int_equal(addr.any.sa_family, AF_INET);
	assert_int_equal(addr.size, sizeof(struct sockaddr_in));
	assert_int_equal(net_addr_port(&addr), 8500);
	assert_int_equal(net_addr_parse("[2001:db8::1]:8600", 0, &addr), 0);
	assert_int_equal(addr.any.sa_family, AF_INET6);
	assert_int_equal(addr.size, sizeof(struct sockaddr_in6));
	assert_int_equal(net_addr_port(&addr), 8600);
}

static void literals(void **state)
{
	uint8_t bytes[16];

	(void)state;
	assert_int_equal(net_addr_literal("192.0.2.7", bytes), AF_INET);
	assert_memory_equal(bytes, "\xc0\x00\x02\x07", 4);
	assert_int_equal(net_addr_literal("2001:db8::7", bytes), AF_INET6);
	assert_memory_equal(bytes, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
	memset(bytes, 0xaa, sizeof(bytes));
	assert_int_equal(net_addr_literal("example.org", bytes), -EINVAL);
	assert_int_equal(net_addr_literal("192.0.2.7:53", bytes), -EINVAL);
	assert_int_equal(net_addr_literal("192.0.2", bytes), -EINVAL);
	assert_int_equal(net_addr_literal("2001:db8::7::", bytes), -EINVAL);
	assert_int_equal(net_addr_literal("", bytes), -EINVAL);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bytes[i], 0xaa);
}

static void loopback(void **state)
{
	static const struct {
		const char *text;
		bool loopback;
	} rows[] = {
		{"127.0.0.1", true},
		{"127.255.255.254", true},
		{"::1", true},
		{"::ffff:127.3.2.1", true},
		{"128.0.0.1", false},
		{"126.255.255.255", false},
		{"0.0.0.0", false},
		{"::", false},
		{"::2", false},
		{"::ffff:10.0.0.1", false},
		{"7f00::1", false},
		{"fe80::1%1", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_addr addr;

		assert_int_equal(net_addr_parse(rows[i].text, 1, &addr), 0);
		assert_int_equal(net_addr_is_loopback(&addr), rows[i].loopback);
	}
}

static void wildcard(void **state)
{
	static const struct {
		const char *text;
		bool wildcard;
	} rows[] = {{"0.0.0.0:1", true}, {"[::]:1", true}, {"0.0.0.1:1", false}, {"[::1]:1", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[NET_ADDR_TEXT];
		struct net_addr addr;

		assert_int_equal(net_addr_parse(rows[i].text, 0, &addr), 0);
		assert_int_equal(net_addr_is_wildcard(&addr), rows[i].wildcard);
		net_addr_set_port(&addr, 65535);
		assert_int_equal(net_addr_port(&addr), 65535);
		assert_non_null(strstr(net_addr_format(&addr, text), ":65535"));
	}
}

static void same_host(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{"10.0.0.1:1", "10.0.0.1:2", true},
		{"10.0.0.1:1", "10.0.0.2:1", false},
		{"[::1]:1", "[0::1]:2", true},
		{"[::1]:1", "[::2]:1", false},
		{"[::ffff:10.0.0.1]:1", "10.0.0.1:1", false},
		{"[fe80::1%1]:1", "[fe80::1%2]:1", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_addr a, b;

		assert_int_equal(net_addr_parse(rows[i].a, 0, &a), 0);
		assert_int_equal(net_addr_parse(rows[i].b, 0, &b), 0);
		assert_int_equal(net_addr_same_host(&a, &b), rows[i].same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(parts),
		cmocka_unit_test(literals),
		cmocka_unit_test(loopback),
		cmocka_unit_test(wildcard),
		cmocka_unit_test(same_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
