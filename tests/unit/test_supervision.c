/* When the watchdog is fed. From outside this would take minutes and a broken service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "supervision.h"

#define LIMIT 1000

static void
test_moving(void **state)
{
	struct progress p = { .laps = 0 };

	(void)state;
	/* The main loop runs, and requests end. */
	for (int i = 0; i < 20; i++)
		assert_true(progress_made(&p, 5000 + i * LIMIT, i, (uint64_t)i, 9, LIMIT));
	/* An idle service is fed for any time. */
	for (int i = 0; i < 20; i++)
		assert_true(progress_made(&p, 50000 + i * LIMIT, 100 + i, 20, 0, LIMIT));
}

static void
test_requests_are_stuck(void **state)
{
	struct progress p = { .laps = 0 };

	(void)state;
	assert_true(progress_made(&p, 5000, 1, 7, 0, LIMIT));
	assert_true(progress_made(&p, 5000 + LIMIT, 2, 7, 3, LIMIT));
	assert_false(progress_made(&p, 5001 + LIMIT, 3, 7, 3, LIMIT));
	/* One of the requests ends. */
	assert_true(progress_made(&p, 5002 + LIMIT, 4, 8, 2, LIMIT));
}

static void
test_keeper_is_stuck(void **state)
{
	struct progress p = { .laps = 0 };

	(void)state;
	assert_true(progress_made(&p, 5000, 1, 7, 0, LIMIT));
	assert_true(progress_made(&p, 5000 + LIMIT, 1, 8, 3, LIMIT));
	assert_false(progress_made(&p, 5001 + LIMIT, 1, 9, 3, LIMIT));
	assert_true(progress_made(&p, 5002 + LIMIT, 2, 9, 3, LIMIT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_requests_are_stuck),
		cmocka_unit_test(test_keeper_is_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
