/* In which order attempts at a migration lock tables, and which failures are followed by another attempt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "db/turns.h"

enum { PLAIN_AGAIN = 1, WRITERS_OUT, PATIENT };

static void
kinds_follow_one_another(void **state)
{
	struct turns turns = { 0 };

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		assert_int_equal(turns.kind, n % 4);
		turn_next(&turns, 200);
	}
}

static void
the_first_follows_a_long_one(void **state)
{
	struct turns turns = { 0 };

	(void)state;
	turn_next(&turns, 999);
	assert_int_equal(turns.kind, PLAIN_AGAIN);
	turn_next(&turns, 1000);
	assert_int_equal(turns.kind, 0);
	turn_next(&turns, 200);
	assert_int_equal(turns.kind, PATIENT);
}

static void
five_are_patient(void **state)
{
	struct turns turns = { 0 };
	int patient = 0;

	(void)state;
	for (int n = 0; n < 100; n++) {
		turn_next(&turns, 200);
		patient += turns.kind == PATIENT;
	}
	assert_int_equal(patient, 5);
}

static void
another_attempt_follows_what_gives_way(void **state)
{
	const struct turns plain = { 0 }, out = { .kind = WRITERS_OUT };

	(void)state;
	assert_true(turn_gave_way(&plain, "55P03", 200));
	assert_true(turn_gave_way(&out, "40P01", 200));
	assert_true(turn_gave_way(&out, "57014", 5000));
	assert_false(turn_gave_way(&out, "57014", 300)); /* cancelled by hand */
	assert_false(turn_gave_way(&plain, "57014", 6000));
	assert_false(turn_gave_way(&out, "42703", 6000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_follow_one_another),
		cmocka_unit_test(the_first_follows_a_long_one),
		cmocka_unit_test(five_are_patient),
		cmocka_unit_test(another_attempt_follows_what_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
