#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "http/media.h"

#define TAKES(accept)	assert_true(media_accepts(accept, "application/json"))
#define REFUSES(accept) assert_false(media_accepts(accept, "application/json"))

static void
accept_takes(void **state)
{
	(void)state;
	TAKES(NULL);
	TAKES("");
	TAKES("  ");
	TAKES("*/*");
	TAKES("application/*");
	TAKES("application/json");
	TAKES("Application/JSON");
	TAKES("text/html, application/json");
	TAKES("text/html,application/json");
	TAKES("text/html;q=0.9, */*;q=0.1");
	TAKES("application/json;q=0.001");
	TAKES("application/json ; q=1");
	TAKES("application/json;charset=utf-8");
	TAKES("application/json;charset=utf-8;q=0.5");
	TAKES(" application/json ");
	TAKES(", application/json");
	TAKES("application/json,");
	TAKES("text/html,,application/json");
	TAKES("application/json;Q=0.5");
}

static void
accept_refuses(void **state)
{
	(void)state;
	REFUSES("text/html");
	REFUSES("text/*");
	REFUSES("application/xml");
	REFUSES("application/jsonp");
	REFUSES("application/jso");
	REFUSES("application/json;q=0");
	REFUSES("application/json;q=0.0");
	REFUSES("application/json;q=0.000");
	REFUSES("*/*;q=0");
	REFUSES("application/*;q=0");
	REFUSES("application/json;charset=utf-8;q=0");
	REFUSES("application/problem+json");
	REFUSES("application");
	REFUSES("json");
	REFUSES("*");
	REFUSES("*/json");
}

static void
the_most_precise_range_decides(void **state)
{
	(void)state;
	REFUSES("*/*, application/json;q=0");
	REFUSES("application/json;q=0, */*");
	REFUSES("application/*;q=0, */*");
	REFUSES("application/*, application/json;q=0");
	TAKES("*/*;q=0, application/json");
	TAKES("application/json, */*;q=0");
	TAKES("application/*;q=0, application/json;q=0.1");
}

static void
content_type_is(void **state)
{
	static const char type[] = "application/json";

	(void)state;
	assert_true(media_is("application/json", type));
	assert_true(media_is("Application/Json", type));
	assert_true(media_is("application/json;charset=utf-8", type));
	assert_true(media_is("application/json; charset=UTF-8", type));
	assert_true(media_is("application/json; charset=\"utf-8\"", type));
	assert_true(media_is("application/json ; charset=utf-8 ", type));
	assert_true(media_is("application/json; charset=utf-8; version=1", type));
	assert_true(media_is("application/json; charset=utf8", type));
	assert_true(media_is("application/json; CHARSET=UTF8", type));
	assert_true(media_is("application/json; charset=\"UTF8\"; version=1", type));
	assert_true(media_is("application/json; version=\"a;b\"; charset=utf8", type));
	assert_true(media_is("application/json;", type));
	/* Not a charset parameter, although it looks like one. */
	assert_true(media_is("application/json; xcharset=latin1", type));
	assert_true(media_is("application/json; version=\"charset=latin1\"", type));
	assert_true(media_is("application/json; version=1", type));
	assert_true(media_is("application/json ", type));
	assert_false(media_is(NULL, type));
	assert_false(media_is("", type));
	assert_false(media_is("text/plain", type));
	assert_false(media_is("application/jsonx", type));
	assert_false(media_is("application/jso", type));
	assert_false(media_is("application/json-patch+json", type));
	assert_false(media_is("application/merge-patch+json", type));
	assert_false(media_is("application/x-www-form-urlencoded", type));
	assert_false(media_is("application/json; charset=iso-8859-1", type));
	assert_false(media_is("application/json; charset=utf-16", type));
	assert_false(media_is("application/json; charset=utf-80", type));
	assert_false(media_is("application/json; charset=", type));
	assert_false(media_is("application/json; charset=\"\"", type));
	assert_false(media_is("application/json; charset=utf", type));
	assert_false(media_is("application/json; charset=utf88", type));
	assert_false(media_is("application/json; charset=\"utf-8", type));
	assert_false(media_is("application/json; charset=utf8; charset=latin1", type));
	assert_false(media_is("application/json; charset=utf8 text/plain", type));
	/* Two media types in one line are invalid. */
	assert_false(media_is("application/json, text/plain", type));
	assert_true(media_is("application/merge-patch+json", "application/merge-patch+json"));
}

static void
the_wanted_type_is_the_one_with_more_quality(void **state)
{
	(void)state;
	assert_true(
	    media_quality("text/csv", "text/csv") > media_quality("text/csv", "application/json"));
	assert_true(media_quality("*/*", "text/csv") == media_quality("*/*", "application/json"));
	assert_true(media_quality("text/csv, */*;q=0.1", "text/csv") >
		    media_quality("text/csv, */*;q=0.1", "application/json"));
	assert_true(media_quality("text/csv;q=0.5, application/json", "text/csv") <
		    media_quality("text/csv;q=0.5, application/json", "application/json"));
	assert_true(media_quality("text/csv;q=0", "text/csv") <= 0);
	assert_true(media_quality(NULL, "text/csv") >= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_takes),
		cmocka_unit_test(accept_refuses),
		cmocka_unit_test(the_wanted_type_is_the_one_with_more_quality),
		cmocka_unit_test(the_most_precise_range_decides),
		cmocka_unit_test(content_type_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
