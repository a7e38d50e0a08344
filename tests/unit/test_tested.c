/* Versions that the tests have run with, and the line in the log about any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <civetweb.h>

#include "base/tested.h"

static void
majors_and_exact_versions_are_told_apart(void **state)
{
	(void)state;
	assert_true(tested_with("PostgreSQL", "15.18"));
	assert_true(tested_with("PostgreSQL", "17"));
	assert_true(tested_with("libpq", "17.12"));
	assert_true(tested_with("civetweb", "1.15"));
	assert_true(tested_with("civetweb", "1.16"));
	assert_false(tested_with("PostgreSQL", "14.9"));
	assert_false(tested_with("PostgreSQL", "150.1"));
	assert_false(tested_with("civetweb", "1.1"));
	assert_false(tested_with("civetweb", "1.150"));
	assert_false(tested_with("civetweb", ""));
	assert_false(tested_with("nothing", "15"));
}

/* Where this test runs, all others do: the table must have this system's library. */
static void
the_table_has_the_library_of_this_system(void **state)
{
	(void)state;
	assert_true(tested_with("civetweb", mg_version()));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(majors_and_exact_versions_are_told_apart),
		cmocka_unit_test(the_table_has_the_library_of_this_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
