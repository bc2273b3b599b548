/* test_prefix.c -- networks as text, and who is in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/addr.h"
#include "net/prefix.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void bad_text(void **state)
{
	static const char *const rows[] = {"", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.1/8",
		"::1/127", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/08x", "localhost", "10.0.0.128/24",
		"10.0.0.0:53"};
	struct net_prefix prefix;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (net_prefix_parse(rows[i], &prefix) != -EINVAL)
			fail_msg("'%s' was taken", rows[i]);
}

static void who_is_in(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool in;
	} rows[] = {
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "127.255.255.255", true},
		{"127.0.0.0/8", "128.0.0.1", false},
		{"127.0.0.0/8", "126.255.255.255", false},
		{"127.0.0.0/8", "::1", false},
		{"127.0.0.0/8", "::ffff:127.0.0.1", true},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.3", "10.1.2.2", false},
		{"10.1.2.0/23", "10.1.3.255", true},
		{"10.1.2.0/23", "10.1.4.0", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::1", "::1", true},
		{"::1", "::2", false},
		{"fd00:1200::/23", "fd00:13ff::1", true},
		{"fd00:1200::/23", "fd00:1400::1", false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_prefix prefix;
		struct net_addr addr;
		assert_int_equal(net_prefix_parse(rows[i].prefix, &prefix), 0);
		assert_int_equal(net_addr_parse(rows[i].address, 53, &addr), 0);
		if (net_prefix_match(&prefix, 1, &addr.any) != rows[i].in)
			fail_msg("%s in %s", rows[i].address, rows[i].prefix);
	}
}

static void one_address(void **state)
{
	struct net_prefix prefixes[2];
	struct net_addr a, b, c;
	net_addr_parse("10.0.0.1:5", 0, &a);
	net_addr_parse("[2001:db8::1]:5", 0, &b);
	net_addr_parse("10.0.0.2:5", 0, &c);
	net_prefix_of(&a.any, &prefixes[0]);
	net_prefix_of(&b.any, &prefixes[1]);
	assert_true(net_prefix_match(prefixes, 2, &a.any));
	assert_true(net_prefix_match(prefixes, 2, &b.any));
	assert_false(net_prefix_match(prefixes, 2, &c.any));
	assert_false(net_prefix_match(prefixes, 0, &a.any));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_text),
		cmocka_unit_test(who_is_in),
		cmocka_unit_test(one_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
