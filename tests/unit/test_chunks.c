/* The framing of chunked bodies, whole and a byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "http/chunks.h"

/* All at once; and in two, cut anywhere, with the same outcome. */
static bool
is_good(const char *bytes)
{
	size_t n = strlen(bytes);
	struct chunks whole = { 0 };
	bool good = chunks_feed(&whole, bytes, n);

	for (size_t cut = 0; cut <= n; cut++) {
		struct chunks c = { 0 };

		assert_int_equal(
		    good, chunks_feed(&c, bytes, cut) && chunks_feed(&c, bytes + cut, n - cut));
	}
	return good;
}

static void
well_formed(void **state)
{
	static const char *const good[] = { "5\r\n[1,2]\r\n0\r\n\r\n", "0\r\n\r\n",
		"00000005\r\n[1,2]\r\n0000\r\n\r\n",
		"a\r\n0123456789\r\nC\r\n\r\n;0\r\n0\r\n\r\n0\r\n0\r\n\r\n",
		"1\r\n;\r\n0\r\nX-Sum: 1\r\nY: \r\n\r\n", "ffffffffffffffff\r\n", "5\r\n[1", "5",
		"" };

	(void)state;
	for (size_t i = 0; i < NITEMS(good); i++)
		assert_true(is_good(good[i]));
}

static void
malformed(void **state)
{
	static const char *const bad[] = { "5;a=b\r\n[1,2]\r\n0\r\n\r\n", "5;\n", "0;x\r\n\r\n",
		"5 \r\n", " 5\r\n", "\r\n", "5\n", "5\r[", "-5\r\n", "0x5\r\n", "5g\r\n",
		"5\r\n[1,2]0", "5\r\n[1,2]\n", "10000000000000000\r\n", "5\r\n[1,2]\r\nx",
		"0\r\n\rx" };

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		assert_false(is_good(bad[i]));
}

/* What follows the body is another request's; a trailer without an end is refused. */
static void
ends(void **state)
{
	struct chunks c = { 0 };
	char line[CHUNKS_TRAILER_MAX];

	(void)state;
	assert_true(chunks_feed(&c, "0\r\n\r\nGET / HTTP/1.1\r\n", 21));
	assert_int_equal(c.state, CHUNKS_END);
	c = (struct chunks){ 0 };
	memset(line, 'x', sizeof(line));
	assert_true(chunks_feed(&c, "0\r\n", 3));
	assert_true(chunks_feed(&c, line, sizeof(line)));
	assert_false(chunks_feed(&c, "x", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed),
		cmocka_unit_test(malformed),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
