/* The client's address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/base.h"
#include "base/address.h"

static void
a_list_is_addresses_and_blocks(void **state)
{
	static const char *const good[] = { "", " ", "10.0.0.5", "10.0.0.0/8",
		"127.0.0.1, 10.0.0.0/24,192.0.2.1/32", "0.0.0.0/0", " 10.0.0.5 " };
	static const char *const bad[] = { ",", "10.0.0.5,", "10.0.0", "10.0.0.0/33", "10.0.0.0/",
		"10.0.0.0/-1", "10.0.0.0/8x", "localhost", "::1", "10.0.0.5 10.0.0.6", "10.0.0.256",
		"10.0.0.0/8/8", "10.0.0.0/008" };

	(void)state;
	for (size_t i = 0; i < NITEMS(good); i++)
		assert_true(address_list_valid(good[i]));
	for (size_t i = 0; i < NITEMS(bad); i++)
		assert_false(address_list_valid(bad[i]));
}

static void
only_trusted_proxies_are_believed(void **state)
{
	static const struct {
		const char *peer, *forwarded, *trusted, *address;
	} cases[] = {
		{ "192.0.2.1", NULL, "", "192.0.2.1" },
		{ "192.0.2.1", "198.51.100.7", "", "192.0.2.1" },
		{ "192.0.2.1", "198.51.100.7", "10.0.0.0/8", "192.0.2.1" },
		{ "10.0.0.5", NULL, "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "198.51.100.7", "10.0.0.0/8", "198.51.100.7" },
		{ "10.0.0.5", "198.51.100.7", "10.0.0.5", "198.51.100.7" },
		{ "10.0.0.6", "198.51.100.7", "10.0.0.5", "10.0.0.6" },
		/* Anybody may have written the hops further left. */
		{ "10.0.0.5", "1.1.1.1, 198.51.100.7", "10.0.0.0/8", "198.51.100.7" },
		{ "10.0.0.5", "198.51.100.7,\t10.1.2.3 , 10.0.0.9", "192.0.2.0/24, 10.0.0.0/8",
		    "198.51.100.7" },
		{ "10.0.0.5", "10.1.2.3, 10.0.0.9", "10.0.0.0/8", "10.1.2.3" },
		{ "10.0.0.5", "2001:DB8:0::7", "10.0.0.0/8", "2001:db8::7" },
		{ "10.0.0.5", "198.51.100.7", "0.0.0.0/0", "198.51.100.7" },
		/* A hop that is not an address ends the search: the last valid one counts. */
		{ "10.0.0.5", "", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "unknown", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "198.51.100.7, \"x\", 10.0.0.9", "10.0.0.0/8", "10.0.0.9" },
		{ "10.0.0.5", "198.51.100.7,", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    "10.0.0.0/8", "10.0.0.5" },
		{ "", "198.51.100.7", "0.0.0.0/0", "" },
		/* Some proxies add the port; it is cut off, and so are brackets. */
		{ "10.0.0.5", "203.0.113.9:51234", "10.0.0.0/8", "203.0.113.9" },
		{ "10.0.0.5", "[2001:db8::1]:443", "10.0.0.0/8", "2001:db8::1" },
		{ "10.0.0.5", "[2001:DB8::1]", "10.0.0.0/8", "2001:db8::1" },
		{ "10.0.0.5", " 203.0.113.9:1 , 10.0.0.9:65535", "10.0.0.0/8", "203.0.113.9" },
		{ "10.0.0.5", "2001:db8::1:443", "10.0.0.0/8", "2001:db8::1:443" },
		{ "10.0.0.5", "[2001:0db8:0000:0000:0000:0000:192.168.100.100]:65535", "10.0.0.0/8",
		    "2001:db8::c0a8:6464" },
		{ "10.0.0.5", "::1", "10.0.0.0/8", "::1" },
		{ "10.0.0.5", "203.0.113.9:", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "203.0.113.9:x", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "203.0.113.9:123456", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "203.0.113.9:80:80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", ":80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[]:80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[]", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "]", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[2001:db8::1", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "2001:db8::1]:80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[2001:db8::1]80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[2001:db8::1]:", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[203.0.113.9]:80", "10.0.0.0/8", "10.0.0.5" },
		{ "10.0.0.5", "[203.0.113.9]", "10.0.0.0/8", "10.0.0.5" },
	};
	char address[ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < NITEMS(cases); i++) {
		address_of(cases[i].peer, cases[i].forwarded, cases[i].trusted, address);
		assert_string_equal(address, cases[i].address);
	}
}

static void
attempts_of_a_network_count_together(void **state)
{
	static const struct {
		const char *address, *block;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::7", "2001:db8::" },
		{ "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "", "" },
	};
	char block[ADDRESS_SIZE];

	(void)state;
	for (size_t i = 0; i < NITEMS(cases); i++) {
		address_block(cases[i].address, block);
		assert_string_equal(block, cases[i].block);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_addresses_and_blocks),
		cmocka_unit_test(only_trusted_proxies_are_believed),
		cmocka_unit_test(attempts_of_a_network_count_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
