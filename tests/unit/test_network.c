/* Blocks of addresses, and which are public. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/network.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (void *)&a;
	struct sockaddr_in6 *v6 = (void *)&a;

	a.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(a.ss_family, text,
			     a.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr),
	    1);
	return a;
}

static void
public_addresses(void **state)
{
	static const char *const public[] = { "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "128.0.0.1", "169.253.0.1", "172.15.255.255",
		"172.32.0.0", "192.167.0.1", "198.17.0.1", "198.20.0.1", "223.255.255.255",
		"2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
		"2002:808:808::1", "3ffe::1" };
	static const char *const others[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "169.254.169.254",
		"172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
		"::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:8.8.8.8",
		"64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
		"2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1",
		"3fff::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1", "4000::1" };

	(void)state;
	for (size_t i = 0; i < NITEMS(public); i++) {
		struct sockaddr_storage a = address(public[i]);

		assert_true(network_public((void *)&a));
	}
	for (size_t i = 0; i < NITEMS(others); i++) {
		struct sockaddr_storage a = address(others[i]);

		if (network_public((void *)&a))
			fail_msg("%s is public", others[i]);
	}
	assert_false(network_public(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

static void
lists(void **state)
{
	static const char *const bad[] = { ",", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.1/8",
		"10.0.0/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129",
		"localhost", "10.0.0.1 10.0.0.2", "fd00::1/8", "[::1]" };
	struct network n[NETWORKS_MAX];
	struct sockaddr_storage in = address("10.1.2.3"), out = address("11.0.0.0"),
				v6 = address("fd00::5"), mapped = address("::ffff:10.1.2.3");

	(void)state;
	assert_int_equal(network_list_read("", n), 0);
	assert_int_equal(network_list_read(" 10.0.0.0/8 , fd00::/8,127.0.0.1 ", n), 3);
	assert_true(network_list_has(n, 3, (void *)&in));
	assert_true(network_list_has(n, 3, (void *)&mapped));
	assert_true(network_list_has(n, 3, (void *)&v6));
	assert_false(network_list_has(n, 3, (void *)&out));
	assert_false(network_list_has(n, 0, (void *)&in));
	assert_int_equal(network_list_read("0.0.0.0/0", n), 1);
	assert_true(network_list_has(n, 1, (void *)&out));
	assert_false(network_list_has(n, 1, (void *)&v6));
	for (size_t i = 0; i < NITEMS(bad); i++) {
		if (network_list_read(bad[i], n) >= 0)
			fail_msg("%s is accepted", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
